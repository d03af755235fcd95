//! Two things at once, in an order that is made sure of (IL).

use super::support::chaos::{Chaos, Upstream, Way};
use super::support::client::{Board as Table, Client, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::server::retried;
use pgcanvas::client::{Board, News};
use pgcanvas::protocol::Limits;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use uuid::Uuid;

/// More than all buffers between a node and a reader that has stopped take up.
const FILL: &str = "insert into pgcanvas.shapes (room_id, id, kind, props)
    select $1, 't' || n, 'text', jsonb_build_object('pad', repeat('x', 500000)) from generate_series(1, 60) as n";

fn put(id: &str) -> Value {
    json!([{"op": "put", "shape": {"id": id, "kind": "rectangle"}}])
}

async fn busy(node: &TestNode, times: u64) {
    let tried = retried(Duration::from_secs(10), || async {
        let count = node.metric("pgcanvas_retries_total{kind=\"busy\"}");
        if count > times { Ok(()) } else { Err(count) }
    });
    assert_eq!(tried.await, Ok(()), "the held room is tried");
}

/// IL1
#[tokio::test]
async fn a_patch_behind_a_delete_finds_nothing_and_a_delete_behind_a_patch_takes_it_along() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    let mut people =
        [Client::joined(&nodes[0], "Ann", "room").await, Client::joined(&nodes[1], "Ben", "room").await];
    let (patch, delete) =
        (json!([{"op": "patch", "id": "a", "set": {"x": 5}}]), json!([{"op": "delete", "id": "a"}]));
    let orders = [
        ("delete from pgcanvas.shapes where id = 'a'", &patch, "gone"),
        ("update pgcanvas.shapes set y = 7 where id = 'a'", &delete, "applied"),
    ];
    for (first, second, outcome) in orders {
        people[0].draw("room", put("a")).await;
        let mut holder = database.client().await;
        let hold = holder.transaction().await.unwrap();
        assert_eq!(hold.execute(first, &[]).await.unwrap(), 1);
        let before = nodes[0].metric("pgcanvas_retries_total{kind=\"busy\"}");
        let op_id = people[0].ops("room", second.clone()).await;
        busy(&nodes[0], before).await;
        hold.commit().await.unwrap();
        assert_eq!(people[0].acked(op_id).await["outcomes"], json!([outcome]), "{first}");
        assert!(Table::of_table(&database, "room").await.shape("a").is_none(), "{first}");
    }
    assert_all_see_the_table(&database, "room", &mut people).await;
}

/// IL1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_delete_and_a_patch_at_the_same_moment_on_two_nodes_leave_nothing_and_say_who_came_first() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "room").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "room").await;
    for round in 0..40 {
        ann.draw("room", put("a")).await;
        let patch = json!([{"op": "patch", "id": "a", "set": {"x": round + 1}}]);
        let (patched, deleted) = tokio::join!(
            async {
                let op_id = ann.ops("room", patch).await;
                ann.acked(op_id).await
            },
            async {
                let op_id = ben.ops("room", json!([{"op": "delete", "id": "a"}])).await;
                ben.acked(op_id).await
            }
        );
        assert_eq!(deleted["outcomes"], json!(["applied"]));
        let (patched_at, deleted_at) = (patched["seq"].as_i64().unwrap(), deleted["seq"].as_i64().unwrap());
        // What changed nothing is answered with the room's seq, which is that of the delete by then.
        let (outcome, distance) = if patched_at < deleted_at { ("applied", 1) } else { ("gone", 0) };
        assert_eq!(
            (patched["outcomes"].clone(), (patched_at - deleted_at).abs()),
            (json!([outcome]), distance)
        );
    }
    assert!(Table::of_table(&database, "room").await.shapes.is_empty());
    assert_all_see_the_table(&database, "room", &mut [ann, ben]).await;
}

/// Takes in one frame, and sends what follows from it; gives the joins that became whole, and whether they replaced the board.
async fn hear(socket: &mut Client, board: &mut Board, now_ms: &mut u64) -> Vec<(i64, bool)> {
    let frame = socket.line().next("a join").await;
    let news = board.receive(frame.as_str(), *now_ms).unwrap();
    // No pause is waited for.
    *now_ms += 10_000;
    for frame in board.outgoing(*now_ms) {
        socket.send(&frame).await;
    }
    let joined =
        |news| if let News::Joined { seq, snapshot, .. } = news { Some((seq, snapshot)) } else { None };
    news.into_iter().filter_map(joined).collect()
}

/// IL2, JN4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_resumes_too_slowly_while_the_log_is_pruned_is_told_so_and_gets_the_board() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    let chaos = Chaos::before(Upstream::Tcp(nodes[0].address())).await;
    let device = Uuid::new_v4();
    let (mut board, mut now_ms) = (Board::new(device, "room"), 0);
    let sql = database.client().await;
    // An empty board, so that all that follows is a difference.
    let mut socket = Client::connect_at(chaos.address(), device).await;
    socket.hello("Ann").await;
    board.connected(Limits::default());
    for frame in board.outgoing(now_ms) {
        socket.send(&frame).await;
    }
    while hear(&mut socket, &mut board, &mut now_ms).await.is_empty() {}
    socket.hang_up().await;
    board.disconnected();
    sql.execute(FILL, &[&room]).await.unwrap();
    // Asks to resume, and reads nothing of the answer; of a node that remembers nothing of the room.
    chaos.lead_to(Upstream::Tcp(nodes[1].address()));
    let mut socket = Client::connect_at(chaos.address(), device).await;
    socket.hello("Ann").await;
    chaos.stand_still(&[Way::ToClient], true);
    board.connected(Limits::default());
    for frame in board.outgoing(now_ms) {
        socket.send(&frame).await;
    }
    let stuck = "select count(*) from pg_stat_activity where datname = current_database()
        and query like '%room_delta(%' and pid <> pg_backend_pid() and state = 'active' and wait_event = 'ClientWrite'";
    let begun = retried(Duration::from_secs(15), || async {
        match sql.query_one(stuck, &[]).await.unwrap().get::<_, i64>(0) {
            0 => Err(()),
            _ => Ok(()),
        }
    });
    assert_eq!(begun.await, Ok(()), "the difference is on its way and stands still");
    sql.execute("update pgcanvas.shapes set x = 3 where room_id = $1 and id < 't3'", &[&room]).await.unwrap();
    let pruned =
        sql.query("select min_since from pgcanvas.prune_history('room', null, 0)", &[]).await.unwrap();
    assert_eq!(pruned[0].get::<_, i64>(0), 2);
    chaos.stand_still(&[Way::ToClient], false);
    let mut joins = Vec::new();
    while joins.is_empty() {
        joins.extend(hear(&mut socket, &mut board, &mut now_ms).await);
    }
    assert_eq!(joins, [(2, true)], "the difference broke off where the log was gone: then the board");
    let shown: BTreeMap<String, String> =
        board.confirmed().iter().map(|(id, shape)| (id.clone(), json!(shape).to_string())).collect();
    assert!(shown == Table::of_table(&database, "room").await.shapes, "the table");
    for node in nodes {
        node.stop().await;
    }
}
