//! Clients of both dialects over real sockets.

mod board;
mod line;
mod seed;

pub(crate) use board::{Board, Told};
pub(crate) use line::Line;
pub(crate) use seed::SeedClient;

use super::database::TestDatabase;
use super::node::TestNode;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use uuid::Uuid;

/// A client of this protocol. Whatever arrives is applied to its boards at once; what is no change of a board waits until a test
/// asks for it.
pub(crate) struct Client {
    line: Line,
    device: Uuid,
    /// The last `op_id` given out.
    last_op_id: i64,
    boards: BTreeMap<String, Board>,
    unread: Vec<Value>,
}

impl Client {
    /// Connects, and says nothing yet.
    pub(crate) async fn connect(node: &TestNode) -> Self {
        Self::connect_as(node, Uuid::new_v4()).await
    }

    /// Connects as a device that was there before.
    pub(crate) async fn connect_as(node: &TestNode, device: Uuid) -> Self {
        Self::connect_at(node.address(), device).await
    }

    /// The same at any address.
    pub(crate) async fn connect_at(address: SocketAddr, device: Uuid) -> Self {
        let line = Line::open(&format!("ws://{address}/ws")).await;
        Self { line, device, last_op_id: 0, boards: BTreeMap::new(), unread: Vec::new() }
    }

    /// Connects as somebody who is signed in, and says hello.
    pub(crate) async fn signed_in(node: &TestNode, token: &str) -> Self {
        let mut client = Self::connect(node).await;
        let hello = json!({"type": "hello", "protocol": 1, "client": client.device, "token": token});
        client.send(&hello).await;
        client.expect(|frame| frame["type"] == "welcome").await;
        client
    }

    /// Connects, says hello and joins a room.
    pub(crate) async fn joined(node: &TestNode, name: &str, room: &str) -> Self {
        let mut client = Self::connect(node).await;
        client.hello(name).await;
        client.join(room).await;
        client
    }

    /// Closes the socket and comes back, on any node, as the same device with the same boards.
    pub(crate) async fn reconnect(&mut self, node: &TestNode, name: &str) {
        self.line.hang_up().await;
        self.line = Line::open(&format!("ws://{}/ws", node.address())).await;
        self.unread.clear();
        self.hello(name).await;
    }

    /// Closes the socket.
    pub(crate) async fn hang_up(&mut self) {
        self.line.hang_up().await;
    }

    /// The device.
    pub(crate) fn client(&self) -> Uuid {
        self.device
    }

    /// The socket, for what no client would do.
    pub(crate) fn line(&mut self) -> &mut Line {
        &mut self.line
    }

    pub(crate) async fn send(&mut self, frame: &Value) {
        self.line.send(&frame.to_string()).await;
    }

    /// Says hello; gives the welcome.
    pub(crate) async fn hello(&mut self, name: &str) -> Value {
        self.send(&json!({"type": "hello", "protocol": 1, "client": self.device, "name": name})).await;
        self.expect(|frame| frame["type"] == "welcome").await
    }

    /// Joins and has the whole board when this returns; gives the `joined` frame.
    pub(crate) async fn join(&mut self, room: &str) -> Value {
        self.join_with(json!({"room": room})).await
    }

    /// Joins with a `since` and the board's epoch.
    pub(crate) async fn join_since(&mut self, room: &str, since: i64) -> Value {
        let epoch = self.board(room).epoch.clone();
        self.join_with(json!({"room": room, "since": since, "epoch": epoch})).await
    }

    /// Joins with what its board has.
    pub(crate) async fn rejoin(&mut self, room: &str) -> Value {
        let since = self.board(room).seq;
        self.join_since(room, since).await
    }

    /// Joins with fields of the test's own.
    pub(crate) async fn join_with(&mut self, mut frame: Value) -> Value {
        let room = frame["room"].as_str().expect("a room").to_owned();
        frame["type"] = json!("join");
        self.send(&frame).await;
        let joined = self.expect(|frame| frame["type"] == "joined" && frame["room"] == room.as_str()).await;
        self.until("the whole join", |client| client.boards[&room].is_whole()).await;
        joined
    }

    /// Leaves, and keeps the board as it is.
    pub(crate) async fn leave(&mut self, room: &str) {
        self.send(&json!({"type": "leave", "room": room})).await;
        self.expect(|frame| frame["type"] == "left" && frame["room"] == room).await;
    }

    /// Sends a batch; gives its `op_id`.
    pub(crate) async fn ops(&mut self, room: &str, ops: Value) -> i64 {
        let op_id = self.last_op_id + 1;
        self.ops_as(room, op_id, ops).await;
        op_id
    }

    /// Sends a batch under a number of the test's own.
    pub(crate) async fn ops_as(&mut self, room: &str, op_id: i64, ops: Value) {
        self.last_op_id = self.last_op_id.max(op_id);
        self.send(&json!({"type": "ops", "room": room, "op_id": op_id, "ops": ops})).await;
    }

    /// Sends a batch and waits until it is committed; gives the `ack`.
    pub(crate) async fn draw(&mut self, room: &str, ops: Value) -> Value {
        let op_id = self.ops(room, ops).await;
        self.acked(op_id).await
    }

    /// The `ack` of a batch; a `reject` fails the test.
    pub(crate) async fn acked(&mut self, op_id: i64) -> Value {
        let answer = self.answered(op_id).await;
        assert_eq!(answer["type"], "ack", "{answer}");
        answer
    }

    /// The `reject` of a batch; an `ack` fails the test.
    pub(crate) async fn rejected(&mut self, op_id: i64) -> Value {
        let answer = self.answered(op_id).await;
        assert_eq!(answer["type"], "reject", "{answer}");
        answer
    }

    async fn answered(&mut self, op_id: i64) -> Value {
        let is_answer = |frame: &Value| frame["type"] == "ack" || frame["type"] == "reject";
        self.expect(|frame| is_answer(frame) && frame["op_id"] == op_id).await
    }

    /// An `error` frame.
    pub(crate) async fn error(&mut self) -> Value {
        self.expect(|frame| frame["type"] == "error").await
    }

    /// Proves that the socket goes on.
    pub(crate) async fn ping(&mut self) {
        let t = Uuid::new_v4().to_string();
        self.send(&json!({"type": "ping", "t": t})).await;
        self.expect(|frame| frame["type"] == "pong" && frame["t"] == t.as_str()).await;
    }

    /// The first frame, of those that nobody has asked for yet, of which this is true.
    pub(crate) async fn expect(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            if let Some(place) = self.unread.iter().position(&wanted) {
                return self.unread.remove(place);
            }
            self.read("the frame expected").await;
        }
    }

    /// Frames that came and that nobody has asked for.
    pub(crate) fn unread(&self) -> &[Value] {
        &self.unread
    }

    /// Reads on until this is true of the client.
    pub(crate) async fn until(&mut self, what: &str, reached: impl Fn(&Self) -> bool) {
        while !reached(self) {
            self.read(what).await;
        }
    }

    /// Reads on until the board has come to a seq.
    pub(crate) async fn reach(&mut self, room: &str, seq: i64) -> &Board {
        self.until(&format!("seq {seq} of {room}"), |client| {
            client.boards.get(room).is_some_and(|board| board.seq >= seq && board.is_whole())
        })
        .await;
        &self.boards[room]
    }

    /// Takes up an old board of a room.
    pub(crate) fn remember(&mut self, room: &str, board: Board) {
        self.boards.insert(room.to_owned(), board);
    }

    /// From now on replicas are merged into the room.
    pub(crate) fn takes_replicas(&mut self, room: &str) {
        self.boards.entry(room.to_owned()).or_default().takes_replicas = true;
    }

    /// The board of a room that was joined.
    pub(crate) fn board(&self, room: &str) -> &Board {
        self.boards.get(room).unwrap_or_else(|| panic!("{room} was never joined"))
    }

    async fn read(&mut self, what: &str) {
        let text = self.line.next(what).await;
        self.take(&text);
    }

    fn take(&mut self, text: &str) {
        let mut frame: Value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        let room = frame["room"].as_str().unwrap_or_default().to_owned();
        match frame["type"].as_str() {
            Some("joined") => {
                self.boards.entry(room).or_default().joined(&frame);
                if text.len() > line::LARGE_BYTES {
                    frame["added"] = json!("too many to keep");
                }
                self.unread.push(frame);
            }
            Some("delta") => self.boards.get_mut(&room).expect("delta before joined").page(&frame),
            Some("changes") => self.boards.get_mut(&room).expect("changes before joined").changes(frame),
            Some("presence") => {
                // What the board had come to when this arrived.
                frame["board_seq"] = json!(self.boards.get(&room).map(|board| board.seq));
                self.unread.push(frame);
            }
            _ => self.unread.push(frame),
        }
    }
}

/// Makes a room of a name; gives its number.
pub(crate) async fn make_room(database: &TestDatabase, slug: &str) -> i64 {
    let client = database.client().await;
    client.query_one("select pgcanvas.create_room($1, 'open', null)", &[&slug]).await.unwrap().get(0)
}

/// Every client's board becomes equal to the rows.
pub(crate) async fn assert_all_see_the_table(database: &TestDatabase, slug: &str, clients: &mut [Client]) {
    let table = Board::of_table(database, slug).await;
    for (number, client) in clients.iter_mut().enumerate() {
        client.reach(slug, table.seq).await.assert_same(&table, &format!("client {number}"));
    }
}
