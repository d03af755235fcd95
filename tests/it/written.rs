//! What a node has written itself, and what others write meanwhile (SY9).

use super::support::client::{Client, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use pgcanvas::model::RoomId;
use serde_json::{Value, json};
use std::time::Duration;

/// So many rectangles in one batch that no notice carries them.
fn many(round: i64) -> Value {
    let put = |n: i64| json!({"op": "put", "shape": {"id": format!("s{n}"), "kind": "rectangle", "x": n, "y": round}});
    Value::Array((0..200).map(put).collect())
}

fn fetches(node: &TestNode) -> u64 {
    node.metric("pgcanvas_fetches_total")
}

/// SY9
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_node_has_written_it_tells_without_fetching() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "room").await;
    let mut ben = Client::joined(&nodes[0], "Ben", "room").await;
    let mut cem = Client::joined(&nodes[1], "Cem", "room").await;
    ann.draw("room", many(0)).await;
    for person in [&mut ann, &mut ben, &mut cem] {
        person.reach("room", 1).await; // the room is hosted
    }
    let before = nodes.each_ref().map(fetches);
    for round in 2..=31 {
        ann.draw("room", many(round)).await;
        ben.reach("room", round).await;
    }
    cem.reach("room", 31).await;
    assert_eq!(fetches(&nodes[0]), before[0], "the node that wrote");
    assert!(fetches(&nodes[1]) > before[1], "the other has the notices alone");
    assert_all_see_the_table(&database, "room", &mut [ann, ben, cem]).await;
}

/// SY9
#[tokio::test]
async fn a_transaction_that_does_not_end_holds_up_nobody_else_s_changes() {
    let database = TestDatabase::create().await;
    let number = RoomId::new(make_room(&database, "room").await).unwrap();
    let node = TestNode::start(&database).await;
    let mut ben = Client::joined(&node, "Ben", "room").await;
    ben.line().deadline = Duration::from_secs(5); // less than any sign of life takes to come again
    ben.draw("room", many(0)).await;
    ben.reach("room", 1).await; // the room is hosted
    let writing = node.node().rooms.begin_writing([number, number].into_iter());
    let psql = database.client().await;
    for round in 2..=4 {
        let row = format!("{number}, {round} || '-' || n, 'text'");
        let rows = format!("select {row} from generate_series(1, 100) n");
        psql.batch_execute(&format!("insert into pgcanvas.shapes (room_id, id, kind) {rows}")).await.unwrap();
        ben.reach("room", round).await;
    }
    assert_all_see_the_table(&database, "room", &mut [ben]).await;
    drop(writing);
}

/// SY9, PR3
#[tokio::test]
async fn nothing_overtakes_changes_that_are_awaited() {
    let database = TestDatabase::create().await;
    let number = RoomId::new(make_room(&database, "room").await).unwrap();
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "room").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "room").await;
    ann.draw("room", many(0)).await;
    ben.reach("room", 1).await; // the room is hosted
    let _writing = nodes[1].node().rooms.begin_writing([number].into_iter());
    for round in 2..=6 {
        ann.draw("room", many(round)).await;
        ann.send(&json!({"type": "presence", "room": "room", "state": {"drawn": round}})).await;
        let told = |frame: &Value| {
            frame["peers"]
                .as_array()
                .is_some_and(|peers| peers.iter().any(|peer| peer["state"]["drawn"] == round))
        };
        let frame = ben.expect(told).await;
        assert!(frame["board_seq"].as_i64() >= Some(round), "{frame}");
    }
}
