//! The real program: its command line, its private server, its ends (PS).

use super::support::database::TestDatabase;
use super::support::http::{get, post};
use super::support::program::{self, DataFolder, Program, is_postgres, refusal, run, until};
use super::support::server::{OwnCluster, connect, retried};
use super::support::storm::{Storm, assert_nothing_lost};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgcanvas::db::embedded::StopMode;
use serde_json::{Value, json};
use std::process::Command;
use std::time::Duration;
use uuid::Uuid;

/// The address is told as soon as it serves; the listening connection may come a moment later.
pub(crate) async fn is_ready(node: &Program) {
    let ready = retried(Duration::from_secs(10), || async {
        let answer = get(node.address(), "/readyz").await;
        if answer.status == 200 { Ok(()) } else { Err(answer) }
    });
    ready.await.unwrap_or_else(|answer| panic!("{answer:?}"));
}

/// Puts a shape by HTTP and insists on its acknowledgement.
async fn put(node: &Program, client: Uuid, op_id: u64) {
    let shape =
        json!({"id": format!("s{op_id}"), "kind": "rectangle", "x": op_id, "y": 0, "width": 5, "height": 5});
    let ops = json!({"client": client, "op_id": op_id, "ops": [{"op": "put", "shape": shape}]});
    let answer = post(node.address(), "/api/rooms/lobby/ops", &ops).await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

async fn shape_ids(node: &Program) -> Vec<String> {
    let told = get(node.address(), "/api/rooms/lobby/shapes?limit=10000").await.json();
    let mut ids: Vec<String> = told["shapes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shape| shape["id"].as_str().unwrap().to_owned())
        .collect();
    ids.sort_by_key(|id| id.trim_start_matches('s').parse::<u64>().unwrap());
    ids
}

async fn make_lobby(node: &Program) {
    assert_eq!(post(node.address(), "/api/rooms", &json!({"slug": "lobby"})).await.status, 201);
}

/// PS1, PS2, PS3, PS5
#[tokio::test]
async fn a_first_start_serves_says_where_and_ends_cleanly_and_so_does_a_later_one() {
    let folder = DataFolder::new();
    let mut node = Program::on_folder(&folder).await;
    let psql = node.line().await;
    let psql = psql.strip_prefix("the same rows in SQL: ").expect(&psql).to_owned();
    is_ready(&node).await;
    make_lobby(&node).await;
    if Command::new("psql").arg("--version").output().is_ok() {
        let asked = format!("{psql} -XAtc 'select slug from pgcanvas.rooms'");
        let said = Command::new("sh").arg("-c").arg(asked).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&said.stdout), "lobby\n", "{said:?}");
    }
    let second = refusal(&run(&["--data-dir", folder.as_str(), "--listen", "127.0.0.1:0"]).await);
    assert!(second.contains("already runs on") && second.contains(folder.as_str()), "{second}");
    is_ready(&node).await;

    let server = folder.server_pid().expect("a server");
    assert_eq!(node.stop(Signal::SIGTERM).await.0, Some(0));
    assert!(!is_postgres(server) && !folder.pid_file().exists());

    // The pid file of a machine that lost its power, naming a process that is something else now.
    std::fs::write(folder.pid_file(), format!("{}\n/nowhere\n1\n5432\n", std::process::id())).unwrap();
    let node = Program::on_folder(&folder).await;
    is_ready(&node).await;
    assert_eq!(get(node.address(), "/api/rooms/lobby").await.status, 200);
    let server = folder.server_pid().expect("a server");
    assert_eq!(node.stop(Signal::SIGINT).await.0, Some(0));
    assert!(!is_postgres(server) && !folder.pid_file().exists());
}

/// PS4
#[tokio::test]
async fn a_killed_node_and_a_killed_server_come_back_with_all_that_was_acknowledged() {
    let (folder, client) = (DataFolder::new(), Uuid::new_v4());
    let node = Program::on_folder(&folder).await;
    make_lobby(&node).await;
    for op_id in 1..=50 {
        put(&node, client, op_id).await;
    }
    let server = folder.server_pid().expect("a server");
    node.kill().await;
    assert!(is_postgres(server), "only the node was killed");
    let node = Program::on_folder(&folder).await;
    assert_eq!(shape_ids(&node).await, (1..=50).map(|n| format!("s{n}")).collect::<Vec<_>>());

    for op_id in 40..=80 {
        put(&node, client, op_id).await;
    }
    let server = folder.server_pid().expect("a server");
    node.kill().await;
    kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
    until("the server is gone", || !is_postgres(server)).await;
    let node = Program::on_folder(&folder).await;
    assert_eq!(shape_ids(&node).await, (1..=80).map(|n| format!("s{n}")).collect::<Vec<_>>());
    let room = get(node.address(), "/api/rooms/lobby").await.json();
    assert_eq!(room["seq"], Value::from(80), "a repeat took no seq");
    assert_eq!(node.stop(Signal::SIGTERM).await.0, Some(0));
}

/// PS2
#[tokio::test]
async fn a_server_that_ends_under_a_node_ends_it_with_a_sentence() {
    let folder = DataFolder::new();
    let node = Program::on_folder(&folder).await;
    let server = folder.server_pid().expect("a server");
    // A smart stop would wait for the node's sessions; an immediate one is what a fault looks like.
    kill(Pid::from_raw(server), Signal::SIGQUIT).unwrap();
    let (code, log) = node.ended().await;
    assert_eq!(code, Some(1), "{log}");
    assert!(log.contains("pgcanvas: the private PostgreSQL server ended by itself"), "{log}");
}

/// PS6
#[tokio::test]
async fn what_is_wrong_is_told_in_one_sentence() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let (address, folder) = (taken.local_addr().unwrap().to_string(), DataFolder::new());
    let other = DataFolder::new();
    let database = TestDatabase::create().await;
    let (url, any) = (database.url(), ["--listen", "127.0.0.1:0"]);
    let sentence = |args: Vec<String>| async move {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        refusal(&run(&[&any[..], &args].concat()).await)
    };
    let with = |args: &[&str]| args.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (args, expected) in [
        (with(&["--listen", &address, "--data-dir", folder.as_str()]), format!("{address} is in use")),
        (with(&["--lissten", "x"]), "unknown setting --lissten".into()),
        (with(&["--database-url", "mysql://u:geheim@h/d"]), "--database-url: ".into()),
        (
            with(&["--database-url", "postgresql://u@127.0.0.1:1/d"]),
            "the database cannot be reached: ".into(),
        ),
        (
            with(&["check", "--database-url", "postgresql://u@127.0.0.1:1/d"]),
            "the database cannot be reached: ".into(),
        ),
        (
            with(&["migrate", "--database-url", "postgresql://u:geheim@nowhere.invalid/d"]),
            "the database cannot be reached: ".into(),
        ),
        (with(&["--data-dir", "/etc"]), "/etc is not empty".into()),
        (with(&["--postgres-bin", "/etc", "--data-dir", other.as_str()]), "--postgres-bin names /etc".into()),
        (with(&["--database-url", &format!("{url}&sslmode=maybe")]), "sslmode=maybe is not a mode".into()),
        (with(&["--log", "loud"]), "--log: 'loud'".into()),
    ] {
        let said = sentence(args.clone()).await;
        assert!(said.starts_with(&expected) && !said.contains("geheim"), "{args:?} said {said}");
    }
    assert!(!folder.as_ref().exists(), "a port in use is told before anything is made");

    let mut odd = program::command(&["check"]);
    odd.env("PGCANVAS_LISTN", "127.0.0.1:1");
    assert!(refusal(&program::output(odd).await).starts_with("unknown setting PGCANVAS_LISTN: "));

    let client = database.client().await;
    let newer =
        "create or replace function pgcanvas.contract() returns integer language sql stable return 999";
    client.batch_execute(newer).await.unwrap();
    for command in ["serve", "check", "migrate"] {
        let said = sentence(with(&[command, "--database-url", &url])).await;
        assert!(said.contains("made by a newer pgcanvas"), "{command}: {said}");
    }
    client.batch_execute("drop schema pgcanvas cascade").await.unwrap();
    for command in ["serve", "check"] {
        let said = sentence(with(&[command, "--database-url", &url])).await;
        assert_eq!(said, "this database holds no pgcanvas schema: run `pgcanvas migrate`", "{command}");
    }
    let gone = url.replacen("postgresql:///", "postgresql:///no_such_", 1);
    let said = sentence(with(&["--database-url", &gone])).await;
    assert!(
        said.starts_with("the database cannot be reached: ") && said.contains("does not exist"),
        "{said}"
    );
}

/// PS6
#[tokio::test]
async fn a_database_that_takes_the_connection_and_says_nothing_is_told_in_time() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgresql://u:geheim@{}/d", silent.local_addr().unwrap());
    let said = refusal(&run(&["--database-url", &url, "--listen", "127.0.0.1:0"]).await);
    assert_eq!(said, "the database cannot be reached: the server takes the connection and says nothing");
}

/// PS7
#[tokio::test]
async fn a_database_of_ones_own_is_migrated_checked_and_served() {
    let database = TestDatabase::create().await;
    let url = database.url();
    let bare = || async {
        let client = database.client().await;
        client.batch_execute("drop schema pgcanvas cascade; drop view if exists public.chat").await.unwrap();
    };
    bare().await;
    for (command, said) in [
        ("migrate", "the database is at contract"),
        ("migrate", "bundle_applied: false"),
        ("check", "contract fits"),
    ] {
        let output = run(&[command, "--database-url", &url]).await;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success() && text.contains(said), "{command}: {output:?}");
    }
    bare().await;
    let mut node = Program::start(&["serve", "--migrate", "--database-url", &url]).await;
    is_ready(&node).await;
    make_lobby(&node).await;
    put(&node, Uuid::new_v4(), 1).await;
    node.signal(Signal::SIGTERM);
    assert!(node.silent().await, "only the private server's psql command is told");
    assert_eq!(node.ended().await.0, Some(0));
    assert_eq!(run(&["check", "--database-url", &url]).await.status.code(), Some(0));
}

/// PS8
#[tokio::test]
async fn when_one_of_two_nodes_is_killed_in_a_storm_the_other_goes_on_and_takes_its_clients() {
    let database = TestDatabase::create().await;
    let url = database.url();
    let first = Program::start(&["--database-url", &url]).await;
    let second = Program::start(&["--database-url", &url]).await;
    make_lobby(&first).await;
    let storm = Storm::begin(&[first.address(), second.address()], "lobby", 4, 8);
    storm.more(100).await;
    first.kill().await;
    storm.more(200).await;
    let mut artists = storm.end().await;
    let moved = artists.iter().filter(|artist| artist.connections() > 1).count();
    assert_eq!(moved, 2, "the clients of the killed node resume on the other, and those of the other stay");
    assert_nothing_lost(database.config(), "lobby", &mut artists).await;
    assert_eq!(second.stop(Signal::SIGTERM).await.0, Some(0));
}

/// MI14
#[tokio::test]
async fn what_people_make_in_psql_lands_in_no_schema_of_ours() {
    if Command::new("psql").arg("--version").output().is_err() {
        return;
    }
    let folder = DataFolder::new();
    let node = Program::on_folder(&folder).await;
    make_lobby(&node).await;
    let asked = |sql: &'static str| {
        let folder = folder.as_str().to_owned();
        async move {
            let said = run(&["psql", "--data-dir", &folder, "-XAtqc", sql]).await;
            assert!(said.status.success(), "{said:?}");
            String::from_utf8(said.stdout).unwrap().trim().to_owned()
        }
    };
    asked("create table mine (n int); create extension pg_trgm").await;
    let landed = "select (select c.relnamespace::regnamespace from pg_class c where c.relname = 'mine'), extnamespace::regnamespace
        from pg_extension where extname = 'pg_trgm'";
    assert_eq!(asked(landed).await, "public|public");
    assert_eq!(
        asked("select slug from rooms").await,
        "lobby",
        "tables of ours are found by their names all the same"
    );
    node.stop(Signal::SIGTERM).await;
}

/// PS10
#[tokio::test]
async fn what_alter_system_says_counts_on_the_private_server_from_the_next_start_on() {
    let Some(mut cluster) = OwnCluster::start().await else { return };
    let settings =
        [("shared_buffers", "64MB"), ("max_connections", "77"), ("jit", "on"), ("log_checkpoints", "on")];
    let client = connect(&cluster.config()).await.unwrap();
    for (setting, value) in settings {
        client.batch_execute(&format!("alter system set {setting} = '{value}'")).await.unwrap();
    }
    cluster.stop(StopMode::Fast).await.unwrap();
    cluster.start_again().await.unwrap();
    let client = connect(&cluster.config()).await.unwrap();
    // Where its log goes stays ours.
    for (setting, value) in settings.into_iter().chain([("logging_collector", "off")]) {
        let shown: String = client.query_one(&format!("show {setting}"), &[]).await.unwrap().get(0);
        assert_eq!(shown, value, "{setting}");
    }
}
