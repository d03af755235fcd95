//! The write path of nodes (AO).

use super::support::board::{Answer, Batch, Board, apply_batches, open_room, refusal};
use serde_json::{Value, json};
use uuid::Uuid;

fn rectangle() -> Value {
    json!({"kind": "rectangle", "x": 1, "y": 2, "width": 3, "height": 4})
}

/// AO1
#[tokio::test]
async fn each_op_says_what_it_did() {
    let board = Board::open().await;
    let first = board.apply(vec![("put", "a", rectangle()), ("put", "b", rectangle())]).await.unwrap();
    assert_eq!(first, Answer::new("fresh", 1, &["applied", "applied"]));
    let second = board
        .apply(vec![
            ("patch", "a", json!({"set": {"x": 9}})),
            ("patch", "a", json!({"set": {"x": 9}})),
            ("delete", "b", Value::Null),
            ("patch", "b", json!({"set": {"x": 9}})),
            ("delete", "never", Value::Null),
        ])
        .await
        .unwrap();
    assert_eq!(second, Answer::new("fresh", 2, &["applied", "applied", "applied", "gone", "gone"]));
    let third = board.apply(vec![(
        "put",
        "a",
        json!({"kind": "rectangle", "x": 9, "y": 2, "width": 3, "height": 4}),
    )]);
    assert_eq!(third.await.unwrap(), Answer::new("fresh", 2, &["unchanged"]));
    board.assert_gapless().await;
}

/// AO11
#[tokio::test]
async fn a_shape_of_many_members_is_changed_in_as_many_steps() {
    let board = Board::open().await;
    let members: serde_json::Map<String, Value> = (0..20_000).map(|n| (format!("k{n}"), json!(n))).collect();
    board.apply(vec![("put", "a", json!({"kind": "text", "props": &members}))]).await.unwrap();
    // A step per member takes a tenth of a second; a step per pair of members would take a minute.
    board.run("set statement_timeout = '10s'").await;
    let patch =
        |n: i32| ("patch", "a", json!({"set": {"props": {"k1": n}}, "unset": [format!("props.k{n}")]}));
    let answer = board.apply(vec![patch(7), patch(8)]).await.unwrap();
    assert_eq!(answer, Answer::new("fresh", 2, &["applied", "applied"]));
    board.run("update pgcanvas.shapes set props = props - 'k9' || '{\"k10\": 0}'").await;
    let unset: Vec<String> =
        board.value("select array(select json_array_elements_text(change::json -> 'unset')) from pgcanvas.shape_changes where seq = 3").await;
    assert_eq!(unset, ["props.k9"]);
    // As many names without a column go as a shape may have, for as much as it may hold.
    let names: serde_json::Map<String, Value> = (0..1_000).map(|n| (format!("n{n}"), json!(n))).collect();
    let mut named = rectangle();
    named.as_object_mut().unwrap().extend(names);
    board.apply(vec![("put", "b", named)]).await.unwrap();
    let mut wide = rectangle();
    wide["props"] = json!(members);
    let answer = board.apply(vec![("put", "b", wide)]).await.unwrap();
    assert_eq!(answer, Answer::new("fresh", 5, &["applied"]));
    board.assert_gapless().await;
}

/// AO2
#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_changes_nothing() {
    let board = Board::open().await;
    let client = Uuid::from_u128(7);
    let batch = |x: i32| {
        [Batch::anonymous(board.room, vec![("put", "a", json!({"kind": "line", "x": x}))]).of(client, 1)]
    };
    assert_eq!(
        apply_batches(&board.client, &batch(1)).await.unwrap(),
        [Answer::new("fresh", 1, &["applied"])]
    );
    board.apply(vec![("delete", "a", Value::Null)]).await.unwrap();
    assert_eq!(
        apply_batches(&board.client, &batch(2)).await.unwrap(),
        [Answer::new("repeat", 1, &["applied"])]
    );
    assert_eq!(board.last_seq().await, 2);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, 0);
}

/// AO2
#[tokio::test]
async fn twins_in_one_call_are_applied_once() {
    let board = Board::open().await;
    let twin = || Batch::anonymous(board.room, vec![("put", "a", rectangle())]).of(Uuid::from_u128(7), 1);
    let answers = apply_batches(&board.client, &[twin(), twin()]).await.unwrap();
    assert_eq!(answers, [Answer::new("fresh", 1, &["applied"]), Answer::new("twin", 1, &["applied"])]);
    board.assert_gapless().await;
}

/// AO3
#[tokio::test]
async fn a_bad_value_keeps_nothing_of_the_call() {
    let board = Board::open().await;
    let bad =
        board.apply(vec![("put", "a", rectangle()), ("put", "b", json!({"kind": "line", "x": 1e10}))]).await;
    assert!(["WB001", "23514"].contains(&refusal(bad).0.as_str()));
    let unknown = board.apply(vec![("put", "a", rectangle()), ("burn", "a", Value::Null)]).await;
    assert_eq!(refusal(unknown), ("WB001".into(), "op: must be put, patch, append or delete".into()));
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, 0);
    assert_eq!(board.last_seq().await, 0);
}

/// AO4
#[tokio::test]
async fn a_room_that_is_not_there_harms_no_other() {
    let board = Board::open().await;
    let batch = |room| Batch::anonymous(room, vec![("put", "a", rectangle())]);
    let answers = apply_batches(&board.client, &[batch(404), batch(board.room)]).await.unwrap();
    assert_eq!(answers[0], Answer { code: "not_found".into(), seq: None, outcomes: None });
    assert_eq!(answers[1], Answer::new("fresh", 1, &["applied"]));
}

/// AO5
#[tokio::test]
async fn batches_of_several_rooms_count_in_each_room() {
    let board = Board::open().await;
    let other = open_room(&board.client, 2).await;
    let batch = |room, id| Batch::anonymous(room, vec![("put", id, rectangle())]);
    let batches = [batch(board.room, "a"), batch(other, "a"), batch(board.room, "b"), batch(board.room, "a")];
    let answers = apply_batches(&board.client, &batches).await.unwrap();
    let seqs: Vec<_> = answers.iter().map(|answer| answer.seq.unwrap()).collect();
    assert_eq!(seqs, [1, 1, 2, 2]); // the last one changes nothing
    board.assert_gapless().await;
}

/// AO6
#[tokio::test]
async fn viewers_see_what_a_batch_leaves_and_nothing_in_between() {
    let board = Board::open().await;
    board
        .apply(vec![
            ("put", "a", rectangle()),
            ("patch", "a", json!({"set": {"x": 7}})),
            ("put", "gone", rectangle()),
            ("delete", "gone", Value::Null),
        ])
        .await
        .unwrap();
    let rows = board
        .client
        .query("select op, change -> 'shape' ->> 'x' from pgcanvas.shape_changes", &[])
        .await
        .unwrap();
    let logged: Vec<(String, String)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(logged, [("put".into(), "7".into())]);
}

/// AO7
#[tokio::test]
async fn a_patch_changes_only_what_it_names() {
    let board = Board::open().await;
    let shape =
        json!({"kind": "text", "text": "hi", "locked": true, "lineage": 3, "props": {"a": 1, "b": 2}});
    board.apply(vec![("put", "a", shape)]).await.unwrap();
    let patch = json!({"set": {"x": 5, "link": null, "props": {"b": 3}}, "unset": ["text", "lineage"]});
    board.apply(vec![("patch", "a", patch)]).await.unwrap();
    let shape: Value = board.value("select pgcanvas.shape_json(s) from pgcanvas.shapes s").await;
    let seen =
        ["x", "locked", "link", "props", "text", "lineage", "version"].map(|name| shape.get(name).cloned());
    let wanted = [
        Some(json!(5)),
        Some(json!(true)),
        Some(Value::Null),
        Some(json!({"a": 1, "b": 3})),
        None,
        None,
        Some(json!(2)),
    ];
    assert_eq!(seen, wanted);
    let before: Value = board.value("select before from pgcanvas.change_before('1', 2)").await;
    assert_eq!(before.pointer("/set/text"), Some(&json!("hi")));
    assert_eq!(before.pointer("/set/props"), Some(&json!({"b": 2})));
}

/// AO7
#[tokio::test]
async fn a_patch_unsets_single_props() {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "text", "props": {"a": 1, "b": 2}}))]).await.unwrap();
    let answer = board.apply(vec![("patch", "a", json!({"set": {}, "unset": ["props.a"]}))]).await.unwrap();
    assert_eq!(answer, Answer::new("fresh", 2, &["applied"]));
    assert_eq!(board.value::<Value>("select props from pgcanvas.shapes").await, json!({"b": 2}));
}

/// AO8
#[tokio::test]
async fn a_stroke_of_20000_points_grows_by_its_tail() {
    let board = Board::open().await;
    let points: Vec<[f64; 3]> = (0..20_000).map(|n| [f64::from(n), f64::from(n % 7), 0.5]).collect();
    let stroke = json!({"kind": "freedraw", "points": points});
    board.apply(vec![("put", "s", stroke)]).await.unwrap();
    let tail = json!({"points": [[20_000, 1, 0.5], [20_001, 2, 0.5]]});
    assert_eq!(
        board.apply(vec![("append", "s", tail)]).await.unwrap(),
        Answer::new("fresh", 2, &["applied"])
    );
    assert_eq!(board.value::<i32>("select array_length(points, 1) from pgcanvas.shapes").await, 20_002);
    let logged: Value = board.value("select change from pgcanvas.shape_changes where seq = 2").await;
    assert_eq!(
        logged,
        json!({"op": "append", "id": "s", "version": 2, "points": [[20000, 1, 0.5], [20001, 2, 0.5]]})
    );
    let right: f64 = board.value("select (bounds[0])[0] from pgcanvas.shapes").await;
    assert!((right - 20_001.0).abs() < 1e-9);
    let mixed = board.apply(vec![("append", "s", json!({"points": [[1, 2]]}))]).await;
    assert_eq!(refusal(mixed).0, "WB001");
}

/// AO1: from SQL an append may say nothing, in one of three ways.
#[tokio::test]
async fn an_append_without_points_is_no_change() {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "line"}))]).await.unwrap();
    for points in ["", r#","points":null"#, r#","points":[]"#] {
        for (id, outcome) in [("a", "unchanged"), ("z", "gone")] {
            let ops = format!(r#"[{{"op":"append","id":"{id}"{points}}}]"#);
            let sql = format!("select outcomes[1] from pgcanvas.draw('1', '{ops}')");
            assert_eq!(board.value::<String>(&sql).await, outcome, "{ops}");
        }
    }
    assert_eq!(board.last_seq().await, 1);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// AO3
#[tokio::test]
async fn what_draw_cannot_take_is_refused_by_field_and_rule() {
    let board = Board::open().await;
    board.run(r#"select pgcanvas.draw('1', '[{"op":"put","shape":{"id":"a","kind":"line"}}]')"#).await;
    for (ops, rule) in [
        (json!([{"op": "put", "id": "a", "shape": {"x": 5}}]), "kind: is required"),
        (json!([{"op": "put", "shape": {"id": "b", "x": 5}}]), "kind: is required"),
        (json!([{"op": "put", "id": "a"}]), "kind: is required"),
        (json!([{"op": "patch", "id": "a", "set": {"kind": null}}]), "kind: is required"),
        (json!([{"op": "put", "shape": {"kind": "line"}}]), "id: is required"),
        (json!([{"id": "a"}]), "op: must be put, patch, append or delete"),
        (json!([]), "ops: must be a list of one or more ops"),
        (json!({}), "ops: must be a list of one or more ops"),
    ] {
        let drawn = board.client.query("select pgcanvas.draw('1', $1)", &[&ops]).await;
        assert_eq!(refusal(drawn), ("WB001".to_owned(), rule.to_owned()), "{ops}");
    }
    assert_eq!(board.last_seq().await, 1);
}
