//! Connections, servers and nodes that go away under load (FT).

mod checker;
mod injector;
mod lab;
mod person;
mod rounds;

use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::http::{self, get};
use super::support::node::TestNode;
use super::support::server::{OwnCluster, connect, retried};
use super::support::storm::{Storm, assert_nothing_lost};
use pgcanvas::config::NodeSettings;
use pgcanvas::db::Target;
use pgcanvas::db::embedded::StopMode;
use pgcanvas::node::RunningNode;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_postgres::Config;
use uuid::Uuid;

pub(crate) async fn node(config: &Config, settings: &NodeSettings) -> RunningNode {
    let target = Target::from_config(config.clone()).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    RunningNode::start(&target, listener, settings).unwrap()
}

pub(crate) async fn room(config: &Config, slug: &str) -> i64 {
    let client = connect(config).await.unwrap();
    client.query_one("select pgcanvas.create_room($1, 'open', null)", &[&slug]).await.unwrap().get(0)
}

/// Ends the backends of this database that a condition names; gives how many.
async fn end_backends(config: &Config, condition: &str) -> i64 {
    let statement = format!(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid() and {condition}"
    );
    connect(config).await.unwrap().query_one(&statement, &[]).await.unwrap().get(0)
}

pub(crate) fn metric(node: &RunningNode, name: &str) -> f64 {
    let text = node.node().metrics.text();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.map_or(0.0, |number| number.parse().unwrap())
}

/// A storm on two nodes; again and again the named backends are ended in its midst.
async fn backends_end_in_a_storm(condition: &str) {
    let database = TestDatabase::create().await;
    let config = database.config();
    room(config, "storm").await;
    let settings = NodeSettings::default();
    let nodes = [node(config, &settings).await, node(config, &settings).await];
    let addresses: Vec<SocketAddr> = nodes.iter().map(RunningNode::address).collect();
    let storm = Storm::begin(&addresses, "storm", 4, 8);
    storm.more(50).await;
    for _ in 0..3 {
        for address in &addresses {
            get(*address, "/api/rooms").await; // a connection of the pool, should none have been needed
        }
        let ended = end_backends(config, condition).await;
        assert!(ended > 0, "nobody is {condition}");
        storm.more(100).await;
    }
    let mut artists = storm.end().await;
    assert_nothing_lost(config, "storm", &mut artists).await;
    for node in nodes {
        node.stop().await;
    }
}

/// FT1
#[tokio::test]
async fn a_listening_connection_that_is_ended_under_load_misses_nothing() {
    backends_end_in_a_storm("application_name = 'pgcanvas listener'").await;
}

/// FT2
#[tokio::test]
async fn writing_connections_that_are_ended_under_load_lose_and_double_nothing() {
    backends_end_in_a_storm("application_name = 'pgcanvas writer'").await;
}

/// FT2
#[tokio::test]
async fn reading_connections_that_are_ended_under_load_lose_nothing() {
    backends_end_in_a_storm("application_name = 'pgcanvas'").await;
}

/// FT1, FT2
#[tokio::test]
async fn all_connections_ended_at_once_under_load_lose_and_double_nothing() {
    backends_end_in_a_storm("application_name like 'pgcanvas%'").await;
}

/// A server of its own with a migrated database and a room.
async fn own_server() -> Option<(OwnCluster, Config)> {
    let cluster = OwnCluster::start().await?;
    let config = cluster.config();
    let mut client = connect(&config).await.unwrap();
    pgcanvas::db::schema::migrate(&mut client).await.unwrap();
    drop(client);
    room(&config, "storm").await;
    Some((cluster, config))
}

/// FT3
#[tokio::test]
async fn a_database_that_is_stopped_or_killed_and_started_again_loses_nothing() {
    let Some((mut cluster, config)) = own_server().await else { return };
    let settings = NodeSettings::default();
    let nodes = [node(&config, &settings).await, node(&config, &settings).await];
    let addresses: Vec<SocketAddr> = nodes.iter().map(RunningNode::address).collect();
    let storm = Storm::begin(&addresses, "storm", 4, 8);
    for kill in [false, true] {
        storm.more(100).await;
        if kill {
            cluster.kill().await.unwrap();
        } else {
            cluster.stop(StopMode::Fast).await.unwrap();
        }
        for address in &addresses {
            assert_eq!(
                get(*address, "/readyz").await.status,
                503,
                "without its database a node is not ready"
            );
            assert_eq!(get(*address, "/healthz").await.status, 200, "but it lives");
        }
        cluster.start_again().await.unwrap();
        storm.more(100).await;
    }
    let mut artists = storm.end().await;
    assert_nothing_lost(&config, "storm", &mut artists).await;
    for node in nodes {
        node.stop().await;
    }
}

/// A put that HTTP carries; gives status and body.
async fn post_put(address: SocketAddr, room: &str, id: &str) -> (u16, Value) {
    let ops = json!([{"op": "put", "shape": {"id": id, "kind": "rectangle"}}]);
    let body = json!({"client": Uuid::new_v4(), "op_id": 1, "ops": ops});
    let answer = http::post(address, &format!("/api/rooms/{room}/ops"), &body).await;
    (answer.status, answer.json())
}

/// FT4
#[tokio::test]
async fn with_every_reading_connection_taken_others_are_told_so_and_nothing_hangs() {
    let database = TestDatabase::create().await;
    let config = database.config();
    room(config, "busy").await;
    let settings = NodeSettings { pool_size: 2, ..NodeSettings::default() };
    let node = node(config, &settings).await;
    let address = node.address();
    assert_eq!(post_put(address, "busy", "before").await.0, 200);
    // Whoever makes a room waits for this.
    let mut holder = connect(config).await.unwrap();
    let hold = holder.transaction().await.unwrap();
    hold.batch_execute("lock table pgcanvas.rooms in access exclusive mode").await.unwrap();
    let asked: Vec<_> = (0..6)
        .map(|_| tokio::spawn(async move { http::post(address, "/api/rooms", &json!({})).await }))
        .collect();
    let taken = retried(Duration::from_secs(10), || async {
        if node.node().db.pool_status().0 == 2 { Ok(()) } else { Err(()) }
    });
    assert!(taken.await.is_ok(), "both connections are taken");
    let mut refused = 0;
    let mut waiting = Vec::new();
    for task in asked {
        // Those without a connection are told within the pool's wait; those with one wait for the lock.
        let mut task = task;
        match timeout(Duration::from_secs(12), &mut task).await {
            Ok(answer) => {
                assert_eq!(answer.unwrap().refusal(), (503, "unavailable".to_owned()));
                refused += 1;
            }
            Err(_) => waiting.push(task),
        }
    }
    assert_eq!((refused, waiting.len()), (4, 2));
    hold.rollback().await.unwrap();
    for task in waiting {
        assert_eq!(timeout(Duration::from_secs(10), task).await.unwrap().unwrap().status, 201);
    }
    assert_eq!(get(address, "/api/rooms").await.status, 200);
    assert_eq!(post_put(address, "busy", "after").await.0, 200);
    node.stop().await;
}

/// FT5
#[tokio::test]
async fn a_room_that_a_transaction_holds_waits_by_itself() {
    let database = TestDatabase::create().await;
    let config = database.config();
    let held = room(config, "held").await;
    room(config, "free").await;
    let settings = NodeSettings { writers: 1, ..NodeSettings::default() };
    let node = node(config, &settings).await;
    let address = node.address();
    let mut holder = connect(config).await.unwrap();
    let hold = holder.transaction().await.unwrap();
    hold.execute("select from pgcanvas.rooms where id = $1 for update", &[&held]).await.unwrap();
    let waiting = tokio::spawn(async move { post_put(address, "held", "late").await });
    let queued = retried(Duration::from_secs(10), || async {
        if metric(&node, "pgcanvas_retries_total{kind=\"busy\"}") > 0.0 { Ok(()) } else { Err(()) }
    });
    assert!(queued.await.is_ok(), "the held room was tried");
    for number in 0..20 {
        assert_eq!(post_put(address, "free", &format!("s{number}")).await.0, 200, "the other room goes on");
    }
    assert!(!waiting.is_finished(), "the held room waits");
    hold.rollback().await.unwrap();
    assert_eq!(waiting.await.unwrap().0, 200, "and then commits");
    node.stop().await;
}

/// FT6
#[tokio::test]
async fn large_statements_of_a_person_in_a_storm_never_meet_a_deadlock() {
    let database = TestDatabase::create().await;
    let config = database.config();
    let id = room(config, "storm").await;
    let nodes = [node(config, &NodeSettings::default()).await, node(config, &NodeSettings::default()).await];
    let addresses: Vec<SocketAddr> = nodes.iter().map(RunningNode::address).collect();
    let storm = Storm::begin(&addresses, "storm", 4, 8);
    let client = connect(config).await.unwrap();
    for round in 1..=6 {
        storm.more(60).await;
        let update = "update pgcanvas.shapes set x = x + 1 where room_id = $1";
        let changed =
            client.execute(update, &[&id]).await.unwrap_or_else(|error| panic!("round {round}: {error:?}"));
        assert!(changed > 0);
    }
    let mut artists = storm.end().await;
    assert_nothing_lost(config, "storm", &mut artists).await;
    for node in nodes {
        node.stop().await;
    }
}

/// FT2
#[tokio::test]
async fn what_is_no_batch_s_fault_is_not_its_sender_s_to_mend() {
    const STATES: [&str; 3] = ["25006", "57014", "XX000"];
    let database = TestDatabase::create().await;
    let fails = "create function public.fails() returns trigger language plpgsql as $$ begin
          if new.kind like 'fails:%' then raise exception 'no' using errcode = substr(new.kind, 7); end if;
          return new; end $$;
        create trigger theirs before insert on pgcanvas.shapes for each row execute function public.fails()";
    database.client().await.batch_execute(fails).await.unwrap();
    let node = TestNode::start(&database).await;
    make_room(&database, "other").await;
    let mut other = Client::joined(&node, "Other", "other").await;
    let mut senders = Vec::new();
    for state in STATES {
        make_room(&database, &format!("r{state}")).await;
        let mut sender = Client::joined(&node, state, &format!("r{state}")).await;
        sender.line().deadline *= 3;
        let shape = json!({"id": "a", "kind": format!("fails:{state}")});
        let op_id = sender.ops(&format!("r{state}"), json!([{"op": "put", "shape": shape}])).await;
        senders.push((sender, op_id));
    }
    other.draw("other", json!([{"op": "put", "shape": {"id": "a", "kind": "line"}}])).await;
    for (mut sender, op_id) in senders {
        assert_eq!(sender.rejected(op_id).await["code"], "unavailable");
    }
    node.stop().await;
}
