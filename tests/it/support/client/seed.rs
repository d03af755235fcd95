//! A client of the older system.

use super::super::node::TestNode;
use super::Line;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the older system's canvas does: every `chat` puts a shape on the screen, every `delete_shape` removes one.
pub(crate) struct SeedClient {
    line: Line,
    /// By room and id.
    screen: BTreeMap<(String, String), Value>,
    /// Every frame, in order.
    frames: Vec<Value>,
}

impl SeedClient {
    pub(crate) async fn connect(node: &TestNode) -> Self {
        let line = Line::open(&format!("ws://{}/?token=any", node.address())).await;
        Self { line, screen: BTreeMap::new(), frames: Vec::new() }
    }

    /// Connects and is in the room when this returns.
    pub(crate) async fn joined(node: &TestNode, room: &str) -> Self {
        let mut client = Self::connect(node).await;
        client.join(room).await;
        client
    }

    pub(crate) fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.line.send(&frame.to_string()).await;
    }

    /// The dialect has no answer to a join: a ping behind it shows that it was heard.
    pub(crate) async fn join(&mut self, room: &str) {
        self.send(&json!({"type": "join_room", "roomId": room})).await;
        self.ping().await;
    }

    /// Proves that everything sent before was heard.
    pub(crate) async fn ping(&mut self) {
        let t = uuid::Uuid::new_v4().to_string();
        self.send(&json!({"type": "ping", "t": t})).await;
        self.until("a pong", |client| client.frames.last().is_some_and(|frame| frame["t"] == t.as_str()))
            .await;
    }

    /// Sends a shape as the older canvas does.
    pub(crate) async fn draw(&mut self, room: &str, shape: &Value) {
        let message = json!({"shape": shape}).to_string();
        self.send(&json!({"type": "chat", "message": message, "roomId": room})).await;
    }

    pub(crate) async fn delete(&mut self, room: &str, id: &str) {
        self.send(&json!({"type": "delete_shape", "roomId": room, "shapeId": id})).await;
    }

    /// The shape on the screen.
    pub(crate) fn shape(&self, room: &str, id: &str) -> Option<&Value> {
        self.screen.get(&(room.to_owned(), id.to_owned()))
    }

    /// The shapes of a room on the screen.
    pub(crate) fn shapes(&self, room: &str) -> BTreeMap<String, Value> {
        let here = self.screen.iter().filter(|((shown_in, _), _)| shown_in == room);
        here.map(|((_, id), shape)| (id.clone(), shape.clone())).collect()
    }

    /// Every frame that came.
    pub(crate) fn frames(&self) -> &[Value] {
        &self.frames
    }

    /// Waits for a shape; gives it.
    pub(crate) async fn sees(&mut self, room: &str, id: &str) -> Value {
        self.until(&format!("shape {id}"), |client| client.shape(room, id).is_some()).await;
        self.shape(room, id).unwrap().clone()
    }

    /// Waits until a shape is gone from the screen.
    pub(crate) async fn misses(&mut self, room: &str, id: &str) {
        self.until(&format!("the end of shape {id}"), |client| client.shape(room, id).is_none()).await;
    }

    /// Reads on until this is true of the client.
    pub(crate) async fn until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        while !reached(self) {
            let text = self.line.next(what).await;
            let frame: Value = serde_json::from_str(&text).unwrap();
            self.take(&frame);
            self.frames.push(frame);
        }
    }

    fn take(&mut self, frame: &Value) {
        let text = |name: &str| frame[name].as_str().unwrap_or_default().to_owned();
        match frame["type"].as_str() {
            Some("chat") => {
                let message: Value = serde_json::from_str(&text("message")).unwrap();
                let id = message["shape"]["id"].as_str().unwrap().to_owned();
                self.screen.insert((text("roomId"), id), message["shape"].clone());
            }
            Some("delete_shape") => _ = self.screen.remove(&(text("roomId"), text("shapeId"))),
            _ => {}
        }
    }
}
