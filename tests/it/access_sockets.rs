//! Who is on a socket (AC).

use super::support::access::{Caller, token};
use super::support::client::{Client, Line, SeedClient, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use serde_json::{Value, json};
use uuid::Uuid;

fn hello(token: Option<&str>) -> String {
    let mut hello = json!({"type": "hello", "protocol": 1, "client": Uuid::new_v4()});
    if let Some(token) = token {
        hello["token"] = json!(token);
    }
    hello.to_string()
}

/// Says hello; gives the first frame.
async fn greeted(mut line: Line, token: Option<&str>) -> (Value, Line) {
    line.send(&hello(token)).await;
    let frame = line.next("an answer to hello").await;
    (serde_json::from_str(&frame).unwrap(), line)
}

/// A refusal, then 4401.
async fn assert_refused(answered: (Value, Line), what: &str) {
    let (frame, mut line) = answered;
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!("unauthorized")), "{what}");
    assert_eq!(line.closed().await.0, Some(4401), "{what}");
}

/// AC4
#[tokio::test]
async fn a_token_comes_by_four_roads_and_the_first_that_is_there_counts() {
    let database = TestDatabase::create().await;
    let [one, node] = TestNode::two(&database).await;
    let [ann, bob] =
        [Caller::signed_up(one.address(), "ann").await, Caller::signed_up(one.address(), "bob").await];
    let (ann, bob) = (ann.token.unwrap(), bob.token.unwrap());
    let url = format!("ws://{}/ws", node.address());
    let bearer = format!("Bearer {ann}");
    let offered = format!("pgcanvas.v1, bearer.{ann}");
    let with_ann = format!("{url}?token={ann}");
    let with_bob = format!("{url}?token={bob}");
    let roads = [
        ("header", Line::open_with(&with_bob, &[("authorization", &bearer)]).await, Some(bob.as_str())),
        (
            "subprotocol",
            Line::open_with(&with_bob, &[("sec-websocket-protocol", &offered)]).await,
            Some(&bob),
        ),
        ("address", Line::open(&with_ann).await, Some(&bob)),
        ("hello", Line::open(&url).await, Some(&ann)),
        // Somebody else's scheme, such as a proxy's, is none.
        ("basic", Line::open_with(&with_ann, &[("authorization", "Basic YTpi")]).await, None),
    ];
    for (road, line, token) in roads {
        let (welcome, _line) = greeted(line, token).await;
        assert_eq!(welcome["user"], json!({"id": "ann", "name": "ANN"}), "{road}");
    }
    let (guest, _line) = greeted(Line::open(&url).await, None).await;
    assert!(guest["user"]["id"].as_str().unwrap().starts_with("guest-"));
    let mut named = Line::open(&url).await;
    named
        .send(
            &json!({"type": "hello", "protocol": 1, "client": Uuid::new_v4(), "name": "Annie", "token": ann})
                .to_string(),
        )
        .await;
    let welcome: Value = serde_json::from_str(&named.next("welcome").await).unwrap();
    assert_eq!(
        welcome["user"],
        json!({"id": "ann", "name": "Annie"}),
        "called as they like, known as they are"
    );
}

/// AC4, AC13
#[tokio::test]
async fn a_token_that_does_not_count_ends_the_socket_with_4401() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let ann = Caller::signed_up(node.address(), "ann").await.token.unwrap();
    let url = format!("ws://{}/ws", node.address());
    let long = "x".repeat(4096);
    for token in ["x", "pgcs_", "é✓", "' or 1=1", &long, &ann.to_uppercase(), &ann[..68]] {
        assert_refused(greeted(Line::open(&url).await, Some(token)).await, token).await;
    }
    let bad = Line::open_with(&url, &[("authorization", "Bearer nonsense")]).await;
    assert_refused(greeted(bad, Some(&ann)).await, "a bad one first").await;
    let bad = Line::open_with(&url, &[("sec-websocket-protocol", "pgcanvas.v1, bearer.nonsense")]).await;
    assert_refused(greeted(bad, Some(&ann)).await, "a bad one first").await;
    let bad = Line::open(&format!("{url}?token=nonsense")).await;
    assert_refused(greeted(bad, Some(&ann)).await, "a bad one first").await;
    assert_eq!(node.metric("pgcanvas_closes_total{kind=\"4401\"}"), 10);
    node.stop().await;
}

/// AC4
#[tokio::test]
async fn a_client_of_the_older_system_is_who_its_token_says_or_a_guest() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let ann = Caller::signed_up(node.address(), "ann").await;
    make_room(&database, "design").await;
    let shape = json!({"id": "s1", "type": "rect", "x": 1, "y": 2, "width": 3, "height": 4});
    let chat = json!({"type": "chat", "roomId": "design", "message": json!({"shape": shape}).to_string()})
        .to_string();
    let mut guest = SeedClient::joined(&node, "design").await; // with a token of the older system
    let mut line =
        Line::open(&format!("ws://{}/?token={}", node.address(), ann.token.as_ref().unwrap())).await;
    line.send(&chat).await;
    guest.sees("design", "s1").await;
    let by: String = database
        .client()
        .await
        .query_one("select author from pgcanvas.shape_changes", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(by, "ann");
    let mut bad = Line::open(&format!("ws://{}/?token=pgcs_{}", node.address(), "0".repeat(64))).await;
    bad.send(&chat).await;
    let frame: Value = serde_json::from_str(&bad.next("a refusal").await).unwrap();
    assert_refused((frame, bad), "a token of ours that does not count").await;
    node.stop().await;
}

/// AC4
#[tokio::test]
async fn whether_a_token_counts_is_not_guessed_while_the_database_is_away() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let ann = Caller::signed_up(node.address(), "ann").await;
    let client = database.client().await;
    client.batch_execute("alter table pgcanvas.sign_ins rename to away").await.unwrap();
    let line = Line::open(&format!("ws://{}/ws", node.address())).await;
    let (frame, mut line) = greeted(line, ann.token.as_deref()).await;
    assert_eq!((&frame["type"], &frame["code"]), (&json!("error"), &json!("unavailable")));
    assert_eq!(line.closed().await.0, Some(4500), "come back later, signed in still");
    assert_eq!(ann.get(node.address(), "/api/me").await.status, 503);
    Client::connect(&node).await.hello("guests need no sign-in").await;
    client.batch_execute("alter table pgcanvas.away rename to sign_ins").await.unwrap();
    node.stop().await;
}

/// AC9
#[tokio::test]
async fn a_link_counts_no_more_when_a_join_without_it_was_refused() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let ann = Caller::signed_up(node.address(), "ann").await;
    ann.make_room(node.address(), "design", "private").await;
    let link = ann.make_link(node.address(), "design", "editor").await;
    let mut guest = Client::connect(&node).await;
    guest.hello("Guest").await;
    guest.join_with(json!({"type": "join", "room": "design", "link": token(&link)})).await;
    let put = |id: &str| json!([{"op": "put", "shape": {"id": id, "kind": "line"}}]);
    guest.draw("design", put("a")).await;
    guest.send(&json!({"type": "join", "room": "design"})).await;
    assert_eq!(guest.error().await["code"], "not_found");
    let op_id = guest.ops("design", put("b")).await;
    assert_eq!(guest.rejected(op_id).await["code"], "not_found");
    node.stop().await;
}
