//! Joining and resuming (JN).

use super::support::chaos::{Chaos, Upstream, Way};
use super::support::client::{Board, Client, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::http::get;
use super::support::node::TestNode;
use super::support::server::retried;
use super::sync::{any_ops, random};
use pgcanvas::config::NodeSettings;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use uuid::Uuid;

/// Rounds of joining and leaving per joiner.
const ROUNDS: usize = 15;

/// Draws until it is told to stop, each gesture after the answer to the one before.
async fn draw_on(mut client: Client, mut random: StdRng, stop: Arc<AtomicBool>) -> Client {
    while !stop.load(Ordering::Relaxed) {
        client.draw("storm", any_ops(&mut random)).await;
    }
    client
}

/// Joins, by turns anew and with `since`, sees some batches, leaves; the board checks what it is told.
async fn come_and_go(mut client: Client, mut random: StdRng) -> Client {
    for round in 0..ROUNDS {
        let mode = if round > 0 && random.random() {
            client.rejoin("storm").await["mode"].clone()
        } else {
            client.join("storm").await["mode"].clone()
        };
        assert!(mode == "delta" || mode == "snapshot");
        let seq = client.board("storm").seq + random.random_range(0..12);
        client.reach("storm", seq).await;
        if round + 1 < ROUNDS {
            client.leave("storm").await;
        }
    }
    client
}

/// JN1, JN2
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn joining_in_a_storm_misses_and_repeats_nothing() {
    let database = TestDatabase::create().await;
    make_room(&database, "storm").await;
    let nodes = TestNode::two(&database).await;
    let mut random = random();
    let stop = Arc::new(AtomicBool::new(false));
    let (mut writers, mut joiners) = (Vec::new(), Vec::new());
    for number in 0..4 {
        let client = Client::joined(&nodes[number % 2], "writer", "storm").await;
        writers.push(tokio::spawn(draw_on(
            client,
            StdRng::seed_from_u64(random.random()),
            Arc::clone(&stop),
        )));
        let mut client = Client::connect(&nodes[number % 2]).await;
        client.hello("joiner").await;
        joiners.push(tokio::spawn(come_and_go(client, StdRng::seed_from_u64(random.random()))));
    }
    let mut clients = Vec::new();
    for joiner in joiners {
        clients.push(joiner.await.unwrap());
    }
    stop.store(true, Ordering::Relaxed);
    for writer in writers {
        clients.push(writer.await.unwrap());
    }
    assert_all_see_the_table(&database, "storm", &mut clients).await;
}

/// JN1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_board_of_many_pages_joined_in_a_storm_is_the_table() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "storm").await;
    let nodes = TestNode::two(&database).await;
    let fill = "insert into pgcanvas.shapes (room_id, id, kind, text)
        select $1, 'old' || n, 'text', repeat('x', 500) from generate_series(1, 3000) as n";
    database.client().await.execute(fill, &[&number]).await.unwrap();
    let mut random = random();
    let stop = Arc::new(AtomicBool::new(false));
    let writer = Client::joined(&nodes[0], "writer", "storm").await;
    let writer = tokio::spawn(draw_on(writer, StdRng::seed_from_u64(random.random()), Arc::clone(&stop)));
    let mut clients = Vec::new();
    for place in 0..6 {
        let mut client = Client::joined(&nodes[place % 2], "joiner", "storm").await;
        let seq = client.board("storm").seq + 3;
        client.reach("storm", seq).await;
        clients.push(client);
    }
    stop.store(true, Ordering::Relaxed);
    clients.push(writer.await.unwrap());
    assert_all_see_the_table(&database, "storm", &mut clients).await;
}

/// JN1, SY5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_reads_the_board_while_a_batch_in_parts_passes_gets_it_whole() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "storm").await;
    let node = TestNode::start(&database).await;
    let (client, mut holder) = (database.client().await, database.client().await);
    let fill = "insert into pgcanvas.shapes (room_id, id, kind, text)
        select $1, $2 || n, 'text', repeat('x', $4) from generate_series(1, $3) as n";
    client.execute(fill, &[&number, &"old", &5000, &500]).await.unwrap();
    let first = Client::joined(&node, "first", "storm").await;
    let holding = holder.transaction().await.unwrap();
    holding.batch_execute("lock table pgcanvas.shapes in access exclusive mode").await.unwrap();
    let mut late = Client::connect(&node).await;
    late.hello("late").await;
    late.send(&json!({"type": "join", "room": "storm"})).await;
    // Where it begins is read; the board is not.
    let waits = "select count(*) from pg_locks where relation = 'pgcanvas.shapes'::regclass and not granted";
    let waiting = retried(Duration::from_secs(10), || async {
        let waiting: i64 = client.query_one(waits, &[]).await.unwrap().get(0);
        if waiting > 0 { Ok(()) } else { Err("nobody waits") }
    });
    waiting.await.unwrap();
    holding.execute(fill, &[&number, &"new", &10, &60_000]).await.unwrap();
    holding.commit().await.unwrap();
    late.expect(|frame| frame["type"] == "joined").await;
    late.until("the whole join", |client| client.board("storm").is_whole()).await;
    assert_all_see_the_table(&database, "storm", &mut [first, late]).await;
}

fn ids(shapes: &Value) -> Vec<&str> {
    let mut ids: Vec<&str> = shapes
        .as_array()
        .unwrap()
        .iter()
        .map(|shape| shape["id"].as_str().or(shape.as_str()).unwrap())
        .collect();
    ids.sort_unstable();
    ids
}

fn puts(ids: &[&str]) -> Value {
    ids.iter().map(|id| json!({"op": "put", "shape": {"id": id, "kind": "rectangle"}})).collect()
}

/// Three shapes are there; then one is added, one modified, one deleted, one comes and goes.
async fn change_behind_its_back(writer: &mut Client) {
    writer.draw("room", puts(&["new", "brief"])).await;
    writer
        .draw(
            "room",
            json!([{"op": "patch", "id": "moved", "set": {"x": 9}}, {"op": "delete", "id": "gone"}]),
        )
        .await;
    writer.draw("room", json!([{"op": "delete", "id": "brief"}])).await;
}

/// JN3
#[tokio::test]
async fn who_comes_back_is_told_exactly_what_differs() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    let mut writer = Client::joined(&nodes[0], "Writer", "room").await;
    let mut reader = Client::joined(&nodes[1], "Reader", "room").await;
    writer.draw("room", puts(&["still", "moved", "gone"])).await;
    reader.reach("room", 1).await;
    for lost in [false, true] {
        if lost {
            reader.hang_up().await;
        } else {
            reader.leave("room").await;
        }
        change_behind_its_back(&mut writer).await;
        if lost {
            reader.reconnect(&nodes[0], "Reader").await;
        }
        let joined = reader.rejoin("room").await;
        assert_eq!(joined["mode"], "delta");
        assert_eq!(ids(&joined["added"]), ["new"]);
        assert_eq!(ids(&joined["modified"]), ["moved"]);
        assert_eq!(ids(&joined["deleted"]), ["gone"]);
        let table = Board::of_table(&database, "room").await;
        reader.board("room").assert_same(&table, "who came back");
        let undo = json!([{"op": "delete", "id": "new"}, {"op": "put", "shape": {"id": "gone", "kind": "line"}},
            {"op": "patch", "id": "moved", "set": {"x": 0}}]);
        let seq = writer.draw("room", undo).await["seq"].as_i64().unwrap();
        reader.reach("room", seq).await;
    }
    let nothing = reader.rejoin("room").await;
    let empty = json!([]);
    assert_eq!((&nothing["added"], &nothing["modified"], &nothing["deleted"]), (&empty, &empty, &empty));
    assert_all_see_the_table(&database, "room", &mut [writer, reader]).await;
}

/// JN4
#[tokio::test]
async fn a_since_that_the_log_cannot_answer_gives_a_snapshot() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let mut ann = Client::joined(&node, "Ann", "room").await;
    ann.draw("room", puts(&["a"])).await;
    ann.reach("room", 1).await;
    ann.leave("room").await;
    let epoch = ann.board("room").epoch.clone();
    for (since, epoch, mode) in [
        (1_i64, epoch.clone(), "delta"),
        (0, epoch.clone(), "delta"),
        (2, epoch.clone(), "snapshot"),
        (9_007_199_254_740_991, epoch.clone(), "snapshot"),
        (1, Uuid::nil().to_string(), "snapshot"),
    ] {
        let mut ben = Client::connect(&node).await;
        ben.hello("Ben").await;
        // A fresh board has no epoch, which a delta would contradict: only the frame is looked at.
        ben.send(&json!({"type": "join", "room": "room", "since": since, "epoch": epoch})).await;
        let text = ben.line().next("joined").await;
        let joined: Value = serde_json::from_str(&text).unwrap();
        assert_eq!((&joined["type"], &joined["mode"]), (&json!("joined"), &json!(mode)), "{since} {epoch}");
    }
    let pruned = "update pgcanvas.rooms set min_since = 1 where id = $1";
    database.client().await.execute(pruned, &[&number]).await.unwrap();
    assert_eq!(ann.join_since("room", 0).await["mode"], "snapshot");
    assert_eq!(ann.join_since("room", 1).await["mode"], "delta");
}

/// JN5
#[tokio::test]
async fn joining_again_on_the_same_socket_brings_the_board_anew_and_goes_on() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let mut ann = Client::joined(&node, "Ann", "room").await;
    ann.draw("room", puts(&["a", "b"])).await;
    ann.reach("room", 1).await;
    assert_eq!(ids(&ann.join("room").await["added"]), ["a", "b"]);
    ann.draw("room", puts(&["c"])).await;
    ann.reach("room", 2).await;
    assert_eq!(ann.rejoin("room").await["mode"], "delta");
    // By its number too: the same room under another name.
    ann.draw("room", puts(&["d"])).await;
    ann.reach("room", 3).await;
    ann.leave("room").await;
    let by_number = number.to_string();
    assert_eq!(ann.join(&by_number).await["room_id"], number);
    ann.draw(&by_number, puts(&["e"])).await;
    assert_eq!(ann.reach(&by_number, 4).await.shapes.len(), 5);
}

/// LM10
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readers_that_stand_still_in_a_join_hold_no_connection_and_get_their_board_later() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "room").await;
    let settings = NodeSettings { pool_size: 2, ..NodeSettings::default() };
    let node = TestNode::start_with(&database, &settings).await;
    let chaos = Chaos::before(Upstream::Tcp(node.address())).await;
    let sql = database.client().await;
    let fill = "insert into pgcanvas.shapes (room_id, id, kind, props)
        select $1, 's' || n, 'rectangle', jsonb_build_object('blob', repeat('x', 100000)) from generate_series(1, 100) n";
    let mut known = Client::connect_at(chaos.address(), Uuid::new_v4()).await;
    known.hello("Ann").await;
    known.join("room").await;
    known.leave("room").await;
    let mut new = Client::connect_at(chaos.address(), Uuid::new_v4()).await;
    new.hello("Ben").await;
    sql.execute(fill, &[&room]).await.unwrap();
    chaos.stand_still(&[Way::ToClient], true);
    for client in [&mut new, &mut known] {
        client.line().deadline = Duration::from_secs(60);
    }
    let joining = tokio::spawn(async move {
        tokio::join!(new.join("room"), known.rejoin("room"));
        [new, known]
    });
    for round in 0..5 {
        let asked = timeout(Duration::from_secs(10), get(node.address(), "/api/rooms/room/shapes?limit=1"));
        assert_eq!(asked.await.expect("a connection is free").status, 200, "round {round}");
    }
    sql.execute("update pgcanvas.shapes set x = 7 where room_id = $1 and id > 's5'", &[&room]).await.unwrap();
    sql.execute("delete from pgcanvas.shapes where room_id = $1 and id > 's8'", &[&room]).await.unwrap();
    chaos.stand_still(&[Way::ToClient], false);
    let mut clients = joining.await.unwrap();
    assert_all_see_the_table(&database, "room", &mut clients).await;
    node.stop().await;
}
