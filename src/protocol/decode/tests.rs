use serde_json::{Value, json};

use super::*;
use crate::model::limits::*;
use crate::model::{Op, Verb};

const CLIENT: &str = "7f1d9f6e-5d0e-4b52-9f0e-0123456789ab";

pub(super) fn ops_frame(ops: &str) -> String {
    format!(r#"{{"type":"ops","room":"design-1","op_id":7,"ops":{ops}}}"#)
}

pub(super) fn batch(ops: &str) -> Batch {
    match decode(&ops_frame(ops)) {
        Ok(ClientMessage::Gesture(batch)) => batch,
        other => panic!("{other:?}"),
    }
}

/// Code and message of the reject that the operations get.
fn rejected(ops: &str) -> (RejectCode, String) {
    match decode(&ops_frame(ops)) {
        Err(DecodeError::Reject { room, op_id, code, message }) => {
            assert_eq!((room.to_string().as_str(), op_id.get()), ("design-1", 7));
            (code, message)
        }
        other => panic!("{ops}: {other:?}"),
    }
}

pub(super) fn put(shape_members: &str) -> String {
    format!(r#"[{{"op":"put","shape":{{"id":"a","kind":"line",{shape_members}}}}}]"#)
}

fn refused(frame: &str) -> String {
    match decode(frame) {
        Err(DecodeError::Frame { message, .. }) => message,
        other => panic!("{frame}: {other:?}"),
    }
}

fn first(ops: &str) -> Op {
    batch(ops).gesture.ops().first().cloned().unwrap()
}

/// What the first operation says.
pub(super) fn said(ops: &str) -> Value {
    serde_json::from_str(&format!("{{{}}}", first(ops).said)).unwrap()
}

/// Shape members as a put says them: with what a shape cannot be without.
fn whole(mut members: Value) -> Value {
    let shape = members.as_object_mut().unwrap();
    for name in ["x", "y", "width", "height", "angle"] {
        shape.entry(name).or_insert(json!(0));
    }
    shape.entry("props").or_insert(json!({}));
    members
}

#[test]
fn hello_is_read_and_its_token_does_not_print() {
    let frame = format!(
        r#"{{"type":"hello","protocol":1,"client":"{CLIENT}","token":"secret","name":" Ann ","more":{{}}}}"#
    );
    let Ok(ClientMessage::Hello(hello)) = decode(&frame) else { panic!() };
    assert_eq!((hello.protocol, hello.client.to_string().as_str()), (1, CLIENT));
    assert_eq!((hello.token.as_ref().unwrap().reveal(), hello.name.as_deref()), ("secret", Some("Ann")));
    assert!(!format!("{hello:?}").contains("secret"));
    assert!(refused(r#"{"type":"hello","protocol":1}"#).starts_with("client: is required"));
    assert!(refused(r#"{"type":"hello","protocol":1,"client":"x"}"#).starts_with("client: must be a UUID"));
    assert!(
        refused(r#"{"type":"hello","protocol":"1","client":"x"}"#)
            .starts_with("protocol: must be an integer")
    );
    let long = format!(r#"{{"type":"hello","protocol":1,"client":"{CLIENT}","name":"{}"}}"#, "é".repeat(65));
    assert!(refused(&long).starts_with("name: must be text of at most 64"));
}

#[test]
fn join_is_read_with_all_its_fields() {
    let frame = format!(
        r#"{{"type":"join","room":42,"since":0,"epoch":"{CLIENT}","viewport":[0,-1.5,1e3,2],"name":null,"link":"pgcl_1"}}"#
    );
    let Ok(ClientMessage::Join(join)) = decode(&frame) else { panic!() };
    assert_eq!((join.room.to_string().as_str(), join.since.map(Seq::get)), ("42", Some(0)));
    assert_eq!(join.viewport, Some([0.0, -1.5, 1000.0, 2.0]));
    assert!(join.epoch.is_some() && join.name.is_none());
    assert_eq!(join.link.as_ref().map(Token::reveal), Some("pgcl_1"));
    assert!(!format!("{join:?}").contains("pgcl_1"), "{join:?}");
    assert!(refused(r#"{"type":"join","room":"a","link":7}"#).starts_with("link: must be text"));
    let long = format!(r#"{{"type":"join","room":"a","link":"{}"}}"#, "x".repeat(4097));
    assert!(refused(&long).starts_with("link: "));
    assert!(refused(r#"{"type":"join"}"#).starts_with("room: is required"));
    assert!(refused(r#"{"type":"join","room":[]}"#).starts_with("room: must be a room's slug"));
    assert!(refused(r#"{"type":"join","room":-1}"#).starts_with("room: must be a room's slug"));
    assert!(
        refused(r#"{"type":"join","room":"a","since":-1}"#).starts_with("since: must be an integer from 0")
    );
    assert!(refused(r#"{"type":"join","room":"a","since":1.5}"#).starts_with("since: "));
    assert!(refused(r#"{"type":"join","room":"a","viewport":[1,2,3]}"#).starts_with("viewport: "));
    assert!(refused(r#"{"type":"join","room":"a","viewport":[1,2,3,1e400]}"#).starts_with("viewport: "));
}

#[test]
fn small_messages_are_read() {
    let leave = decode(r#"{"type":"leave","room":"a"}"#).unwrap();
    assert_eq!(leave, ClientMessage::Leave { room: "a".parse().unwrap() });
    let ping = |frame: &str| decode(frame).unwrap();
    assert_eq!(ping(r#"{"type":"ping"}"#), ClientMessage::Ping { t: None });
    assert_eq!(
        ping(r#"{"type":"ping","t": {"a": 1}}"#),
        ClientMessage::Ping { t: Some(r#"{"a":1}"#.into()) }
    );
    assert!(
        refused(&format!(r#"{{"type":"ping","t":"{}"}}"#, "x".repeat(1023)))
            .starts_with("t: must be at most")
    );
    assert_eq!(decode(r#"{"type":"viewport"}"#).unwrap(), ClientMessage::Unsupported { kind: "viewport" });
}

#[test]
fn presence_is_compacted_and_bounded() {
    let frame = r#"{"type":"presence","room":"a","state":{ "cursor" : [1, 2] }}"#;
    let wanted = ClientMessage::Presence { room: "a".parse().unwrap(), state: r#"{"cursor":[1,2]}"#.into() };
    assert_eq!(decode(frame).unwrap(), wanted);
    assert!(refused(r#"{"type":"presence","room":"a","state":[]}"#).starts_with("state: must be an object"));
    assert!(
        refused(r#"{"type":"presence","room":"a","state":{"a":"\u0000"}}"#)
            .starts_with("state: must not hold U+")
    );
    let large = format!(r#"{{"type":"presence","room":"a","state":{{"a":"{}"}}}}"#, "x".repeat(2048));
    let Err(DecodeError::Frame { code, room, .. }) = decode(&large) else { panic!() };
    assert_eq!((code, room.unwrap().to_string().as_str()), (RejectCode::TooLarge, "a"));
}

#[test]
fn what_is_no_frame_is_refused_as_such() {
    for text in ["", "nonsense", "[]", "1", "{", "{}x", "\"ops\"", "{\"type\":\"ops\"", "{\"a\":NaN}"] {
        assert!(refused(text).starts_with("frame: must be a JSON object"), "{text}");
    }
    assert_eq!(refused("{}"), "type: is required");
    assert_eq!(refused(r#"{"type":7}"#), "type: must be text");
    assert_eq!(refused(r#"{"type":"dance"}"#), "type: dance is no message of this protocol");
    assert!(refused(&format!(r#"{{"type":"{}"}}"#, "x".repeat(1_000_000))).len() < 200);
}

#[test]
fn of_members_of_one_name_the_last_counts() {
    assert!(matches!(decode(r#"{"type":"dance","type":"ping"}"#), Ok(ClientMessage::Ping { .. })));
    assert_eq!(said(&put(r#""x":1,"x":2"#)), whole(json!({"id":"a","kind":"line","x":2})));
}

#[test]
fn a_batch_without_a_readable_address_is_refused_by_an_error() {
    assert!(refused(r#"{"type":"ops","op_id":1,"ops":[]}"#).starts_with("room: is required"));
    assert!(
        refused(r#"{"type":"ops","room":"a","op_id":0,"ops":[]}"#)
            .starts_with("op_id: must be an integer from 1")
    );
    assert!(refused(r#"{"type":"ops","room":"a","op_id":9007199254740992}"#).starts_with("op_id: "));
    assert!(refused(r#"{"type":"ops","room":"a","op_id":1.0}"#).starts_with("op_id: "));
}

#[test]
fn a_put_keeps_everything_but_what_the_server_owns() {
    let ops = r#"[{"op":"put","base":3,"shape":{"id":"a","kind":"rectangle","x":1.50,"points":null,"version":9,"seq":1,
        "created_by":"x","updated_by":1,"created_at":0,"updated_at":[],"props":{"b":[1]},"mine":{"z":null}}}]"#;
    let wanted =
        json!({"id":"a","kind":"rectangle","x":1.5,"points":null,"props":{"b":[1]},"mine":{"z":null}});
    assert_eq!(said(ops), whole(wanted));
    let op = first(ops);
    assert_eq!((op.verb(), op.id.as_str(), op.base), (Verb::Put, "a", Some(3)));
}

#[test]
fn a_kind_that_nobody_knows_is_kept() {
    assert_eq!(
        said(r#"[{"op":"put","shape":{"id":"a","kind":"hologram"}}]"#),
        whole(json!({"id":"a","kind":"hologram"}))
    );
}

#[test]
fn every_column_is_checked_by_its_rule_and_named() {
    let cases = [
        (r#""x":"1""#, "x: must be a finite number of at most 1e9"),
        (r#""x":1e308"#, "x: must be a finite"),
        (r#""y":1e131071"#, "y: must be a finite"),
        (r#""width":null"#, "width: must not be null"),
        (r#""kind":"""#, "kind: must not be empty"),
        (r#""id":"""#, "id: must be text of 1 to 128"),
        (r#""height":-1000000001"#, "height: must be a finite"),
        (r#""angle":true"#, "angle: must be a finite"),
        (r#""points":7"#, "points: must be an array"),
        (r#""points":[[1,2],[1]]"#, "points[1]: must be [dx,dy]"),
        (r#""points":[[1,2],[1,2,3]]"#, "points[1]: must have as many"),
        (r#""points":[[1,2,3,4]]"#, "points[0]: must be [dx,dy]"),
        (r#""points":[[1,[2]]]"#, "points[0]: must be [dx,dy]"),
        (r#""points":[[1,1e10]]"#, "points[0]: must be [dx,dy]"),
        (r#""index":"é""#, "index: must be printable ASCII"),
        (r#""frame_id":"""#, "frame_id: must be text of 1 to 128"),
        (r#""group_ids":["g",7]"#, "group_ids[1]: must be text"),
        (r#""locked":1"#, "locked: must be true or false"),
        (r#""stroke_color":7"#, "stroke_color: must be text"),
        (r#""opacity":-1"#, "opacity: must be a number from 0 to 100"),
        (r#""stroke_width":1001"#, "stroke_width: must be a number from 0 to 1000"),
        (r#""text":"a\u0000""#, "text: must not hold U+0000"),
        (r#""text":"\ud800""#, "text: must not hold a lone surrogate"),
        (r#""link":{}"#, "link: must be text"),
        (r#""props":[]"#, "props: must be an object"),
        (r#""props":{"a":1e31}"#, "props: must hold no number beyond 1e30"),
        (r#""props":{"a":"\udead"}"#, "props: must not hold a lone surrogate"),
        (r#""mine":"\u0000""#, "mine: must not hold U+0000"),
        (r#""":1"#, r#""": is a property name"#),
        (r#""props.a":1"#, "props.a: is no property name"),
    ];
    for (members, wanted) in cases {
        let (code, message) = rejected(&put(members));
        assert_eq!(code, RejectCode::Invalid, "{members}");
        assert!(message.starts_with(&format!("ops[0].shape.{wanted}")), "{members}: {message}");
    }
}

#[test]
fn text_lengths_are_counted_in_characters() {
    for (name, most) in
        [("stroke_color", 64), ("fill_style", 32), ("text", 65_536), ("file_id", 128), ("link", 4096)]
    {
        let ops = |chars: usize| put(&format!(r#""{name}":"{}""#, "é".repeat(chars)));
        assert!(decode(&ops_frame(&ops(most))).is_ok(), "{name}");
        assert!(
            rejected(&ops(most + 1)).1.contains(&format!("{name}: must be text of at most {most}")),
            "{name}"
        );
    }
}

#[test]
fn points_are_bounded_and_keep_their_numbers() {
    let ops = put(r#""points":[ [ 0 , 1.25 , 0.5 ] , [ -3e2 , 1e-40, 1 ] ]"#);
    let wanted = r#""id":"a","kind":"line","points":[[0,1.25,0.5],[-300,0,1]],"x":0,"y":0,"#;
    assert!(first(&ops).said.starts_with(wanted), "{}", first(&ops).said);
    let many = |count: usize| put(&format!(r#""points":[{}]"#, vec!["[1,2]"; count].join(",")));
    assert!(decode(&ops_frame(&many(MAX_POINTS_PER_SHAPE))).is_ok());
    let (code, message) = rejected(&many(MAX_POINTS_PER_SHAPE + 1));
    assert_eq!(code, RejectCode::TooLarge);
    assert_eq!(message, "ops[0].shape.points: must hold at most 100000 items, not 100001");
}

#[test]
fn a_shape_is_bounded_in_bytes() {
    let (code, message) = rejected(&put(&format!(r#""props":{{"a":"{}"}}"#, "x".repeat(MAX_SHAPE_BYTES))));
    assert_eq!(code, RejectCode::TooLarge);
    assert!(message.starts_with("ops[0].shape: must be at most 1048576 bytes"));
}

#[test]
fn a_patch_sets_and_unsets() {
    let ops = r#"[{"op":"patch","id":"a","base":2,"set":{"x":1,"version":3,"props":{"a":null}},
        "unset":["link","props.b","props.b","seq","mine"]}]"#;
    assert_eq!(said(ops), json!({"set":{"x":1,"props":{"a":null}},"unset":["link","mine","props.b"]}));
    let bare = r#"[{"op":"patch","id":"a","unset":["link"]}]"#;
    assert_eq!(said(bare), json!({"set":{},"unset":["link"]}));
}

#[test]
fn a_patch_that_contradicts_itself_or_the_shape_is_rejected() {
    let cases = [
        (r#""set":null"#, "set: is required, or unset"),
        (r#""set":[]"#, "set: must be a JSON object"),
        (r#""set":{"id":"b"}"#, "set.id: cannot be changed"),
        (r#""set":{"x":"a"}"#, "set.x: must be a finite number of at most 1e9"),
        (r#""unset":"x""#, "unset: must be an array"),
        (r#""unset":["link","x"]"#, "unset[1]: names x, which a shape cannot be without"),
        (r#""unset":["id"]"#, "unset[0]: names id"),
        (r#""unset":["kind"]"#, "unset[0]: names kind"),
        (r#""unset":["props."]"#, "unset[0]: is a property name"),
        (r#""unset":[""]"#, "unset[0]: is a property name"),
        (r#""set":{"link":"l"},"unset":["link"]"#, "unset: names link, which set names too"),
        (r#""set":{"props":{"a":1}},"unset":["props.a"]"#, "unset: names a, which set names too"),
        (r#""unset":["props"]"#, "unset[0]: names props, which a shape cannot be without"),
        (r#""set":{"angle":null}"#, "set.angle: must not be null"),
    ];
    for (members, wanted) in cases {
        let (code, message) = rejected(&format!(r#"[{{"op":"patch","id":"a",{members}}}]"#));
        assert_eq!(code, RejectCode::Invalid);
        assert!(message.starts_with(&format!("ops[0].{wanted}")), "{members}: {message}");
    }
}

#[test]
fn appends_and_deletes_are_read() {
    assert_eq!(said(r#"[{"op":"append","id":"a","points":[[1,2]]}]"#), json!({"points":[[1,2]]}));
    assert!(
        rejected(r#"[{"op":"append","id":"a","points":[]}]"#)
            .1
            .starts_with("ops[0].points: must hold at least 1")
    );
    assert!(rejected(r#"[{"op":"append","id":"a"}]"#).1.starts_with("ops[0].points: is required"));
    let delete = first(r#"[{"op":"delete","id":"a"}]"#);
    assert_eq!(delete, Op::delete(delete.id.clone()));
    assert!(rejected(r#"[{"op":"delete"}]"#).1.starts_with("ops[0].id: is required"));
    assert!(
        rejected(r#"[{"op":"delete","id":"a","base":-1}]"#).1.starts_with("ops[0].base: must be an integer")
    );
}

#[test]
fn a_batch_names_the_operation_at_fault_and_may_name_a_shape_twice() {
    let delete = r#"{"op":"delete","id":"a"}"#;
    assert_eq!(batch(&format!("[{delete},{delete}]")).gesture.ops().len(), 2);
    let (_, message) = rejected(&format!(r#"[{delete},{{"op":"burn","id":"a"}}]"#));
    assert_eq!(message, "ops[1].op: must be put, patch, append or delete");
    assert!(rejected(&format!("[{delete},7]")).1.starts_with("ops[1]: must be a JSON object"));
    assert!(rejected("[]").1.starts_with("ops: must hold at least one"));
    assert!(rejected("{}").1.starts_with("ops: must be an array"));
    assert!(rejected("null").1.starts_with("ops: is required"));
    let (code, message) = rejected(&format!("[{}]", vec![delete; 1001].join(",")));
    assert_eq!(
        (code, message.as_str()),
        (RejectCode::TooLarge, "ops: must hold at most 1000 items, not 1001")
    );
}

#[test]
fn hostile_content_is_rejected_with_its_address() {
    let long_id = format!(r#"[{{"op":"delete","id":"{}"}}]"#, "x".repeat(1_000_000));
    assert!(rejected(&long_id).1.len() < 100);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(rejected(&deep).1.starts_with("ops[0]: must be a JSON object"));
    assert!(rejected(&put(&format!(r#""mine":{deep}"#))).1.contains("mine: must be nested at most 32 deep"));
    assert!(rejected(&put(&format!(r#""points":{deep}"#))).1.contains("points[0]"));
    let long_name = put(&format!(r#""{}":1"#, "n".repeat(1_000_000)));
    assert!(rejected(&long_name).1.len() < 250);
    let names: Vec<String> = (0..2000).map(|number| format!(r#""n{number}":1"#)).collect();
    assert!(rejected(&put(&names.join(","))).1.contains("at most 1024"));
    assert!(refused(&deep).starts_with("frame: must be a JSON object"));
}

#[test]
fn a_posted_batch_names_its_client_instead_of_its_room() {
    let text = format!(r#"{{"client":"{CLIENT}","op_id":1,"ops":[{{"op":"delete","id":"a"}}]}}"#);
    let posted = decode_posted(Posted::Ops, &text).unwrap();
    assert_eq!(
        (posted.client.to_string().as_str(), posted.op_id.get(), posted.gesture.ops().len()),
        (CLIENT, 1, 1)
    );
    assert_eq!(decode_posted(Posted::Ops, "{}").unwrap_err().message(), "client: is required");
    assert!(
        decode_posted(Posted::Ops, "").unwrap_err().message().starts_with("frame: must be a JSON object")
    );
}
