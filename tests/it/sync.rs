//! The same board on every screen (SY), and how a socket is spoken on (WS).

use super::support::client::{Board, Client, Told, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use bytes::Bytes;
use futures_util::SinkExt;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;
use uuid::Uuid;

/// How long bulks may take on a busy machine.
const BULK: Duration = Duration::from_secs(90);

/// One op on one of a few shapes, so that clients meet.
pub(crate) fn any_op(random: &mut StdRng) -> Value {
    let id = format!("s{}", random.random_range(0..12));
    match random.random_range(0..10) {
        0..3 => {
            json!({"op": "put", "shape": {"id": id, "kind": "freedraw", "x": random.random_range(-500..500),
            "points": [[0, 0], [random.random_range(0..99), 1.5]], "props": {"by": random.random_range(0..9)}}})
        }
        3..6 => json!({"op": "patch", "id": id, "set": {"y": random.random_range(-500..500),
            "props": {format!("p{}", random.random_range(0..4)): random.random_range(0..9)},
            "mood": random.random_range(0..3)}}),
        6 => json!({"op": "patch", "id": id, "set": {"text": null}, "unset": ["props.p1", "mood"]}),
        7..9 => json!({"op": "append", "id": id, "points": [[random.random_range(0..99), 2], [3, 4]]}),
        _ => json!({"op": "delete", "id": id}),
    }
}

/// A gesture of one to five ops.
pub(crate) fn any_ops(random: &mut StdRng) -> Value {
    (0..random.random_range(1..6)).map(|_| any_op(random)).collect()
}

/// Seeded, and the seed printed; `PGCANVAS_TEST_SEED` repeats one.
pub(crate) fn random() -> StdRng {
    let given = std::env::var("PGCANVAS_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed: u64 = given.unwrap_or_else(rand::random);
    println!("PGCANVAS_TEST_SEED={seed}");
    StdRng::seed_from_u64(seed)
}

/// Sends gestures, at most eight ahead of their answers; gives the client back.
pub(crate) async fn storm(mut client: Client, room: String, gestures: usize, mut random: StdRng) -> Client {
    for _ in 0..gestures {
        let op_id = client.ops(&room, any_ops(&mut random)).await;
        if op_id % 8 == 0 {
            client.acked(op_id).await;
        }
    }
    client.ping().await;
    client
}

/// WS1, SY1
#[tokio::test]
async fn what_one_draws_the_other_sees_on_another_node() {
    let database = TestDatabase::create().await;
    make_room(&database, "one").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "one").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "one").await;
    let ack =
        ann.draw("one", json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "x": 1}}])).await;
    assert_eq!((&ack["seq"], &ack["outcomes"]), (&json!(1), &json!(["applied"])));
    assert_eq!(ben.reach("one", 1).await.shape("a").unwrap()["x"], 1);
    ben.draw("one", json!([{"op": "patch", "id": "a", "set": {"x": 2}}])).await;
    assert_all_see_the_table(&database, "one", &mut [ann, ben]).await;
    for node in nodes {
        node.stop().await;
    }
}

/// SY2, SY3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_from_two_nodes_is_the_same_sequence_for_everyone() {
    let database = TestDatabase::create().await;
    make_room(&database, "storm").await;
    let nodes = TestNode::two(&database).await;
    let mut random = random();
    let mut writers = Vec::new();
    for number in 0..6 {
        writers.push(Client::joined(&nodes[number % 2], &format!("client {number}"), "storm").await);
    }
    let write = |client| {
        let random = StdRng::seed_from_u64(random.random());
        tokio::spawn(storm(client, "storm".to_owned(), 60, random))
    };
    let writers: Vec<_> = writers.into_iter().map(write).collect();
    let mut clients = Vec::new();
    for writer in writers {
        let mut client = writer.await.unwrap();
        let waiting: Vec<i64> = (1..=60).filter(|op_id| op_id % 8 != 0).collect();
        for op_id in waiting {
            let ack = client.acked(op_id).await;
            let (seq, me) = (ack["seq"].as_i64().unwrap(), client.client().to_string());
            client.reach("storm", seq).await;
            // A gesture that makes a shape and takes it away leaves nothing to tell.
            let mut mine =
                client.board("storm").batches.iter().filter(|told| told.client.as_ref() == Some(&me));
            let told = mine.find(|told| told.op_id == Some(op_id));
            assert!(told.is_none_or(|told| told.seq == seq), "{ack} was told as {told:?}");
        }
        clients.push(client);
    }
    assert_all_see_the_table(&database, "storm", &mut clients).await;
    let told = |client: &Client| -> Vec<Told> {
        let batches = &client.board("storm").batches;
        batches.iter().map(|told| Told { frames: 1, ..told.clone() }).collect()
    };
    let first = told(&clients[0]);
    for client in &clients {
        assert_eq!(told(client), first);
    }
}

/// SY4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_update_of_ten_thousand_and_a_copy_of_a_hundred_thousand_reach_everyone_whole() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "bulk").await;
    let nodes = TestNode::two(&database).await;
    let psql = database.client().await;
    let fill = "insert into pgcanvas.shapes (room_id, id, kind, x)
        select $1, 'old' || n, 'rectangle', n from generate_series(1, 10000) as n";
    psql.execute(fill, &[&number]).await.unwrap();
    let mut clients = Vec::new();
    for place in 0..4 {
        clients.push(Client::joined(&nodes[place % 2], "viewer", "bulk").await);
        clients[place].line().deadline = BULK;
    }
    assert_eq!(clients[0].board("bulk").shapes.len(), 10_000);

    psql.execute("update pgcanvas.shapes set x = x + 1, locked = true where room_id = $1", &[&number])
        .await
        .unwrap();
    let into = psql.copy_in("copy pgcanvas.shapes (room_id, id, kind, x, y) from stdin").await.unwrap();
    let mut into = Box::pin(into);
    for thousand in 0..100 {
        let mut rows = String::new();
        for n in thousand * 1_000..(thousand + 1) * 1_000 {
            writeln!(rows, "{number}\tnew{n}\tellipse\t{n}\t-{n}").unwrap();
        }
        into.send(Bytes::from(rows)).await.unwrap();
    }
    assert_eq!(into.as_mut().finish().await.unwrap(), 100_000);
    clients[0].draw("bulk", json!([{"op": "delete", "id": "new0"}])).await;

    let table = Board::of_table(&database, "bulk").await;
    for client in &mut clients {
        let board = client.reach("bulk", table.seq).await;
        board.assert_same(&table, "viewer");
        let [update, copy, last] = &board.batches[..] else { panic!("{:?}", board.batches) };
        assert_eq!((update.seq, update.count, copy.seq, copy.count, last.count), (2, 10_000, 3, 100_000, 1));
        assert!(update.frames > 1 && copy.frames > 10, "a bulk comes in parts");
        assert!(update.by.starts_with("sql:") && update.client.is_none() && update.op_id.is_none());
    }
}

/// SY5
#[tokio::test]
async fn a_batch_of_many_ops_is_seen_whole_by_everyone() {
    let database = TestDatabase::create().await;
    make_room(&database, "whole").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "whole").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "whole").await;
    let put = |n: i32| json!({"op": "put", "shape": {"id": format!("s{n}"), "kind": "text", "text": "x".repeat(1500)}});
    let ack = ann.draw("whole", (0..1000).map(put).collect()).await;
    assert_eq!(ack["outcomes"].as_array().unwrap().len(), 1000);
    let patch = |n: i32| json!({"op": "patch", "id": format!("s{n}"), "set": {"x": n + 1}});
    ann.draw("whole", (0..1000).map(patch).collect()).await;
    let board = ben.reach("whole", 2).await;
    let [puts, patches] = &board.batches[..] else { panic!("{:?}", board.batches) };
    assert_eq!((puts.count, patches.count), (1000, 1000));
    assert!(puts.frames > 1, "a batch beyond a frame comes in parts");
    assert_all_see_the_table(&database, "whole", &mut [ann, ben]).await;
}

/// SY6, WS4
#[tokio::test]
async fn one_bad_batch_in_a_storm_is_rejected_alone() {
    let database = TestDatabase::create().await;
    make_room(&database, "here").await;
    make_room(&database, "there").await;
    let nodes = TestNode::two(&database).await;
    let mut good = Client::joined(&nodes[0], "Good", "here").await;
    let mut bad = Client::joined(&nodes[0], "Bad", "here").await;
    let mut far = Client::joined(&nodes[0], "Far", "there").await;
    let mut other = Client::joined(&nodes[1], "Other", "here").await;
    let stroke = json!({"id": "stroke", "kind": "freedraw", "points": [[0, 0]]});
    good.draw("here", json!([{"op": "put", "shape": stroke}])).await;
    let (mut sound, mut unsound) = (Vec::new(), Vec::new());
    for n in 0..40 {
        let put = |who: &str| json!([{"op": "put", "shape": {"id": format!("{who}{n}"), "kind": "diamond"}}]);
        good.ops("here", put("good")).await;
        far.ops("there", put("far")).await;
        other.ops("here", put("other")).await;
        // The node cannot know how long the points of the stroke are: the database refuses.
        let half = json!([put("bad")[0], {"op": "append", "id": "stroke", "points": [[1, 2, 0.5]]}]);
        unsound.push(bad.ops("here", half).await);
        sound.push(bad.ops("here", put("sound")).await);
    }
    for n in 1..=40 {
        good.acked(n + 1).await;
        far.acked(n).await;
        other.acked(n).await;
    }
    for op_id in sound {
        assert_eq!(bad.acked(op_id).await["outcomes"], json!(["applied"]));
    }
    for op_id in unsound {
        let reject = bad.rejected(op_id).await;
        assert_eq!(reject["code"], "invalid");
        assert_eq!(reject["message"], "points: every point of a shape has the same length");
        let shown = reject["shapes"].as_array().unwrap();
        assert_eq!((shown.len(), &shown[0]["id"]), (1, &json!("stroke")), "the rows concerned as they are");
    }
    assert_all_see_the_table(&database, "here", &mut [good, bad, other]).await;
    let table = Board::of_table(&database, "here").await;
    assert_eq!(table.shapes.len(), 1 + 3 * 40);
    assert!(!table.shapes.keys().any(|id| id.starts_with("bad")));
    assert_all_see_the_table(&database, "there", &mut [far]).await;
    assert_eq!(nodes[0].metric(r#"pgcanvas_rejects_total{kind="invalid"}"#), 40);
}

/// WS5
#[tokio::test]
async fn the_same_batch_sent_again_gets_the_first_answer_and_changes_nothing() {
    let database = TestDatabase::create().await;
    make_room(&database, "again").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "again").await;
    let put = |x: i32| json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "x": x}}]);
    let first = ann.draw("again", put(1)).await;
    ann.draw("again", put(2)).await;
    // On the same node, with other ops under the same number.
    ann.ops_as("again", 1, put(3)).await;
    assert_eq!(ann.acked(1).await, first);
    // Twins in one go.
    ann.ops_as("again", 3, json!([{"op": "append", "id": "a", "points": [[0, 0]]}])).await;
    ann.ops_as("again", 3, json!([{"op": "append", "id": "a", "points": [[0, 0]]}])).await;
    assert_eq!(ann.acked(3).await, ann.acked(3).await);
    // On another node.
    ann.reach("again", 3).await;
    ann.reconnect(&nodes[1], "Ann").await;
    ann.rejoin("again").await;
    ann.ops_as("again", 1, put(4)).await;
    assert_eq!(ann.acked(1).await, first);
    let table = Board::of_table(&database, "again").await;
    let shape = table.shape("a").unwrap();
    assert_eq!((table.seq, &shape["x"], &shape["points"]), (3, &json!(2), &json!([[0, 0]])));
    assert_all_see_the_table(&database, "again", &mut [ann]).await;
}

/// SY7
#[tokio::test]
async fn a_reader_cannot_tell_whether_changes_rode_in_the_notice() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "edge").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "edge").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "edge").await;
    let psql = database.client().await;
    let put = |chars: usize| json!([{"op": "put", "shape": {"id": "t", "kind": "text", "text": "é".repeat(10) + &"x".repeat(chars)}}]);
    let delete = json!([{"op": "delete", "id": "t"}]);
    // What the notice of a put weighs beside its text, all seqs and numbers having one digit.
    ann.draw("edge", put(0)).await;
    let weigh = "select octet_length(pgcanvas.notice_payload($1, 0, 1))";
    let bare: i32 = psql.query_one(weigh, &[&number]).await.unwrap().get(0);
    let bare = usize::try_from(bare).unwrap();
    ann.draw("edge", delete.clone()).await;
    for (place, bytes) in [7_998, 7_999, 8_000].into_iter().enumerate() {
        let before = nodes[1].metric(r#"pgcanvas_notices_total{kind="bell"}"#);
        let ack = ann.draw("edge", put(bytes - bare)).await;
        assert_eq!(ack["seq"], 3 + 2 * place);
        ben.reach("edge", ack["seq"].as_i64().unwrap()).await;
        let bells = nodes[1].metric(r#"pgcanvas_notices_total{kind="bell"}"#) - before;
        assert_eq!(bells, u64::from(bytes > 7_999), "a notice of {bytes} bytes");
        ann.draw("edge", delete.clone()).await;
    }
    ann.draw("edge", put(8_001 - bare)).await;
    ben.reach("edge", 9).await;
    let (of_ann, of_ben) = (ann.reach("edge", 9).await, ben.board("edge"));
    assert_eq!(of_ann.batches, of_ben.batches);
    assert_all_see_the_table(&database, "edge", &mut [ann, ben]).await;
}

/// SY9
#[tokio::test]
async fn what_is_committed_together_is_fetched_by_nobody() {
    let database = TestDatabase::create().await;
    make_room(&database, "busy").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "busy").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "busy").await;
    ann.draw("busy", json!([{"op": "put", "shape": {"id": "first", "kind": "text"}}])).await;
    for person in [&mut ann, &mut ben] {
        person.reach("busy", 1).await; // the room is hosted
    }
    let fetches = || nodes.each_ref().map(|node| node.metric("pgcanvas_fetches_total"));
    let before = fetches();
    for round in 0..3 {
        for n in 0..80 {
            let shape =
                json!({"id": format!("s{n}"), "kind": "text", "text": format!("{round}{}", "x".repeat(80))});
            ann.ops("busy", json!([{"op": "put", "shape": shape}])).await;
        }
        ann.reach("busy", 81 + 80 * round).await;
    }
    ben.reach("busy", 241).await;
    assert_eq!(fetches(), before);
    assert_all_see_the_table(&database, "busy", &mut [ann, ben]).await;
}

/// SY8
#[tokio::test]
async fn a_stroke_of_twenty_thousand_points_is_drawn_whole_or_grown() {
    let database = TestDatabase::create().await;
    make_room(&database, "long").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "long").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "long").await;
    let points = |from: i32, to: i32| -> Value {
        (from..to).map(|n| json!([f64::from(n) * 0.5, f64::from(n % 77) + 0.25, 0.5])).collect()
    };
    let whole = json!({"id": "whole", "kind": "freedraw", "points": points(0, 20_000)});
    ann.draw("long", json!([{"op": "put", "shape": whole}])).await;
    let grown = json!({"id": "grown", "kind": "freedraw", "points": points(0, 500)});
    ann.draw("long", json!([{"op": "put", "shape": grown}])).await;
    for part in 1..40 {
        let tail = points(part * 500, (part + 1) * 500);
        ann.ops("long", json!([{"op": "append", "id": "grown", "points": tail}])).await;
    }
    for op_id in 3..=41 {
        ann.acked(op_id).await;
    }
    let board = ben.reach("long", 41).await;
    assert_eq!(board.shape("whole").unwrap()["points"], board.shape("grown").unwrap()["points"]);
    assert!(board.batches[2].changes.len() < 2_000, "an append costs its tail: {}", board.batches[2].changes);
    assert_all_see_the_table(&database, "long", &mut [ann, ben]).await;
}

/// WS2, WS3
#[tokio::test]
async fn a_socket_says_hello_pings_leaves_and_asks_for_what_is_not_there() {
    let database = TestDatabase::create().await;
    make_room(&database, "here").await;
    let node = TestNode::start(&database).await;
    let mut ann = Client::connect_as(&node, Uuid::from_u128(7)).await;
    let welcome = ann.hello("Ann").await;
    assert_eq!((&welcome["protocol"], &welcome["user"]["name"]), (&json!(1), &json!("Ann")));
    assert_eq!(welcome["limits"]["max_frame_bytes"], 2 * 1024 * 1024);
    ann.ping().await;
    ann.send(&json!({"type": "join", "room": "nowhere"})).await;
    let error = ann.error().await;
    assert_eq!((&error["code"], &error["room"]), (&json!("not_found"), &json!("nowhere")));
    let op_id = ann.ops("nowhere", json!([{"op": "delete", "id": "a"}])).await;
    assert_eq!(ann.rejected(op_id).await["code"], "not_found");
    ann.join("here").await;
    ann.leave("here").await;
    let mut again = Client::connect_as(&node, Uuid::from_u128(7)).await;
    assert_eq!(again.hello("Ann").await["session"], welcome["session"], "a device keeps its session");
}
