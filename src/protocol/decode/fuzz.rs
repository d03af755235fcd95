//! Frames made at random: nothing may panic, and what is accepted must be fit for `jsonb`.

use proptest::prelude::*;
use serde_json::Value;

use super::json::Document;
use super::tests::{ops_frame, put, said};
use super::{ClientMessage, decode};
use crate::model::limits::MIN_NUMBER;

const LEAVES: &[&str] = &[
    "null",
    "true",
    "0",
    "-1",
    "1e400",
    "1e-400",
    "9007199254740993",
    "\"\"",
    "\"a\"",
    "\"put\"",
    "\"props.a\"",
    "\"\\u0000\"",
    "\"\\ud800\"",
    "\"ops\"",
    "[1,2]",
    "\"{\\\"shape\\\":{\\\"id\\\":1}}\"",
];

const NAMES: &[&str] = &[
    "type",
    "room",
    "roomId",
    "op_id",
    "ops",
    "op",
    "shape",
    "id",
    "kind",
    "x",
    "points",
    "set",
    "unset",
    "props",
    "message",
    "state",
    "t",
    "shapeId",
    "group_ids",
    "mine",
    "\\ud800",
    "\\u0000",
];

/// Frames that are almost right, so that the tests reach deep.
fn almost_frames() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES).prop_map(str::to_owned);
    let name = prop::sample::select(NAMES);
    let value = leaf.prop_recursive(5, 40, 6, move |inner| {
        let members = prop::collection::vec((name.clone(), inner.clone()), 0..6);
        let object = members.prop_map(|members| {
            let members: Vec<String> =
                members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
            format!("{{{}}}", members.join(","))
        });
        let array = prop::collection::vec(inner, 0..5).prop_map(|items| format!("[{}]", items.join(",")));
        prop_oneof![object, array]
    });
    let kinds =
        prop::sample::select(vec!["ops", "presence", "ping", "join", "hello", "chat", "delete_shape"]);
    (kinds, value.clone(), value.clone(), value).prop_map(|(kind, a, b, c)| {
        format!(
            r#"{{"type":"{kind}","room":"a","roomId":1,"op_id":1,"ops":[{{"op":"put","shape":{a}}},
            {{"op":"patch","id":"a","set":{b}}}],"state":{a},"t":{b},"message":{c},"shapeId":{c}}}"#
        )
    })
}

/// JSON with a byte or two changed.
fn almost_json() -> impl Strategy<Value = String> {
    let changes =
        prop::collection::vec((any::<prop::sample::Index>(), "[{}\\[\\]\",:0-9eE.tru\\\\ \n+-]"), 0..3);
    (almost_frames(), changes).prop_map(|(frame, changes)| {
        let mut letters: Vec<char> = frame.chars().collect();
        for (place, change) in changes {
            let place = place.index(letters.len());
            letters.splice(place..=place, change.chars());
        }
        letters.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn what_is_scanned_is_what_serde_takes_for_json(text in almost_json()) {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Document::scan(&text).is_some(), is_json, "{}", text);
    }

    #[test]
    fn what_is_scanned_at_random_is_what_serde_takes_for_json(text in "[\\[\\],0-2eE.+-]{1,6}|\"[a\\\\u0d\"]{0,9}\"| ?(null|true|false|nul|[{}])") {
        let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&text).is_ok();
        prop_assert_eq!(Document::scan(&text).is_some(), is_json, "{}", text);
    }

    #[test]
    fn decoding_never_panics_on_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = decode(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn decoding_never_panics_on_text(text in "[{}\\[\\]\",:0-9eE.a-z\\\\+ -]{0,200}") {
        let _ = decode(&text);
    }

    #[test]
    fn decoding_never_panics_on_frames_that_are_almost_right(frame in almost_frames()) {
        let _ = decode(&frame);
    }

    #[test]
    fn what_is_accepted_is_json_that_jsonb_takes(value in almost_frames()) {
        if let Ok(ClientMessage::Gesture(batch)) = decode(&ops_frame(&put(&format!("\"mine\":{value}")))) {
            for op in batch.gesture.ops() {
                let said = format!("{{{}}}", op.said);
                prop_assert!(serde_json::from_str::<Value>(&said).is_ok(), "{said}");
                prop_assert!(!said.contains("\\u0000"));
            }
        }
    }

    #[test]
    fn a_coordinate_arrives_bit_for_bit(x in -1e9f64..1e9) {
        prop_assume!(x == 0.0 || x.abs() >= MIN_NUMBER);
        let shape = said(&put(&format!("\"x\":{x:?},\"mine\":[{x:?}]")));
        prop_assert_eq!(shape.get("x").and_then(Value::as_f64), Some(x));
        prop_assert_eq!(shape.pointer("/mine/0").and_then(Value::as_f64), Some(x));
    }
}
