//! What no client should send (HF): each is answered, counted, and harms nobody.

use super::support::client::{Client, SeedClient, assert_all_see_the_table, make_room};
use super::support::database::TestDatabase;
use super::support::http::{get, post};
use super::support::node::TestNode;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::fmt::Write;
use std::time::Duration;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;

/// A node, somebody hostile and somebody else in a room.
struct Scene {
    database: TestDatabase,
    node: TestNode,
    hostile: Client,
    other: Client,
}

impl Scene {
    async fn set() -> Self {
        let database = TestDatabase::create().await;
        make_room(&database, "room").await;
        let node = TestNode::start(&database).await;
        let hostile = Client::joined(&node, "Hostile", "room").await;
        let other = Client::joined(&node, "Other", "room").await;
        Self { database, node, hostile, other }
    }

    /// The other draws, and both see it.
    async fn goes_on(mut self) {
        self.hostile.ping().await;
        self.other.draw("room", json!([{"op": "put", "shape": {"id": "after", "kind": "line"}}])).await;
        self.hostile.draw("room", json!([{"op": "patch", "id": "after", "set": {"x": 1}}])).await;
        assert_all_see_the_table(&self.database, "room", &mut [self.hostile, self.other]).await;
    }
}

/// A frame of ops with this text for the shape; `op_id` 900.
fn put(shape: &str) -> String {
    format!(r#"{{"type":"ops","room":"room","op_id":900,"ops":[{{"op":"put","shape":{shape}}}]}}"#)
}

/// A shape with one more member, as text.
fn with(member: &str) -> String {
    put(&format!(r#"{{"id":"h","kind":"rectangle",{member}}}"#))
}

/// HF1, HF2
#[tokio::test]
async fn frames_that_cannot_be_read_are_answered_with_field_and_rule() {
    let mut scene = Scene::set().await;
    let deep = "[".repeat(200_000);
    let frames: [(&str, &str); 9] = [
        ("hello?", "frame: "),
        ("", "frame: "),
        ("[1,2]", "frame: "),
        (&deep, "frame: "),
        (r#"{"type":7}"#, "type: must be text"),
        (r#"{"no":"type"}"#, "type: is required"),
        (r#"{"type":"dance"}"#, "type: "),
        (r#"{"type":"ops","room":"room","op_id":-1,"ops":[]}"#, "op_id: must be an integer"),
        (r#"{"type":"join","room":"two words"}"#, "room: must be"),
    ];
    let errors = frames.len() + 1;
    for (frame, wanted) in frames {
        scene.hostile.line().send(frame).await;
        let error = scene.hostile.error().await;
        let shown: String = frame.chars().take(60).collect();
        assert_eq!(error["code"], "invalid", "{shown}: {error}");
        assert!(error["message"].as_str().unwrap().starts_with(wanted), "{shown}: {error}");
    }
    scene.hostile.line().send_raw(Message::binary(vec![0_u8, 159, 146, 150])).await.unwrap();
    assert_eq!(scene.hostile.error().await["message"], "frame: must be text, not binary");
    scene.hostile.ping().await;
    let text = scene.node.node().metrics.text();
    let counted: f64 = text
        .lines()
        .filter(|line| line.starts_with("pgcanvas_errors_total{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert!(counted >= f64::from(u32::try_from(errors).unwrap()), "{text}");
    scene.goes_on().await;
}

/// HF1, HF3
#[tokio::test]
async fn values_that_cannot_be_kept_are_rejected_with_field_and_rule() {
    let mut scene = Scene::set().await;
    let long_id = format!(r#"{{"id":"{}","kind":"rectangle"}}"#, "x".repeat(1 << 20));
    let nested = format!(r#""props":{{"deep":{}1{}}}"#, "[".repeat(500), "]".repeat(500));
    let long_text = format!(r#""text":"{}""#, "x".repeat(70_000));
    let large = format!(r#""props":{{"blob":"{}"}}"#, "x".repeat(1_100_000));
    for (frame, wanted) in [
        (with(r#""x":1e308"#), "ops[0].shape.x: "),
        (with(r#""x":1e131071"#), "ops[0].shape.x: "),
        (with(r#""width":-1e999"#), "ops[0].shape.width: "),
        (with(r#""x":"NaN""#), "ops[0].shape.x: "),
        (with(r#""x":null"#), "ops[0].shape.x: "),
        (with(r#""props":{"n":1e131071}"#), "ops[0].shape.props"),
        (with(r#""mood":1e131071"#), "ops[0].shape.mood: "),
        (with(r#""text":"a\u0000b""#), "ops[0].shape.text: "),
        (with(r#""props":{"t":"\u0000"}"#), "ops[0].shape.props"),
        (with(r#""props":{"\u0000":1}"#), "ops[0].shape.props"),
        (with(r#""text":"\ud800""#), "ops[0].shape.text: "),
        (with(r#""props":{"t":"\udc00\ud800"}"#), "ops[0].shape.props"),
        (with(r#""points":[[0,0],[1,1,1]]"#), "ops[0].shape.points"),
        (with(r#""points":[[1e10,0]]"#), "ops[0].shape.points"),
        (with(r#""group_ids":[7]"#), "ops[0].shape.group_ids"),
        (with(&nested), "ops[0].shape.props"),
        (with(&long_text), "ops[0].shape.text: "),
        (with(&large), "ops[0].shape"),
        (put(&long_id), "ops[0].shape.id: "),
        (put(r#"{"id":"","kind":"rectangle"}"#), "ops[0].shape.id: "),
        (put(r#"{"id":"h"}"#), "ops[0].shape.kind: is required"),
        (put("7"), "ops[0].shape"),
        (r#"{"type":"ops","room":"room","op_id":900,"ops":[]}"#.to_owned(), "ops: "),
        (r#"{"type":"ops","room":"room","op_id":900,"ops":{}}"#.to_owned(), "ops: "),
        (r#"{"type":"ops","room":"room","op_id":900}"#.to_owned(), "ops: is required"),
    ] {
        scene.hostile.line().send(&frame).await;
        let reject = scene.hostile.rejected(900).await;
        let shown: String = frame.chars().take(120).collect();
        assert!(reject["message"].as_str().unwrap().starts_with(wanted), "{shown}: {reject}");
        let code = reject["code"].as_str().unwrap();
        assert!(code == "invalid" || code == "too_large", "{shown}: {reject}");
    }
    // NaN is no JSON: the frame names no batch.
    scene.hostile.line().send(&with(r#""x":NaN"#)).await;
    assert_eq!(scene.hostile.error().await["code"], "invalid");
    let ops: Value = (0..1001).map(|_| json!({"op": "delete", "id": "a"})).collect();
    scene.hostile.ops_as("room", 900, ops).await;
    assert_eq!(scene.hostile.rejected(900).await["code"], "too_large");
    assert_eq!(scene.other.board("room").seq, 0);
    scene.goes_on().await;
}

/// HF4
#[tokio::test]
async fn what_is_odd_but_sound_is_kept() {
    let mut scene = Scene::set().await;
    let twice = json!([
        {"op": "put", "shape": {"id": "a", "kind": "rectangle", "x": 1}},
        {"op": "put", "shape": {"id": "a", "kind": "diamond", "x": 2}},
        {"op": "patch", "id": "a", "set": {"x": 3}},
        {"op": "patch", "id": "gone", "set": {"x": 3}},
        {"op": "delete", "id": "gone"}]);
    let ack = scene.hostile.draw("room", twice).await;
    assert_eq!(ack["outcomes"], json!(["applied", "applied", "applied", "gone", "gone"]));
    let board = scene.other.reach("room", 1).await;
    assert_eq!(board.batches[0].count, 1, "viewers see what a batch leaves");
    assert_eq!(board.shape("a").unwrap()["x"], 3);
    let unknown = json!({"id": "\"; drop table shapes; --\u{1f984}", "kind": "unicorn", "x": -1e9, "y": 1e9, "width": -5,
        "tiny": 1e-31, "index": "Zz~", "props": {"": [{}], "deep": {"__proto__": null}}, "nothing": null, "text": null});
    scene.hostile.draw("room", json!([{"op": "put", "shape": unknown}])).await;
    let kept = scene.other.reach("room", 2).await.shape("\"; drop table shapes; --\u{1f984}").unwrap();
    assert_eq!(
        (&kept["kind"], &kept["props"]),
        (&json!("unicorn"), &json!({"": [{}], "deep": {"__proto__": null}}))
    );
    assert!(
        kept.as_object().unwrap().contains_key("nothing") && kept.as_object().unwrap().contains_key("text")
    );
    // Fields that nobody knows are ignored.
    scene.hostile.send(&json!({"type": "ping", "t": 1, "colour": "red"})).await;
    scene.hostile.expect(|frame| frame["type"] == "pong" && frame["t"] == 1).await;
    scene.goes_on().await;
}

/// HF5
#[tokio::test]
async fn a_frame_of_a_hundred_megabytes_ends_its_own_socket_alone() {
    let mut scene = Scene::set().await;
    let mut large = Client::joined(&scene.node, "Large", "room").await;
    // The node may hang up before it has taken everything.
    _ = large.line().send_raw(Message::text("x".repeat(100 << 20))).await;
    let (code, _) = large.line().closed().await;
    assert!(code.is_none() || code == Some(1009), "{code:?}");
    // Whoever reads when all is sent gets to know why, too.
    let url = format!("ws://{}/ws", scene.node.address());
    let (mut longer, _) = connect_async(url).await.unwrap();
    longer.send(Message::text("x".repeat(8 << 20))).await.unwrap();
    let told = longer.next().await;
    let Some(Ok(Message::Close(Some(frame)))) = told else { panic!("{told:?}") };
    assert_eq!(u16::from(frame.code), 1009);
    let counted = r#"pgcanvas_closes_total{kind="1009"}"#;
    assert_eq!(scene.node.metric(counted), 2);
    let mut fits = String::new();
    write!(fits, r#"{{"type":"ping","t":1,"padding":"{}"}}"#, "x".repeat((2 << 20) - 100)).unwrap();
    scene.hostile.line().send(&fits).await;
    scene.hostile.expect(|frame| frame["type"] == "pong" && frame["t"] == 1).await;
    scene.goes_on().await;
}

/// HF6
#[tokio::test]
async fn a_first_frame_of_no_dialect_closes_with_its_reason() {
    let scene = Scene::set().await;
    for (first, code) in [
        (Message::text("hello?"), 4400),
        (Message::text(r#"{"type":"join","room":"room"}"#), 4400),
        (Message::text(r#"{"type":"hello","protocol":1}"#), 4400),
        (Message::binary(vec![1_u8]), 4400),
        (
            Message::text(r#"{"type":"hello","protocol":2,"client":"00000000-0000-0000-0000-000000000007"}"#),
            4409,
        ),
    ] {
        let mut client = Client::connect(&scene.node).await;
        client.line().send_raw(first.clone()).await.unwrap();
        let (closed, texts) = client.line().closed().await;
        assert_eq!(closed, Some(code), "{first:?}");
        let error: Value = serde_json::from_str(&texts[0]).unwrap();
        assert_eq!(error["type"], "error", "an error tells why before the close");
    }
    scene.goes_on().await;
}

/// HF6
#[tokio::test]
async fn a_socket_that_says_nothing_is_closed_after_ten_seconds() {
    let scene = Scene::set().await;
    let mut silent = Client::connect(&scene.node).await;
    silent.line().deadline = Duration::from_secs(20);
    assert_eq!(silent.line().closed().await.0, Some(4408));
    scene.goes_on().await;
}

/// HF7
#[tokio::test]
async fn who_speaks_one_dialect_is_not_heard_in_the_other() {
    let mut scene = Scene::set().await;
    scene.hostile.send(&json!({"type": "join_room", "roomId": "1"})).await;
    assert!(scene.hostile.error().await["message"].as_str().unwrap().starts_with("type: "));
    let hello = json!({"type": "hello", "protocol": 1, "client": scene.hostile.client()});
    scene.hostile.send(&hello).await;
    assert_eq!(scene.hostile.error().await["message"], "type: hello comes once");
    for kind in ["viewport"] {
        scene.hostile.send(&json!({"type": kind, "room": "room", "op_id": 1})).await;
        assert_eq!(scene.hostile.error().await["code"], "unsupported");
    }
    let mut seed = SeedClient::joined(&scene.node, "1").await;
    seed.send(&hello).await;
    seed.until("an error", |client| client.frames().last().is_some_and(|frame| frame["type"] == "error"))
        .await;
    seed.ping().await;
    scene.goes_on().await;
}

/// HF8
#[tokio::test]
async fn a_property_that_looks_misspelt_is_kept_and_told() {
    let mut scene = Scene::set().await;
    let shape =
        |id: &str| json!({"id": id, "kind": "rectangle", "strokeColor": "#f00", "customData": {"a": 1}});
    let ops =
        json!([{"op": "put", "shape": shape("a")}, {"op": "patch", "id": "a", "set": {"widht": 5, "x": 1}}]);
    let warnings = json!([
        "ops[0].shape.strokeColor: is kept as it is; was stroke_color meant?",
        "ops[1].set.widht: is kept as it is; was width meant?",
    ]);
    let ack = scene.hostile.draw("room", ops).await;
    assert_eq!((&ack["outcomes"], &ack["warnings"]), (&json!(["applied", "applied"]), &warnings), "{ack}");
    let body =
        json!({"client": uuid::Uuid::new_v4(), "op_id": 1, "ops": [{"op": "put", "shape": shape("b")}]});
    let ack = post(scene.node.address(), "/api/rooms/room/ops", &body).await.json();
    assert_eq!(ack["warnings"], json!([warnings[0]]), "{ack}");
    let kept = get(scene.node.address(), "/api/rooms/room/shapes").await.json();
    assert_eq!((&kept["shapes"][0]["strokeColor"], &kept["shapes"][0]["widht"]), (&json!("#f00"), &json!(5)));
    let sound = json!([{"op": "put", "shape": {"id": "c", "kind": "text", "mood": 1}}]);
    let ack = scene.hostile.draw("room", sound).await;
    assert_eq!(ack.get("warnings"), None, "{ack}");
    scene.goes_on().await;
}
