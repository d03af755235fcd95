//! References to what is gone (RF).

use super::support::board::{Answer, Board};
use super::support::plans::watched;
use serde_json::{Value, json};

/// Everything that can refer to `t`: ends, frame, container, bound elements, a group of two and one of three.
async fn referring() -> Board {
    let board = Board::open().await;
    let end = |id: &str| json!({"elementId": id, "focus": 0.5});
    board
        .apply(vec![
            ("put", "t", json!({"kind": "frame", "group_ids": ["two", "three"]})),
            ("put", "u", json!({"kind": "rectangle"})),
            ("put", "start", json!({"kind": "arrow", "props": {"startBinding": end("t"), "endBinding": end("u")}})),
            ("put", "both", json!({"kind": "arrow", "props": {"startBinding": end("t"), "endBinding": end("t"), "keep": 1}})),
            ("put", "child", json!({"kind": "rectangle", "frame_id": "t"})),
            ("put", "label", json!({"kind": "text", "container_id": "t"})),
            ("put", "bound", json!({"kind": "rectangle", "props": {"boundElements": [{"id": "t", "type": "text"}, {"id": "u", "type": "arrow"}]}})),
            ("put", "pair", json!({"kind": "line", "group_ids": ["two"]})),
            ("put", "trio 1", json!({"kind": "line", "group_ids": ["own", "three"]})),
            ("put", "trio 2", json!({"kind": "line", "group_ids": ["three"]})),
            ("put", "early", json!({"kind": "line", "frame_id": "not yet"})),
            ("put", "apart", json!({"kind": "line", "frame_id": "u"})),
        ])
        .await
        .unwrap();
    board
}

async fn shape(board: &Board, id: &str) -> Value {
    board
        .value(&format!(
            "select pgcanvas.shape_json(s) from pgcanvas.shapes s where id = '{id}' and room_id = 1"
        ))
        .await
}

/// What is left of the references once `t` is gone.
async fn assert_repaired(board: &Board) {
    let start = shape(board, "start").await;
    assert_eq!(start["props"], json!({"startBinding": null, "endBinding": {"elementId": "u", "focus": 0.5}}));
    let both = shape(board, "both").await;
    assert_eq!(both["props"], json!({"startBinding": null, "endBinding": null, "keep": 1}));
    assert!(shape(board, "child").await.get("frame_id").is_none());
    assert!(shape(board, "label").await.get("container_id").is_none());
    assert_eq!(shape(board, "bound").await["props"]["boundElements"], json!([{"id": "u", "type": "arrow"}]));
    assert_eq!(shape(board, "pair").await["group_ids"], json!([]));
    let versions: Vec<i64> = board
        .value("select array_agg(version order by id) from pgcanvas.shapes where id in ('both', 'bound', 'child', 'label', 'pair', 'start')")
        .await;
    assert_eq!(versions, [2; 6]);
    // A group of two that is left stays one, and so does what is of other targets.
    let kept: Vec<i64> = board
        .value("select array_agg(version order by id) from pgcanvas.shapes where id in ('trio 1', 'trio 2', 'early', 'apart', 'u')")
        .await;
    assert_eq!(kept, [1; 5]);
    let dangling: i64 = board
        .value("select count(*) from pgcanvas.shapes s, unnest(pgcanvas.targets_of(s)) as t where t = 't'")
        .await;
    assert_eq!(dangling, 0);
}

/// RF1
#[tokio::test]
async fn what_refers_to_a_deleted_shape_lets_go_in_the_same_batch() {
    let board = referring().await;
    let answer = board.apply(vec![("delete", "t", Value::Null)]).await.unwrap();
    assert_eq!(answer, Answer::new("fresh", 2, &["applied"]));
    assert_repaired(&board).await;
    let logged: Vec<String> = board
        .value("select array_agg(op || ' ' || shape_id order by shape_id) from pgcanvas.shape_changes where seq = 2")
        .await;
    assert_eq!(
        logged,
        ["patch both", "patch bound", "patch child", "patch label", "patch pair", "patch start", "delete t"]
    );
    let undone: Vec<String> = board.value("select outcomes from pgcanvas.undo('1', p_batch => 2)").await;
    assert_eq!(undone, ["applied"; 7]);
    assert_eq!(shape(&board, "child").await["frame_id"], "t");
    assert_eq!(shape(&board, "pair").await["group_ids"], json!(["two"]));
    assert_eq!(shape(&board, "both").await["props"]["endBinding"]["elementId"], "t");
}

/// RF2
#[tokio::test]
async fn what_refers_to_a_row_deleted_by_sql_lets_go_in_the_same_transaction() {
    let board = referring().await;
    let mut bells = board.listen(&[1]).await;
    board.run("delete from pgcanvas.shapes where id = 't'").await;
    assert_repaired(&board).await;
    assert_eq!(board.last_seq().await, 3);
    board.assert_gapless().await;
    let heard = bells.heard().await;
    assert!(heard.len() == 1 && heard[0].starts_with("c "), "{heard:?}");
}

/// RF3
#[tokio::test]
async fn a_late_reference_to_what_was_deleted_is_repaired_and_one_to_what_may_come_is_kept() {
    let board = referring().await;
    board.apply(vec![("delete", "t", Value::Null)]).await.unwrap();
    let seq = board.last_seq().await;
    let arrow = |to: &str| json!({"kind": "arrow", "props": {"endBinding": {"elementId": to}}});
    board.apply(vec![("put", "late", arrow("t")), ("put", "hopeful", arrow("comes"))]).await.unwrap();
    assert_eq!(board.last_seq().await, seq + 1);
    assert_eq!(shape(&board, "late").await["props"]["endBinding"], Value::Null);
    assert_eq!(shape(&board, "hopeful").await["props"]["endBinding"]["elementId"], "comes");
    board.apply(vec![("patch", "u", json!({"set": {"frame_id": "t"}}))]).await.unwrap();
    assert!(shape(&board, "u").await.get("frame_id").is_none());
    // Direct SQL too, as a batch of its own.
    let seq = board.last_seq().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, frame_id) values (1, 'late 2', 'line', 't'), (1, 'hopeful 2', 'line', 'comes')").await;
    assert_eq!((board.last_seq().await, shape(&board, "late 2").await.get("frame_id")), (seq + 2, None));
    assert_eq!(shape(&board, "hopeful 2").await["frame_id"], "comes");
    board.run("update pgcanvas.shapes set container_id = 't' where id = 'u'").await;
    assert!(shape(&board, "u").await.get("container_id").is_none());
    // Brought back before or with those that refer to it, it is no dead target.
    board
        .apply(vec![
            ("put", "child 2", json!({"kind": "line", "frame_id": "t"})),
            ("put", "t", json!({"kind": "frame"})),
        ])
        .await
        .unwrap();
    assert_eq!(shape(&board, "child 2").await["frame_id"], "t");
    board.run("delete from pgcanvas.shapes where id = 't'").await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, frame_id) values (1, 'child 3', 'line', 't'), (1, 't', 'frame', null)").await;
    assert_eq!(shape(&board, "child 3").await["frame_id"], "t");
    board.assert_gapless().await;
}

/// RF1
#[tokio::test]
async fn what_goes_together_leaves_nothing_to_repair() {
    let board = referring().await;
    let ids = ["t", "start", "both", "child", "label", "bound", "pair", "trio 1"];
    board.apply(ids.iter().map(|id| ("delete", *id, Value::Null)).collect()).await.unwrap();
    let logged: i64 =
        board.value("select count(*) from pgcanvas.shape_changes where seq = 2 and op = 'patch'").await;
    assert_eq!(logged, 1, "the last of the trio");
    assert_eq!(shape(&board, "trio 2").await["group_ids"], json!([]));
}

/// How many rows the steps of all plans look at, at most, for each reference. A quadratic plan looks at thousands.
const MOST_ROWS: f64 = 300.0;

/// RF4
#[tokio::test]
async fn a_frame_with_5000_children_goes_in_as_many_steps() {
    let board = Board::open().await;
    let (client, mut plans) = watched(board.database.config()).await;
    let frame = "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'f', 'frame')";
    board.run(frame).await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, frame_id, group_ids) select 1, 'c' || n, 'line', 'f', array['g'] from generate_series(1, 5000) as n").await;
    let free = "select count(*) from pgcanvas.shapes where frame_id is null and version = ";
    for (statement, version) in [
        ("select pgcanvas.draw('1', '[{\"op\":\"delete\",\"id\":\"f\"}]')", 2),
        ("delete from pgcanvas.shapes where id = 'f'", 4),
    ] {
        client.batch_execute(statement).await.unwrap();
        assert_eq!(plans.rows().beyond(5000.0 * MOST_ROWS), None, "{statement}");
        assert_eq!(board.value::<i64>(&format!("{free} {version}")).await, 5000);
        board.run(frame).await;
        board.run("update pgcanvas.shapes set frame_id = 'f' where kind = 'line'").await;
    }
}

/// RF4
#[tokio::test]
async fn five_thousand_ends_of_as_many_targets_go_in_as_many_steps() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) select 1, 't' || n, 'line' from generate_series(1, 5000) as n").await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, props) select 1, 'a' || n, 'arrow',
        jsonb_build_object('startBinding', jsonb_build_object('elementId', 't' || n)) from generate_series(1, 5000) as n").await;
    let (client, mut plans) = watched(board.database.config()).await;
    client.batch_execute("delete from pgcanvas.shapes where kind = 'line'").await.unwrap();
    assert_eq!(plans.rows().beyond(5000.0 * MOST_ROWS), None);
    assert_eq!(
        board
            .value::<i64>("select count(*) from pgcanvas.shapes where props -> 'startBinding' = 'null'")
            .await,
        5000
    );
}

/// RF1
#[tokio::test]
async fn other_rooms_are_not_asked() {
    let board = referring().await;
    let other = super::support::board::open_room(&board.client, 2).await;
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind, frame_id) values (2, 'child', 'line', 't')")
        .await;
    board.apply(vec![("delete", "t", Value::Null)]).await.unwrap();
    board.run("delete from pgcanvas.shapes where id = 'u'").await;
    let frame: String =
        board.value(&format!("select frame_id from pgcanvas.shapes where room_id = {other}")).await;
    assert_eq!(frame, "t");
}
