//! Tests: which ops come with a row, and what of them no row holds.

use serde_json::{Value as Json, json};

use super::tests::{batch, put};
use crate::model::row::{Points, Value};
use crate::model::shape::PROPERTIES;
use crate::model::{Action, NewShape, Op, Row};

fn first(ops: &str) -> Op {
    batch(ops).gesture.ops().first().cloned().unwrap()
}

fn new_shape(members: &str) -> NewShape {
    match first(&put(members)).action {
        Action::Put(shape) => shape,
        other => panic!("{other:?}"),
    }
}

fn patch(members: &str) -> Op {
    first(&format!(r#"[{{"op":"patch","id":"a",{members}}}]"#))
}

fn names(row: &Row) -> Vec<&str> {
    let properties = PROPERTIES.iter().zip(row.values());
    properties.filter(|(_, value)| value.is_some()).map(|(property, _)| property.name).collect()
}

fn value(row: &Row, name: &str) -> Value {
    let properties = PROPERTIES.iter().zip(row.values());
    let found = properties.filter(|(property, _)| property.name == name).find_map(|(_, value)| value);
    found.cloned().unwrap_or_else(|| panic!("{name} in {row:?}"))
}

#[test]
fn a_put_has_a_row_of_what_it_says_and_what_it_leaves_out() {
    let shape = new_shape(
        r#""x":1.50,"text":"a\u0062","locked":true,"group_ids":[],"points":[[0,1],[2,-0]],"props":{"b": 1}"#,
    );
    let row = &shape.row;
    let wanted = "id kind x y width height angle points group_ids locked text props";
    assert_eq!(names(row).join(" "), wanted);
    assert_eq!((value(row, "x"), value(row, "y")), (Value::Number(1.5), Value::Number(0.0)));
    assert_eq!(value(row, "text"), Value::Text("ab".to_owned()));
    assert_eq!(
        (value(row, "locked"), value(row, "group_ids")),
        (Value::Flag(true), Value::Names(Vec::new()))
    );
    assert_eq!(value(row, "points"), Value::Points(Points::Flat(vec![[0.0, 1.0], [2.0, 0.0]])));
    assert_eq!(value(row, "props"), Value::Object(r#"{"b":1}"#.to_owned()));
    assert_eq!(shape.extra, None);
}

#[test]
fn what_of_a_put_has_no_column_or_is_null_goes_beside_its_row() {
    let shape = new_shape(r#""x":1,"mine":{ "z":null },"link":null,"\"q":2"#);
    let extra: Json = serde_json::from_str(shape.extra.as_deref().unwrap()).unwrap();
    assert_eq!(extra, json!({"mine":{"z":null},"link":null,"\"q":2}));
    assert!(!names(&shape.row).contains(&"link"));
}

#[test]
fn what_refers_to_other_shapes_is_in_the_row() {
    let tied =
        new_shape(r#""frame_id":"f","group_ids":["g","h"],"props":{"startBinding":{"elementId":"b"}}"#).row;
    assert_eq!(value(&tied, "frame_id"), Value::Text("f".to_owned()));
    assert_eq!(value(&tied, "group_ids"), Value::Names(vec!["g".to_owned(), "h".to_owned()]));
    assert_eq!(value(&tied, "props"), Value::Object(r#"{"startBinding":{"elementId":"b"}}"#.to_owned()));
    let set = patch(r#""set":{"container_id":"c"}"#);
    assert_eq!(value(set.row().unwrap(), "container_id"), Value::Text("c".to_owned()));
}

#[test]
fn a_patch_has_a_row_when_all_that_it_says_has_columns() {
    let moved = patch(r#""base":4,"set":{"y":2,"x":1}"#);
    assert_eq!(names(moved.row().unwrap()), ["id", "x", "y"]);
    assert_eq!((moved.said.as_str(), moved.base), (r#""set":{"x":1,"y":2},"unset":[]"#, Some(4)));
    for members in [
        r#""set":{"link":null}"#,
        r#""set":{"mine":1}"#,
        r#""set":{"x":1},"unset":["link"]"#,
        r#""unset":["props.a"]"#,
    ] {
        assert_eq!(patch(members).action, Action::Patch(None), "{members}");
    }
    assert_eq!(names(patch(r#""unset":["seq"]"#).row().unwrap()), ["id"]);
}

#[test]
fn an_append_has_a_row_of_its_points() {
    let op = first(r#"[{"op":"append","id":"a","points":[[1,2,0.5]]}]"#);
    assert_eq!(op.said, r#""points":[[1,2,0.5]]"#);
    assert_eq!(names(op.row().unwrap()), ["id", "points"]);
    assert_eq!(value(op.row().unwrap(), "points"), Value::Points(Points::Pressed(vec![[1.0, 2.0, 0.5]])));
}
