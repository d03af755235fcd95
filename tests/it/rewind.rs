//! A database that was put back to an earlier state (RW).

use super::support::client::{Client, Line, make_room};
use super::support::database::TestDatabase;
use super::support::http::{get, post};
use super::support::node::TestNode;
use super::support::program::{DataFolder, Program, refusal, run};
use super::support::tools::{can_dump, ran};
use nix::sys::signal::Signal;
use serde_json::{Value, json};
use std::process::Command;
use uuid::Uuid;

/// A device on a program's node that has seen a room.
pub(crate) struct Device {
    pub(crate) line: Line,
    id: Uuid,
}

impl Device {
    pub(crate) async fn on(node: &Program, id: Uuid) -> Self {
        let mut device = Self { line: Line::open(&format!("ws://{}/ws", node.address())).await, id };
        device.say(json!({"type": "hello", "protocol": 1, "client": device.id}), "welcome").await;
        device
    }

    /// Says something and gives the next frame of a type.
    pub(crate) async fn say(&mut self, frame: Value, answer: &str) -> Value {
        self.line.send(&frame.to_string()).await;
        loop {
            let heard: Value = serde_json::from_str(&self.line.next(answer).await).unwrap();
            if heard["type"] == answer {
                return heard;
            }
        }
    }
}

pub(crate) async fn put(node: &Program, count: std::ops::Range<u64>) {
    let client = Uuid::new_v4();
    for n in count {
        let shape = json!({"id": format!("s{n}"), "kind": "text", "x": n});
        let ops = json!({"client": client, "op_id": n + 1, "ops": [{"op": "put", "shape": shape}]});
        assert_eq!(post(node.address(), "/api/rooms/lobby/ops", &ops).await.status, 200);
    }
}

pub(crate) async fn epoch(node: &Program) -> Value {
    get(node.address(), "/api/rooms/lobby").await.json()["epoch"].clone()
}

/// A device that saw seq 5 of the history that `old` names comes back where three batches are left, and then two others came.
pub(crate) async fn comes_back_from_the_future(node: &Program, device: Uuid, old: &Value) {
    assert_ne!(&epoch(node).await, old);
    put(node, 10..12).await; // the room is at 5 again, by another way
    let mut device = Device::on(node, device).await;
    let join = json!({"type": "join", "room": "lobby", "since": 5, "epoch": old});
    let joined = device.say(join, "joined").await;
    assert_eq!((&joined["mode"], &joined["seq"]), (&json!("snapshot"), &json!(5)));
    let mut ids: Vec<&str> =
        joined["added"].as_array().unwrap().iter().map(|s| s["id"].as_str().unwrap()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["s0", "s1", "s10", "s11", "s2"]);
}

/// RW1
#[tokio::test]
async fn a_new_epoch_sends_everyone_away_to_get_the_board_anew() {
    let database = TestDatabase::create().await;
    let [first, second] = TestNode::two(&database).await;
    let mut clients = Vec::new();
    for (node, room) in [(&first, "here"), (&second, "here"), (&first, "there")] {
        if clients.len() != 1 {
            make_room(&database, room).await;
        }
        let mut client = Client::joined(node, "Ann", room).await;
        let id = format!("s{}", clients.len());
        client.draw(room, json!([{"op": "put", "shape": {"id": id, "kind": "text"}}])).await;
        clients.push(client);
    }
    clients[0].reach("here", 2).await;
    let sql = database.client().await;
    let rooms: i64 = sql.query_one("select pgcanvas.new_epoch('here')", &[]).await.unwrap().get(0);
    assert_eq!(rooms, 1);
    for (client, node) in clients.iter_mut().zip([&first, &second]).take(2) {
        assert_eq!(client.line().closed().await.0, Some(1001));
        client.reconnect(node, "Ann").await;
        assert_eq!(client.rejoin("here").await["mode"], "snapshot");
    }
    clients[2].draw("there", json!([{"op": "delete", "id": "s2"}])).await; // undisturbed
    let rooms: i64 = sql.query_one("select pgcanvas.new_epoch()", &[]).await.unwrap().get(0);
    assert_eq!(rooms, 2);
    assert_eq!(clients[2].line().closed().await.0, Some(1001));
}

/// RW2
#[tokio::test]
async fn where_the_database_runs_is_noted_and_another_place_means_a_new_epoch() {
    let database = TestDatabase::create().await;
    make_room(&database, "lobby").await;
    let sql = database.client().await;
    let check = || async {
        sql.query_one("select pgcanvas.check_rewind()", &[]).await.unwrap().get::<_, Option<i64>>(0)
    };
    assert_eq!((check().await, check().await), (None, None));
    for place in ["system_identifier = 7", "timeline = timeline + 1", "database_oid = 1", "rooms_oid = 1"] {
        sql.batch_execute(&format!("update pgcanvas.meta set {place}")).await.unwrap();
        assert_eq!((check().await, check().await), (Some(1), None), "{place}");
    }
    sql.batch_execute("update pgcanvas.meta set system_identifier = null, timeline = null").await.unwrap();
    assert_eq!(check().await, None, "what a server did not tell is no other place");
}

/// RW3
#[tokio::test]
async fn after_a_dump_is_restored_a_client_from_the_future_starts_anew() {
    let (database, restored) = (TestDatabase::create().await, TestDatabase::create().await);
    if !can_dump(database.config()).await {
        return;
    }
    make_room(&database, "lobby").await;
    let dump = DataFolder::new();
    let node = Program::start(&["--database-url", &database.url()]).await;
    put(&node, 0..3).await;
    ran("pg_dump", &["--format=custom", "--file", dump.as_str(), &database.url()]);
    put(&node, 3..5).await;
    let old = epoch(&node).await;
    node.stop(Signal::SIGTERM).await;
    restored
        .client()
        .await
        .batch_execute("drop schema pgcanvas cascade; drop extension btree_gist")
        .await
        .unwrap();
    ran("pg_restore", &["--exit-on-error", "--dbname", &restored.url(), dump.as_str()]);
    _ = std::fs::remove_file(&dump);
    let node = Program::start(&["--database-url", &restored.url()]).await;
    comes_back_from_the_future(&node, Uuid::new_v4(), &old).await;
    let log = node.stop(Signal::SIGTERM).await.1;
    assert!(log.contains("restored or failed over"), "{log}");
    // Once is enough.
    let node = Program::start(&["--database-url", &restored.url()]).await;
    assert!(!node.stop(Signal::SIGTERM).await.1.contains("restored or failed over"));
}

/// RW4
#[tokio::test]
async fn after_a_copy_of_the_files_is_put_back_new_epoch_makes_clients_start_anew() {
    let (folder, kept) = (DataFolder::new(), DataFolder::new());
    let node = Program::on_folder(&folder).await;
    assert_eq!(post(node.address(), "/api/rooms", &json!({"slug": "lobby"})).await.status, 201);
    put(&node, 0..3).await;
    node.stop(Signal::SIGTERM).await;
    let copy =
        |from: &str, to: &str| assert!(Command::new("cp").args(["-a", from, to]).status().unwrap().success());
    copy(folder.as_str(), kept.as_str());
    let node = Program::on_folder(&folder).await;
    put(&node, 3..5).await;
    let old = epoch(&node).await;
    node.stop(Signal::SIGTERM).await;
    std::fs::remove_dir_all(&folder).unwrap();
    copy(kept.as_str(), folder.as_str());
    let said = run(&["new-epoch", "--all", "--data-dir", folder.as_str()]).await;
    assert_eq!(String::from_utf8_lossy(&said.stdout), "rooms with a new epoch: 1\n", "{said:?}");
    let node = Program::on_folder(&folder).await;
    comes_back_from_the_future(&node, Uuid::new_v4(), &old).await;

    // While a node runs, too: who is there is sent away.
    let mut device = Device::on(&node, Uuid::new_v4()).await;
    device.say(json!({"type": "join", "room": "lobby"}), "joined").await;
    let said = run(&["new-epoch", "lobby", "--data-dir", folder.as_str()]).await;
    assert!(said.status.success(), "{said:?}");
    assert_eq!(device.line.closed().await.0, Some(1001));
    let said = refusal(&run(&["new-epoch", "nowhere", "--data-dir", folder.as_str()]).await);
    assert_eq!(said, "room: there is no room nowhere");
    assert_eq!(run(&["new-epoch", "--data-dir", folder.as_str()]).await.status.code(), Some(2));
}

/// AU6, HI8
#[tokio::test]
async fn logs_are_verified_and_pruned_by_command() {
    let database = TestDatabase::create().await;
    make_room(&database, "lobby").await;
    let sql = database.client().await;
    let draw = "select pgcanvas.chain_room('lobby');
        select pgcanvas.draw('lobby', '[{\"op\":\"put\",\"shape\":{\"id\":\"a\",\"kind\":\"text\"}}]');
        update pgcanvas.shapes set x = 1; update pgcanvas.shapes set x = 2; update pgcanvas.shapes set x = 3";
    sql.batch_execute(draw).await.unwrap();
    let url = database.url();
    let at = |args: &[&'static str]| [args, &["--database-url"]].concat();
    let command = |args: &[&'static str]| {
        let mut args: Vec<String> = at(args).into_iter().map(str::to_owned).collect();
        args.push(url.clone());
        async move { run(&args.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    let pruned = command(&["prune", "lobby", "--keep-changes", "2"]).await;
    let said = String::from_utf8_lossy(&pruned.stdout);
    assert!(said.ends_with(": 2 changes forgotten, kept from 2 on\n"), "{pruned:?}");
    let nothing = command(&["prune", "--older-than-days=1"]).await;
    assert_eq!(String::from_utf8_lossy(&nothing.stdout), "nothing to forget\n");
    let node = format!("{url}{}options=-c%20role%3Dpgcanvas_node", if url.contains('?') { '&' } else { '?' });
    let denied = run(&["new-epoch", "lobby", "--database-url", &node]).await;
    assert_eq!(denied.status.code(), Some(1));
    assert!(refusal(&denied).starts_with("permission denied for function new_epoch: "), "{denied:?}");
    let whole = command(&["verify", "lobby"]).await;
    let said = String::from_utf8_lossy(&whole.stdout).into_owned();
    assert!(
        whole.status.success() && said.contains("is whole") && said.contains("chained up to batch 4: "),
        "{whole:?}"
    );
    sql.batch_execute("update pgcanvas.shape_changes set author = 'nobody' where seq = 3").await.unwrap();
    let faulty = command(&["verify", "lobby"]).await;
    assert_eq!(faulty.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&faulty.stdout), "batch 3: the batch is not what was chained\n");
    assert_eq!(refusal(&faulty), "the log of room lobby is not as it was written, faults: 1");
    assert!(refusal(&command(&["verify", "nowhere"]).await).contains("there is no room"));
}
