//! However batches are gathered into calls, the same comes of them (AO9, AO10).

use super::support::board::{Board, code};
use super::support::write_path::{WritePath, ops};
use super::sync::random;
use pgcanvas::model::Op;
use rand::Rng;
use serde_json::{Value, json};

/// AO9
#[tokio::test]
async fn a_call_that_names_a_shape_many_times_folds_what_it_says() {
    let mut path = WritePath::open().await;
    path.board
        .run("select pgcanvas.chain_room('1'), pgcanvas.chain_room('2'), pgcanvas.chain_room('3')")
        .await;
    let put = |id: &str, x: i64| json!({"op": "put", "shape": {"id": id, "kind": "line", "x": x}});
    let patch = |id: &str, set: Value| json!({"op": "patch", "id": id, "set": set});
    let append = |id: &str, x: i64| json!({"op": "append", "id": id, "points": [[x, 1]]});
    for call in [
        vec![
            put("a", 1),
            patch("a", json!({"x": 2, "props": {"k": 1}})),
            append("a", 0),
            append("a", 1),
            patch("a", json!({"props": {"m": 2}})),
        ],
        vec![append("a", 2), patch("a", json!({"y": 7})), append("a", 3)],
        vec![
            patch("a", json!({"points": [[0, 0]]})),
            append("a", 4),
            patch("a", json!({"points": [[5, 5]]})),
        ],
        vec![
            append("a", 4),
            patch("a", json!({"points": [[5, 5]]})),
            put("a", 3),
            patch("a", json!({"x": 3})),
        ],
        vec![
            put("a", 4),
            json!({"op": "delete", "id": "a"}),
            patch("a", json!({"x": 1})),
            put("a", 9),
            put("a", 9),
            append("a", 1),
        ],
        vec![
            put("b", 1),
            patch("b", json!({"frame_id": "a"})),
            patch("b", json!({"x": 4})),
            json!({"op": "delete", "id": "a"}),
            put("a", 1),
        ],
        vec![
            patch("b", json!({"mine": [1]})),
            patch("b", json!({"link": null})),
            patch("b", json!({"link": "l"})),
            patch("b", json!({"mine": null})),
        ],
        vec![
            json!({"op": "delete", "id": "b"}),
            json!({"op": "delete", "id": "b"}),
            put("b", 0),
            append("never", 1),
        ],
    ] {
        let batches: Vec<Vec<Op>> = call.into_iter().map(|op| ops(&json!([op]))).collect();
        path.send(&batches).await;
        path.assert_same().await;
    }
    // A batch that names a shape twice is told of it once; a repeat gets its first answer.
    path.send(&[ops(&json!([put("c", 3), put("c", 4), append("c", 4)])), ops(&json!([append("c", 5)]))])
        .await;
    path.op_id -= 1;
    path.send(&[ops(&json!([put("z", 1)])), ops(&json!([patch("c", json!({"x": 8}))]))]).await;
    path.assert_same().await;
}

/// AO9, RF1, RF3
#[tokio::test]
async fn a_call_that_refers_to_what_it_deletes_leaves_no_reference() {
    let mut path = WritePath::open().await;
    let put = |id: &str, more: Value| {
        let mut shape = json!({"id": id, "kind": "frame"});
        shape.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"op": "put", "shape": shape})
    };
    let patch = |id: &str, set: Value| json!({"op": "patch", "id": id, "set": set});
    let delete = |id: &str| json!({"op": "delete", "id": id});
    let bound = |id: &str| json!({"props": {"startBinding": {"elementId": id}}});
    let none = json!({});
    for call in [
        vec![put("f", none.clone()), put("g", none.clone()), put("a", none.clone()), put("b", none.clone())],
        vec![patch("a", json!({"frame_id": "f"})), patch("b", bound("g")), delete("f"), delete("g")],
        vec![put("f", none.clone()), put("g", none.clone())],
        vec![
            delete("f"),
            patch("a", json!({"container_id": "f", "x": 1})),
            delete("g"),
            patch("b", bound("g")),
        ],
        vec![
            patch("a", json!({"frame_id": "f"})),
            put("f", none.clone()),
            patch("a", json!({"frame_id": "f"})),
        ],
        vec![put("c", bound("f")), patch("c", json!({"props": {"startBinding": null}})), delete("f")],
        vec![
            patch("a", json!({"group_ids": ["x"]})),
            patch("b", json!({"group_ids": ["x", "y"]})),
            delete("a"),
        ],
    ] {
        let batches: Vec<Vec<Op>> = call.into_iter().map(|op| ops(&json!([op]))).collect();
        path.send(&batches).await;
        path.assert_same().await;
    }
}

/// AO9, AO3
#[tokio::test]
async fn the_database_itself_judges_what_rows_say() {
    let board = Board::open().await;
    let call = |rows: &str, verb: &str| {
        format!(
            "select seq from (select array(select jsonb_populate_record('(,,0,0,0,0,0,,,,,,,,,,,,,,,,,,,{{}})'::pgcanvas.shape_properties, o) from jsonb_array_elements('{rows}') as o) as r) as rows,
             pgcanvas.apply_batches(array[1], array[gen_random_uuid()], array[1], '{{ann}}', array[null]::bigint[], array[null]::bigint[], '{{editor}}',
               array_fill(1, array[cardinality(r)]), array_fill('{verb}'::text, array[cardinality(r)]), array(select o.id from unnest(r) as o),
               array_fill(null::bigint, array[cardinality(r)]), r, array_fill(null::jsonb, array[cardinality(r)]),
               array_fill('\"set\":{{}},\"unset\":[]'::text, array[cardinality(r)])) as p"
        )
    };
    let apply = async |rows: &str, verb| {
        board.client.query_one(&call(rows, verb), &[]).await.map(|row| row.get::<_, Option<i64>>(0))
    };
    for rows in [
        r#"[{"id":"b","kind":"text","x":1e300}]"#,
        r#"[{"id":"b","kind":"text","x":"NaN"}]"#,
        r#"[{"id":"b","kind":"text","opacity":101},{"id":"c","kind":"text"}]"#,
        r#"[{"id":"b","kind":"text","points":[[1]]}]"#,
        r#"[{"id":"b","kind":""}]"#,
    ] {
        assert_eq!(code(apply(rows, "put").await), "WB001", "{rows}");
        assert_eq!(code(apply(rows, "patch").await), "WB001", "{rows}");
    }
    assert_eq!(board.last_seq().await, 0);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shape_changes").await, 0);
}

/// AO12, AO3
#[tokio::test]
async fn props_that_grow_too_large_are_refused_in_one_call_and_in_many() {
    let mut path = WritePath::open().await;
    // Well compressed, it is small where it is stored.
    let more = |name: &str| json!({name: "ab".repeat(300_000)});
    let put = json!({"op": "put", "shape": {"id": "a", "kind": "line", "props": more("one")}});
    let patch = json!({"op": "patch", "id": "a", "set": {"props": more("two")}});
    assert!(path.send(&[ops(&json!([put])), ops(&json!([patch]))]).await.is_empty(), "in one call");
    assert_eq!(path.send(&[ops(&json!([put]))]).await.len(), 1);
    assert!(path.send(&[ops(&json!([patch]))]).await.is_empty(), "in many");
    for (name, fits) in [("b", true), ("c", true), ("d", false)] {
        let less = json!({"op": "patch", "id": "a", "set": {"props": {name: "ab".repeat(100_000)}}});
        assert_eq!(path.send(&[ops(&json!([less]))]).await.len() == 1, fits, "{name}");
    }
    let small = json!({"op": "patch", "id": "a", "set": {"x": 1, "props": {"k": 1}}});
    assert_eq!(path.send(&[ops(&json!([small]))]).await.len(), 1);
    path.assert_same().await;
}

/// AO2, AO9, AO10
#[tokio::test]
async fn a_repeat_that_would_be_bad_by_now_gets_its_first_answer() {
    let mut path = WritePath::open().await;
    path.send(&[ops(
        &json!([{"op": "put", "shape": {"id": "a", "kind": "line", "points": [[0, 0], [1, 1]]}}]),
    )])
    .await;
    let append = [ops(&json!([{"op": "append", "id": "a", "points": [[2, 2]]}]))];
    let first = path.send(&append).await;
    path.send(&[ops(&json!([{"op": "patch", "id": "a", "set": {"points": [[0, 0, 1]]}}]))]).await;
    path.op_id = 1;
    assert_eq!(path.send(&append).await, first);
    path.assert_same().await;
}

/// AO9, AO10, AO8
#[tokio::test]
async fn a_property_that_is_named_like_a_column_of_the_server_s_own_is_kept() {
    let mut path = WritePath::open().await;
    let own = ["refs", "bounds", "grid", "ordinal", "room_id", "extra"];
    let odd = |id: &str, name: &str| json!({"op": "put", "shape": {"id": id, "kind": "line", "points": [[0, 0]], name: "theirs"}});
    for (name, id) in own.into_iter().zip(["a", "b", "c", "d", "e", "f"]) {
        path.send(&[ops(&json!([odd(id, name), odd(&format!("{id}2"), name)]))]).await;
        path.send(&[ops(&json!([odd(&format!("{id}3"), name)]))]).await;
    }
    path.assert_same().await;
    // What was once like that is brought back.
    path.board.run("delete from pgcanvas.shapes").await;
    for room in [1, 2, 3] {
        let restored = format!("select restored from pgcanvas.restore('{room}', 12)");
        assert_eq!(path.board.value::<i64>(&restored).await, 18);
    }
}

/// AO9, HI1: an explicit null holds until there is a value, within a call too.
#[tokio::test]
async fn a_null_that_becomes_a_value_within_a_call_is_a_value() {
    let mut path = WritePath::open().await;
    let nulls = json!({"id": "a", "kind": "line", "points": null, "text": null, "link": null, "mine": null});
    let call = [
        json!([{"op": "put", "shape": nulls}]),
        json!([{"op": "patch", "id": "a", "set": {"text": "t"}}]),
        json!([{"op": "append", "id": "a", "points": [[1, 1]]}]),
        json!([{"op": "append", "id": "a", "points": [[2, 2]]}]),
    ];
    path.send(&call.iter().map(ops).collect::<Vec<_>>()).await;
    path.assert_same().await;
    let extra = "select extra::text from pgcanvas.shapes where room_id = 1";
    assert_eq!(path.board.value::<String>(extra).await, r#"{"link": null, "mine": null}"#);
    for room in [1, 2, 3] {
        let faults = format!("select count(*) from pgcanvas.verify('{room}')");
        assert_eq!(path.board.value::<i64>(&faults).await, 0);
    }
}

/// AO9, SY7
#[tokio::test]
async fn what_is_rung_is_in_the_order_of_the_log() {
    let mut path = WritePath::open().await;
    let put = |id: &str, x: i64| json!({"op": "put", "shape": {"id": id, "kind": "text", "x": x}});
    path.send(&[ops(&json!([put("b", 1)]))]).await;
    let mut bells = path.board.listen(&[2]).await;
    bells.heard().await;
    path.send(&[
        ops(&json!([put("a", 1), {"op": "patch", "id": "b", "set": {"x": 7}}, put("c", 1)])),
        ops(&json!([put("d", 1)])),
    ])
    .await;
    let payloads = bells.heard().await;
    let rung: Vec<Value> =
        payloads[0].lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let rung: Vec<&Value> = rung.iter().flat_map(|batch| batch["changes"].as_array().unwrap()).collect();
    let logged: Value = path
        .board
        .value("select json_agg(change order by seq, ordinal) from pgcanvas.shape_changes where room_id = 2 and seq > 1")
        .await;
    assert_eq!(rung, logged.as_array().unwrap().iter().collect::<Vec<_>>());
}

/// SY9
#[tokio::test]
async fn batches_ride_in_as_many_notices_as_it_takes() {
    let mut path = WritePath::open().await;
    let mut bells = path.board.listen(&[2]).await;
    let random = &mut random();
    let mut n = 0;
    let mut batch = |chars: usize| {
        n += 1;
        ops(
            &json!([{"op": "put", "shape": {"id": format!("s{n}"), "kind": "text", "text": "x".repeat(chars)}}]),
        )
    };
    for round in 0..40 {
        let count = random.random_range(2..60);
        let chars = match round % 4 {
            0 => 10..200,
            1 => 100..1_000,
            2 => 500..4_000,
            _ => 10..12_000, // some are too large for any notice
        };
        let batches: Vec<_> = (0..count).map(|_| batch(random.random_range(chars.clone()))).collect();
        let last_seq: i64 = path.board.value("select last_seq from pgcanvas.room_head(2)").await;
        path.send(&batches).await;
        let logged: String = path
            .board
            .value(&format!("select string_agg(head || change || ']}}', E'\\n' order by seq) from pgcanvas.changes_since(2, {last_seq}, 9999999999, 1000)"))
            .await;
        let mut logged: Vec<&str> = logged.lines().collect();
        let bytes: usize = logged.iter().map(|line| line.len() + 1).sum();
        let heard = bells.heard().await;
        assert!(
            heard.len() <= 8 && (bytes <= 4 * 7_949 || heard.len() == 1),
            "{bytes} bytes in {}",
            heard.len()
        );
        let mut at = last_seq;
        for payload in &heard {
            let (head, lines) = payload.split_once('\n').unwrap_or((payload, ""));
            let seqs: Vec<i64> = head[2..].split(' ').map(|seq| seq.parse().unwrap()).collect();
            assert_eq!((&head[..2], seqs[0]), ("c ", at), "each follows the one before");
            at = seqs[1];
            let told: Vec<&str> = logged.drain(..usize::try_from(at - seqs[0]).unwrap()).collect();
            let told_bytes: usize = told.iter().map(|line| line.len() + 1).sum();
            if lines.is_empty() {
                assert!(
                    told_bytes >= 7_950 && (told.len() == 1 || bytes > 4 * 7_949),
                    "{told_bytes} bytes would fit"
                );
            } else {
                assert_eq!(lines, told.join("\n"));
            }
        }
        assert!(logged.is_empty());
    }
}
