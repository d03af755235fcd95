//! Who is in a room (PR).

use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::server::retried;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::Instant;

/// How long somebody whose socket ended keeps the place.
const GRACE: Duration = Duration::from_secs(5);

async fn scene() -> (TestDatabase, [TestNode; 2]) {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let nodes = TestNode::two(&database).await;
    (database, nodes)
}

/// The session's name, the same on every node.
async fn enter(node: &TestNode, name: &str) -> (Client, String) {
    let mut client = Client::connect(node).await;
    let session = client.hello(name).await["session"].as_str().unwrap().to_owned();
    client.join("room").await;
    (client, session)
}

async fn tell(client: &mut Client, state: Value) {
    client.send(&json!({"type": "presence", "room": "room", "state": state})).await;
}

fn peer<'a>(frame: &'a Value, session: &str) -> Option<&'a Value> {
    frame["peers"].as_array()?.iter().find(|peer| peer["session"] == session)
}

fn has_left(frame: &Value, session: &str) -> bool {
    frame["left"].as_array().is_some_and(|left| left.iter().any(|one| one == session))
}

/// Waits for a frame with a state of the peer that satisfies; gives the peer, and what the board had come to then. The frame is left
/// for further questions: it may tell of others too.
async fn sees(client: &mut Client, session: &str, wanted: impl Fn(&Value) -> bool) -> (Value, i64) {
    let tells = |frame: &Value| peer(frame, session).is_some_and(|peer| wanted(&peer["state"]));
    client.until(&format!("presence of {session}"), |client| client.unread().iter().any(tells)).await;
    let frame = client.unread().iter().find(|frame| tells(frame)).unwrap();
    (peer(frame, session).unwrap().clone(), frame["board_seq"].as_i64().unwrap())
}

/// PR1
#[tokio::test]
async fn who_joins_is_seen_on_the_other_node_with_name_and_colour() {
    let (_database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, of_ben) = enter(&nodes[1], "Ben").await;
    let (peer_ann, _) = sees(&mut ben, &of_ann, |_| true).await;
    let (peer_ben, _) = sees(&mut ann, &of_ben, |_| true).await;
    assert_eq!((&peer_ann["name"], &peer_ben["name"]), (&json!("Ann"), &json!("Ben")));
    assert!(peer_ann["color"].as_str().unwrap().starts_with('#'));
    tell(&mut ann, json!({"cursor": [1, 2], "tool": "pen"})).await;
    let (moved, _) = sees(&mut ben, &of_ann, |state| state["cursor"] == json!([1, 2])).await;
    assert_eq!((&moved["color"], &moved["state"]["tool"]), (&peer_ann["color"], &json!("pen")));
    for n in 0..200 {
        tell(&mut ann, json!({"cursor": [n, n]})).await;
    }
    sees(&mut ben, &of_ann, |state| state["cursor"] == json!([199, 199])).await;
}

/// PR2
#[tokio::test]
async fn a_newcomer_sees_who_is_there() {
    let (database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, of_ben) = enter(&nodes[1], "Ben").await;
    tell(&mut ann, json!({"cursor": [1, 2]})).await;
    sees(&mut ben, &of_ann, |state| state["cursor"] == json!([1, 2])).await;
    for node in &nodes {
        let (mut new, of_new) = enter(node, "New").await;
        sees(&mut new, &of_ann, |state| state["cursor"] == json!([1, 2])).await;
        sees(&mut new, &of_ben, |_| true).await;
        sees(&mut ann, &of_new, |_| true).await;
    }
    // A node that hosts the room only now asks the others.
    let late = TestNode::start(&database).await;
    let (mut new, _) = enter(&late, "Late").await;
    sees(&mut new, &of_ann, |state| state["cursor"] == json!([1, 2])).await;
    sees(&mut new, &of_ben, |_| true).await;
}

/// PR3
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_never_arrives_before_what_was_drawn_under_it() {
    let (_database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, _) = enter(&nodes[1], "Ben").await;
    for n in 1..=60 {
        // Large ones do not ride in the notice: they take longer than the cursor would.
        let text = "x".repeat(if n % 3 == 0 { 9_000 } else { 10 });
        let shape = json!({"id": format!("s{n}"), "kind": "text", "text": text});
        ann.ops("room", json!([{"op": "put", "shape": shape}])).await;
        tell(&mut ann, json!({"drawn": n})).await;
        if n % 5 == 0 {
            // States are merged, but the last always comes.
            sees(&mut ben, &of_ann, |state| state["drawn"] == n).await;
        }
    }
    for frame in ben.unread() {
        let drawn = peer(frame, &of_ann).and_then(|peer| peer["state"]["drawn"].as_i64());
        assert!(frame["board_seq"].as_i64() >= drawn, "{frame}");
    }
}

/// PR4
#[tokio::test]
async fn who_leaves_has_left_at_once() {
    let (_database, nodes) = scene().await;
    let (mut ben, _) = enter(&nodes[1], "Ben").await;
    // Whose socket ended keeps the place for the grace; who leaves later has left before. A machine that stands still for as long as the grace
    // may spoil a round, but not each: were leaving to wait as well, the other one would always be first.
    for _ in 0..5 {
        let [(mut ann, of_ann), (mut cal, of_cal)] =
            [enter(&nodes[0], "Ann").await, enter(&nodes[0], "Cal").await];
        for session in [&of_ann, &of_cal] {
            sees(&mut ben, session, |_| true).await;
        }
        cal.hang_up().await;
        let is_noticed = || async { if nodes[0].metric("pgcanvas_sockets") == 1 { Ok(()) } else { Err(()) } };
        assert!(retried(GRACE * 6, is_noticed).await.is_ok(), "the node notices that a socket ended");
        ann.leave("room").await;
        ben.until("who left", |ben| ben.unread().iter().any(|frame| has_left(frame, &of_ann))).await;
        let until_then = ben.unread().iter().position(|frame| has_left(frame, &of_ann)).unwrap();
        let is_first = !ben.unread()[..=until_then].iter().any(|frame| has_left(frame, &of_cal));
        tell(&mut ann, json!({"cursor": [0, 0]})).await;
        let error = ann.error().await;
        assert_eq!((&error["code"], &error["room"]), (&json!("not_found"), &json!("room")));
        ann.hang_up().await;
        if is_first {
            return;
        }
        let are_gone = || async { if nodes[0].metric("pgcanvas_sockets") == 0 { Ok(()) } else { Err(()) } };
        assert!(retried(GRACE * 6, are_gone).await.is_ok(), "the node notices that both are gone");
    }
    panic!("whose socket ended before is always gone first: who leaves is not gone at once");
}

/// PR5
#[tokio::test]
async fn whose_socket_ends_has_left_after_the_grace() {
    let (_database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, _) = enter(&nodes[1], "Ben").await;
    sees(&mut ben, &of_ann, |_| true).await;
    let begun = Instant::now();
    ann.hang_up().await;
    ben.expect(|frame| has_left(frame, &of_ann)).await;
    let waited = begun.elapsed();
    assert!((GRACE.mul_f64(0.98)..GRACE * 2).contains(&waited), "{waited:?}");
}

/// Somebody whose socket ended comes back, on the same node, on another, on another before the old node has noticed; a second
/// person's leaving, which takes longer than the grace, shows that nothing was told in between.
async fn comes_back(back_to: usize, before: bool) {
    let (_database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, _) = enter(&nodes[1], "Ben").await;
    tell(&mut ann, json!({"cursor": [5, 5]})).await;
    sees(&mut ben, &of_ann, |state| state["cursor"] == json!([5, 5])).await;
    let mut again = if before {
        let mut again = Client::connect_as(&nodes[back_to], ann.client()).await;
        again.hello("Ann").await;
        again.join("room").await;
        tell(&mut again, json!({"cursor": [6, 6]})).await;
        sees(&mut ben, &of_ann, |state| state["cursor"] == json!([6, 6])).await;
        ann.hang_up().await;
        again
    } else {
        ann.reconnect(&nodes[back_to], "Ann").await;
        ann.rejoin("room").await;
        ann
    };
    let (mut witness, of_witness) = enter(&nodes[0], "Witness").await;
    sees(&mut ben, &of_witness, |_| true).await;
    witness.hang_up().await;
    let last = ben.expect(|frame| has_left(frame, &of_witness)).await;
    let flicker = ben.unread().iter().chain([&last]).find(|frame| has_left(frame, &of_ann));
    assert_eq!(flicker, None);
    tell(&mut again, json!({"cursor": [7, 7]})).await;
    sees(&mut ben, &of_ann, |state| state["cursor"] == json!([7, 7])).await;
}

/// PR6
#[tokio::test]
async fn who_comes_back_to_the_same_node_within_the_grace_keeps_the_place() {
    comes_back(0, false).await;
}

/// PR6
#[tokio::test]
async fn who_comes_back_to_another_node_within_the_grace_keeps_the_place() {
    comes_back(1, false).await;
}

/// PR6
#[tokio::test]
async fn who_is_on_another_node_before_the_old_one_notices_keeps_the_place() {
    comes_back(1, true).await;
}

/// PR7
#[tokio::test]
async fn presence_that_is_too_large_or_no_object_is_refused_alone() {
    let (_database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, _) = enter(&nodes[1], "Ben").await;
    for (state, code) in [(json!({"blob": "x".repeat(3_000)}), "too_large"), (json!([1]), "invalid")] {
        tell(&mut ann, state).await;
        let error = ann.error().await;
        assert_eq!((&error["code"], &error["room"]), (&json!(code), &json!("room")));
        assert!(error["message"].as_str().unwrap().starts_with("state: "), "{error}");
    }
    tell(&mut ann, json!({"cursor": [1, 1]})).await;
    sees(&mut ben, &of_ann, |state| state["cursor"] == json!([1, 1])).await;
}

/// PR5
#[tokio::test]
async fn who_did_not_get_back_in_has_left_after_the_grace() {
    let (database, nodes) = scene().await;
    let (mut ann, of_ann) = enter(&nodes[0], "Ann").await;
    let (mut ben, _) = enter(&nodes[1], "Ben").await;
    sees(&mut ben, &of_ann, |_| true).await;
    let psql = database.client().await;
    psql.batch_execute("alter function pgcanvas.room_snapshot rename to away").await.unwrap();
    ann.send(&json!({"type": "join", "room": "room"})).await;
    assert_eq!(ann.error().await["code"], "unavailable");
    psql.batch_execute("alter function pgcanvas.away rename to room_snapshot").await.unwrap();
    ann.hang_up().await;
    ben.expect(|frame| has_left(frame, &of_ann)).await;
}
