//! A batch is applied once, however often and wherever it is sent (EO); a board of any age is brought to the present (JN).

use super::connection::settings;
use super::support::client::{Board as Table, Client, Line, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::http::ask;
use super::support::node::TestNode;
use super::support::program::Program;
use super::support::server::retried;
use super::sync::{any_ops, random};
use futures_util::future::join_all;
use pgcanvas::client::{Board, Client as Device, News, Op, Phase, Settings, restart_op_id};
use pgcanvas::model::Token;
use rand::Rng;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(20);

fn append(number: usize) -> Value {
    json!([{"op": "append", "id": "s", "points": [[number, number]]}])
}

fn stroke() -> Value {
    json!([{"op": "put", "shape": {"id": "s", "kind": "freedraw", "points": [[0, 0]]}}])
}

/// The stroke holds each of these points once, in order.
async fn assert_points(database: &TestDatabase, room: &str, last: usize) {
    let table = Table::of_table(database, room).await;
    let points: Vec<Value> = (0..=last).map(|n| json!([n, n])).collect();
    assert_eq!(table.shape("s").unwrap()["points"], json!(points));
    assert_eq!(usize::try_from(table.seq).unwrap(), last + 1, "one seq per batch");
}

/// EO1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_batch_sent_to_two_nodes_at_the_same_moment_is_applied_once() {
    let database = TestDatabase::create().await;
    make_room(&database, "twins").await;
    let nodes = TestNode::two(&database).await;
    let device = Uuid::new_v4();
    let mut sockets = Vec::new();
    for node in &nodes {
        let mut socket = Client::connect_as(node, device).await;
        socket.hello("Ann").await;
        socket.join("twins").await;
        sockets.push(socket);
    }
    sockets[0].ops_as("twins", 1, stroke()).await;
    sockets[0].acked(1).await;
    for number in 1..=40_usize {
        let op_id = i64::try_from(number).unwrap() + 1;
        let send = sockets.iter_mut().map(|socket| async move {
            socket.ops_as("twins", op_id, append(number)).await;
            socket.acked(op_id).await
        });
        let answers = join_all(send).await;
        assert_eq!(answers[0], answers[1]);
    }
    assert_points(&database, "twins", 40).await;
    assert_all_see_the_table(&database, "twins", &mut sockets).await;
}

/// EO2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_whose_node_is_killed_before_or_after_their_commit_are_applied_once() {
    let database = TestDatabase::create().await;
    make_room(&database, "killed").await;
    let mut random = random();
    let second = TestNode::start(&database).await;
    let mut ben = Client::joined(&second, "Ben", "killed").await;
    ben.draw("killed", stroke()).await;
    let (mut drawn, device) = (0, Uuid::new_v4());
    for _ in 0..4 {
        let first = Program::start(&["--database-url", &database.url()]).await;
        let mut ann = Client::connect_at(first.address(), device).await;
        ann.hello("Ann").await;
        // Ahead of the answers, and killed somewhere among them.
        let (from, answered) = (drawn + 1, random.random_range(0..30));
        for number in from..from + 30 {
            ann.ops_as("killed", i64::try_from(number).unwrap(), append(number)).await;
        }
        let mut acks = Vec::new();
        for number in from..from + answered {
            acks.push(ann.acked(i64::try_from(number).unwrap()).await);
        }
        first.kill().await;
        let mut ann = Client::connect_as(&second, device).await;
        ann.hello("Ann").await;
        for number in from..from + 30 {
            ann.ops_as("killed", i64::try_from(number).unwrap(), append(number)).await;
        }
        for number in from..from + 30 {
            let ack = ann.acked(i64::try_from(number).unwrap()).await;
            assert!(acks.get(number - from).is_none_or(|first| *first == ack), "{ack}");
        }
        drawn += 30;
        assert_points(&database, "killed", drawn).await;
    }
    assert_all_see_the_table(&database, "killed", &mut [ben]).await;
}

/// EO3
#[tokio::test]
async fn a_batch_that_waits_on_one_node_and_is_sent_to_another_is_applied_once() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "held").await;
    let nodes = TestNode::two(&database).await;
    let device = Uuid::new_v4();
    let mut ann = Client::connect_as(&nodes[0], device).await;
    ann.hello("Ann").await;
    ann.draw("held", stroke()).await;
    let mut holder = database.client().await;
    let hold = holder.transaction().await.unwrap();
    hold.execute("select from pgcanvas.rooms where id = $1 for update", &[&room]).await.unwrap();
    ann.ops_as("held", 2, append(1)).await;
    let mut elsewhere = Client::connect_as(&nodes[1], device).await;
    elsewhere.hello("Ann").await;
    elsewhere.ops_as("held", 2, append(1)).await;
    for node in &nodes {
        let tried = retried(Duration::from_secs(10), || async {
            if node.metric("pgcanvas_retries_total{kind=\"busy\"}") > 0 { Ok(()) } else { Err(()) }
        });
        assert_eq!(tried.await, Ok(()), "both nodes try the held room");
    }
    hold.rollback().await.unwrap();
    assert_eq!(ann.acked(2).await, elsewhere.acked(2).await);
    assert_points(&database, "held", 1).await;
}

/// EO4
#[tokio::test]
async fn a_batch_that_is_given_up_takes_those_of_its_client_behind_it_along() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "late").await;
    let node = TestNode::start(&database).await;
    let mut ann = Client::joined(&node, "Ann", "late").await;
    ann.line().deadline = Duration::from_secs(20);
    let mut holder = database.client().await;
    let hold = holder.transaction().await.unwrap();
    hold.execute("select from pgcanvas.rooms where id = $1 for update", &[&room]).await.unwrap();
    let queue = async |batches| {
        let queued = retried(Duration::from_secs(10), || async {
            if node.metric("pgcanvas_writer_queue") == batches { Ok(()) } else { Err(()) }
        });
        assert_eq!(queued.await, Ok(()));
    };
    let batches = [stroke(), append(1), append(2)];
    ann.ops_as("late", 1, batches[0].clone()).await;
    queue(1).await;
    // It is given up a while before the others would be: each try of the held room takes its pause.
    let tried = retried(Duration::from_secs(10), || async {
        if node.metric("pgcanvas_retries_total{kind=\"busy\"}") > 10 { Ok(()) } else { Err(()) }
    });
    assert_eq!(tried.await, Ok(()), "the held room is tried");
    ann.ops_as("late", 2, batches[1].clone()).await;
    ann.ops_as("late", 3, batches[2].clone()).await;
    queue(3).await;
    assert_eq!(ann.rejected(1).await["code"], "unavailable");
    hold.rollback().await.unwrap();
    for op_id in [2, 3] {
        assert_eq!(ann.rejected(op_id).await["code"], "unavailable", "{op_id}");
    }
    for (op_id, batch) in (1..).zip(batches) {
        ann.ops_as("late", op_id, batch).await;
        assert_eq!(ann.acked(op_id).await["outcomes"], json!(["applied"]));
    }
    assert_points(&database, "late", 2).await;
}

/// EO5
#[tokio::test]
async fn a_late_copy_of_an_undo_that_found_nothing_finds_nothing_on_any_node() {
    let database = TestDatabase::create().await;
    make_room(&database, "late").await;
    let nodes = TestNode::two(&database).await;
    let device = Uuid::new_v4();
    let mut ann = Client::connect_as(&nodes[0], device).await;
    ann.hello("Ann").await;
    let asked = [
        json!({"type": "undo", "room": "late", "op_id": 1}),
        json!({"type": "redo", "room": "late", "op_id": 2}),
        json!({"type": "undo", "room": "late", "op_id": 3, "last_seconds": 600}),
    ];
    for frame in &asked {
        ann.send(frame).await;
        assert_eq!(ann.rejected(frame["op_id"].as_i64().unwrap()).await["code"], "nothing_to_undo");
    }
    ann.ops_as("late", 4, stroke()).await;
    ann.acked(4).await;
    // Copies that were on their way through another node.
    let mut elsewhere = Client::connect_as(&nodes[1], device).await;
    elsewhere.hello("Ann").await;
    for frame in &asked {
        elsewhere.send(frame).await;
        assert_eq!(elsewhere.rejected(frame["op_id"].as_i64().unwrap()).await["code"], "nothing_to_undo");
    }
    assert_points(&database, "late", 0).await;
}

/// JN6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_of_any_age_is_brought_to_the_present_in_a_storm_by_any_node() {
    let database = TestDatabase::create().await;
    make_room(&database, "ages").await;
    let mut random = random();
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "ages").await;
    // Enough to take several pages.
    let text = "x".repeat(9_000);
    for part in 0..10 {
        let puts = (0..10).map(
            |n| json!({"op": "put", "shape": {"id": format!("t{part}-{n}"), "kind": "text", "text": text}}),
        );
        ann.draw("ages", puts.collect()).await;
    }
    ann.reach("ages", 10).await;
    let mut past: Vec<Table> = Vec::new();
    let mut pages = 0;
    for round in 0..60 {
        past.push(ann.board("ages").clone());
        let op_id = ann.ops("ages", any_ops(&mut random)).await;
        if round % 3 == 0 {
            let changes = (0..30).map(|_| {
                let id = format!("t{}-{}", random.random_range(0..10), random.random_range(0..10));
                json!({"op": "patch", "id": id, "set": {"x": round + 1}})
            });
            ann.ops("ages", changes.collect()).await;
        }
        // While the answers are still on their way.
        let old = past[random.random_range(0..past.len())].clone();
        let mut ben = Client::connect(&nodes[round % 2]).await;
        ben.hello("Ben").await;
        let since = old.seq;
        ben.remember("ages", old);
        let joined = ben.join_since("ages", since).await;
        assert_eq!(joined["mode"], "delta");
        pages += usize::from(joined["more"] == true);
        ann.acked(op_id).await;
        let seq = Table::of_table(&database, "ages").await.seq;
        ann.reach("ages", seq).await;
        let mut both = [ben];
        assert_all_see_the_table(&database, "ages", &mut both).await;
    }
    assert!(pages > 5, "{pages} of the answers took several pages");
}

fn rectangle(id: &str) -> Op {
    Op::put(json!({"id": id, "kind": "rectangle"})).unwrap()
}

async fn sent(device: &Device) {
    let sent = device.until(|status| status.phase == Phase::Live && status.unacknowledged == 0);
    timeout(Duration::from_secs(20), sent).await.expect("every ack");
}

/// JN7
#[tokio::test]
async fn in_another_history_the_board_is_dropped_and_what_was_not_answered_is_applied_once() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let addresses = [node.address()];
    let (ann, _news) = Device::open(settings(&addresses), Board::new(Uuid::new_v4(), "room"));
    for id in ["a", "b", "c"] {
        ann.edit(vec![rectangle(id)]).unwrap();
        sent(&ann).await;
    }
    // Gone before the next history begins, with something in its hands.
    let mut saved = ann.close().await;
    let mut held = Board::restored(saved.clone(), restart_op_id());
    held.edit(vec![rectangle("d"), Op::set("b", json!({"x": 5})).unwrap()]).unwrap();
    saved = held.save();
    let rewind = "delete from pgcanvas.shapes where room_id = $1 and id in ('b', 'c')";
    let client = database.client().await;
    client.execute(rewind, &[&room]).await.unwrap();
    let epoch = "update pgcanvas.rooms set epoch = gen_random_uuid(), min_since = (select last_seq from pgcanvas.room_head($1)) where id = $1";
    client.execute(epoch, &[&room]).await.unwrap();
    let (ann, mut news) = Device::open(settings(&addresses), Board::restored(saved, restart_op_id()));
    sent(&ann).await;
    let joined = timeout(Duration::from_secs(10), async {
        loop {
            if let Some(News::Joined { snapshot, .. }) = news.recv().await {
                return snapshot;
            }
        }
    });
    assert_eq!(joined.await, Ok(true), "a snapshot");
    let table = Table::of_table(&database, "room").await;
    assert_eq!(table.shapes.keys().collect::<Vec<_>>(), ["a", "d"], "a patch of what is gone makes nothing");
    let seen = ann.until(|status| status.at.is_some_and(|at| at.seq == table.seq));
    timeout(Duration::from_secs(10), seen).await.expect("the present");
    let ids: Vec<String> = ann.board(|board| board.shapes().into_keys().map(str::to_owned).collect());
    assert_eq!(ids, ["a", "d"]);
}

/// A hello in the name of a client, with a key or none; gives the first frame, and the close code where there was one.
async fn greeted(node: &TestNode, client: Uuid, key: Option<&str>) -> (Value, Option<u16>) {
    let mut line = Line::open(&format!("ws://{}/ws", node.address())).await;
    line.send(&json!({"type": "hello", "protocol": 1, "client": client, "key": key}).to_string()).await;
    let text = line.next("an answer to hello").await;
    let frame: Value = serde_json::from_str(&text).unwrap();
    let code = if frame["type"] == "welcome" { None } else { line.closed().await.0 };
    (frame, code)
}

/// EO6
#[tokio::test]
async fn nobody_speaks_for_a_client_that_has_a_key_and_its_numbers_stay_its_own() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    let (client, key) = (Uuid::new_v4(), "a key of 256 random bits, say");
    let ann = Settings { key: Some(Token::new(key.to_owned())), ..settings(&[nodes[0].address()]) };
    let ann = Device::open(ann, Board::new(client, "room")).0;
    let sent = || async {
        timeout(DEADLINE, ann.until(|status| status.phase == Phase::Live && status.unacknowledged == 0)).await
    };
    ann.edit(vec![Op::put(json!({"id": "one", "kind": "line"})).unwrap()]).unwrap();
    sent().await.unwrap();
    for node in &nodes {
        for other in [None, Some("another key of 256 bits")] {
            let (frame, code) = greeted(node, client, other).await;
            assert_eq!((&frame["code"], code), (&json!("forbidden"), Some(4403)), "{other:?}");
            let headers: Vec<(&str, &str)> = other.iter().map(|key| ("x-pgcanvas-key", *key)).collect();
            let nothing = json!([{"op": "delete", "id": "nothing"}]);
            for (verb, more) in [
                ("ops", json!({"ops": nothing})),
                ("undo", json!({})),
                ("redo", json!({})),
                ("merge", json!({"shapes": [{"id": "x", "version": 1, "is_deleted": true}]})),
                ("restore", json!({"seq": 0})),
            ] {
                let mut body = more;
                (body["client"], body["op_id"]) = (json!(client), json!(2));
                let answer = ask(
                    node.address(),
                    "POST",
                    &format!("/api/rooms/room/{verb}"),
                    &headers,
                    &body.to_string(),
                )
                .await;
                assert_eq!(answer.refusal(), (403, "forbidden".to_owned()), "{verb} {other:?}");
            }
        }
    }
    ann.edit(vec![Op::put(json!({"id": "two", "kind": "line"})).unwrap()]).unwrap();
    sent().await.unwrap();
    assert!(Table::of_table(&database, "room").await.shape("two").is_some());
    // With the key it is she, by any road.
    assert_eq!(greeted(&nodes[1], client, Some(key)).await.0["type"], "welcome");
    let body = json!({"client": client, "op_id": 3, "ops": [{"op": "delete", "id": "one"}]}).to_string();
    let answer =
        ask(nodes[1].address(), "POST", "/api/rooms/room/ops", &[("x-pgcanvas-key", key)], &body).await;
    assert_eq!(answer.json()["outcomes"], json!(["applied"]));
    // Who never had one is who it says, as ever; one that is too short is none.
    let other = Uuid::new_v4();
    assert_eq!(greeted(&nodes[0], other, None).await.0["type"], "welcome");
    assert_eq!(greeted(&nodes[0], other, Some("short")).await.1, Some(4400));
    let body = json!({"client": other, "op_id": 1, "ops": [{"op": "delete", "id": "one"}]}).to_string();
    let answer =
        ask(nodes[0].address(), "POST", "/api/rooms/room/ops", &[("x-pgcanvas-key", "short")], &body).await;
    assert_eq!(answer.refusal(), (400, "invalid".to_owned()));
    assert_eq!(greeted(&nodes[0], other, None).await.0["type"], "welcome", "nothing was claimed");
}
