//! Poolers between nodes and the database (PO), by the real PgBouncer.

use super::process::is_ready;
use super::rewind::{Device, put};
use super::support::client::make_room;
use super::support::database::TestDatabase;
use super::support::http::get;
use super::support::program::{DataFolder, Program, refusal, run};
use super::support::server::{connect, retried};
use super::support::tools::tool;
use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};
use serde_json::json;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};
use tokio_postgres::Config;
use tokio_postgres::config::Host;
use uuid::Uuid;

const REFUSED: &str = "a pooler that shares connections (transaction mode)";

/// A PgBouncer before the tests' server, which goes with it.
struct PgBouncer {
    folder: DataFolder,
    port: u16,
    child: Child,
}

impl PgBouncer {
    /// Pools for a database in this mode; none where PgBouncer is not installed.
    async fn start(database: &TestDatabase, mode: &str) -> Option<Self> {
        tool("pgbouncer", "pgbouncer")?;
        let folder = DataFolder::new();
        std::fs::create_dir(&folder).unwrap();
        // PgBouncer is not root, whoever the test is.
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = Self::spawn(&folder, port, database, mode);
        let started = Self { folder, port, child };
        started.answers().await;
        Some(started)
    }

    fn spawn(folder: &DataFolder, port: u16, database: &TestDatabase, mode: &str) -> Child {
        let program = tool("pgbouncer", "pgbouncer").unwrap();
        let file = folder.as_ref().join("pgbouncer.ini");
        std::fs::write(&file, settings(database.config(), port, mode)).unwrap();
        let mut command = Command::new(program);
        if Uid::effective().is_root() {
            let other = User::from_name("postgres").ok().flatten().map_or("nobody", |_| "postgres");
            command.args(["-u", other]);
        }
        command.arg("-q").arg(&file).stderr(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
        command.spawn().unwrap()
    }

    /// The same port in another mode, as by a restart.
    async fn restart(&mut self, database: &TestDatabase, mode: &str) {
        self.child.kill().await.unwrap();
        self.child = Self::spawn(&self.folder, self.port, database, mode);
        self.answers().await;
    }

    async fn answers(&self) {
        let mut config = Config::new();
        config.host("127.0.0.1").port(self.port).user("x").dbname("board");
        retried(Duration::from_secs(20), || connect(&config)).await.expect("PgBouncer answers");
    }

    fn url(&self) -> String {
        format!("postgresql://x@127.0.0.1:{}/board", self.port)
    }
}

/// Everybody is let in, as the one who owns the test's database.
fn settings(server: &Config, port: u16, mode: &str) -> String {
    let host = match server.get_hosts().first() {
        Some(Host::Unix(folder)) => folder.display().to_string(),
        Some(Host::Tcp(name)) => name.clone(),
        None => panic!("the server has no address"),
    };
    let password = server.get_password().map(|word| format!("password={}", String::from_utf8_lossy(word)));
    format!(
        "[databases]\nboard = host={host} port={} dbname={} user={} {}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
         listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\n\
         ignore_startup_parameters = extra_float_digits\n",
        server.get_ports().first().copied().unwrap_or(5432),
        server.get_dbname().unwrap(),
        server.get_user().unwrap(),
        password.unwrap_or_default(),
    )
}

/// PO1
#[tokio::test]
async fn a_pooler_in_transaction_mode_is_refused_in_a_sentence() {
    let database = TestDatabase::create().await;
    for mode in ["transaction", "statement"] {
        let Some(pooler) = PgBouncer::start(&database, mode).await else { return };
        for command in ["serve", "check", "migrate"] {
            let said =
                refusal(&run(&[command, "--listen", "127.0.0.1:0", "--database-url", &pooler.url()]).await);
            assert!(said.contains(REFUSED), "{mode}, {command}: {said}");
        }
    }
}

/// PO1
#[tokio::test]
async fn a_pooler_in_session_mode_works() {
    let database = TestDatabase::create().await;
    make_room(&database, "lobby").await;
    let Some(pooler) = PgBouncer::start(&database, "session").await else { return };
    let node = Program::start(&["--database-url", &pooler.url()]).await;
    is_ready(&node).await;
    let mut device = Device::on(&node, Uuid::new_v4()).await;
    device.say(json!({"type": "join", "room": "lobby"}), "joined").await;
    put(&node, 0..3).await;
    let heard = device.say(json!({"type": "ping"}), "changes").await;
    assert_eq!(heard["from"], 0, "{heard}");
    assert!(run(&["check", "--database-url", &pooler.url()]).await.status.success());
    assert_eq!(node.stop(Signal::SIGTERM).await.0, Some(0));
}

/// PO2
#[tokio::test]
async fn a_pooler_that_begins_to_share_connections_makes_the_node_say_so() {
    let database = TestDatabase::create().await;
    make_room(&database, "lobby").await;
    let Some(mut pooler) = PgBouncer::start(&database, "session").await else { return };
    let node = Program::start(&["--database-url", &pooler.url()]).await;
    is_ready(&node).await;
    let mut device = Device::on(&node, Uuid::new_v4()).await;
    device.say(json!({"type": "join", "room": "lobby"}), "joined").await;
    put(&node, 0..1).await;
    device.say(json!({"type": "ping"}), "changes").await;
    pooler.restart(&database, "transaction").await;
    let told = || async {
        let answer = get(node.address(), "/readyz").await;
        if answer.status == 503 && answer.body.contains(REFUSED) { Ok(()) } else { Err(answer) }
    };
    retried(Duration::from_secs(30), told).await.unwrap();
    let owner = database.client().await;
    let draw = "insert into pgcanvas.shapes (room_id, id, kind) select id, 'a', 'text' from pgcanvas.rooms where slug = 'lobby'";
    owner.batch_execute(draw).await.unwrap();
    pooler.restart(&database, "session").await;
    is_ready(&node).await;
    let heard = device.say(json!({"type": "ping"}), "changes").await;
    assert_eq!((&heard["from"], &heard["to"]), (&json!(1), &json!(2)), "{heard}");
    let said = node.stop(Signal::SIGTERM).await.1;
    assert_eq!(said.matches(REFUSED).count(), 1, "{said}");
}
