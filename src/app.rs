//! What the sub-commands do.

mod people;
mod upkeep;

use std::io::Write;

use tokio::signal::unix::{SignalKind, signal};

use crate::config::Settings;
use crate::db::embedded::{Cluster, ClusterOptions, EmbeddedError, StopMode};
use crate::db::listen::{DEAF, hears_others};
use crate::db::schema::{self, SchemaError};
use crate::db::{Client, DbError, Target, calls};
use crate::http::bind;
use crate::node::RunningNode;

pub use people::{link, password};
pub use upkeep::{new_epoch, prune, verify};

/// Why a sub-command failed; each is one sentence.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The private server.
    #[error(transparent)]
    Embedded(#[from] EmbeddedError),
    /// The database's schema.
    #[error(transparent)]
    Schema(#[from] SchemaError),
    /// The database cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Connect(String),
    /// A setting is wrong.
    #[error("{0}")]
    Setting(String),
    /// An address, a signal.
    #[error("{0}")]
    Setup(String),
    /// The database refused what was asked.
    #[error(transparent)]
    Refused(#[from] DbError),
    /// A room's log is not as it was written.
    #[error("the log of room {room} is not as it was written, faults: {faults}")]
    Faults {
        /// The room, as it was named.
        room: String,
        /// How many.
        faults: usize,
    },
    /// The private server ended by itself.
    #[error("the private PostgreSQL server ended by itself: see the server.log in the data folder")]
    ServerEnded,
}

/// The database the settings name, with the private server if that is it.
struct Database {
    target: Target,
    cluster: Option<Cluster>,
}

impl Database {
    async fn open(settings: &Settings) -> Result<Self, AppError> {
        if let Some(url) = settings.database_url() {
            let target = Target::parse(url.reveal()).map_err(AppError::Setting)?;
            return Ok(Self { target, cluster: None });
        }
        let mut options = ClusterOptions::durable(settings.data_dir.as_deref())?;
        options.bin_dir.clone_from(&settings.postgres_bin);
        options.tcp_port = settings.postgres_port;
        let cluster = Cluster::start(&options).await?;
        let target = Target::from_config(cluster.config()).map_err(AppError::Setup)?;
        Ok(Self { target, cluster: Some(cluster) })
    }

    async fn connect(&self) -> Result<Client, AppError> {
        self.target.named("pgcanvas migrate").connect_or_say_why().await.map_err(AppError::Connect)
    }

    /// Refuses what stands before a database of one's own and shares its connections.
    async fn check_sessions(&self) -> Result<(), AppError> {
        if self.cluster.is_some() || hears_others(&self.target).await? {
            return Ok(());
        }
        Err(AppError::Setup(DEAF.to_owned()))
    }

    async fn close(self) -> Result<(), AppError> {
        if let Some(mut cluster) = self.cluster {
            cluster.stop(StopMode::Fast).await?;
        }
        Ok(())
    }
}

/// Serves boards until told to stop.
pub async fn serve(settings: Settings) -> Result<(), AppError> {
    let mut stop = Stop::new()?;
    let listener = bind(settings.listen).await.map_err(AppError::Setup)?;
    let mut database = Database::open(&settings).await?;
    let served = serve_on(&settings, listener, &mut database, &mut stop).await;
    let closed = database.close().await;
    served.and(closed)
}

async fn serve_on(
    settings: &Settings,
    listener: tokio::net::TcpListener,
    database: &mut Database,
    stop: &mut Stop,
) -> Result<(), AppError> {
    let mut client = database.connect().await?;
    database.check_sessions().await?;
    if database.cluster.is_some() || settings.migrate {
        schema::migrate(&mut client).await?;
    }
    schema::check_contract(&client).await?;
    calls::upkeep::notice_rewind(&client).await?;
    drop(client);
    let node = RunningNode::start(&database.target, listener, &settings.node).map_err(AppError::Setup)?;
    announce(&node, database.cluster.as_ref());
    let ended = async {
        match &mut database.cluster {
            Some(cluster) => cluster.ended().await,
            None => std::future::pending().await,
        }
    };
    let outcome = tokio::select! {
        () = stop.told() => Ok(()),
        () = ended => Err(AppError::ServerEnded),
    };
    tracing::info!("stopping");
    node.stop().await;
    outcome
}

#[expect(clippy::print_stdout, reason = "the address is what a person waits for; logs go to stderr")]
fn announce(node: &RunningNode, cluster: Option<&Cluster>) {
    println!("pgcanvas serves the board at http://{}", node.address());
    if let Some(cluster) = cluster {
        println!("the same rows in SQL: {}", cluster.psql_command());
    }
}

/// SIGINT and SIGTERM.
struct Stop {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

impl Stop {
    fn new() -> Result<Self, AppError> {
        let listen =
            |kind| signal(kind).map_err(|error| AppError::Setup(format!("signals cannot be heard: {error}")));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn told(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Brings the database to this program's contract.
pub async fn migrate(settings: Settings) -> Result<(), AppError> {
    let database = Database::open(&settings).await?;
    let migrated = async {
        let mut client = database.connect().await?;
        database.check_sessions().await?;
        Ok::<_, AppError>(schema::migrate(&mut client).await?)
    };
    let migrated = migrated.await;
    let closed = database.close().await;
    tell(&format!("the database is at contract {} ({:?})", schema::CONTRACT, migrated?));
    closed
}

/// Says whether settings, versions and contract fit.
pub async fn check(settings: Settings) -> Result<(), AppError> {
    tell(&format!("pgcanvas {} (contract {})", env!("CARGO_PKG_VERSION"), schema::CONTRACT));
    tell(&format!("settings: {settings:?}"));
    let database = Database::open(&settings).await?;
    let checked = async {
        let client = database.connect().await?;
        database.check_sessions().await?;
        tell(&format!("server: PostgreSQL {}", schema::server_version(&client).await?));
        Ok::<_, AppError>(schema::check_contract(&client).await?)
    };
    let checked = checked.await;
    let closed = database.close().await;
    checked?;
    tell("the database's contract fits");
    closed
}

/// Says what a person asked for. Whoever listened may have gone (`| head`): what was to be done is done all the same.
fn tell(line: &str) {
    _ = writeln!(std::io::stdout(), "{line}");
}
