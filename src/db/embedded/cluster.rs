//! The cluster from first start to stop.
use std::{
    ffi::OsString,
    net::{Ipv4Addr, TcpListener},
    os::unix::ffi::{OsStrExt, OsStringExt},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::time::{Instant, sleep};
use tokio_postgres::Config;

use super::{
    Address, EmbeddedError, NAME, StopMode,
    account::command,
    address::DEFAULT_PORT,
    folder::{Folder, default_data_dir},
    initdb,
    postmaster::{Postmaster, clear_leftovers},
    programs::{Programs, Search},
    ready::{set_password, wait_until_ready},
    server::Server,
};

/// How long sessions of a server that was killed may take to notice and leave its shared memory.
const ORPHAN_DEADLINE: Duration = Duration::from_secs(30);
const ORPHAN_SIGN: &str = "is still in use";
/// How long a server that stops already may take, or one that starts to open its socket.
const ADOPT_DEADLINE: Duration = Duration::from_mins(1);
const PAUSE: Duration = Duration::from_millis(50);

/// What the server is told on its command line, over what all files and `alter system` say: where it is found, and where its log goes.
const SERVER_SETTINGS: [&str; 3] =
    ["unix_socket_permissions=0700", "logging_collector=off", "log_destination=stderr"];

/// What it is told in a file, after the cluster's own one and before `alter system`, which thus wins. The path is relative to the file's.
const SERVER_CONF: &str =
    "# Written at every start. For settings of your own use ALTER SYSTEM, which wins over these.
include 'cluster/postgresql.conf'
# Several nodes with their pools may share it.
max_connections = 300
shared_buffers = 128MB
# A board's statements are short: compiling them costs more than it saves.
jit = off
# A line every five minutes would bury what matters.
log_checkpoints = off
";

/// What to start, and where.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The data folder.
    pub data_dir: PathBuf,
    /// The folder of the server programs; else they are looked for.
    pub bin_dir: Option<PathBuf>,
    /// Listen on this port of 127.0.0.1 too.
    pub tcp_port: Option<u16>,
    /// Whether what is committed outlives a crash of the whole machine; tests do without.
    pub fsync: bool,
}

impl ClusterOptions {
    /// The options of a durable server in this folder, or in the usual one.
    pub fn durable(data_dir: Option<&Path>) -> Result<Self, EmbeddedError> {
        let data_dir = data_dir.map_or_else(default_data_dir, |folder| Ok(folder.to_path_buf()))?;
        Ok(Self { data_dir, bin_dir: None, tcp_port: None, fsync: true })
    }
}

/// A private PostgreSQL server and its data folder, which no other node can use meanwhile.
#[derive(Debug)]
pub struct Cluster {
    // Before the folder: the server has to be gone when the lock is given up.
    server: Server,
    folder: Folder,
    programs: Programs,
    options: ClusterOptions,
    /// Where the present server's part of the log begins.
    log_start: u64,
}

impl Cluster {
    /// Starts the server, makes its data on first start, adopts it where an earlier node left it running.
    pub async fn start(options: &ClusterOptions) -> Result<Self, EmbeddedError> {
        let folder = Folder::open(&options.data_dir)?;
        let search = Search {
            setting: options.bin_dir.as_deref(),
            made_by: folder.made_by(),
            account: folder.account.as_ref(),
            data: &folder.data,
        };
        let programs = search.find().await?;
        if folder.made_by().is_none() {
            tracing::info!(data = %folder.data.display(), version = programs.major, "making the PostgreSQL cluster");
            initdb::create(&folder, &programs, options.fsync).await?;
        }
        let mut cluster =
            Self { server: Server::Stopped, folder, programs, options: options.clone(), log_start: 0 };
        cluster.start_again().await?;
        Ok(cluster)
    }

    /// Starts the server after a stop, or after it ended by itself; does nothing while it runs.
    pub async fn start_again(&mut self) -> Result<(), EmbeddedError> {
        let deadline = Instant::now() + ORPHAN_DEADLINE;
        loop {
            match self.launch().await {
                Err(EmbeddedError::Ended { tail, .. })
                    if tail.contains(ORPHAN_SIGN) && Instant::now() < deadline =>
                {
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        if self.options.tcp_port.is_some() {
            set_password(&self.address(), &self.folder.tcp_password()?).await?;
        }
        Ok(())
    }

    /// Ends the server's sessions as `mode` says and waits until it is gone; the data folder stays ours.
    pub async fn stop(&mut self, mode: StopMode) -> Result<(), EmbeddedError> {
        self.server.stop(mode).await
    }

    /// Kills the server's main process, as a fault would.
    pub async fn kill(&mut self) -> Result<(), EmbeddedError> {
        self.server.kill().await
    }

    /// Waits until the server is gone, for whatever reason; may be cancelled.
    pub async fn ended(&mut self) {
        self.server.ended().await;
    }

    /// The server's main process, while it runs.
    pub fn pid(&self) -> Option<i32> {
        self.server.pid()
    }

    /// Where the server answers.
    pub fn address(&self) -> Address {
        let port = self.options.tcp_port.unwrap_or(DEFAULT_PORT);
        Address { socket_dir: self.folder.socket_dir.clone(), port }
    }

    /// How tokio-postgres connects to the board's database.
    pub fn config(&self) -> Config {
        self.address().config()
    }

    /// A connection URL that psql and tokio-postgres understand alike.
    pub fn url(&self) -> String {
        self.address().url()
    }

    /// The URL for programs that need TCP, without the password; none when no port was asked for.
    pub fn tcp_url(&self) -> Option<String> {
        self.options.tcp_port.map(|port| format!("postgresql://{NAME}@127.0.0.1:{port}/{NAME}"))
    }

    /// The file that holds the password for TCP connections, once a port was asked for.
    pub fn password_file(&self) -> PathBuf {
        self.folder.password()
    }

    /// The command a person pastes to open the same database.
    pub fn psql_command(&self) -> String {
        self.address().psql_command()
    }

    /// The folder of the server's socket.
    pub fn socket_dir(&self) -> &Path {
        &self.folder.socket_dir
    }

    /// The data folder.
    pub fn data_dir(&self) -> &Path {
        &self.folder.data
    }

    async fn launch(&mut self) -> Result<(), EmbeddedError> {
        if self.server.has_ended() {
            self.server = match self.left_running().await? {
                Some(process) => Server::Adopted(process),
                None => self.spawn()?,
            };
        }
        let (log, address) = (self.folder.log(), self.address());
        wait_until_ready(&mut self.server, &address, (&log, self.log_start)).await
    }

    /// The server that an earlier node left running, if it can be used as it is; one that cannot is stopped.
    async fn left_running(&self) -> Result<Option<i32>, EmbeddedError> {
        let (cluster, deadline) = (self.folder.cluster(), Instant::now() + ADOPT_DEADLINE);
        while let Some(found) = Postmaster::of(&cluster) {
            match &found.address {
                Some(address) if !found.is_stopping && self.suits(&found, address) => {
                    tracing::info!(
                        process = found.pid,
                        "adopting the PostgreSQL that an earlier pgcanvas left running"
                    );
                    return Ok(Some(found.pid));
                }
                Some(_) if !found.is_stopping => Server::Adopted(found.pid).stop(StopMode::Fast).await?,
                _ if Instant::now() > deadline => {
                    return Err(EmbeddedError::NotStopped { process: found.pid });
                }
                _ => sleep(PAUSE).await,
            }
        }
        Ok(None)
    }

    fn suits(&self, found: &Postmaster, address: &Address) -> bool {
        *address == self.address() && found.is_on_tcp == self.options.tcp_port.is_some()
    }

    fn spawn(&mut self) -> Result<Server, EmbeddedError> {
        if let Some(port) = self.options.tcp_port {
            // PostgreSQL would say it too, in its log and in five lines.
            TcpListener::bind((Ipv4Addr::LOCALHOST, port))
                .map_err(|source| EmbeddedError::Port { port, source })?;
        }
        let (cluster, program) = (self.folder.cluster(), self.programs.postgres());
        clear_leftovers(&cluster, &self.folder.socket_dir)?;
        let conf = self.folder.write_conf(SERVER_CONF)?;
        let (log, second, length) = self.folder.open_log()?;
        self.log_start = length;
        let mut postgres = command(&program, self.folder.account.as_ref(), &cluster);
        let mut config_file = OsString::from("config_file=");
        config_file.push(conf);
        postgres.arg("-D").arg(&cluster).arg("-c").arg(config_file).args(self.server_arguments());
        postgres.stdout(log).stderr(second);
        let failed = |error: std::io::Error| EmbeddedError::Program { program, detail: error.to_string() };
        postgres.spawn().map(Server::Child).map_err(failed)
    }

    fn server_arguments(&self) -> Vec<OsString> {
        let mut sockets = OsString::from("unix_socket_directories=");
        sockets.push(list_item(&self.folder.socket_dir));
        let mut settings: Vec<OsString> = SERVER_SETTINGS.iter().map(OsString::from).collect();
        let listen = self.options.tcp_port.map_or("", |_| "127.0.0.1");
        settings.extend([sockets, format!("listen_addresses={listen}").into()]);
        settings.push(format!("port={}", self.address().port).into());
        if !self.options.fsync {
            // Against a crash of the machine only: what is committed still outlives the server.
            settings.extend(["fsync=off", "full_page_writes=off"].map(OsString::from));
        }
        settings.into_iter().flat_map(|setting| ["-c".into(), setting]).collect()
    }

    /// Leaves the server running and gives up the data folder, as a node that is killed does.
    #[cfg(test)]
    pub(super) fn abandon(mut self) -> Option<i32> {
        let process = self.pid();
        // Forgotten, not dropped: dropping would stop the server.
        std::mem::forget(std::mem::replace(&mut self.server, Server::Stopped));
        process
    }
}

/// A path as an item of a PostgreSQL list setting, where a comma would begin another item.
fn list_item(path: &Path) -> OsString {
    let mut item = OsString::from("\"");
    let doubled: Vec<u8> = path
        .as_os_str()
        .as_bytes()
        .iter()
        .flat_map(|&byte| std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }))
        .collect();
    item.push(OsString::from_vec(doubled));
    item.push("\"");
    item
}
