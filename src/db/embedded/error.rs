//! What can go wrong with the embedded server.
use std::{io, path::PathBuf};

/// Why the embedded server could not be started or stopped.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddedError {
    /// No folder with the server programs was found.
    #[error(
        "PostgreSQL's server programs (initdb and postgres, version {oldest} or later) were not found: install them with \
         `apt-get install postgresql` or `brew install postgresql@17`, name their folder with --postgres-bin, \
         or use another server with --database-url"
    )]
    NoPrograms {
        /// The oldest major version that is supported.
        oldest: u32,
    },
    /// The folder that the setting names lacks a program.
    #[error("--postgres-bin names {folder}, which does not hold both initdb and postgres")]
    NotPrograms {
        /// The folder named.
        folder: PathBuf,
    },
    /// The programs that the setting names are too old.
    #[error("the PostgreSQL in {folder} is version {found}, but {oldest} or later is needed")]
    TooOld {
        /// Where the programs are.
        folder: PathBuf,
        /// Their major version.
        found: u32,
        /// The oldest major version that is supported.
        oldest: u32,
    },
    /// The data was made by another major version.
    #[error(
        "the data in {data} was made by PostgreSQL {made_by}, but the programs in {folder} are version {found}: \
         install PostgreSQL {made_by}, name its folder with --postgres-bin, or choose another --data-dir"
    )]
    OtherVersion {
        /// The data folder.
        data: PathBuf,
        /// The major version that made the data.
        made_by: u32,
        /// Where the programs are.
        folder: PathBuf,
        /// The programs' major version.
        found: u32,
    },
    /// A program could not be run, or ended badly.
    #[error("{program} failed: {detail}")]
    Program {
        /// The program.
        program: PathBuf,
        /// What it or the system said.
        detail: String,
    },
    /// Another node holds the data folder.
    #[error("another pgcanvas{} already runs on {data}", process.map_or(String::new(), |id| format!(" (process {id})")))]
    AlreadyRunning {
        /// Its process, when it could be told.
        process: Option<u32>,
        /// The data folder.
        data: PathBuf,
    },
    /// No place for a data folder is known.
    #[error(
        "no data folder can be chosen because neither HOME nor XDG_DATA_HOME is set: name one with --data-dir"
    )]
    NoDataDir,
    /// The folder holds somebody else's files.
    #[error(
        "{data} is not empty and is no data folder of pgcanvas: name an empty or new one with --data-dir"
    )]
    NotOurs {
        /// The folder named.
        data: PathBuf,
    },
    /// The unprivileged user cannot get to a folder.
    #[error(
        "PostgreSQL does not run as root, and the user {user} cannot pass through {blocked} to reach {wanted}: \
         choose a place that everyone can reach"
    )]
    Unreachable {
        /// The unprivileged user.
        user: String,
        /// The folder on the way that lets them not pass.
        blocked: PathBuf,
        /// What they need to reach.
        wanted: PathBuf,
    },
    /// The node is root and there is no user to drop to.
    #[error(
        "PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as"
    )]
    NoAccount,
    /// A folder for the socket exists and is somebody else's.
    #[error(
        "{folder} is not a private folder of the server's user: remove it or choose a shorter --data-dir"
    )]
    NotPrivate {
        /// The folder.
        folder: PathBuf,
    },
    /// A file or folder could not be read or made.
    #[error("cannot use {path}: {source}")]
    Path {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The TCP port asked for cannot be had.
    #[error("the embedded server cannot listen on 127.0.0.1:{port}: {source}")]
    Port {
        /// The port.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The server ended before it was ready.
    #[error("PostgreSQL ended while it was starting; the last lines of {log}:\n{tail}")]
    Ended {
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The server did not become ready in time.
    #[error("PostgreSQL was not ready after {seconds} s; the last lines of {log}:\n{tail}")]
    TooSlow {
        /// How long was waited.
        seconds: u64,
        /// The server's log.
        log: PathBuf,
        /// Its last lines.
        tail: String,
    },
    /// The server refused what the start needs.
    #[error("the embedded server refused {what}: {source}")]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// What it said.
        source: tokio_postgres::Error,
    },
    /// The server is still there after all that may be done.
    #[error("PostgreSQL (process {process}) did not stop")]
    NotStopped {
        /// The server's process.
        process: i32,
    },
}

impl EmbeddedError {
    /// Names the file or folder that an input or output error is about.
    pub(super) fn at(path: &std::path::Path) -> impl FnOnce(io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Path { path, source }
    }
}
