//! `pgcanvas psql`: the board's database, in psql.
use std::{
    ffi::OsString,
    io,
    os::unix::process::CommandExt,
    path::Path,
    process::{Command, ExitCode, ExitStatus},
    time::Duration,
};

use pgcanvas::{
    config::Settings,
    db::embedded::{self, Address, Cluster, ClusterOptions, EmbeddedError, StopMode},
};
use tokio::time::{Instant, sleep};

/// How long another node may take from its lock to its server's socket.
const OTHER_NODE_DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(50);
/// psql's own code for a session that broke off.
const BROKEN_OFF: u8 = 2;

/// Why psql could not be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PsqlError {
    #[error(
        "psql was not found: install it with `apt-get install postgresql-client` or `brew install libpq`"
    )]
    Missing,
    #[error("psql cannot be run: {0}")]
    Run(io::Error),
    #[error("the pgcanvas that runs on this data folder has no PostgreSQL to connect to yet: try again")]
    NotYet,
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
}

/// Opens psql on the database the settings name. The embedded server runs meanwhile if no node runs it.
pub(crate) async fn run(settings: &Settings, args: &[OsString]) -> Result<ExitCode, PsqlError> {
    let program =
        settings.postgres_bin.as_deref().map(|folder| folder.join("psql")).filter(|path| path.exists());
    let mut psql = Command::new(program.as_deref().unwrap_or(Path::new("psql")));
    if let Some(url) = settings.database_url() {
        let (address, password) = url.split_password();
        psql.envs(password.map(|password| ("PGPASSWORD", password)));
        return Err(replaced(psql.arg(address).args(args)));
    }
    let mut options = ClusterOptions::durable(settings.data_dir.as_deref())?;
    options.bin_dir.clone_from(&settings.postgres_bin);
    options.tcp_port = settings.postgres_port;
    match Cluster::start(&options).await {
        Ok(cluster) => beside(cluster, psql, args).await,
        Err(EmbeddedError::AlreadyRunning { .. }) => {
            let address = of_other_node(&options.data_dir).await?;
            Err(replaced(psql.arg(address.url()).args(args)))
        }
        Err(error) => Err(error.into()),
    }
}

/// Becomes psql; comes back only when that fails.
fn replaced(psql: &mut Command) -> PsqlError {
    not_run(psql.exec())
}

fn not_run(error: io::Error) -> PsqlError {
    if error.kind() == io::ErrorKind::NotFound { PsqlError::Missing } else { PsqlError::Run(error) }
}

async fn of_other_node(data_dir: &Path) -> Result<Address, PsqlError> {
    let deadline = Instant::now() + OTHER_NODE_DEADLINE;
    while Instant::now() < deadline {
        if let Some(address) = embedded::running(data_dir) {
            return Ok(address);
        }
        sleep(PAUSE).await;
    }
    Err(PsqlError::NotYet)
}

/// Runs psql as a child, since the server has to be stopped after it.
async fn beside(mut cluster: Cluster, mut psql: Command, args: &[OsString]) -> Result<ExitCode, PsqlError> {
    psql.arg(cluster.url()).args(args);
    let outcome = until_ended(psql).await;
    cluster.stop(StopMode::Fast).await?;
    let code = outcome?.code().and_then(|code| u8::try_from(code).ok());
    Ok(ExitCode::from(code.unwrap_or(BROKEN_OFF)))
}

async fn until_ended(psql: Command) -> Result<ExitStatus, PsqlError> {
    let mut child = tokio::process::Command::from(psql).spawn().map_err(not_run)?;
    loop {
        tokio::select! {
            ended = child.wait() => return ended.map_err(PsqlError::Run),
            // Ctrl-C in psql cancels a statement, and must not end us, who stop the server.
            _ = tokio::signal::ctrl_c() => {}
        }
    }
}
