//! The data folder: where it is, what it holds, and who may use it.
use std::{
    ffi::OsString,
    fs::{self, DirBuilder, File, OpenOptions, Permissions, TryLockError},
    io::{self, Write},
    os::unix::{
        ffi::OsStrExt,
        fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt},
    },
    path::{Path, PathBuf},
};

use nix::unistd::geteuid;
use uuid::Uuid;

use super::{
    EmbeddedError, NAME,
    account::{Account, give, owns},
};

/// A root node's data.
const SYSTEM_DATA_DIR: &str = "/var/lib/pgcanvas";
/// Held while a node runs; its presence tells that the folder is ours.
const LOCK_FILE: &str = "pgcanvas.lock";
/// What a fresh disk may hold already.
const HARMLESS: [&str; 2] = ["lost+found", ".DS_Store"];
/// The longest path of a Unix socket that every system takes, and the longest file name PostgreSQL gives it.
const MAX_SOCKET_PATH_BYTES: usize = 100;
const SOCKET_NAME_BYTES: usize = "/.s.PGSQL.65535".len();
/// What a private folder grants to nobody but its owner.
const OTHERS: u32 = 0o077;
/// The server's log starts anew when it is larger than this; one old log is kept.
const MAX_LOG_BYTES: u64 = 16 << 20;

/// Where the data goes when no setting says it.
pub fn default_data_dir() -> Result<PathBuf, EmbeddedError> {
    let variable = |name| std::env::var_os(name);
    data_dir_for(geteuid().is_root(), variable("XDG_DATA_HOME"), variable("HOME"))
        .ok_or(EmbeddedError::NoDataDir)
}

fn data_dir_for(is_root: bool, xdg_data_home: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    if is_root {
        // Not root's home: the server's user cannot pass through it.
        return Some(SYSTEM_DATA_DIR.into());
    }
    let absolute = |value: Option<OsString>| value.map(PathBuf::from).filter(|path| path.is_absolute());
    let in_home = || absolute(home).map(|home| home.join(".local/share"));
    absolute(xdg_data_home).or_else(in_home).map(|parent| parent.join(NAME))
}

/// A data folder that this process holds. Its lock goes when it is dropped.
#[derive(Debug)]
pub(super) struct Folder {
    pub(super) data: PathBuf,
    pub(super) account: Option<Account>,
    pub(super) socket_dir: PathBuf,
    _lock: File,
}

impl Folder {
    /// Makes the data folder if need be, takes its lock, and checks that the server can reach it.
    pub(super) fn open(wanted: &Path) -> Result<Self, EmbeddedError> {
        let data = ours(wanted)?;
        let account = Account::for_server(&data.join("cluster"))?;
        account.as_ref().map_or(Ok(()), |account| account.check_reach(&data))?;
        let lock = locked(&data)?;
        let socket_dir = socket_dir(&data, account.is_some());
        private_dir(&socket_dir, account.as_ref())?;
        Ok(Self { data, account, socket_dir, _lock: lock })
    }

    pub(super) fn cluster(&self) -> PathBuf {
        cluster_in(&self.data)
    }

    pub(super) fn log(&self) -> PathBuf {
        self.data.join("server.log")
    }

    pub(super) fn password(&self) -> PathBuf {
        self.data.join("password")
    }

    /// The major version that made the data; none when there is no data yet.
    pub(super) fn made_by(&self) -> Option<u32> {
        fs::read_to_string(self.cluster().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// The server's log, for its output and its errors, and how long it is already.
    pub(super) fn open_log(&self) -> Result<(File, File, u64), EmbeddedError> {
        let path = self.log();
        if path.metadata().is_ok_and(|data| data.len() > MAX_LOG_BYTES) {
            fs::rename(&path, path.with_extension("log.old")).map_err(EmbeddedError::at(&path))?;
        }
        let opened = OpenOptions::new().create(true).append(true).mode(0o600).open(&path);
        let twice = opened.and_then(|log| Ok((log.try_clone()?, log.metadata()?.len(), log)));
        twice.map(|(second, length, log)| (log, second, length)).map_err(EmbeddedError::at(&path))
    }

    /// Writes the server's configuration, which its user reads and does not change, and says where it is.
    pub(super) fn write_conf(&self, text: &str) -> Result<PathBuf, EmbeddedError> {
        let path = self.data.join("server.conf");
        let fresh = path.with_extension("conf.new");
        // Renamed, so that a server that reads it in this moment reads one whole.
        let written = fs::write(&fresh, text)
            .and_then(|()| fs::set_permissions(&fresh, Permissions::from_mode(0o644)))
            .and_then(|()| fs::rename(&fresh, &path));
        written.map_err(EmbeddedError::at(&path))?;
        Ok(path)
    }

    /// The password for TCP connections, made on first need.
    pub(super) fn tcp_password(&self) -> Result<String, EmbeddedError> {
        let path = self.password();
        match fs::read_to_string(&path) {
            Ok(password) if !password.trim().is_empty() => Ok(password.trim().to_owned()),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(EmbeddedError::at(&path)(error)),
            _ => write_password(&path).map_err(EmbeddedError::at(&path)),
        }
    }
}

pub(super) fn cluster_in(data: &Path) -> PathBuf {
    data.join("cluster")
}

fn write_password(path: &Path) -> io::Result<String> {
    let password = Uuid::new_v4().simple().to_string();
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    writeln!(file, "{password}")?;
    Ok(password)
}

/// The folder, made if need be; refused when it holds anything that is not ours.
fn ours(wanted: &Path) -> Result<PathBuf, EmbeddedError> {
    fs::create_dir_all(wanted).map_err(EmbeddedError::at(wanted))?;
    let data = wanted.canonicalize().map_err(EmbeddedError::at(wanted))?;
    let is_known = data.join(LOCK_FILE).exists();
    if !is_known && !is_empty(&data).map_err(EmbeddedError::at(&data))? {
        return Err(EmbeddedError::NotOurs { data });
    }
    let is_own = data.metadata().is_ok_and(|found| found.uid() == geteuid().as_raw());
    if !is_known && is_own {
        // A root node's server passes through here as another user, but must not list or change anything.
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        fs::set_permissions(&data, Permissions::from_mode(mode)).map_err(EmbeddedError::at(&data))?;
    }
    Ok(data)
}

fn is_empty(folder: &Path) -> io::Result<bool> {
    let is_harmless = |entry: &fs::DirEntry| HARMLESS.iter().any(|name| entry.file_name() == *name);
    Ok(folder.read_dir()?.filter_map(Result::ok).all(|entry| is_harmless(&entry)))
}

/// How often, and how long apart, a lock is tried that somebody holds.
const LOCK_ATTEMPTS: u32 = 10;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

fn locked(data: &Path) -> Result<File, EmbeddedError> {
    let path = data.join(LOCK_FILE);
    let opened = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
    let mut file = opened.map_err(EmbeddedError::at(&path))?;
    // A child that is just being started holds a copy of the lock until it runs: look again for a moment.
    let taken = (0..LOCK_ATTEMPTS).find_map(|attempt| match file.try_lock() {
        Err(TryLockError::WouldBlock) if attempt + 1 < LOCK_ATTEMPTS => {
            std::thread::sleep(LOCK_PAUSE);
            None
        }
        outcome => Some(outcome),
    });
    match taken.unwrap_or(Ok(())) {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = fs::read_to_string(&path).ok().and_then(|text| text.trim().parse().ok());
            return Err(EmbeddedError::AlreadyRunning { process: holder, data: data.to_path_buf() });
        }
        Err(TryLockError::Error(error)) => return Err(EmbeddedError::at(&path)(error)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(EmbeddedError::at(&path))?;
    Ok(file)
}

/// Inside the data folder, unless the system cannot take so long a path for a socket.
fn socket_dir(data: &Path, is_root: bool) -> PathBuf {
    let inside = data.join("socket");
    if inside.as_os_str().len() + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES {
        return inside;
    }
    // Root's own TMPDIR may be closed to the server's user.
    let temp = if is_root { PathBuf::from("/tmp") } else { std::env::temp_dir() };
    let name = Uuid::new_v5(&Uuid::NAMESPACE_URL, data.as_os_str().as_bytes()).simple().to_string();
    temp.join(format!("{NAME}-{name}"))
}

/// A folder for the server's user alone. What is there already must be exactly that: in a shared temp folder
/// somebody else may have made it first.
pub(super) fn private_dir(path: &Path, account: Option<&Account>) -> Result<(), EmbeddedError> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => give(path, account).map_err(EmbeddedError::at(path)),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let found = path.symlink_metadata().map_err(EmbeddedError::at(path))?;
            let is_private = found.is_dir() && owns(account, &found) && found.mode() & OTHERS == 0;
            if is_private { Ok(()) } else { Err(EmbeddedError::NotPrivate { folder: path.to_path_buf() }) }
        }
        Err(error) => Err(EmbeddedError::at(path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn for_person(xdg: Option<&str>, home: Option<&str>) -> Option<PathBuf> {
        data_dir_for(false, xdg.map(OsString::from), home.map(OsString::from))
    }

    #[test]
    fn the_default_folder_follows_the_user() {
        assert_eq!(data_dir_for(true, Some("/x".into()), None), Some("/var/lib/pgcanvas".into()));
        assert_eq!(for_person(Some("/x"), Some("/h")), Some("/x/pgcanvas".into()));
        assert_eq!(for_person(Some("relative"), Some("/h")), Some("/h/.local/share/pgcanvas".into()));
        assert_eq!(for_person(None, Some("")), None);
    }

    #[test]
    fn a_long_data_path_has_its_socket_in_the_temp_folder() {
        let long = PathBuf::from(format!("/data/{}", "x".repeat(90)));
        let chosen = socket_dir(&long, true);
        assert!(chosen.starts_with("/tmp") && chosen == socket_dir(&long, true));
        assert!(chosen.as_os_str().len() + SOCKET_NAME_BYTES <= MAX_SOCKET_PATH_BYTES);
        assert_ne!(chosen, socket_dir(&long.join("y"), true));
        assert_eq!(socket_dir(Path::new("/data"), true), Path::new("/data/socket"));
    }

    #[test]
    fn a_folder_with_foreign_files_is_refused_and_left_alone() {
        let temp = tempfile::tempdir().unwrap();
        fs::write(temp.path().join("letter.txt"), "dear").unwrap();
        assert!(matches!(ours(temp.path()), Err(EmbeddedError::NotOurs { .. })));
        assert_eq!(temp.path().read_dir().unwrap().count(), 1);
    }

    #[test]
    fn a_second_lock_names_the_process_that_holds_the_first() {
        let temp = tempfile::tempdir().unwrap();
        let held = locked(temp.path()).unwrap();
        let sentence = locked(temp.path()).unwrap_err().to_string();
        assert!(
            sentence.starts_with(&format!("another pgcanvas (process {})", std::process::id())),
            "{sentence}"
        );
        drop(held);
        locked(temp.path()).unwrap();
    }

    #[test]
    fn a_socket_folder_that_others_can_enter_is_refused() {
        let temp = tempfile::tempdir().unwrap();
        let folder = temp.path().join("socket");
        private_dir(&folder, None).unwrap();
        private_dir(&folder, None).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(private_dir(&folder, None), Err(EmbeddedError::NotPrivate { .. })));
    }

    #[test]
    fn the_tcp_password_is_made_once_and_readable_by_its_owner_alone() {
        let temp = tempfile::tempdir().unwrap();
        let folder = Folder {
            data: temp.path().into(),
            account: None,
            socket_dir: temp.path().into(),
            _lock: locked(temp.path()).unwrap(),
        };
        let first = folder.tcp_password().unwrap();
        assert_eq!(folder.tcp_password().unwrap(), first);
        assert_eq!(folder.password().metadata().unwrap().mode() & 0o777, 0o600);
    }
}
