//! The real program in a process of its own.

use super::server::retried;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// How long a start with `initdb`, or a stop, may take on a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(90);

/// The program with nothing of our own environment that it would read.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgcanvas"));
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("PGCANVAS_") || name.starts_with("PG") || name == "DATABASE_URL" {
            command.env_remove(name);
        }
    }
    if let Some(programs) = std::env::var_os("PGCANVAS_POSTGRES_BIN") {
        command.env("PGCANVAS_POSTGRES_BIN", programs);
    }
    command.args(args).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs the program to its end.
pub(crate) async fn run(args: &[&str]) -> Output {
    output(command(args)).await
}

/// The same of a prepared command.
pub(crate) async fn output(mut command: Command) -> Output {
    timeout(DEADLINE, command.output()).await.expect("the program ends").expect("the program runs")
}

/// The one line that a failed command says on standard error.
pub(crate) fn refusal(output: &Output) -> String {
    let said = String::from_utf8(output.stderr.clone()).expect("UTF-8");
    assert!(!output.status.success(), "{output:?}");
    let mut lines = said.lines();
    let line = lines.next().unwrap_or_default().to_owned();
    assert!(line.starts_with("pgcanvas: ") && lines.next().is_none(), "one sentence: {said}");
    line.trim_start_matches("pgcanvas: ").to_owned()
}

/// A folder for the private server's data; with it goes the server that may still run in it.
pub(crate) struct DataFolder(PathBuf);

impl DataFolder {
    /// A name that nobody else has; the program makes the folder.
    pub(crate) fn new() -> Self {
        let name = format!("pgcanvas-test-{}-{:08x}", std::process::id(), rand::random::<u32>());
        Self(std::env::temp_dir().join(name))
    }

    /// As an argument.
    pub(crate) fn as_str(&self) -> &str {
        self.0.to_str().expect("UTF-8")
    }

    /// The file by which the server is known.
    pub(crate) fn pid_file(&self) -> PathBuf {
        self.0.join("cluster/postmaster.pid")
    }

    /// The server's process, if one is known.
    pub(crate) fn server_pid(&self) -> Option<i32> {
        std::fs::read_to_string(self.pid_file()).ok()?.lines().next()?.trim().parse().ok()
    }
}

impl Drop for DataFolder {
    fn drop(&mut self) {
        if let Some(pid) = self.server_pid().filter(|pid| is_postgres(*pid)) {
            _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
        }
        // What a server that is just ending still writes there may be left behind in the temporary folder.
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Whether this process is a PostgreSQL that is alive.
pub(crate) fn is_postgres(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains("postgres") && !stat.contains(") Z ")
}

/// A node in a process of its own.
pub(crate) struct Program {
    child: Child,
    stdout: Lines<BufReader<ChildStdout>>,
    log: JoinHandle<String>,
    address: SocketAddr,
}

impl Program {
    /// Starts a node on a free port and waits for its address.
    pub(crate) async fn start(args: &[&str]) -> Self {
        Self::try_start(args).await.unwrap_or_else(|said| panic!("no address, but: {said}"))
    }

    /// The same; the error is what it said when it gave up.
    pub(crate) async fn try_start(args: &[&str]) -> Result<Self, String> {
        let mut command = command(&["--listen", "127.0.0.1:0"]);
        let mut child = command
            .args(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut stderr = child.stderr.take().expect("piped");
        let log = tokio::spawn(async move {
            let mut said = Vec::new();
            // What was said before the pipe broke is enough.
            _ = stderr.read_to_end(&mut said).await;
            String::from_utf8_lossy(&said).into_owned()
        });
        let first = timeout(DEADLINE, stdout.next_line()).await.expect("an address in time").expect("text");
        let Some(first) = first else { return Err(log.await.unwrap_or_default()) };
        let address = first.rsplit("http://").next().and_then(|address| address.parse().ok());
        let address = address.unwrap_or_else(|| panic!("no address in: {first}"));
        Ok(Self { child, stdout, log, address })
    }

    /// A node on a data folder of its own.
    pub(crate) async fn on_folder(folder: &DataFolder) -> Self {
        Self::start(&["--data-dir", folder.as_str()]).await
    }

    /// The most memory that it has had so far, bytes.
    pub(crate) fn peak_bytes(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("a line of it");
        peak.trim().trim_end_matches(" kB").parse::<usize>().expect("a number") * 1024
    }

    /// Its process.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id().expect("it runs")
    }

    /// Where it serves.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The next line of its standard output.
    pub(crate) async fn line(&mut self) -> String {
        let line = timeout(DEADLINE, self.stdout.next_line()).await.expect("a line in time").expect("text");
        line.expect("one line more")
    }

    /// Sends a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = self.child.id().and_then(|pid| i32::try_from(pid).ok()).expect("it runs");
        kill(Pid::from_raw(pid), signal).expect("it can be signalled");
    }

    /// Whether it says nothing more on its standard output until it ends.
    pub(crate) async fn silent(&mut self) -> bool {
        matches!(timeout(DEADLINE, self.stdout.next_line()).await, Ok(Ok(None)))
    }

    /// Asks it to end; gives its exit code and its log.
    pub(crate) async fn stop(self, how: Signal) -> (Option<i32>, String) {
        self.signal(how);
        self.ended().await
    }

    /// Waits for its end; gives its exit code and its log.
    pub(crate) async fn ended(mut self) -> (Option<i32>, String) {
        let status = timeout(DEADLINE, self.child.wait()).await;
        if status.is_err() {
            // Its log tells where it hangs.
            _ = self.child.kill().await;
        }
        let log = self.log.await.unwrap_or_default();
        let status = status.unwrap_or_else(|_| panic!("it does not end, but said: {log}"));
        (status.expect("it is ours").code(), log)
    }

    /// Kills it, and it alone: its server stays.
    pub(crate) async fn kill(self) {
        self.kill_and_read().await;
    }

    /// The same; gives its log.
    pub(crate) async fn kill_and_read(mut self) -> String {
        self.child.kill().await.expect("it can be killed");
        self.log.await.unwrap_or_default()
    }
}

/// Waits until a condition holds.
pub(crate) async fn until(what: &str, condition: impl Fn() -> bool) {
    let held = retried(DEADLINE, || async { if condition() { Ok(()) } else { Err(()) } }).await;
    assert!(held.is_ok(), "in vain waited until {what}");
}

impl AsRef<Path> for DataFolder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}
