//! The narrow roads and the general one lead to the same place (AO9, AO10).

use super::support::board::{Bells, Board};
use super::support::roads::Roads;
use super::sync::random;
use pgcanvas::model::Op;
use pgcanvas::protocol::{ClientMessage, decode};
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

fn ops(ops: &Value) -> Vec<Op> {
    let frame = json!({"type": "ops", "room": "1", "op_id": 1, "ops": ops}).to_string();
    match decode(&frame) {
        Ok(ClientMessage::Gesture(batch)) => batch.gesture.ops().to_vec(),
        other => panic!("{frame}: {other:?}"),
    }
}

/// Some properties of a shape; of `odd` ones everything.
fn properties(random: &mut StdRng, shape: &mut Map<String, Value>, odd: bool) {
    let mut set = |name: &str, value: Value| _ = shape.insert(name.to_owned(), value);
    for name in ["x", "y", "width", "height", "angle"] {
        if random.random_bool(0.5) {
            set(name, json!(f64::from(random.random_range(-3..3)) / 2.0));
        }
    }
    if !odd {
        set("x", json!(random.random_range(-1e6..1e6)));
        if random.random_bool(0.3) {
            set(
                "props",
                json!({"nonce": random.random_range(0..9), ["a", "b"].choose(random).unwrap().to_string(): {"deep": [1, 2.50]}}),
            );
        }
        if random.random_bool(0.2) {
            set("stroke_color", json!(["#fff", "r\"o\t é"].choose(random)));
        }
        return;
    }
    for (name, values) in [
        ("points", json!([[], [[0, 0], [1.5, 2]], [[0, 0, 0.5]]])),
        ("index", json!(["a1", "a2", null])),
        ("group_ids", json!([[], ["g"]])),
        ("locked", json!([true, false])),
        ("stroke_color", json!(["#1e1e1e", "r\"o\\t é", "", null])),
        ("fill_style", json!(["solid"])),
        ("stroke_width", json!([0, 2, 1000])),
        ("stroke_style", json!(["dotted"])),
        ("opacity", json!([100, 33.3])),
        ("text", json!(["one\ntwo", "{\"a\":[1]}"])),
        ("font_size", json!([20])),
        ("file_id", json!(["f"])),
        ("link", json!([null, "https://example.org"])),
        ("frame_id", json!([null, "s1"])),
        ("mine", json!([{"deep": [1, null]}, "é", null])),
        (
            "props",
            json!([{}, {"a": 1}, {"a": {"b": null}, "c": 1e3}, {"boundElements": []}, {"boundElements": [{"id": "s2"}]},
                         {"startBinding": {"elementId": "s3"}}, {"endBinding": null}]),
        ),
    ] {
        if random.random_bool(0.12) {
            set(name, values.as_array().unwrap().choose(random).unwrap().clone());
        }
    }
}

fn any_op(random: &mut StdRng, id: &str, odd: bool) -> Value {
    let mut members = Map::new();
    properties(random, &mut members, odd);
    match random.random_range(if odd { 0 } else { 3 }..20) {
        0 => json!({"op": "delete", "id": id}),
        1 => json!({"op": "append", "id": id, "points": [[1, 2]]}),
        2 => json!({"op": "patch", "id": id, "set": members, "unset": ["file_id_", "props.zzz"]}),
        3..=9 => {
            members.insert("id".to_owned(), json!(id));
            members.insert(
                "kind".to_owned(),
                json!(["rectangle", "ellipse", "freedraw"].choose(random).unwrap()),
            );
            json!({"op": "put", "shape": members})
        }
        _ => json!({"op": "patch", "id": id, "set": members}),
    }
}

/// Batches that name each shape once, nearly always.
fn any_batches(random: &mut StdRng) -> Vec<Vec<Op>> {
    let mut ids: Vec<usize> = (0..16).collect();
    let odd = random.random_bool(0.4);
    let most = if random.random_bool(0.4) { 2 } else { 4 };
    (0..random.random_range(1..most))
        .map(|_| {
            let count = random.random_range(1..most);
            let batch: Vec<Value> = (0..count)
                .map(|_| {
                    let place = random.random_range(0..ids.len());
                    let id = if random.random_bool(0.97) { ids.swap_remove(place) } else { ids[place] };
                    any_op(random, &format!("s{id}"), odd)
                })
                .collect();
            ops(&json!(batch))
        })
        .collect()
}

/// What a bell said, without times; changes of a batch in the order of their shapes.
async fn heard(bells: &mut Bells) -> Vec<(String, Vec<Value>)> {
    let payloads = bells.heard().await;
    let read = |line: &str| {
        let mut batch: Value = serde_json::from_str(line).unwrap();
        batch["at"] = Value::Null;
        let changes = batch["changes"].as_array_mut().unwrap();
        for change in changes.iter_mut() {
            if let Some(shape) = change.get_mut("shape").and_then(Value::as_object_mut) {
                shape.remove("created_at");
                shape.remove("updated_at");
            }
        }
        changes.sort_by_key(|change| change.to_string().replace("{\"id\"", ""));
        batch
    };
    payloads
        .iter()
        .map(|payload| {
            let mut lines = payload.lines();
            (lines.next().unwrap().to_owned(), lines.map(read).collect())
        })
        .collect()
}

/// AO9, AO10
#[tokio::test]
async fn all_roads_lead_to_the_same_rows_log_answers_and_bells() {
    let mut random = random();
    let mut roads = Roads::open().await;
    let mut bells = Vec::new();
    for room in [1, 2, 3] {
        bells.push(roads.board.listen(&[room]).await);
    }
    for _ in 0..12 {
        for _ in 0..25 {
            let batches = any_batches(&mut random);
            roads.send(&batches).await;
        }
        roads.assert_same().await;
        let mut rung = Vec::new();
        for bell in &mut bells {
            rung.push(heard(bell).await);
        }
        assert!(rung.windows(2).all(|pair| pair[0] == pair[1]), "{rung:?}");
    }
    println!("{} of 300 calls were plain, {} lone ops", roads.plain, roads.lone);
    assert!(roads.lone > 25, "only {} of 300 calls took a lone op's road", roads.lone);
    assert!(roads.plain > 25, "only {} of 300 calls took the narrow road", roads.plain);
}

/// AO9, AO10, AO1
#[tokio::test]
async fn what_is_not_plain_is_left_to_the_general_road() {
    let mut roads = Roads::open().await;
    roads
        .board
        .run("select pgcanvas.chain_room('1'), pgcanvas.chain_room('2'), pgcanvas.chain_room('3')")
        .await;
    let put = |id: &str, x: i64| json!({"op": "put", "shape": {"id": id, "kind": "text", "x": x}});
    let first = vec![ops(&json!([put("a", 1), put("b", 1)])), ops(&json!([put("c", 1)]))];
    roads.send(&first).await;
    assert_eq!(roads.plain, 1);
    for batch in [
        json!([put("a", 1)]),                                          // unchanged
        json!([{"op": "patch", "id": "never", "set": {"x": 1}}]),      // gone
        json!([put("a", 2), put("b", 1)]),                             // one of both unchanged
        json!([put("a", 3), put("a", 4)]),                             // a shape twice
        json!([put("d", 1), {"op": "delete", "id": "b"}]),             // a delete
        json!([{"op": "patch", "id": "a", "set": {"frame_id": "c"}}]), // a reference
        json!([put("a", 5)]),                                          // which that loses
        json!([{"op": "patch", "id": "a", "set": {}, "unset": ["props.k"]}]),
    ] {
        roads.send(&[ops(&batch)]).await;
        assert_eq!(roads.plain, 1, "{batch}");
    }
    // A shape that leaves its group no longer refers to it.
    let grouped = json!({"op": "put", "shape": {"id": "e", "kind": "text", "group_ids": ["g"]}});
    for op in [grouped, json!({"op": "patch", "id": "e", "set": {"group_ids": []}})] {
        roads.send(&[ops(&json!([op]))]).await;
    }
    assert_eq!(roads.plain, 1);
    roads.assert_same().await;
    // A repeat gets its first answer, and a shape that comes back goes on with its versions.
    roads.op_id -= 1;
    roads.send(&[ops(&json!([put("z", 1)]))]).await;
    assert_eq!(roads.plain, 1);
    roads
        .send(&[
            ops(&json!([put("b", 9)])),
            ops(&json!([{"op": "patch", "id": "c", "set": {"y": 5, "link": "l"}}])),
        ])
        .await;
    assert_eq!(roads.plain, 2);
    roads.assert_same().await;
    // What lost its reference is for a lone op's road, and nothing else was, so far.
    assert_eq!(roads.lone, 1);
    let lone = [
        json!({"op": "append", "id": "c", "points": [[1, 2]]}),
        json!({"op": "patch", "id": "c", "set": {"x": 7, "mine": null}, "unset": ["props.k", "link"]}),
        json!({"op": "put", "shape": {"id": "b", "kind": "text", "x": 11}}),
    ];
    for (op, count) in lone.into_iter().zip(2..) {
        roads.send(&[ops(&json!([op]))]).await;
        assert_eq!(roads.lone, count, "{op}");
    }
    for op in [
        json!({"op": "patch", "id": "c", "set": {"x": 7}}), // unchanged
        json!({"op": "patch", "id": "c", "set": {"group_ids": ["g"]}}), // a group
        json!({"op": "patch", "id": "c", "set": {"x": 8}}), // which it is in
        json!({"op": "delete", "id": "c"}),                 // a delete
    ] {
        roads.send(&[ops(&json!([op]))]).await;
        assert_eq!(roads.lone, 4, "{op}");
    }
    roads.assert_same().await;
    let before = (roads.plain, roads.lone);
    roads.board.run("update pgcanvas.rooms set policy = 'strict'").await;
    roads.send(&[ops(&json!([put("b", 10)]))]).await;
    assert_eq!((roads.plain, roads.lone), before);
    roads.assert_same().await;
}

/// AO9, AO3
#[tokio::test]
async fn the_database_itself_judges_what_is_plain() {
    let board = Board::open().await;
    let call = |rows: &str, patch: bool| {
        format!(
            "select p from (select array(select jsonb_populate_record('(,,0,0,0,0,0,,,,,,,,,,,,,,,,,,,{{}})'::pgcanvas.shape_properties, o) from jsonb_array_elements('{rows}') as o) as r) as rows,
             pgcanvas.apply_plain(array[1], array[gen_random_uuid()], array[1], '{{ann}}', array[null]::bigint[], '{{editor}}',
               array_fill(1, array[cardinality(r)]), array_fill({patch}, array[cardinality(r)]), r, array_fill(null::jsonb, array[cardinality(r)])) as p"
        )
    };
    let apply = async |rows: &str, patch| {
        board.client.query_one(&call(rows, patch), &[]).await.map(|row| row.get::<_, Option<Vec<i64>>>(0))
    };
    assert_eq!(apply(r#"[{"id":"a","kind":"text"}]"#, false).await.unwrap(), Some(vec![1]));
    for rows in [
        r#"[{"id":"b","kind":"text","x":1e300}]"#,
        r#"[{"id":"b","kind":"text","x":"NaN"}]"#,
        r#"[{"id":"b","kind":"text","frame_id":"a"}]"#,
        r#"[{"id":"b","kind":"text","group_ids":["g"]}]"#,
        r#"[{"id":"b","kind":"text","props":{"startBinding":{"elementId":"a"}}}]"#,
        r#"[{"id":"b","kind":"text","opacity":101},{"id":"c","kind":"text"}]"#,
        r#"[{"id":"b","kind":null}]"#,
        r#"[{"id":"a","kind":"text","x":1e300}]"#,
        r#"[{"id":"a","kind":"text","x":"NaN"}]"#,
        r#"[{"id":"a","kind":"text","x":null,"y":7}]"#,
        r#"[{"id":"a","kind":"text","x":5},{"id":"c","kind":"text","opacity":101}]"#,
    ] {
        assert_eq!(apply(rows, false).await.unwrap(), None, "{rows}");
    }
    for (rows, patch) in [
        (r#"[{"id":"a","x":5},{"id":"a","x":6}]"#, true),
        (r#"[{"id":"a","kind":"text","x":5},{"id":"a","kind":"text","x":6}]"#, false),
        (r#"[{"id":"a","kind":"text","x":5},{"id":"a","kind":"text","text":"t"}]"#, false),
        (r#"[{"id":"b","kind":"text"},{"id":"b","kind":"text"}]"#, false),
    ] {
        apply(rows, patch).await.expect_err("a shape named twice");
    }
    assert_eq!(board.last_seq().await, 1);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shape_changes").await, 1);
}

/// AO2, AO9, AO10
#[tokio::test]
async fn a_repeat_that_would_be_bad_by_now_gets_its_first_answer() {
    let mut roads = Roads::open().await;
    roads
        .send(&[ops(
            &json!([{"op": "put", "shape": {"id": "a", "kind": "line", "points": [[0, 0], [1, 1]]}}]),
        )])
        .await;
    let append = [ops(&json!([{"op": "append", "id": "a", "points": [[2, 2]]}]))];
    let first = roads.send(&append).await;
    roads.send(&[ops(&json!([{"op": "patch", "id": "a", "set": {"points": [[0, 0, 1]]}}]))]).await;
    roads.op_id = 1;
    assert_eq!(roads.send(&append).await, first);
    roads.assert_same().await;
}

/// AO9, AO10, AO8
#[tokio::test]
async fn all_roads_keep_a_property_that_is_named_like_a_column_of_the_server_s_own_and_tell_of_more_points() {
    let mut roads = Roads::open().await;
    let own = ["refs", "bounds", "grid", "ordinal", "room_id", "extra"];
    let odd = |id: &str, name: &str| json!({"op": "put", "shape": {"id": id, "kind": "line", "points": [[0, 0]], name: "theirs"}});
    for (name, id) in own.into_iter().zip(["a", "b", "c", "d", "e", "f"]) {
        roads.send(&[ops(&json!([odd(id, name), odd(&format!("{id}2"), name)]))]).await;
        roads.send(&[ops(&json!([odd(&format!("{id}3"), name)]))]).await;
    }
    assert!(roads.plain == own.len() * 2 && roads.lone == own.len(), "{} {}", roads.plain, roads.lone);
    let more = |id: &str| json!({"op": "patch", "id": id, "set": {"points": [[0, 0], [1, 1]]}});
    roads.send(&[ops(&json!([more("a"), more("b")]))]).await;
    roads.send(&[ops(&json!([more("c")]))]).await;
    roads.assert_same().await;
    let appends = "select count(*) from pgcanvas.shape_changes where op = 'append'";
    assert_eq!(roads.board.value::<i64>(appends).await, 9);
    // What was once like that is brought back.
    roads.board.run("delete from pgcanvas.shapes").await;
    for room in [1, 2, 3] {
        let restored = format!("select restored from pgcanvas.restore('{room}', 12)");
        assert_eq!(roads.board.value::<i64>(&restored).await, 18);
    }
}

/// AO9, SY7
#[tokio::test]
async fn what_is_rung_is_in_the_order_of_the_log() {
    let mut roads = Roads::open().await;
    let put = |id: &str, x: i64| json!({"op": "put", "shape": {"id": id, "kind": "text", "x": x}});
    roads.send(&[ops(&json!([put("b", 1)]))]).await;
    let mut bells = roads.board.listen(&[2]).await;
    bells.heard().await;
    roads
        .send(&[
            ops(&json!([put("a", 1), {"op": "patch", "id": "b", "set": {"x": 7}}, put("c", 1)])),
            ops(&json!([put("d", 1)])),
        ])
        .await;
    assert_eq!(roads.plain, 2);
    let payloads = bells.heard().await;
    let rung: Vec<Value> =
        payloads[0].lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    let rung: Vec<&Value> = rung.iter().flat_map(|batch| batch["changes"].as_array().unwrap()).collect();
    let logged: Value = roads
        .board
        .value("select json_agg(change order by seq, ordinal) from pgcanvas.shape_changes where room_id = 2 and seq > 1")
        .await;
    assert_eq!(rung, logged.as_array().unwrap().iter().collect::<Vec<_>>());
}

/// SY9
#[tokio::test]
async fn batches_ride_in_as_many_notices_as_it_takes() {
    let mut roads = Roads::open().await;
    let mut bells = roads.board.listen(&[2]).await;
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
        let last_seq: i64 = roads.board.value("select last_seq from pgcanvas.rooms where id = 2").await;
        let before = roads.plain;
        roads.send(&batches).await;
        assert_eq!(roads.plain, before + 1);
        let logged: String = roads
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
