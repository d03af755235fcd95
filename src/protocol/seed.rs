//! The dialect of the older system: its shapes as rows, and rows as its shapes. The original shape is kept whole under
//! `props.seed`, so that what an old client drew comes back equal.

use serde_json::{Map, Value, json};

use super::decode::fields::{Fields, read_number, read_text, read_text_within, scan};
use super::decode::json::Json;
use super::decode::members::Members;
use super::decode::property::Taken;
use super::decode::scrub::copy_checked;
use super::decode::{SeedMessage, Violation, read_room, read_shape_id};
use super::object::{ObjectWriter, kept, push_number, push_quoted};
use crate::model::limits::{MAX_COORDINATE, MAX_KIND_CHARS};
use crate::model::row::Value as RowValue;
use crate::model::{Op, ShapeId};

/// How deep the original stands within its row: below the shape and its `props`.
const ORIGINAL_DEPTH: usize = 2;
/// What a row of this dialect takes beside its original, bytes.
const USUAL_BYTES: usize = 128;

/// Reads a message of this dialect.
pub(crate) fn read(kind: &str, fields: &Fields<'_>) -> Result<SeedMessage, Violation> {
    let room = fields.read_required("roomId", read_room)?;
    match kind {
        "join_room" => Ok(SeedMessage::JoinRoom { room }),
        "leave_room" => Ok(SeedMessage::LeaveRoom { room }),
        "chat" => Ok(SeedMessage::Chat { room, op: fields.read_required("message", read_message)? }),
        _ => Ok(SeedMessage::DeleteShape { room, op: read_delete(fields)? }),
    }
}

fn read_delete(fields: &Fields<'_>) -> Result<Op, Violation> {
    let id = fields.read_required("shapeId", read_shape_id)?;
    Ok(Op::delete(id))
}

fn read_message(json: Json<'_>) -> Result<Op, Violation> {
    let text = read_text(json)?;
    let holds_shape = |_| Violation::new("must be a JSON string that holds {\"shape\":{…}}");
    let document = scan(&text).map_err(holds_shape)?;
    let fields = Fields::read(document.root()).map_err(holds_shape)?;
    fields.read_required("shape", read_shape)
}

/// Reads a shape of this dialect as the `put` of a row.
fn read_shape(json: Json<'_>) -> Result<Op, Violation> {
    let fields = Fields::read(json)?;
    let id = fields.read_required("id", read_shape_id)?;
    let old_kind = fields.read_required("type", |json| read_text_within(json, MAX_KIND_CHARS))?;
    if old_kind.is_empty() {
        return Err(Violation::new("must not be empty").within("type"));
    }
    let place = Placement::of(&old_kind, |name| fields.get(name).and_then(read_number));
    let mut original = String::new();
    copy_checked(json, ORIGINAL_DEPTH, &mut original)?;
    write_row(&id, row_kind(&old_kind), place.checked()?, &original).into_put(id, None)
}

fn write_row(id: &ShapeId, kind: &str, place: Placement, original: &str) -> Members {
    let mut row = Members::new(original.len() + USUAL_BYTES, place.members().len());
    for (name, text) in [("id", id.as_str()), ("kind", kind)] {
        row.say(name, Taken::Value(RowValue::Text(text.to_owned())), |out| push_quoted(out, text));
    }
    for (name, value) in place.members() {
        row.say(name, Taken::Value(RowValue::Number(kept(value))), |out| push_number(out, value));
    }
    let props = ObjectWriter::new().raw("seed", original).finish();
    row.say("props", Taken::Value(RowValue::Object(props.clone())), |out| out.push_str(&props));
    row
}

/// The row's kind for a type of this dialect.
fn row_kind(old_kind: &str) -> &str {
    match old_kind {
        "circle" => "ellipse",
        "rect" => "rectangle",
        other => other,
    }
}

/// A shape's box as its row has it.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Placement {
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

impl Placement {
    /// The box of a shape of this dialect; what is no number counts as nought, as the old system let it pass.
    fn of(old_kind: &str, number: impl Fn(&str) -> Option<f64>) -> Self {
        let number = |name| number(name).unwrap_or(0.0);
        if old_kind != "circle" {
            return Self { x: number("x"), y: number("y"), width: number("width"), height: number("height") };
        }
        let (x, y, radius) = (number("centerX"), number("centerY"), number("radius").abs());
        Self { x: x - radius, y: y - radius, width: 2.0 * radius, height: 2.0 * radius }
    }

    fn members(self) -> [(&'static str, f64); 4] {
        [("x", self.x), ("y", self.y), ("width", self.width), ("height", self.height)]
    }

    fn checked(self) -> Result<Self, Violation> {
        match self.members().into_iter().find(|(_, value)| value.abs() > MAX_COORDINATE) {
            Some((name, _)) => {
                let rule = format!(
                    "must give a box of finite numbers of at most {MAX_COORDINATE:e}; its {name} is beyond"
                );
                Err(Violation::new(rule))
            }
            None => Ok(self),
        }
    }
}

/// A row as a shape of this dialect.
pub fn to_seed_shape(row: &Map<String, Value>) -> Value {
    let kind = row.get("kind").and_then(Value::as_str).unwrap_or_default();
    let original = row.get("props").and_then(|props| props.get("seed")).and_then(Value::as_object);
    let place = Placement::of("", |name| row.get(name).and_then(Value::as_f64));
    match original {
        Some(original) if row_kind(old_kind(original)) == kind => {
            Value::Object(replaced(original, row, place))
        }
        _ => Value::Object(translated(kind, row, place)),
    }
}

fn old_kind(original: &Map<String, Value>) -> &str {
    original.get("type").and_then(Value::as_str).unwrap_or_default()
}

/// The original, moved to where its row is now; untouched where the row has not moved.
fn replaced(original: &Map<String, Value>, row: &Map<String, Value>, place: Placement) -> Map<String, Value> {
    let mut shape = original.clone();
    shape.insert("id".to_owned(), row.get("id").cloned().unwrap_or_default());
    let was = Placement::of(old_kind(original), |name| original.get(name).and_then(Value::as_f64));
    if was == place {
        return shape;
    }
    for name in ["centerX", "centerY", "radius"] {
        if old_kind(original) == "circle" {
            shape.remove(name);
        }
    }
    shape.extend(placed(row_kind(old_kind(original)), old_kind(original), place));
    shape
}

/// A row that this dialect never saw, in its words.
fn translated(kind: &str, row: &Map<String, Value>, place: Placement) -> Map<String, Value> {
    let old_kind = if kind == "rectangle" { "rect" } else { kind };
    let mut shape = placed(kind, old_kind, place);
    for name in ["id", "points", "text", "props"] {
        if let Some(value) = row.get(name).filter(|value| !value.is_null()) {
            shape.insert(name.to_owned(), value.clone());
        }
    }
    shape
}

/// Type and box: a round ellipse is a circle, anything else has corner and size.
fn placed(kind: &str, old_kind: &str, place: Placement) -> Map<String, Value> {
    let Placement { x, y, width, height } = place;
    let members = if kind == "ellipse" && (width - height).abs() <= f64::EPSILON * width.abs() {
        let radius = width / 2.0;
        json!({"type": "circle", "centerX": x + radius, "centerY": y + radius, "radius": radius.abs()})
    } else {
        let old_kind = if old_kind == "circle" { kind } else { old_kind };
        json!({"type": old_kind, "x": x, "y": y, "width": width, "height": height})
    };
    members.as_object().cloned().unwrap_or_default()
}

/// The frame that shows a shape to clients of this dialect.
pub fn chat_frame(room: &str, shape: &Value) -> String {
    let message = ObjectWriter::new().value("shape", shape).finish();
    ObjectWriter::frame("chat").string("roomId", room).string("message", &message).finish()
}

/// The frame that tells clients of this dialect that a shape is gone.
pub fn delete_frame(room: &str, shape_id: &str) -> String {
    ObjectWriter::frame("delete_shape").string("roomId", room).string("shapeId", shape_id).finish()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::protocol::{ClientMessage, DecodeError, decode};

    const CIRCLE: &str =
        r#"{"id":"shape_1","type":"circle","centerX":100,"centerY":100.5,"radius":50,"note":"é"}"#;

    fn chat(shape: &str) -> Result<Op, String> {
        let message = format!(r#"{{"shape":{shape}}}"#);
        let frame = json!({"type": "chat", "roomId": "1", "message": message}).to_string();
        match decode(&frame) {
            Ok(ClientMessage::Seed(SeedMessage::Chat { op, .. })) => Ok(op),
            Err(DecodeError::Frame { message, .. }) => Err(message),
            other => panic!("{other:?}"),
        }
    }

    fn row(shape: &str) -> Map<String, Value> {
        serde_json::from_str(&format!("{{{}}}", chat(shape).unwrap().said)).unwrap()
    }

    fn parse(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn rooms_are_entered_by_text_or_number() {
        for (frame, joins) in [
            (r#"{"type":"join_room","roomId":"1"}"#, true),
            (r#"{"type":"join_room","roomId":1}"#, true),
            (r#"{"type":"leave_room","roomId":"1"}"#, false),
        ] {
            let Ok(ClientMessage::Seed(message)) = decode(frame) else { panic!("{frame}") };
            let room = "1".parse().unwrap();
            let wanted = if joins { SeedMessage::JoinRoom { room } } else { SeedMessage::LeaveRoom { room } };
            assert_eq!(message, wanted);
        }
    }

    #[test]
    fn a_circle_becomes_an_ellipse_and_a_rect_a_rectangle() {
        let mut circle = row(CIRCLE);
        assert_eq!(circle.remove("props"), Some(json!({"seed": parse(CIRCLE)})));
        let wanted =
            json!({"id":"shape_1","kind":"ellipse","x":50,"y":50.5,"width":100,"height":100,"angle":0});
        assert_eq!(Value::Object(circle), wanted);
        let rect = row(r#"{"id":"r","type":"rect","x":150,"y":150,"width":100,"height":75}"#);
        assert_eq!(rect.get("kind"), Some(&json!("rectangle")));
        assert_eq!(rect.get("height"), Some(&json!(75)));
        let other = row(r#"{"id":"p","type":"pencil","points":[{"x":1}],"x":null}"#);
        assert_eq!((other.get("kind"), other.get("x")), (Some(&json!("pencil")), Some(&json!(0))));
    }

    #[test]
    fn a_message_without_a_shape_names_the_field() {
        let refused = |frame: &str| decode(frame).unwrap_err().to_string();
        assert!(
            refused(r#"{"type":"chat","roomId":"1","message":"hello"}"#)
                .starts_with("message: must be a JSON")
        );
        assert!(refused(r#"{"type":"chat","roomId":"1","message":{}}"#).starts_with("message: must be text"));
        assert!(
            refused(r#"{"type":"chat","roomId":"1","message":"{}"}"#)
                .starts_with("message.shape: is required")
        );
        assert!(refused(r#"{"type":"chat","message":"{}"}"#).starts_with("roomId: is required"));
        assert!(refused(r#"{"type":"delete_shape","roomId":"1"}"#).starts_with("shapeId: is required"));
        assert_eq!(chat(r#"{"type":"circle"}"#).unwrap_err(), "message.shape.id: is required");
        assert_eq!(chat(r#"{"id":"a"}"#).unwrap_err(), "message.shape.type: is required");
        assert!(chat(r#"{"id":"a","type":"rect","x":1e20}"#).unwrap_err().contains("its x is beyond"));
        assert!(chat(r#"{"id":"a","type":"rect","n":"\u0000"}"#).unwrap_err().contains("U+0000"));
    }

    #[test]
    fn a_delete_is_an_operation() {
        let frame = r#"{"type":"delete_shape","roomId":"1","shapeId":"shape_1"}"#;
        let Ok(ClientMessage::Seed(message)) = decode(frame) else { panic!() };
        assert_eq!(message.shape_id().map(ShapeId::as_str), Some("shape_1"));
        assert_eq!(delete_frame("1", "shape_1"), frame);
    }

    #[test]
    fn an_old_shape_comes_back_equal_until_its_row_moves() {
        let mut circle = row(CIRCLE);
        assert_eq!(to_seed_shape(&circle), parse(CIRCLE));
        circle.insert("x".into(), json!(60));
        let moved =
            r#"{"id":"shape_1","type":"circle","centerX":110.0,"centerY":100.5,"radius":50.0,"note":"é"}"#;
        assert_eq!(to_seed_shape(&circle), parse(moved));
        circle.insert("width".into(), json!(10));
        let flat =
            r#"{"id":"shape_1","type":"ellipse","x":60.0,"y":50.5,"width":10.0,"height":100.0,"note":"é"}"#;
        assert_eq!(to_seed_shape(&circle), parse(flat));
        circle.insert("kind".into(), json!("diamond"));
        assert_eq!(to_seed_shape(&circle).get("type"), Some(&json!("diamond")));
    }

    #[test]
    fn native_shapes_are_said_in_old_words() {
        let seed = |row: Value| to_seed_shape(row.as_object().unwrap());
        assert_eq!(
            seed(json!({"id":"a","kind":"ellipse","x":0,"y":10,"width":20,"height":20,"version":3})),
            json!({"id":"a","type":"circle","centerX":10.0,"centerY":20.0,"radius":10.0})
        );
        assert_eq!(
            seed(json!({"id":"a","kind":"rectangle","x":1,"y":2,"width":3,"height":4})),
            json!({"id":"a","type":"rect","x":1.0,"y":2.0,"width":3.0,"height":4.0})
        );
        assert_eq!(
            seed(json!({"id":"a","kind":"line","points":[[0,0],[1,1]],"text":null})),
            json!({"id":"a","type":"line","x":0.0,"y":0.0,"width":0.0,"height":0.0,"points":[[0,0],[1,1]]})
        );
    }

    #[test]
    fn a_chat_frame_holds_the_shape_as_a_string() {
        let wanted = r#"{"type":"chat","roomId":"1","message":"{\"shape\":{\"id\":\"a\"}}"}"#;
        assert_eq!(chat_frame("1", &json!({"id": "a"})), wanted);
    }

    proptest! {
        #[test]
        fn any_old_circle_comes_back_equal(x in -1e8f64..1e8, y in -1e8f64..1e8, radius in -1e6f64..1e6) {
            let shape = json!({"id":"a","type":"circle","centerX":x,"centerY":y,"radius":radius});
            prop_assert_eq!(to_seed_shape(&row(&shape.to_string())), shape);
        }
    }
}
