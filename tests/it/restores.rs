//! A database that is put back, or replaced, under nodes that run (RW5, RW6, RW7).

use super::process::is_ready;
use super::rewind::{Device, comes_back_from_the_future, epoch, put};
use super::support::client::make_room;
use super::support::database::TestDatabase;
use super::support::http::{get, post};
use super::support::program::{DataFolder, Program};
use super::support::server::{Server, connect, retried};
use super::support::tools::{can_dump, ran};
use nix::sys::signal::Signal;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::task::spawn_blocking;
use uuid::Uuid;

/// How long a node may take to notice.
const NOTICED: Duration = Duration::from_secs(30);

/// A room of three shapes that was dumped, and of five since; two nodes, and somebody who is there.
struct Scene {
    database: TestDatabase,
    dump: DataFolder,
    nodes: [Program; 2],
}

impl Scene {
    async fn set() -> Option<Self> {
        let database = TestDatabase::create().await;
        if !can_dump(database.config()).await {
            return None;
        }
        make_room(&database, "lobby").await;
        let (url, dump) = (database.url(), DataFolder::new());
        let settings = ["--database-url", &url];
        let nodes = [Program::start(&settings).await, Program::start(&settings).await];
        put(&nodes[0], 0..3).await;
        ran("pg_dump", &["--format=custom", "--file", dump.as_str(), &url]);
        Some(Self { database, dump, nodes })
    }

    /// Restores, as `pg_restore` does with these arguments, into a database of this URL.
    async fn restore(&self, url: String, args: &'static [&'static str]) {
        let dump = self.dump.as_str().to_owned();
        let restored = spawn_blocking(move || {
            ran("pg_restore", &[args, &["--exit-on-error", "--dbname", &url, &dump]].concat())
        });
        restored.await.unwrap();
    }

    /// Runs statements from outside of the database, one by one.
    async fn outside(&self, statements: &[&str]) {
        let keeper = connect(Server::shared().await.config()).await.unwrap();
        let name = self.database.config().get_dbname().unwrap();
        for statement in statements {
            let statement = statement.replace("DB", name);
            keeper.batch_execute(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
        }
    }

    /// Both nodes notice, and clients from the future start anew.
    async fn noticed_by_all(self, old: serde_json::Value, mut there: Device) {
        for node in &self.nodes {
            let is_new = || async { if epoch(node).await == old { Err(()) } else { Ok(()) } };
            assert!(retried(NOTICED, is_new).await.is_ok(), "the epoch is still the old one");
            is_ready(node).await;
        }
        assert_eq!(there.line.closed().await.0, Some(1001));
        comes_back_from_the_future(&self.nodes[0], Uuid::new_v4(), &old).await;
        // And the other one hears what is drawn.
        let mut device = Device::on(&self.nodes[1], Uuid::new_v4()).await;
        device.say(json!({"type": "join", "room": "lobby"}), "joined").await;
        put(&self.nodes[0], 20..21).await;
        let heard = device.say(json!({"type": "ping"}), "changes").await;
        assert_eq!(heard["to"], 6, "{heard}");
        let mut said = String::new();
        for node in self.nodes {
            said += &node.stop(Signal::SIGTERM).await.1;
        }
        // Once is enough; step by step it may be noticed on the way, too.
        assert!(said.contains("restored or failed over"), "{said}");
        assert!(!said.contains("another contract") && !said.contains("has contract"), "{said}");
    }

    /// Five shapes, and a socket on the second node that sees them.
    async fn goes_on(&self) -> (serde_json::Value, Device) {
        let mut there = Device::on(&self.nodes[1], Uuid::new_v4()).await;
        assert_eq!(there.say(json!({"type": "join", "room": "lobby"}), "joined").await["seq"], 3);
        put(&self.nodes[0], 3..5).await;
        let mut seen = json!(3);
        while seen != 5 {
            seen = there.say(json!({"type": "ping"}), "changes").await["to"].clone();
        }
        (epoch(&self.nodes[0]).await, there)
    }
}

const DROP_AND_CREATE: [&str; 2] = ["drop database \"DB\" with (force)", "create database \"DB\""];

/// RW5
#[tokio::test]
async fn a_database_that_is_dropped_made_anew_and_restored_is_noticed() {
    let Some(scene) = Scene::set().await else { return };
    let (old, there) = scene.goes_on().await;
    scene.outside(&DROP_AND_CREATE).await;
    for node in &scene.nodes {
        let told = || async {
            let answer = get(node.address(), "/readyz").await;
            let is_told = answer.status == 503 && answer.body.contains("holds no pgcanvas schema");
            if is_told { Ok(()) } else { Err(answer) }
        };
        retried(NOTICED, told).await.unwrap();
    }
    scene.restore(scene.database.url(), &[]).await;
    scene.noticed_by_all(old, there).await;
}

/// RW5
#[tokio::test]
async fn a_restore_over_what_is_there_is_noticed_though_no_connection_breaks() {
    let Some(scene) = Scene::set().await else { return };
    let (old, there) = scene.goes_on().await;
    scene.restore(scene.database.url(), &["--clean", "--if-exists", "--single-transaction"]).await;
    scene.noticed_by_all(old, there).await;
}

/// RW5
#[tokio::test]
async fn a_restore_over_what_is_there_step_by_step_is_noticed() {
    let Some(scene) = Scene::set().await else { return };
    let (old, there) = scene.goes_on().await;
    scene.restore(scene.database.url(), &["--clean", "--if-exists"]).await;
    scene.noticed_by_all(old, there).await;
}

/// RW5
#[tokio::test]
async fn another_database_that_is_renamed_into_its_place_is_noticed() {
    let Some(scene) = Scene::set().await else { return };
    scene.outside(&["create database \"DB_copy\""]).await;
    let name = scene.database.config().get_dbname().unwrap();
    scene.restore(scene.database.url().replacen(name, &format!("{name}_copy"), 1), &[]).await;
    let (old, there) = scene.goes_on().await;
    scene.outside(&["alter database \"DB\" allow_connections false"]).await;
    let away = [
        "select pg_terminate_backend(pid) from pg_stat_activity where datname = 'DB'",
        "alter database \"DB\" rename to \"DB_old\"",
    ];
    // A session that was told to end may take a moment.
    let keeper = connect(Server::shared().await.config()).await.unwrap();
    let renamed = retried(NOTICED, || async {
        for statement in away {
            keeper.batch_execute(&statement.replace("DB", name)).await?;
        }
        Ok::<_, tokio_postgres::Error>(())
    });
    renamed.await.unwrap();
    scene
        .outside(&["alter database \"DB_copy\" rename to \"DB\"", "drop database \"DB_old\" with (force)"])
        .await;
    scene.noticed_by_all(old, there).await;
}

/// RW6
#[tokio::test]
async fn a_restore_succeeds_under_people_who_draw_and_the_log_is_whole() {
    let Some(scene) = Scene::set().await else { return };
    let (old, _there) = scene.goes_on().await;
    let drawing = Arc::new(AtomicBool::new(true));
    let storms = [scene.nodes[0].address(), scene.nodes[1].address()].map(|address| {
        let drawing = Arc::clone(&drawing);
        tokio::spawn(async move {
            let (client, mut stored) = (Uuid::new_v4(), Vec::new());
            for n in 1.. {
                if !drawing.load(Ordering::Relaxed) {
                    break;
                }
                // Ids that the dump has, too: what is stored before them would be in their way.
                let shape = json!({"id": format!("s{}", n % 3), "kind": "text", "x": n});
                let ops = json!({"client": client, "op_id": n, "ops": [{"op": "put", "shape": shape}]});
                let answer = post(address, "/api/rooms/lobby/ops", &ops).await;
                stored.push((answer.status, answer.body));
            }
            stored
        })
    });
    scene.outside(&DROP_AND_CREATE).await;
    scene.restore(scene.database.url(), &[]).await;
    for node in &scene.nodes {
        let is_new = || async { if epoch(node).await == old { Err(()) } else { Ok(()) } };
        assert!(retried(NOTICED, is_new).await.is_ok());
        is_ready(node).await;
    }
    put(&scene.nodes[0], 30..32).await;
    drawing.store(false, Ordering::Relaxed);
    for storm in storms {
        let stored = storm.await.unwrap();
        // Nobody is told anything else than that it is done, or to come again.
        let odd: Vec<_> = stored.iter().filter(|(status, _)| !matches!(status, 200 | 503 | 404)).collect();
        assert!(odd.is_empty(), "{odd:?}");
    }
    let faults = scene
        .database
        .client()
        .await
        .query("select seq, fault from pgcanvas.verify('lobby')", &[])
        .await
        .unwrap();
    assert!(faults.is_empty(), "{faults:?}");
}

/// RW7
#[tokio::test]
async fn a_database_of_another_contract_is_told_until_the_right_one_is_there() {
    let Some(scene) = Scene::set().await else { return };
    let (old, there) = scene.goes_on().await;
    scene.outside(&DROP_AND_CREATE).await;
    scene.restore(scene.database.url(), &[]).await;
    let owner = scene.database.client().await;
    owner.batch_execute("update pgcanvas.meta set contract = contract - 1").await.unwrap();
    for node in &scene.nodes {
        let told = || async {
            let answer = get(node.address(), "/readyz").await;
            if answer.status == 503 && answer.body.contains("another contract") {
                Ok(())
            } else {
                Err(answer)
            }
        };
        retried(NOTICED, told).await.unwrap();
    }
    owner.batch_execute("update pgcanvas.meta set contract = contract + 1").await.unwrap();
    for node in &scene.nodes {
        is_ready(node).await;
    }
    assert_ne!(epoch(&scene.nodes[0]).await, old);
    drop(there);
}
