//! The server's main process as its pid file tells of it.
use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    errno::Errno,
    libc::O_NOFOLLOW,
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{EmbeddedError, address::Address, folder::cluster_in};

/// The lines of `postmaster.pid` that are read here, counted from 0.
const PID_LINE: usize = 0;
const PORT_LINE: usize = 3;
const SOCKET_DIR_LINE: usize = 4;
const LISTEN_LINE: usize = 5;
const STATUS_LINE: usize = 7;

/// A server that runs on a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Postmaster {
    pub(super) pid: i32,
    /// Unknown until the server has opened its socket.
    pub(super) address: Option<Address>,
    pub(super) is_on_tcp: bool,
    pub(super) is_stopping: bool,
}

impl Postmaster {
    /// The live server of this cluster, if there is one.
    pub(super) fn of(cluster: &Path) -> Option<Self> {
        let text = fs::read_to_string(pid_file(cluster)).ok()?;
        parse(&text).filter(|found| is_alive(found.pid) && serves(found.pid, cluster))
    }
}

/// Where the embedded server of a data folder answers, if it runs: for programs beside the node that runs it.
pub fn running(data_dir: &Path) -> Option<Address> {
    let data = data_dir.canonicalize().ok()?;
    Postmaster::of(&cluster_in(&data)).filter(|found| !found.is_stopping)?.address
}

fn pid_file(cluster: &Path) -> PathBuf {
    cluster.join("postmaster.pid")
}

fn parse(text: &str) -> Option<Postmaster> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let line = |number: usize| lines.get(number).copied().filter(|line| !line.is_empty());
    // A single-user server writes its process with a minus.
    let pid = line(PID_LINE)?.parse::<i32>().ok()?.checked_abs().filter(|pid| *pid > 0)?;
    let port = line(PORT_LINE).and_then(|port| port.parse().ok());
    let address = port.zip(line(SOCKET_DIR_LINE)).map(|(port, dir)| Address { socket_dir: dir.into(), port });
    let is_stopping = line(STATUS_LINE) == Some("stopping");
    Some(Postmaster { pid, address, is_on_tcp: line(LISTEN_LINE).is_some(), is_stopping })
}

/// Whether the process exists and still runs: one that nobody has waited for does not.
pub(super) fn is_alive(pid: i32) -> bool {
    let exists = !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH));
    exists && !is_zombie(pid)
}

fn is_zombie(pid: i32) -> bool {
    // `pid (name) S …`: the name may hold parentheses, so the state follows the last one.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with(['Z', 'X']))
}

/// Whether the process is a server of this cluster, and not a stranger that got an old server's number.
fn serves(pid: i32, cluster: &Path) -> bool {
    // A server works in its cluster's folder. A container's root may not see that of another user's process.
    if let Ok(folder) = fs::read_link(format!("/proc/{pid}/cwd")) {
        return folder == cluster;
    }
    let listing = || Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output();
    let command_line =
        fs::read(format!("/proc/{pid}/cmdline")).or_else(|_| listing().map(|said| said.stdout));
    command_line.is_ok_and(|line| String::from_utf8_lossy(&line).contains(&*cluster.to_string_lossy()))
}

/// Sends a signal; a process that is gone already is no error.
pub(super) fn signal(pid: i32, signal: Signal) {
    if let Err(error) = kill(Pid::from_raw(pid), signal) {
        tracing::debug!(pid, %signal, %error, "the signal found no process");
    }
}

/// Clears what a server that ended badly left behind, once it is sure that none runs.
///
/// A pid file may name a stranger's process, which PostgreSQL would take for a running server. The file must not
/// just go: it also names the shared memory by which PostgreSQL sees orphaned sessions still at work. So its first
/// line becomes our own process, which PostgreSQL knows, as its parent, to be no server.
pub(super) fn clear_leftovers(cluster: &Path, socket_dir: &Path) -> Result<(), EmbeddedError> {
    let path = pid_file(cluster);
    match claim(&path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::at(&path)(error)),
        _ => remove_sockets(socket_dir).map_err(EmbeddedError::at(socket_dir)),
    }
}

fn claim(pid_file: &Path) -> io::Result<()> {
    // Root writes here in a folder of another user, and must not be led elsewhere by a link.
    let mut file = OpenOptions::new().read(true).write(true).custom_flags(O_NOFOLLOW).open(pid_file)?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
    file.rewind()?;
    file.set_len(0)?;
    file.write_all(format!("{}\n{rest}", std::process::id()).as_bytes())
}

fn remove_sockets(socket_dir: &Path) -> io::Result<()> {
    for entry in socket_dir.read_dir()? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(".s.PGSQL.") {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const FULL: &str = "812\n/d/cluster\n1732300000\n5432\n/d/socket\n\n  5432001   32768\nready   \n";

    #[test]
    fn a_pid_file_tells_process_address_and_status() {
        let found = parse(FULL).unwrap();
        let address = Address { socket_dir: "/d/socket".into(), port: 5432 };
        assert_eq!(
            found,
            Postmaster { pid: 812, address: Some(address), is_on_tcp: false, is_stopping: false }
        );
        assert!(parse(&FULL.replace("ready   ", "stopping")).unwrap().is_stopping);
    }

    #[test]
    fn a_pid_file_that_is_cut_short_still_tells_the_process() {
        assert_eq!(
            parse("-7\n/d\n").unwrap(),
            Postmaster { pid: 7, address: None, is_on_tcp: false, is_stopping: false }
        );
        for bad in ["", "\n", "x\n", "0\n"] {
            assert_eq!(parse(bad), None);
        }
    }

    #[test]
    fn a_live_stranger_is_not_taken_for_the_server() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(pid_file(temp.path()), FULL.replace("812", &std::process::id().to_string())).unwrap();
        assert_eq!(Postmaster::of(temp.path()), None);
    }

    #[test]
    fn leftovers_are_cleared_but_the_shared_memory_stays_named() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(pid_file(temp.path()), FULL).unwrap();
        fs::write(temp.path().join(".s.PGSQL.5432.lock"), "1\n").unwrap();
        clear_leftovers(temp.path(), temp.path()).unwrap();
        let expected = FULL.replacen("812", &std::process::id().to_string(), 1);
        assert_eq!(fs::read_to_string(pid_file(temp.path())).unwrap(), expected);
        assert!(!temp.path().join(".s.PGSQL.5432.lock").exists());
    }

    #[test]
    fn this_process_is_alive_and_an_impossible_one_is_not() {
        assert!(is_alive(i32::try_from(std::process::id()).unwrap()));
        assert!(!is_alive(i32::MAX));
    }
}
