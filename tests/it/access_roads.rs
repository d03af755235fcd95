//! By which roads one may look and draw (AC).

use super::support::access::{Caller, token};
use super::support::client::{Client, Line, SeedClient};
use super::support::database::TestDatabase;
use super::support::http::get_with;
use super::support::node::TestNode;
use serde_json::{Value, json};
use std::net::SocketAddr;
use uuid::Uuid;

/// A room of ann's with one shape, drawn and changed by her.
async fn drawn(database: &TestDatabase, visibility: &str) -> ([TestNode; 2], Caller) {
    let nodes = TestNode::two(database).await;
    let ann = Caller::signed_up(nodes[0].address(), "ann").await;
    ann.make_room(nodes[0].address(), "design", visibility).await;
    for (op_id, x) in [(1, 1), (2, 2)] {
        let ops = json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "x": x}}]);
        let body = json!({"client": Uuid::from_u128(1), "op_id": op_id, "ops": ops});
        let posted = ann.post(nodes[0].address(), "/api/rooms/design/ops", &body).await;
        assert_eq!(posted.status, 200, "{posted:?}");
    }
    (nodes, ann)
}

/// Every request that writes into a room.
fn writes() -> Vec<(&'static str, Value)> {
    let batch = |more: Value| {
        let mut body = json!({"client": Uuid::new_v4(), "op_id": 1});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        ("ops", batch(json!({"ops": [{"op": "delete", "id": "a"}]}))),
        ("undo", batch(json!({}))),
        ("undo", batch(json!({"by": "ann"}))),
        ("redo", batch(json!({}))),
        ("merge", batch(json!({"shapes": [{"id": "a", "version": 9, "is_deleted": true}]}))),
        ("restore", json!({"seq": 1})),
        ("restore", batch(json!({"seq": 0}))),
    ]
}

/// Every request that looks into a room.
const LOOKS: [&str; 8] = [
    "",
    "/shapes",
    "/at/1",
    "/history",
    "/diff?from=0&to=1",
    "/shapes/a/blame",
    "/picture.svg",
    "/shapes?box=0,0,9,9",
];

async fn assert_untouched(caller: &Caller, address: SocketAddr) {
    let room = caller.get(address, "/api/rooms/design").await.json();
    assert_eq!((&room["seq"], &room["shapes"]), (&json!(2), &json!(1)));
}

/// AC7
#[tokio::test]
async fn a_viewer_writes_by_no_request() {
    let database = TestDatabase::create().await;
    let (nodes, ann) = drawn(&database, "readable").await;
    let link = ann.make_link(nodes[0].address(), "design", "viewer").await;
    let bob = Caller::signed_up(nodes[0].address(), "bob").await;
    for viewer in
        [Caller::guest(), bob.clone(), bob.with_link(token(&link)), Caller::guest().with_link("nonsense")]
    {
        for node in &nodes {
            for (verb, body) in writes() {
                let refused = viewer.post(node.address(), &format!("/api/rooms/design/{verb}"), &body).await;
                assert_eq!(refused.refusal(), (403, "forbidden".to_owned()), "{verb}");
            }
            for look in LOOKS {
                assert_eq!(
                    viewer.get(node.address(), &format!("/api/rooms/design{look}")).await.status,
                    200,
                    "{look}"
                );
            }
            let room = viewer.get(node.address(), "/api/rooms/design").await.json();
            assert_eq!(room["role"], "viewer");
        }
    }
    let branch = bob.post(nodes[1].address(), "/api/rooms/design/branch", &json!({"seq": 1})).await;
    assert_eq!((branch.status, &branch.json()["role"]), (201, &json!("owner")), "a room of one's own");
    assert_untouched(&ann, nodes[1].address()).await;
}

/// AC7
#[tokio::test]
async fn a_viewer_writes_by_no_frame() {
    let database = TestDatabase::create().await;
    let (nodes, ann) = drawn(&database, "readable").await;
    for node in &nodes {
        let mut viewer = Client::connect(node).await;
        viewer.hello("viewer").await;
        let frames = |op_id: i64| {
            [
                json!({"type": "ops", "room": "design", "op_id": op_id, "ops": [{"op": "delete", "id": "a"}]}),
                json!({"type": "undo", "room": "design", "op_id": op_id + 1}),
                json!({"type": "undo", "room": "design", "op_id": op_id + 2, "by": "ann"}),
                json!({"type": "redo", "room": "design", "op_id": op_id + 3}),
            ]
        };
        for frame in frames(1) {
            viewer.send(&frame).await;
            let reject = viewer.rejected(frame["op_id"].as_i64().unwrap()).await;
            assert_eq!(reject["code"], "forbidden", "from outside: {frame}");
        }
        let joined = viewer.join("design").await;
        assert_eq!(joined["role"], "viewer");
        for frame in frames(11) {
            viewer.send(&frame).await;
            assert_eq!(
                viewer.rejected(frame["op_id"].as_i64().unwrap()).await["code"],
                "forbidden",
                "{frame}"
            );
        }
        for state in [
            r#"{"drag":[]}"#,
            r#"{"cursor":[0,0],"drag":[{"op":"delete","id":"a"}]}"#,
            r#"{"drag":null,"dr\u0061g":[{"op":"delete","id":"a"}]}"#,
        ] {
            let frame = format!(r#"{{"type":"presence","room":"design","state":{state}}}"#);
            viewer.line().send(&frame).await;
            assert_eq!(viewer.error().await["code"], "forbidden", "{state}");
        }
        // They are seen all the same, and see what is drawn.
        viewer.send(&json!({"type": "presence", "room": "design", "state": {"cursor": [1, 2]}})).await;
        viewer
            .expect(|frame| {
                frame["type"] == "presence" && frame["peers"][0]["state"]["cursor"] == json!([1, 2])
            })
            .await;
        viewer.ping().await;
    }
    assert_untouched(&ann, nodes[0].address()).await;
}

/// AC7
#[tokio::test]
async fn a_viewer_of_the_older_system_writes_by_no_frame() {
    let database = TestDatabase::create().await;
    let (nodes, ann) = drawn(&database, "readable").await;
    let number = ann.get(nodes[0].address(), "/api/rooms/design").await.json()["id"].to_string();
    for node in &nodes {
        let mut viewer = SeedClient::joined(node, "design").await;
        for room in ["design", &number] {
            viewer
                .draw(room, &json!({"id": "b", "type": "rect", "x": 0, "y": 0, "width": 1, "height": 1}))
                .await;
            viewer.delete(room, "a").await;
        }
        viewer.ping().await;
        let refused = viewer.frames().iter().filter(|frame| frame["code"] == "forbidden").count();
        assert_eq!(refused, 4, "{:?}", viewer.frames());
    }
    assert_untouched(&ann, nodes[0].address()).await;
}

/// AC8
#[tokio::test]
async fn a_private_room_is_not_there_for_others_by_any_road() {
    let database = TestDatabase::create().await;
    let (nodes, ann) = drawn(&database, "private").await;
    let bob = Caller::signed_up(nodes[0].address(), "bob").await;
    let elsewhere = bob.make_room(nodes[0].address(), "bobs", "private").await;
    assert!(elsewhere.get("link").is_none(), "who has an account needs no link");
    let bobs_link = bob.make_link(nodes[0].address(), "bobs", "owner").await;
    let number = ann.get(nodes[0].address(), "/api/rooms/design").await.json()["id"].to_string();
    let missing = Caller::guest().get(nodes[0].address(), "/api/rooms/nothing").await.body;
    for other in [Caller::guest(), bob.clone(), bob.with_link(token(&bobs_link))] {
        for (node, room) in nodes.iter().flat_map(|node| [(node, "design"), (node, number.as_str())]) {
            for look in LOOKS.iter().chain(&["/links", "/members"]) {
                let told = other.get(node.address(), &format!("/api/rooms/{room}{look}")).await;
                assert_eq!((told.status, &told.body), (404, &missing), "{look}");
            }
            let branch = [("branch", json!({"seq": 1})), ("links", json!({"role": "owner"}))];
            for (verb, body) in writes().into_iter().chain(branch) {
                let told = other.post(node.address(), &format!("/api/rooms/{room}/{verb}"), &body).await;
                assert_eq!((told.status, &told.body), (404, &missing), "{verb}");
            }
            for (method, path, body) in [
                ("PATCH", "", r#"{"visibility":"open"}"#),
                ("DELETE", "", ""),
                ("PUT", "/members/bob", r#"{"role":"owner"}"#),
                ("DELETE", "/members/bob", ""),
                ("DELETE", "/members/ann", ""),
            ] {
                let told = other.ask(node.address(), method, &format!("/api/rooms/{room}{path}"), body).await;
                assert_eq!((told.status, &told.body), (404, &missing), "{method} {path}");
            }
        }
        let listed = other.get(nodes[1].address(), "/api/rooms").await.body;
        assert!(!listed.contains("\"design\""), "{listed}");
    }
    let listed = ann.get(nodes[1].address(), "/api/rooms").await.json();
    assert_eq!(
        (&listed["rooms"][0]["slug"], &listed["rooms"][0]["role"]),
        (&json!("design"), &json!("owner"))
    );
    assert_untouched(&ann, nodes[0].address()).await;
}

/// AC8
#[tokio::test]
async fn a_private_room_is_not_there_for_others_on_any_socket() {
    let database = TestDatabase::create().await;
    let (nodes, ann) = drawn(&database, "private").await;
    let bob = Caller::signed_up(nodes[0].address(), "bob").await;
    for node in &nodes {
        let mut other = Client::signed_in(node, bob.token.as_ref().unwrap()).await;
        for frame in [
            json!({"type": "join", "room": "design"}),
            json!({"type": "join", "room": "design", "since": 1}),
            json!({"type": "join", "room": "design", "link": "nonsense"}),
            json!({"type": "presence", "room": "design", "state": {}}),
        ] {
            other.send(&frame).await;
            assert_eq!(other.error().await["code"], "not_found", "{frame}");
        }
        let op_id = other.ops("design", json!([{"op": "delete", "id": "a"}])).await;
        assert_eq!(other.rejected(op_id).await["code"], "not_found");
        let mut old = Line::open(&format!("ws://{}/", node.address())).await;
        for frame in [
            json!({"type": "join_room", "roomId": "design"}),
            json!({"type": "delete_shape", "roomId": "design", "shapeId": "a"}),
        ] {
            old.send(&frame.to_string()).await;
            let told: Value = serde_json::from_str(&old.next("a refusal").await).unwrap();
            assert_eq!(told["code"], "not_found", "{told}");
        }
        let mut anns = Client::signed_in(node, ann.token.as_ref().unwrap()).await;
        assert_eq!(anns.join("design").await["role"], "owner");
    }
    assert_untouched(&ann, nodes[0].address()).await;
}

/// HT9
#[tokio::test]
async fn shapes_are_told_again_when_the_room_changed_and_only_to_whoever_may_look() {
    let database = TestDatabase::create().await;
    let (nodes, ann) = drawn(&database, "readable").await;
    let address = nodes[1].address();
    let path = "/api/rooms/design/shapes";
    let first = ann.get(address, path).await;
    let tag = first.headers["etag"].clone();
    let again = |known: String| async move { get_with(address, path, &[("if-none-match", &known)]).await };
    for known in [tag.clone(), format!("W/{tag}"), format!("\"x\", {tag}")] {
        let same = again(known).await;
        assert_eq!((same.status, same.body.as_str(), &same.headers["etag"]), (304, "", &tag));
    }
    assert_eq!(again("\"x\"".to_owned()).await.status, 200);
    database.client().await.batch_execute("update pgcanvas.shapes set x = 7").await.unwrap();
    let changed = again(tag.clone()).await;
    assert_eq!((changed.status, &changed.json()["shapes"][0]["x"]), (200, &json!(7)));
    let tag = changed.headers["etag"].clone();
    assert_eq!(
        ann.ask(address, "PATCH", "/api/rooms/design", r#"{"visibility":"private"}"#).await.status,
        200
    );
    assert_eq!(again(tag).await.status, 404);
}

/// AC8
#[tokio::test]
async fn a_numbered_room_that_was_closed_is_not_opened_again_by_its_number() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let client = database.client().await;
    client
        .batch_execute("select pgcanvas.open_room(7); select pgcanvas.set_visibility(7, 'private')")
        .await
        .unwrap();
    let mut old = Line::open(&format!("ws://{}/", node.address())).await;
    old.send(&json!({"type": "join_room", "roomId": 7}).to_string()).await;
    let told: Value = serde_json::from_str(&old.next("a refusal").await).unwrap();
    assert_eq!(told["code"], "not_found");
    node.stop().await;
}
