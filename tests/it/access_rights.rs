//! Rights that change (AC).

use super::support::access::{Caller, token};
use super::support::client::{Client, Line, SeedClient, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::server::retried;
use serde_json::{Value, json};
use std::time::Duration;

fn put(id: &str) -> Value {
    json!([{"op": "put", "shape": {"id": id, "kind": "rectangle"}}])
}

/// A client that is in the room by a link.
async fn joined_by(node: &TestNode, link: &Value) -> Client {
    let mut client = Client::connect(node).await;
    client.hello("by link").await;
    client.join_with(json!({"room": "design", "link": token(link)})).await;
    client
}

/// The socket is sent away and may come back.
async fn assert_sent_away(client: &mut Client, what: &str) {
    assert_eq!(client.line().closed().await.0, Some(1001), "{what}");
}

/// AC9, AC11
#[tokio::test]
async fn whoever_came_by_a_link_that_is_taken_back_goes_at_once_on_the_other_node() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let ann = Caller::signed_up(one.address(), "ann").await;
    ann.make_room(one.address(), "design", "private").await;
    let link = ann.make_link(one.address(), "design", "editor").await;
    let mut guest = joined_by(&two, &link).await;
    assert_eq!(guest.draw("design", put("a")).await["seq"], 1);
    let by_number = guest
        .ops(&ann.get(one.address(), "/api/rooms/design").await.json()["id"].to_string(), put("b"))
        .await;
    guest.acked(by_number).await; // the room by its other name: the link still counts
    let path = format!("/api/rooms/design/links/{}", link["id"].as_str().unwrap());
    assert_eq!(ann.delete(one.address(), &path).await.status, 204);
    assert_sent_away(&mut guest, "its link was taken back").await;
    guest.reconnect(&two, "again").await;
    guest.send(&json!({"type": "join", "room": "design", "link": token(&link)})).await;
    assert_eq!(guest.error().await["code"], "not_found");
    assert_eq!(ann.delete(one.address(), &path).await.refusal().0, 404);
    let by_link = Caller::guest().with_link(token(&link));
    assert_eq!(by_link.get(two.address(), "/api/rooms/design").await.status, 404);
}

/// AC9
#[tokio::test]
async fn every_change_sends_everybody_away_on_every_node_to_ask_anew() {
    let database = TestDatabase::create().await;
    let nodes = TestNode::two(&database).await;
    let address = nodes[0].address();
    let ann = Caller::signed_up(address, "ann").await;
    let bob = Caller::signed_up(address, "bob").await;
    ann.make_room(address, "design", "open").await;
    ann.make_room(address, "other", "open").await;
    let mut elsewhere = Client::joined(&nodes[1], "elsewhere", "other").await;
    for (method, path, body, role) in [
        ("PUT", "/members/bob", r#"{"role":"viewer"}"#, "editor"),
        ("PATCH", "", r#"{"visibility":"readable"}"#, "viewer"),
        ("PUT", "/members/bob", r#"{"role":"editor"}"#, "editor"),
        ("DELETE", "/members/bob", "", "viewer"),
        ("PATCH", "", r#"{"visibility":"open"}"#, "editor"),
    ] {
        let mut clients = Vec::new();
        for node in &nodes {
            let mut client = Client::signed_in(node, bob.token.as_ref().unwrap()).await;
            client.join("design").await;
            clients.push(client);
        }
        let mut old = Line::open(&format!("ws://{}/", nodes[1].address())).await;
        old.send(&json!({"type": "join_room", "roomId": "design"}).to_string()).await;
        old.send(r#"{"type":"ping"}"#).await;
        old.next("a pong").await;
        let answer = ann.ask(address, method, &format!("/api/rooms/design{path}"), body).await;
        assert!(answer.status < 300, "{answer:?}");
        for client in &mut clients {
            assert_sent_away(client, path).await;
            client.reconnect(&nodes[1], "again").await; // a guest now
        }
        assert_eq!(old.closed().await.0, Some(1001), "of the older system: {path}");
        let mut again = Client::signed_in(&nodes[1], bob.token.as_ref().unwrap()).await;
        assert_eq!(again.join("design").await["role"], role, "{method} {path} {body}");
    }
    elsewhere.ping().await; // another room is not concerned
    let mut stays = Client::joined(&nodes[1], "stays", "design").await;
    ann.make_link(address, "design", "editor").await;
    ann.set_member(address, "other", "bob", "editor").await;
    stays.draw("design", put("a")).await; // a link that comes takes nothing from anybody
}

/// AC9
#[tokio::test]
async fn a_writer_who_becomes_a_viewer_writes_nothing_more() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let ann = Caller::signed_up(one.address(), "ann").await;
    ann.make_room(one.address(), "design", "open").await;
    let mut guest = Client::joined(&two, "guest", "design").await;
    let mut old = SeedClient::joined(&two, "design").await;
    guest.draw("design", put("a")).await;
    // Not in the room, and known there: its standing is asked for with each batch.
    let mut outside = Client::connect(&two).await;
    outside.hello("outside").await;
    outside.draw("design", put("b")).await;
    let changed = ann.ask(one.address(), "PATCH", "/api/rooms/design", r#"{"visibility":"readable"}"#).await;
    assert_eq!(changed.status, 200);
    let op_id = outside.ops("design", put("c")).await;
    assert_eq!(outside.rejected(op_id).await["code"], "forbidden");
    assert_sent_away(&mut guest, "the room was closed").await;
    guest.reconnect(&two, "guest").await;
    let joined = guest.rejoin("design").await;
    assert_eq!(
        (&joined["role"], &joined["mode"]),
        (&json!("viewer"), &json!("delta")),
        "it looks on from where it was"
    );
    let op_id = guest.ops("design", put("d")).await;
    assert_eq!(guest.rejected(op_id).await["code"], "forbidden");
    old.sees("design", "b").await;
    assert_eq!(ann.get(one.address(), "/api/rooms/design").await.json()["seq"], 2);
}

/// AC9
#[tokio::test]
async fn a_change_that_no_bell_told_of_is_made_up_for_when_the_listener_is_back() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    make_room(&database, "design").await;
    let mut guest = Client::joined(&node, "guest", "design").await;
    guest.ping().await; // behind the join: the room is hosted, and the guest is in it
    let client = database.client().await;
    // Past the procedures and the trigger: counted, not rung.
    client.batch_execute("update pgcanvas.rooms set rights = rights + 1").await.unwrap();
    let cut = "select count(pg_terminate_backend(pid)) from pg_stat_activity
               where datname = current_database() and application_name = 'pgcanvas listener'";
    let cut: i64 = client.query_one(cut, &[]).await.unwrap().get(0);
    assert_eq!(cut, 1);
    assert_sent_away(&mut guest, "the head tells").await;
    node.stop().await;
}

/// AC9
#[tokio::test]
async fn who_was_let_in_by_older_rights_and_comes_late_is_sent_away() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    make_room(&database, "design").await;
    let mut first = Client::joined(&node, "first", "design").await;
    let (holder, client) = (database.client().await, database.client().await);
    holder.batch_execute("begin; lock table pgcanvas.shapes in access exclusive mode").await.unwrap();
    let mut late = Client::connect(&node).await;
    late.hello("late").await;
    late.send(&json!({"type": "join", "room": "design"})).await;
    // What it may is known; its board is not read yet.
    let waits = "select count(*) from pg_locks where relation = 'pgcanvas.shapes'::regclass and not granted";
    let waiting = retried(Duration::from_secs(10), || async {
        let waiting: i64 = client.query_one(waits, &[]).await.unwrap().get(0);
        if waiting > 0 { Ok(()) } else { Err("nobody waits") }
    });
    waiting.await.unwrap();
    client.batch_execute("update pgcanvas.rooms set visibility = 'readable'").await.unwrap();
    assert_sent_away(&mut first, "by the bell").await;
    holder.batch_execute("commit").await.unwrap();
    let joined = late.expect(|frame| frame["type"] == "joined").await;
    assert_eq!(joined["role"], "editor", "as it was when it asked");
    assert_sent_away(&mut late, "it came too late").await;
    node.stop().await;
}

/// AC11
#[tokio::test]
async fn a_link_that_expires_counts_no_more_and_sends_away() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let ann = Caller::signed_up(one.address(), "ann").await;
    ann.make_room(one.address(), "design", "private").await;
    let body = json!({"role": "editor", "expires_in_days": 1});
    let link = ann.post(one.address(), "/api/rooms/design/links", &body).await.json();
    assert!(link["expires_at"].as_str().unwrap() > link["created_at"].as_str().unwrap());
    let mut guest = joined_by(&two, &link).await;
    let by_link = Caller::guest().with_link(token(&link));
    assert_eq!(by_link.get(two.address(), "/api/rooms/design").await.json()["role"], "editor");
    let client = database.client().await;
    // A day later. The trigger that this touches is not the one in question: it is put aside.
    let pass = "set session_replication_role = replica;
                update pgcanvas.links set expires_at = now() where expires_at is not null";
    client.batch_execute(pass).await.unwrap();
    assert_eq!(
        by_link.get(two.address(), "/api/rooms/design").await.status,
        404,
        "at once where it is asked for"
    );
    assert_sent_away(&mut guest, "its link has expired").await;
    let links = ann.get(one.address(), "/api/rooms/design/links").await.json();
    assert_eq!(links["links"], json!([]));
}

/// AC14
#[tokio::test]
async fn rights_that_are_changed_by_sql_count_at_once() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let ann = Caller::signed_up(node.address(), "ann").await;
    let bob = Caller::signed_up(node.address(), "bob").await;
    ann.make_room(node.address(), "design", "private").await;
    let client = database.client().await;
    for (sql, role) in [
        (
            "insert into pgcanvas.members (room_id, user_id, role) select id, 'bob', 'editor' from pgcanvas.rooms",
            Some("editor"),
        ),
        ("update pgcanvas.members set role = 'viewer' where user_id = 'bob'", Some("viewer")),
        ("delete from pgcanvas.members where user_id = 'bob'", None),
        ("update pgcanvas.rooms set visibility = 'readable'", Some("viewer")),
        ("select pgcanvas.set_member(id, 'bob', 'owner') from pgcanvas.rooms", Some("owner")),
        ("delete from pgcanvas.users where id = 'ann'", Some("owner")),
    ] {
        let mut watcher = Client::signed_in(&node, bob.token.as_ref().unwrap()).await;
        watcher.send(&json!({"type": "join", "room": "design"})).await;
        let is_in = watcher.expect(|frame| frame["type"] == "joined" || frame["type"] == "error").await["type"]
            == "joined";
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        if is_in {
            assert_sent_away(&mut watcher, sql).await;
        }
        let told = bob.get(node.address(), "/api/rooms/design").await;
        assert_eq!(told.json()["role"].as_str(), role, "{sql}");
    }
    client.batch_execute("delete from pgcanvas.rooms").await.unwrap();
    let left: i64 = client
        .query_one(
            "select (select count(*) from pgcanvas.members) + (select count(*) from pgcanvas.links)",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(left, 0, "a room takes its members and links along");
    node.stop().await;
}
