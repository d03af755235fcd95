//! A room's past over HTTP (HI).

use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::http::{Response, get, post};
use super::support::node::TestNode;
use super::support::server::retried;
use serde_json::{Value, json};
use std::time::Duration;
use uuid::Uuid;

async fn drawn() -> (TestDatabase, TestNode, Client) {
    let database = TestDatabase::create().await;
    make_room(&database, "past").await;
    let node = TestNode::start(&database).await;
    let mut ann = Client::joined(&node, "Ann", "past").await;
    let put = |id: &str, x: i32| json!({"op": "put", "shape": {"id": id, "kind": "rectangle", "x": x, "width": 5, "height": 5}});
    ann.draw("past", json!([put("a", 0), put("b", 100)])).await;
    ann.draw("past", json!([{"op": "patch", "id": "a", "set": {"x": 50, "props": {"k": 1}}}])).await;
    ann.draw("past", json!([{"op": "delete", "id": "b"}, put("c", 7)])).await;
    ann.reach("past", 3).await;
    (database, node, ann)
}

fn ids(shapes: &Value) -> Vec<&str> {
    shapes.as_array().unwrap().iter().map(|shape| shape["id"].as_str().unwrap()).collect()
}

fn assert_refused(answer: &Response, status: u16, code: &str) {
    assert_eq!(answer.refusal(), (status, code.to_owned()), "{answer:?}");
}

/// HI1, HI2
#[tokio::test]
async fn a_board_at_a_point_comes_by_seq_and_by_time_in_pages() {
    let (_database, node, ann) = drawn().await;
    let at = |point: &str| format!("/api/rooms/past/at/{point}");
    let one = get(node.address(), &at("1")).await.json();
    assert_eq!((&one["seq"], ids(&one["shapes"]), &one["next"]), (&json!(1), vec!["a", "b"], &Value::Null));
    assert_eq!(one["shapes"][0]["x"], 0);
    let now = get(node.address(), &at("3")).await.json();
    assert_eq!(now["shapes"][0], ann.board("past").shape("a").unwrap(), "as clients received it");
    let page = get(node.address(), &at("1?limit=1")).await.json();
    assert_eq!((ids(&page["shapes"]), &page["next"]), (vec!["a"], &json!("a")));
    assert_eq!(ids(&get(node.address(), &at("1?limit=1&after=a")).await.json()["shapes"]), ["b"]);
    assert_eq!(ids(&get(node.address(), &at("0")).await.json()["shapes"]), Vec::<&str>::new());
    let history = get(node.address(), "/api/rooms/past/history").await.json();
    let moment = history["batches"][1]["at"].as_str().unwrap();
    assert_eq!(get(node.address(), &at(moment)).await.json()["seq"], 2);
    assert_eq!(get(node.address(), &at(&moment.replace('Z', "+00:00"))).await.json()["seq"], 2);
    assert_eq!(get(node.address(), &at(&moment.replace('Z', "%2B00:00"))).await.json()["seq"], 2);
    for bad in ["4", "-1", "now", "2026-11-22", "9999-99-99T00:00:00Z", "%00"] {
        assert_refused(&get(node.address(), &at(bad)).await, 400, "invalid");
    }
    for (bad, field) in [
        ("2026-02-30T00:00:00Z", "point: "),
        ("2026-11-22T00:00:00+99:99", "point: "),
        ("2026-11-22T.....Z", "point: "),
        ("1?after=%00", "text: "),
    ] {
        let refused = get(node.address(), &at(bad)).await.json();
        assert!(refused["error"]["message"].as_str().unwrap().starts_with(field), "{refused}");
    }
    assert_refused(&get(node.address(), "/api/rooms/nowhere/at/1").await, 404, "not_found");
    assert_refused(&get(node.address(), &at("1?limit=0")).await, 400, "invalid");
}

/// HI3, HI4, HI5
#[tokio::test]
async fn history_difference_and_origins_are_told() {
    let (_database, node, ann) = drawn().await;
    let history = get(node.address(), "/api/rooms/past/history?limit=2").await.json();
    let newest = &history["batches"][0];
    assert_eq!(history["next"], 2);
    assert_eq!((&newest["seq"], &newest["puts"], &newest["deletes"]), (&json!(3), &json!(1), &json!(1)));
    assert_eq!((&newest["client"], &newest["op_id"]), (&json!(ann.client()), &json!(3)));
    let older = get(node.address(), "/api/rooms/past/history?limit=2&before=2").await.json();
    assert_eq!((older["batches"].as_array().unwrap().len(), &older["batches"][0]["seq"]), (1, &json!(1)));

    let diff = get(node.address(), "/api/rooms/past/diff?from=1&to=3").await.json();
    assert_eq!((ids(&diff["added"]), ids(&diff["deleted"])), (vec!["c"], vec!["b"]));
    let [before, after] = ["before", "after"].map(|side| &diff["modified"][0][side]["x"]);
    assert_eq!((before, after), (&json!(0), &json!(50)));
    let back = get(node.address(), "/api/rooms/past/diff?from=3&to=1&limit=2").await.json();
    assert_eq!((ids(&back["added"]), &back["next"]), (vec!["b"], &json!("b")));
    assert_refused(&get(node.address(), "/api/rooms/past/diff?from=1").await, 400, "invalid");

    let blame = get(node.address(), "/api/rooms/past/shapes/a/blame").await.json();
    let [x, k, width] = ["x", "props.k", "width"].map(|name| blame["properties"][name]["seq"].clone());
    assert_eq!((x, k, width), (json!(2), json!(2), json!(1)));
    assert_eq!(blame["properties"]["x"]["client"], json!(ann.client()));
    assert_refused(&get(node.address(), "/api/rooms/past/shapes/b/blame").await, 404, "not_found");
}

/// HI6
#[tokio::test]
async fn a_restore_is_seen_by_everyone_and_a_repeat_gets_the_first_answer() {
    let (_database, node, mut ann) = drawn().await;
    let path = "/api/rooms/past/restore";
    let asked = json!({"seq": 1, "client": Uuid::new_v4(), "op_id": 1});
    let restored = post(node.address(), path, &asked).await;
    assert_eq!(restored.json(), json!({"seq": 4, "restored": 3}), "{restored:?}");
    let board = ann.reach("past", 4).await;
    assert_eq!(board.shapes.keys().collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!((board.shape("a").unwrap()["x"].clone(), board.batches.last().unwrap().count), (json!(0), 3));
    ann.draw("past", json!([{"op": "delete", "id": "a"}])).await;
    assert_eq!(post(node.address(), path, &asked).await.json(), json!({"seq": 4, "restored": 3}), "a repeat");
    let area = post(node.address(), path, &json!({"seq": 4, "box": [0, 0, 10, 10]})).await.json();
    assert_eq!(area, json!({"seq": 6, "restored": 1}));
    let some = post(node.address(), path, &json!({"seq": 3, "shapes": ["c"]})).await.json();
    assert_eq!(some, json!({"seq": 7, "restored": 1}));
    let nothing = json!({"seq": 7, "client": Uuid::new_v4(), "op_id": 5});
    assert_eq!(post(node.address(), path, &nothing).await.json(), json!({"seq": 7, "restored": 0}));
    for bad in [
        json!({}),
        json!({"seq": 1, "at": "2026-11-22T19:04:31Z"}),
        json!({"seq": 99}),
        json!({"seq": 1, "op_id": 3}),
        json!({"seq": 1, "client": Uuid::new_v4(), "op_id": 0}),
        json!({"seq": 1, "box": [1, 2, 3]}),
        json!({"seq": 1, "what": 3}),
    ] {
        assert_refused(&post(node.address(), path, &bad).await, 400, "invalid");
    }
}

/// HI7
#[tokio::test]
async fn a_branch_is_made_and_told_as_a_room() {
    let (_database, node, _) = drawn().await;
    let made = post(node.address(), "/api/rooms/past/branch", &json!({"seq": 1, "slug": "elsewhere"})).await;
    assert_eq!((made.status, &made.json()["seq"], &made.json()["shapes"]), (201, &json!(1), &json!(2)));
    let mut ben = Client::joined(&node, "Ben", "elsewhere").await;
    assert_eq!(ben.board("elsewhere").shapes.keys().collect::<Vec<_>>(), ["a", "b"]);
    ben.draw("elsewhere", json!([{"op": "delete", "id": "a"}])).await;
    assert_eq!(get(node.address(), "/api/rooms/past").await.json()["seq"], 3, "the old room goes on alone");
    let again = post(node.address(), "/api/rooms/past/branch", &json!({"seq": 1, "slug": "elsewhere"})).await;
    assert_refused(&again, 409, "conflict");
}

/// HI8
#[tokio::test]
async fn a_client_from_before_the_cut_gets_the_board_anew_and_old_points_are_gone() {
    let (database, node, mut ann) = drawn().await;
    let sql = database.client().await;
    sql.batch_execute("select pgcanvas.prune_history('past', null, 2)").await.unwrap();
    assert_refused(&get(node.address(), "/api/rooms/past/at/1").await, 410, "pruned");
    assert_eq!(ids(&get(node.address(), "/api/rooms/past/at/2").await.json()["shapes"]), ["a", "b"]);
    assert_eq!(ann.rejoin("past").await["mode"], "delta");
    let joined = ann.join_since("past", 1).await;
    assert_eq!((&joined["mode"], &joined["min_since"]), (&json!("snapshot"), &json!(2)));
    assert_eq!(ann.board("past").shapes.keys().collect::<Vec<_>>(), ["a", "c"]);
    // Everything is pruned while she is there: what comes next still comes.
    sql.batch_execute("select pgcanvas.prune_history('past', null, 0)").await.unwrap();
    ann.draw("past", json!([{"op": "delete", "id": "a"}])).await;
    assert_eq!(ann.reach("past", 4).await.shapes.len(), 1);
}

/// HI1
#[tokio::test]
async fn a_node_writes_snapshots_by_itself() {
    let (database, _node, _ann) = drawn().await;
    let sql = database.client().await;
    sql.batch_execute("create or replace function pgcanvas.snapshot_spacing() returns bigint language sql immutable parallel safe return 2").await.unwrap();
    let written = retried(Duration::from_mins(1), || async {
        let count: i64 = sql.query_one("select count(*) from pgcanvas.snapshots", &[]).await.unwrap().get(0);
        if count > 0 { Ok(()) } else { Err(()) }
    });
    assert!(written.await.is_ok(), "no snapshot was written");
}
