//! A database for each test, copied from a migrated template.

use super::server::{Server, connect, retried, runtime, say};
use std::fmt::Write;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc;
use std::time::Duration;
use tokio::sync::OnceCell;
use tokio_postgres::config::Host;
use tokio_postgres::{Client, Config, Error};

/// How long sessions that are about to end may keep the template or a database from us.
const BUSY_DEADLINE: Duration = Duration::from_secs(10);

/// Databases of test processes that are gone: a living one has a session named as its databases begin.
const LEFTOVERS: &str = r"
    select datname::text from pg_database as d
    where d.datname like 'pgcanvas\_test\_%' and not exists (
        select from pg_stat_activity as a
        where a.application_name like 'pgcanvas\_test\_%' and starts_with(d.datname, a.application_name || '_'))";

/// A migrated database that one test has for itself.
pub(crate) struct TestDatabase {
    name: String,
    config: Config,
    source: &'static Source,
}

/// What the databases of this process are made from.
struct Source {
    server: &'static Server,
    /// The name of this process: its databases' names begin with it.
    run: String,
    /// The session that makes and drops databases, and by its name tells other processes that we live.
    keeper: Client,
}

/// Brings an empty database to the present schema.
async fn migrate(config: Config) -> Result<(), String> {
    let mut client = connect(&config).await.map_err(|error| format!("{error:?}"))?;
    pgcanvas::db::schema::migrate(&mut client).await.map(drop).map_err(|error| error.to_string())
}

impl TestDatabase {
    /// Makes a database, and the template first when this is the first of the process.
    pub(crate) async fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(1);
        let source = Source::shared().await;
        let name = format!("{}_{}", source.run, NUMBER.fetch_add(1, Ordering::Relaxed));
        let statement = format!("create database {name} template {}", source.template());
        let created = retried(BUSY_DEADLINE, || source.keeper.batch_execute(&statement)).await;
        created.unwrap_or_else(|error| panic!("cannot make the test's database: {error:?}"));
        let config = source.config_of(&name);
        Self { name, config, source }
    }

    /// How to connect as the database's owner.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The same as a URL.
    pub(crate) fn url(&self) -> String {
        url(&self.config)
    }

    /// A new connection as the database's owner; its task ends with the client.
    pub(crate) async fn client(&self) -> Client {
        connect(&self.config)
            .await
            .unwrap_or_else(|error| panic!("cannot reach the test's database: {error:?}"))
    }
}

impl Drop for TestDatabase {
    /// Waits, so that the end of the process does not overtake it.
    fn drop(&mut self) {
        let statement = drop_statement(&self.name);
        let source = self.source;
        let (done, outcome) = mpsc::channel();
        runtime().spawn(async move { done.send(source.keeper.batch_execute(&statement).await) });
        match outcome.recv_timeout(BUSY_DEADLINE) {
            Ok(Ok(())) => {}
            failure => say(&format!("the test database {} stays behind: {failure:?}", self.name)),
        }
    }
}

impl Source {
    async fn shared() -> &'static Self {
        static SOURCE: OnceCell<Result<Source, String>> = OnceCell::const_new();
        let server = Server::shared().await;
        // On the server's runtime: the keeper's session must outlive the test that happens to be first.
        let make = || async {
            let made = runtime().spawn(Self::make(server)).await;
            made.map_err(|error| error.to_string())?
        };
        match SOURCE.get_or_init(make).await {
            Ok(source) => source,
            Err(error) => panic!("cannot make the template of the tests' databases: {error}"),
        }
    }

    async fn make(server: &'static Server) -> Result<Self, String> {
        let run = format!("pgcanvas_test_{}_{:08x}", std::process::id(), rand::random::<u32>());
        let mut config = server.config().clone();
        config.application_name(&run);
        let keeper = connect(&config).await.map_err(|error| format!("{error:?}"))?;
        let source = Self { server, run, keeper };
        source.sweep().await.map_err(|error| format!("{error:?}"))?;
        source.make_template().await?;
        Ok(source)
    }

    async fn make_template(&self) -> Result<(), String> {
        let template = self.template();
        let run = |statement: String| async move {
            self.keeper.batch_execute(&statement).await.map_err(|error| format!("{error:?}"))
        };
        run(format!("create database {template}")).await?;
        migrate(self.config_of(&template)).await?;
        // A template with sessions cannot be copied.
        run(format!("alter database {template} allow_connections false")).await
    }

    /// Drops what other processes left behind.
    async fn sweep(&self) -> Result<(), Error> {
        for row in self.keeper.query(LEFTOVERS, &[]).await? {
            let name: String = row.try_get(0)?;
            if let Err(error) = self.keeper.batch_execute(&drop_statement(&name)).await {
                // Another process may be sweeping too.
                say(&format!("the leftover database {name} stays: {error}"));
            }
        }
        Ok(())
    }

    fn template(&self) -> String {
        format!("{}_template", self.run)
    }

    fn config_of(&self, database: &str) -> Config {
        let mut config = self.server.config().clone();
        config.dbname(database);
        config
    }
}

fn drop_statement(database: &str) -> String {
    format!("drop database if exists \"{database}\" with (force)")
}

/// A connection URL that tokio-postgres and psql understand alike; of several hosts it names the first.
fn url(config: &Config) -> String {
    let host = config.get_hosts().first().map(|host| match host {
        Host::Tcp(name) => name.clone(),
        Host::Unix(folder) => folder.to_string_lossy().into_owned(),
    });
    let parameters = [
        ("host", host),
        ("port", config.get_ports().first().map(u16::to_string)),
        ("user", config.get_user().map(str::to_owned)),
        ("password", config.get_password().map(|password| String::from_utf8_lossy(password).into_owned())),
    ];
    let given = parameters.into_iter().filter_map(|(name, value)| Some((name, value?)));
    let query: Vec<String> =
        given.map(|(name, value)| format!("{name}={}", percent_encoded(&value))).collect();
    let database = percent_encoded(config.get_dbname().unwrap_or_default());
    format!("postgresql:///{database}?{}", query.join("&"))
}

fn percent_encoded(text: &str) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            write!(encoded, "%{byte:02X}").expect("writing to a String cannot fail");
        }
        encoded
    })
}
