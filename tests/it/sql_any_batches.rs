//! Random batches, gathered into calls in three ways: the same comes of them (AO9, AO10).

use super::support::write_path::{WritePath, ops};
use super::sync::random;
use pgcanvas::model::Op;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use serde_json::{Map, Value, json};

/// What shapes say in a call.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    Plain,
    /// They often refer to each other, and are often deleted.
    Tied,
    /// Everything.
    Odd,
}

/// So many shapes refer to each other.
const FEW: usize = 6;

/// What refers to other shapes.
fn references(random: &mut StdRng, shape: &mut Map<String, Value>) {
    let id = format!("s{}", random.random_range(0..FEW));
    let (name, value) = match random.random_range(0..9) {
        0 => ("frame_id", json!(id)),
        1 => ("container_id", json!(id)),
        2 => ("group_ids", json!(["g"])),
        3 => ("group_ids", json!(["g", "h"])),
        4 => ("group_ids", json!([])),
        5 => ("props", json!({"startBinding": {"elementId": id, "focus": 0.5}, "k": 1})),
        6 => ("props", json!({"endBinding": {"elementId": id}, "startBinding": null})),
        7 => ("props", json!({"boundElements": [{"id": id, "type": "arrow"}]})),
        _ => ("props", json!({"boundElements": []})),
    };
    shape.insert(name.to_owned(), value);
}

/// Some properties of a shape.
fn properties(random: &mut StdRng, shape: &mut Map<String, Value>, manner: Manner) {
    let mut set = |name: &str, value: Value| _ = shape.insert(name.to_owned(), value);
    for name in ["x", "y", "width", "height", "angle"] {
        if random.random_bool(0.5) {
            set(name, json!(f64::from(random.random_range(-3..3)) / 2.0));
        }
    }
    if manner == Manner::Tied {
        if random.random_bool(0.5) {
            references(random, shape);
        }
        return;
    }
    if manner == Manner::Plain {
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

fn any_op(random: &mut StdRng, id: &str, manner: Manner) -> Value {
    let mut members = Map::new();
    properties(random, &mut members, manner);
    let kind = random.random_range(if manner == Manner::Plain { 3 } else { 0 }..20);
    if manner == Manner::Tied && kind > 15 {
        return json!({"op": "delete", "id": id});
    }
    match kind {
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

/// Batches that name each shape once, nearly always, or often more than once.
fn any_batches(random: &mut StdRng) -> Vec<Vec<Op>> {
    let manner =
        *[Manner::Plain, Manner::Plain, Manner::Tied, Manner::Odd, Manner::Odd].choose(random).unwrap();
    let mut ids: Vec<usize> = (0..if manner == Manner::Tied { FEW } else { 16 }).collect();
    let most = if random.random_bool(0.4) { 2 } else { 5 };
    let once = if random.random_bool(0.5) { 0.97 } else { 0.4 };
    (0..random.random_range(1..most))
        .map(|_| {
            let count = random.random_range(1..most);
            let batch: Vec<Value> = (0..count)
                .map(|_| {
                    if ids.len() < 2 {
                        ids.extend(0..FEW);
                    }
                    let place = random.random_range(0..ids.len());
                    let id = if random.random_bool(once) { ids.swap_remove(place) } else { ids[place] };
                    let mut op = any_op(random, &format!("s{id}"), manner);
                    op["base"] = json!(random.random_range(0..4));
                    op
                })
                .collect();
            ops(&json!(batch))
        })
        .collect()
}

/// AO9, AO10
#[tokio::test]
async fn however_batches_are_gathered_the_same_rows_log_and_answers_come_of_them() {
    let mut random = random();
    let mut path = WritePath::open().await;
    for policy in ["merge", "strict", "merge", "offset", "merge", "merge"] {
        path.board.run(&format!("update pgcanvas.rooms set policy = '{policy}'")).await;
        for _ in 0..40 {
            let batches = any_batches(&mut random);
            path.send(&batches).await;
        }
        path.assert_same().await;
    }
}
