//! The PostgreSQL server of a test process: one that is there already, a container, or an embedded one.
//!
//! The first that applies:
//! - `PGCANVAS_TEST_POSTGRES=container|embedded` forces the kind;
//! - `TEST_DATABASE_URL` names a server whose user may create databases (and everything else, for all tests to run);
//! - a container, where Docker answers, from `PGCANVAS_TEST_IMAGE` (else from the first of [`container::IMAGES`]
//!   that can be had);
//! - an embedded server on the programs in `PGCANVAS_POSTGRES_BIN`, or else wherever pgcanvas finds them.

mod container;
mod embedded;
mod watchdog;

pub(crate) use embedded::OwnCluster;
use std::env;
use std::future::Future;
use std::io::Write;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Config, NoTls};
use watchdog::Watchdog;

/// As many connections as a test binary with all its nodes may open at once.
const MAX_CONNECTIONS: u16 = 300;

/// Between two attempts at what may not succeed yet.
const PAUSE: Duration = Duration::from_millis(20);

/// The variable that forces the kind of server.
const KIND_VARIABLE: &str = "PGCANVAS_TEST_POSTGRES";

/// The variable that names a running server.
const URL_VARIABLE: &str = "TEST_DATABASE_URL";

/// The server that all tests of this process share.
pub(crate) struct Server {
    config: Config,
    /// Statics are never dropped: the watchdog sees our end as the end of its input.
    _watchdog: Option<Watchdog>,
}

/// A server that accepts connections, however it came to be.
struct Running {
    config: Config,
    /// Where it runs, in the words of the line that announces it.
    place: String,
    watchdog: Option<Watchdog>,
}

impl Server {
    /// The server of this process, started by the first test that asks.
    pub(crate) async fn shared() -> &'static Self {
        static SERVER: OnceCell<Result<Server, String>> = OnceCell::const_new();
        match SERVER.get_or_init(Self::start).await {
            Ok(server) => server,
            Err(error) => panic!("the tests have no PostgreSQL server: {error}"),
        }
    }

    /// How to connect to the server's own database as a user who may create others.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    async fn start() -> Result<Self, String> {
        let running = runtime().spawn(start_any()).await.map_err(|error| error.to_string())??;
        Ok(Self { config: running.config, _watchdog: running.watchdog })
    }
}

/// A runtime that outlives every test, for what must not end with the test that began it.
pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
        let mut builder = Builder::new_multi_thread();
        builder
            .worker_threads(1)
            .thread_name("test-server")
            .enable_all()
            .build()
            .expect("a thread for the runtime")
    });
    &RUNTIME
}

/// Connects; a task of the current runtime carries the connection until the client is dropped.
pub(crate) async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// Says a line that libtest does not capture.
pub(crate) fn say(line: &str) {
    // Where standard error is closed there is nobody to tell.
    writeln!(std::io::stderr(), "{line}").unwrap_or_default();
}

/// The variable's value, unless it is unset or empty.
fn variable(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

async fn start_any() -> Result<Running, String> {
    let running = match variable(KIND_VARIABLE).as_deref() {
        Some("container") => container::start().await?,
        Some("embedded") => embedded::start_shared().await?,
        Some(other) => {
            return Err(format!("{KIND_VARIABLE} is `{other}`, neither `container` nor `embedded`"));
        }
        None => match variable(URL_VARIABLE) {
            Some(url) => named(&url)?,
            None => container_or_embedded().await?,
        },
    };
    announce(&running).await?;
    Ok(running)
}

fn named(url: &str) -> Result<Running, String> {
    let config = url.parse().map_err(|error| format!("{URL_VARIABLE} is not a PostgreSQL URL: {error}"))?;
    Ok(Running { config, place: format!("the server that {URL_VARIABLE} names"), watchdog: None })
}

async fn container_or_embedded() -> Result<Running, String> {
    let no_container = match container::start().await {
        Ok(running) => return Ok(running),
        Err(error) => error,
    };
    let found = embedded::start_shared().await;
    found.map_err(|error| format!("no container ({no_container}), and no embedded server ({error})"))
}

async fn announce(running: &Running) -> Result<(), String> {
    let Running { config, place, .. } = running;
    let version = version(config).await.map_err(|error| format!("{place} cannot be used: {error:?}"))?;
    say(&format!(
        "tests use PostgreSQL {version}, {place} \
         (another: {URL_VARIABLE}=postgresql://… or {KIND_VARIABLE}=container|embedded)"
    ));
    Ok(())
}

async fn version(config: &Config) -> Result<String, tokio_postgres::Error> {
    let row = connect(config).await?.query_one("show server_version", &[]).await?;
    row.try_get(0)
}

/// Runs attempts until one succeeds or the deadline has passed; then the last error stands.
pub(crate) async fn retried<T, E, F>(deadline: Duration, mut attempt: impl FnMut() -> F) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let end = Instant::now() + deadline;
    loop {
        match attempt().await {
            Err(_) if Instant::now() < end => {
                sleep(PAUSE).await;
            }
            result => return result,
        }
    }
}
