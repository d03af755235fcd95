//! Undo, redo, policies and merge over sockets and plain requests (UN, CF, MG).

use super::support::client::{Client, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::http::{post, send};
use super::support::node::TestNode;
use serde_json::{Value, json};

fn put(id: &str, x: i64) -> Value {
    json!({"op": "put", "shape": {"id": id, "kind": "rectangle", "x": x, "width": 10, "height": 10}})
}

fn patch(id: &str, x: i64, base: i64) -> Value {
    json!({"op": "patch", "id": id, "set": {"x": x}, "base": base})
}

async fn two_nodes(slug: &str) -> (TestDatabase, [TestNode; 2]) {
    let database = TestDatabase::create().await;
    make_room(&database, slug).await;
    let nodes = TestNode::two(&database).await;
    (database, nodes)
}

/// Sends an undo or redo with what it chooses; gives its number.
async fn gesture(client: &mut Client, kind: &str, op_id: i64, choice: Value) -> i64 {
    let mut frame = json!({"type": kind, "room": "design", "op_id": op_id});
    frame.as_object_mut().unwrap().extend(choice.as_object().unwrap().clone());
    client.send(&frame).await;
    op_id
}

/// Undoes or redoes, and reads on until that is seen.
async fn moved(client: &mut Client, kind: &str, op_id: i64) {
    gesture(client, kind, op_id, json!({})).await;
    let seq = client.acked(op_id).await["seq"].as_i64().unwrap();
    client.reach("design", seq).await;
}

/// UN1, UN4, UN10
#[tokio::test]
async fn a_persons_gestures_are_the_same_on_every_node_and_after_a_reload() {
    let (database, [one, two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    let mut bob = Client::joined(&two, "bob", "design").await;
    ann.draw("design", json!([put("a", 1)])).await;
    ann.draw("design", json!([patch("a", 2, 1), put("b", 1)])).await;
    bob.reach("design", 2).await;
    bob.draw("design", json!([patch("a", 3, 2)])).await;
    ann.reach("design", 3).await;
    ann.reconnect(&two, "ann").await;
    ann.rejoin("design").await;
    let op_id = gesture(&mut ann, "undo", 10, json!({})).await;
    let ack = ann.acked(op_id).await;
    assert_eq!((&ack["seq"], &ack["outcomes"]), (&json!(4), &json!(["applied"])));
    assert_eq!(ack["left_alone"], json!([{"id": "a", "properties": ["x"]}]));
    ann.reconnect(&one, "ann").await;
    ann.rejoin("design").await;
    gesture(&mut ann, "undo", 10, json!({})).await;
    assert_eq!(ann.acked(10).await, ack, "a repeat gets the first answer");
    gesture(&mut ann, "redo", 11, json!({})).await;
    ann.acked(11).await;
    gesture(&mut ann, "redo", 12, json!({})).await;
    assert_eq!(ann.rejected(12).await["code"], "nothing_to_undo");
    let count: i64 =
        database.client().await.query_one("select count(*) from pgcanvas.shapes", &[]).await.unwrap().get(0);
    assert_eq!(count, 2);
    assert_all_see_the_table(&database, "design", &mut [ann, bob]).await;
}

/// UN10
#[tokio::test]
async fn an_undo_right_after_ops_takes_those_back() {
    let (database, [one, two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    let bob = Client::joined(&two, "bob", "design").await;
    for round in 0..20 {
        let op_id = round * 4 + 1;
        ann.ops_as("design", op_id, json!([put("kept", round)])).await;
        ann.ops_as("design", op_id + 1, json!([put("not kept", round), patch("kept", -5, 0)])).await;
        gesture(&mut ann, "undo", op_id + 2, json!({})).await;
        ann.ops_as("design", op_id + 3, json!([put("after", round)])).await;
        // No more at once than a slow disk takes within a batch's patience.
        for sent in op_id..op_id + 4 {
            ann.acked(sent).await;
        }
    }
    let rows =
        database.client().await.query("select id, x from pgcanvas.shapes order by id", &[]).await.unwrap();
    let left: Vec<(String, f64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(left, [("after".to_owned(), 19.0), ("kept".to_owned(), 19.0)]);
    assert_all_see_the_table(&database, "design", &mut [ann, bob]).await;
}

/// UN12
#[tokio::test]
async fn a_stroke_that_was_sent_as_it_grew_is_taken_back_as_one() {
    let (database, [one, two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    let mut bob = Client::joined(&two, "bob", "design").await;
    ann.draw("design", json!([put("before", 1)])).await;
    let begin = json!([{"op": "put", "shape": {"id": "s", "kind": "freedraw", "points": [[0, 0]]}}]);
    let first = ann.draw("design", begin).await["op_id"].as_i64().unwrap();
    for part in 1..=3 {
        let more = json!([{"op": "append", "id": "s", "points": [[part, part]]}]);
        let op_id = first + part;
        ann.send(&json!({"type": "ops", "room": "design", "op_id": op_id, "gesture": first, "ops": more}))
            .await;
        ann.acked(op_id).await;
    }
    bob.draw("design", json!([put("meanwhile", 1)])).await;
    ann.reconnect(&two, "ann").await;
    ann.rejoin("design").await;
    let whole = ann.board("design").shape("s").unwrap()["points"].clone();
    assert_eq!(whole, json!([[0, 0], [1, 1], [2, 2], [3, 3]]));
    moved(&mut ann, "undo", 10).await;
    assert!(ann.board("design").shape("s").is_none(), "the whole stroke");
    assert!(
        ann.board("design").shape("before").is_some() && ann.board("design").shape("meanwhile").is_some()
    );
    moved(&mut ann, "redo", 11).await;
    assert_eq!(ann.board("design").shape("s").unwrap()["points"], whole);
    moved(&mut ann, "undo", 12).await;
    moved(&mut ann, "undo", 13).await;
    let left = ann.board("design").shapes.keys().collect::<Vec<_>>();
    assert_eq!(left, ["meanwhile"]);
    assert_all_see_the_table(&database, "design", &mut [ann, bob]).await;
}

/// UN5
#[tokio::test]
async fn what_somebody_with_the_longest_name_drew_is_taken_back() {
    let (database, [one, _two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    let longest = "u".repeat(128);
    let message = r#"{"shape":{"id":"old","type":"rect","x":1,"y":2,"width":3,"height":4}}"#;
    let insert = "insert into pgcanvas.chat (roomid, message, userid) select id, $1, $2 from pgcanvas.rooms";
    database.client().await.execute(insert, &[&message, &longest]).await.unwrap();
    ann.reach("design", 1).await;
    gesture(&mut ann, "undo", 1, json!({"by": longest})).await;
    assert_eq!(ann.acked(1).await["outcomes"], json!(["applied"]));
    assert_all_see_the_table(&database, "design", &mut [ann]).await;
}

/// UN5
#[tokio::test]
async fn a_choice_is_taken_back_by_socket_and_by_request() {
    let (database, [one, two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    let mut mallory = Client::joined(&two, "mallory", "design").await;
    ann.draw("design", json!([put("a", 0), put("b", 500)])).await;
    let seq =
        mallory.draw("design", json!([patch("a", 7, 1), patch("b", 507, 1)])).await["seq"].as_i64().unwrap();
    mallory.draw("design", json!([put("spam", 0), put("spam 2", 500)])).await;
    let by = format!("guest-{}", &mallory.client().simple().to_string()[..8]);
    gesture(&mut ann, "undo", 10, json!({"by": by, "box": [-20, -20, 20, 20], "last_seconds": 300})).await;
    assert_eq!(ann.acked(10).await["outcomes"], json!(["applied", "applied"]));
    let path = "/api/rooms/design/undo";
    let answer = post(two.address(), path, &json!({"client": ann.client(), "op_id": 11, "batch": seq})).await;
    assert_eq!((answer.status, &answer.json()["outcomes"]), (200, &json!(["applied"])));
    assert_eq!(answer.json()["left_alone"], json!([{"id": "a", "properties": ["x"]}]));
    let again = post(one.address(), path, &json!({"client": ann.client(), "op_id": 11, "batch": seq})).await;
    assert_eq!(again.json(), answer.json());
    let nothing =
        post(two.address(), path, &json!({"client": ann.client(), "op_id": 12, "by": "nobody"})).await;
    assert_eq!(nothing.refusal(), (409, "nothing_to_undo".to_owned()));
    let bad = post(two.address(), path, &json!({"client": ann.client(), "op_id": 13, "box": [1]})).await;
    assert_eq!(bad.refusal(), (400, "invalid".to_owned()));
    let redone =
        post(two.address(), "/api/rooms/design/redo", &json!({"client": ann.client(), "op_id": 14})).await;
    assert_eq!(redone.refusal().1, "nothing_to_undo");
    let rows = database
        .client()
        .await
        .query("select id || ' ' || x from pgcanvas.shapes order by id", &[])
        .await
        .unwrap();
    let left: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(left, ["a 0", "b 500", "spam 2 500"]);
    assert_all_see_the_table(&database, "design", &mut [ann, mallory]).await;
}

/// AU1
#[tokio::test]
async fn the_log_names_the_right_by_which_each_batch_was_made() {
    let (database, [one, _two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    ann.draw("design", json!([put("a", 1)])).await;
    gesture(&mut ann, "undo", 10, json!({})).await;
    gesture(&mut ann, "redo", 11, json!({})).await;
    gesture(&mut ann, "undo", 12, json!({"batch": 1})).await;
    ann.acked(12).await;
    let device = ann.client();
    for (path, asked) in [
        ("ops", json!({"client": device, "op_id": 13, "ops": [put("b", 1)]})),
        (
            "merge",
            json!({"client": device, "op_id": 14, "shapes": [{"id": "c", "kind": "text", "version": 1}]}),
        ),
        ("restore", json!({"client": device, "op_id": 15, "seq": 1})),
        ("branch", json!({"seq": 1})),
    ] {
        let answer = post(one.address(), &format!("/api/rooms/design/{path}"), &asked).await;
        assert!(answer.status < 300, "{path}: {answer:?}");
    }
    let client = database.client().await;
    client.batch_execute("update pgcanvas.shapes set y = 5 where id = 'a'").await.unwrap();
    let sql = "select distinct seq, coalesce(role, 'none') from pgcanvas.change_log
               order by seq, 2";
    let rows = client.query(sql, &[]).await.unwrap();
    let roles: Vec<(i64, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    let by_node = (1..=7).map(|seq| (seq, "editor".to_owned()));
    // The branch is another room, of one batch by its owner; the update is one in each of both.
    let by_sql = [(1, "owner".to_owned()), (2, "none".to_owned()), (8, "none".to_owned())];
    let mut expected: Vec<_> = by_node.chain(by_sql).collect();
    expected.sort();
    assert_eq!(roles, expected);
}

/// CF1
#[tokio::test]
async fn a_policy_is_chosen_at_creation_and_changed() {
    let database = TestDatabase::create().await;
    let [one, two] = TestNode::two(&database).await;
    let made = post(one.address(), "/api/rooms", &json!({"slug": "design", "policy": "strict"})).await;
    assert_eq!((made.status, &made.json()["policy"]), (201, &json!("strict")));
    let mut ann = Client::joined(&one, "ann", "design").await;
    let mut bob = Client::joined(&two, "bob", "design").await;
    ann.draw("design", json!([put("a", 1)])).await;
    ann.draw("design", json!([patch("a", 2, 1)])).await;
    let op_id = bob.ops("design", json!([patch("a", 3, 1), put("b", 1)])).await;
    let reject = bob.rejected(op_id).await;
    assert_eq!(reject["code"], "conflict");
    assert_eq!((&reject["shapes"][0]["version"], &reject["shapes"][0]["x"]), (&json!(2), &json!(2)));
    let ops = json!({"client": bob.client(), "op_id": 50, "ops": [patch("a", 3, 1)]});
    let refused = post(one.address(), "/api/rooms/design/ops", &ops).await;
    assert_eq!(refused.refusal(), (409, "conflict".to_owned()));
    let by_guest = send(two.address(), "PATCH", "/api/rooms/design", r#"{"policy":"merge"}"#).await;
    assert_eq!(by_guest.refusal(), (403, "forbidden".to_owned()), "the room has an owner");
    let as_owner = format!("/api/rooms/design?link={}", made.json()["link"]["token"].as_str().unwrap());
    let changed = send(two.address(), "PATCH", &as_owner, r#"{"policy":"merge"}"#).await;
    assert_eq!((changed.status, &changed.json()["policy"]), (200, &json!("merge")));
    assert_eq!(post(one.address(), "/api/rooms/design/ops", &ops).await.status, 200);
    for (body, status) in [(r#"{"policy":"chaos"}"#, 400), ("{}", 400), (r#"{"slug":"x"}"#, 400), ("no", 400)]
    {
        assert_eq!(send(two.address(), "PATCH", "/api/rooms/design", body).await.status, status, "{body}");
    }
    assert_eq!(send(two.address(), "PATCH", "/api/rooms/none", r#"{"policy":"merge"}"#).await.status, 404);
    assert_all_see_the_table(&database, "design", &mut [ann, bob]).await;
}

/// CF4
#[tokio::test]
async fn three_people_at_the_same_place_at_once_lie_side_by_side() {
    let (database, [one, two]) = two_nodes("design").await;
    database
        .client()
        .await
        .batch_execute("select pgcanvas.set_policy(id, 'offset') from pgcanvas.rooms")
        .await
        .unwrap();
    let mut people = Vec::new();
    for node in [&one, &two, &one] {
        people.push(Client::joined(node, "somebody", "design").await);
    }
    for (n, person) in people.iter_mut().enumerate() {
        person.ops("design", json!([put(&format!("s{n}"), 100)])).await;
    }
    for person in &mut people {
        person.acked(1).await;
    }
    let rows =
        database.client().await.query("select x, y from pgcanvas.shapes order by seq", &[]).await.unwrap();
    let places: Vec<(f64, f64)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(places, [(100.0, 0.0), (120.0, 20.0), (140.0, 40.0)]);
    let seen =
        json!({"type": "ops", "room": "design", "op_id": 2, "seen": 3, "ops": [put("on purpose", 100)]});
    people[1].send(&seen).await;
    people[1].acked(2).await;
    assert_all_see_the_table(&database, "design", &mut people).await;
    let x: f64 = database
        .client()
        .await
        .query_one("select x from pgcanvas.shapes where id = 'on purpose'", &[])
        .await
        .unwrap()
        .get(0);
    assert_eq!(x, 100.0);
}

/// MG2, MG4
#[tokio::test]
async fn a_replica_is_merged_by_request() {
    let (database, [one, two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    ann.draw("design", json!([put("a", 1), put("b", 1), put("c", 1)])).await;
    ann.takes_replicas("design");
    let body = |op_id: i64| {
        json!({"client": ann.client(), "op_id": op_id, "shapes": [
            {"id": "a", "kind": "rectangle", "x": 9, "version": 4, "props": {"versionNonce": 3}},
            {"id": "b", "version": 7, "is_deleted": true},
            {"id": "c", "kind": "rectangle", "x": 9, "version": 1, "props": {"versionNonce": 3}},
            {"id": "new", "kind": "ellipse", "version": 2}]})
    };
    let path = "/api/rooms/design/merge";
    let answer = post(two.address(), path, &body(10)).await;
    assert_eq!((answer.status, &answer.json()["seq"]), (200, &json!(2)), "{answer:?}");
    assert_eq!(answer.json()["outcomes"], json!(["applied", "applied", "unchanged", "applied"]));
    assert_eq!(post(one.address(), path, &body(10)).await.json(), answer.json());
    let second = post(one.address(), path, &body(11)).await.json();
    assert_eq!((&second["seq"], &second["outcomes"]), (&json!(2), &json!(vec!["unchanged"; 4])));
    for bad in [
        json!([]),
        json!([{"id": "a", "kind": "line"}]),
        json!([{"id": "a", "version": 1}]),
        json!([{"id": "a", "kind": "line", "version": 0}]),
    ] {
        let refused =
            post(one.address(), path, &json!({"client": ann.client(), "op_id": 12, "shapes": bad})).await;
        assert_eq!(refused.refusal(), (400, "invalid".to_owned()), "{bad}");
    }
    assert_all_see_the_table(&database, "design", &mut [ann]).await;
}

/// UN11
#[tokio::test]
async fn an_undo_waits_for_a_room_that_somebody_holds() {
    let (database, [one, _two]) = two_nodes("design").await;
    let mut ann = Client::joined(&one, "ann", "design").await;
    ann.draw("design", json!([put("a", 1)])).await;
    let holder = database.client().await;
    holder.batch_execute("begin; select from pgcanvas.rooms for update").await.unwrap();
    gesture(&mut ann, "undo", 10, json!({})).await;
    ann.ops_as("design", 11, json!([put("b", 1)])).await;
    let tried =
        || async { if one.metric("pgcanvas_retries_total{kind=\"busy\"}") > 1 { Ok(()) } else { Err(()) } };
    super::support::server::retried(std::time::Duration::from_secs(9), tried)
        .await
        .expect("it is tried again");
    holder.batch_execute("commit").await.unwrap();
    assert_eq!(ann.acked(10).await["seq"], 2);
    assert_eq!(ann.acked(11).await["seq"], 3);
    assert_all_see_the_table(&database, "design", &mut [ann]).await;
}
