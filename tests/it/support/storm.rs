//! Artists that draw on come what may: each reconnects on the next node, takes up with its `since`, and repeats what was not answered.

use super::server::{connect, retried};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_postgres::Config;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

/// Nothing may take longer: a frame while something is awaited, a node to come back, a storm to go on.
const DEADLINE: Duration = Duration::from_secs(60);
/// How long a client waits before it tries the next node.
const PAUSE: Duration = Duration::from_millis(20);
/// Shapes of one batch: a half batch would show.
const SHAPES_PER_BATCH: i64 = 2;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Whether a connection goes on.
#[derive(Debug, PartialEq)]
enum Line {
    Stands,
    Lost,
}

/// One device that draws.
pub(crate) struct Artist {
    addresses: Vec<SocketAddr>,
    room: String,
    client: Uuid,
    socket: Option<Socket>,
    next_op_id: u64,
    /// Sent and not answered.
    pending: BTreeMap<u64, Value>,
    /// The seq that each batch was acknowledged with.
    pub(crate) acked: BTreeMap<u64, i64>,
    acks: Arc<AtomicU64>,
    /// What the device has: the room's epoch and seq, each shape's version.
    epoch: Value,
    seq: i64,
    shapes: BTreeMap<String, i64>,
    parts: Vec<Value>,
    whole: bool,
    /// Connections it has lost: the next one goes to the next node.
    lost: usize,
    /// Connections it has made.
    pub(crate) connections: usize,
    /// Codes that its sockets were closed with.
    pub(crate) closes: Vec<u16>,
}

impl Artist {
    pub(crate) fn new(addresses: Vec<SocketAddr>, room: &str, acks: Arc<AtomicU64>) -> Self {
        Self {
            addresses,
            room: room.to_owned(),
            client: Uuid::new_v4(),
            socket: None,
            next_op_id: 1,
            pending: BTreeMap::new(),
            acked: BTreeMap::new(),
            acks,
            epoch: Value::Null,
            seq: 0,
            shapes: BTreeMap::new(),
            parts: Vec::new(),
            whole: false,
            lost: 0,
            connections: 0,
            closes: Vec::new(),
        }
    }

    /// Draws, `window` batches ahead of the answers, until told to stop and everything is answered.
    async fn draw(mut self, window: usize, stop: watch::Receiver<bool>) -> Self {
        loop {
            let stopped = *stop.borrow();
            if stopped && self.pending.is_empty() {
                return self;
            }
            self.stand().await;
            while !stopped && self.whole && self.pending.len() < window {
                let batch = self.batch();
                self.send(&batch).await;
            }
            self.step().await;
        }
    }

    /// Reads on, over as many connections as it takes, until the board has come to a seq.
    pub(crate) async fn reach(&mut self, seq: i64) {
        while self.seq < seq || !self.whole || !self.parts.is_empty() {
            self.stand().await;
            self.step().await;
        }
    }

    fn batch(&mut self) -> Value {
        let op_id = self.next_op_id;
        self.next_op_id += 1;
        let put = |part| {
            let id = format!("{}-{op_id}{part}", self.client.simple());
            json!({"op": "put", "shape": {"id": id, "kind": "rectangle", "x": op_id, "y": 0, "width": 9, "height": 9}})
        };
        let batch = json!({"type": "ops", "room": self.room, "op_id": op_id, "ops": [put('a'), put('b')]});
        self.pending.insert(op_id, batch.clone());
        batch
    }

    async fn send(&mut self, frame: &Value) {
        if let Some(socket) = &mut self.socket {
            // A node that goes does not read on, but its goodbye is still to be read.
            _ = socket.send(Message::text(frame.to_string())).await;
        }
    }

    /// Sees to it that there is a connection.
    async fn stand(&mut self) {
        for attempt in 0.. {
            if self.socket.is_some() {
                return;
            }
            let address = self.addresses[(self.lost + attempt) % self.addresses.len()];
            match timeout(Duration::from_secs(5), connect_async(format!("ws://{address}/ws"))).await {
                Ok(Ok((socket, _))) => self.greet(socket).await,
                _ => sleep(PAUSE).await,
            }
            assert!(attempt < 3_000, "no node lets the artist in");
        }
    }

    async fn greet(&mut self, socket: Socket) {
        self.socket = Some(socket);
        self.connections += 1;
        self.whole = false;
        self.parts.clear();
        self.send(&json!({"type": "hello", "protocol": 1, "client": self.client})).await;
        let mut join = json!({"type": "join", "room": self.room});
        if !self.epoch.is_null() {
            join["since"] = json!(self.seq);
            join["epoch"] = self.epoch.clone();
        }
        self.send(&join).await;
        for batch in self.pending.clone().values() {
            self.send(batch).await;
        }
    }

    /// Reads one frame.
    async fn step(&mut self) {
        let Some(socket) = &mut self.socket else { return };
        let message = timeout(DEADLINE, socket.next()).await.expect("a frame in time");
        let line = match message {
            Some(Ok(Message::Text(text))) => self.take(&serde_json::from_str(&text).expect("JSON")).await,
            Some(Ok(Message::Close(frame))) => {
                self.closes.extend(frame.map(|frame| u16::from(frame.code)));
                Line::Lost
            }
            Some(Ok(_)) => Line::Stands,
            Some(Err(_)) | None => Line::Lost,
        };
        if line == Line::Lost {
            self.socket = None;
            self.lost += 1;
            sleep(PAUSE).await;
        }
    }

    async fn take(&mut self, frame: &Value) -> Line {
        match frame["type"].as_str().unwrap_or_default() {
            "joined" => self.joined(frame),
            "delta" => self.page(frame),
            "changes" => self.changes(frame),
            "ack" => self.answered(frame),
            "reject" => {
                assert_eq!(frame["code"], "unavailable", "{frame}");
                let op_id = frame["op_id"].as_u64().expect("op_id");
                if let Some(batch) = self.pending.get(&op_id).cloned() {
                    self.send(&batch).await;
                }
            }
            // The join has failed: a client comes again.
            "error" => {
                assert_eq!(frame["code"], "unavailable", "{frame}");
                return Line::Lost;
            }
            _ => {}
        }
        Line::Stands
    }

    fn answered(&mut self, frame: &Value) {
        let (op_id, seq) = (frame["op_id"].as_u64().expect("op_id"), frame["seq"].as_i64().expect("seq"));
        self.pending.remove(&op_id);
        if let Some(first) = self.acked.insert(op_id, seq) {
            assert_eq!(first, seq, "a repeat is answered as the first time");
        } else {
            self.acks.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn joined(&mut self, frame: &Value) {
        if frame["mode"] == "snapshot" {
            self.shapes.clear();
        }
        self.epoch = frame["epoch"].clone();
        self.seq = frame["seq"].as_i64().expect("seq");
        self.page(frame);
    }

    fn page(&mut self, frame: &Value) {
        for list in ["added", "modified"] {
            for shape in frame[list].as_array().expect("a list") {
                self.put(shape);
            }
        }
        for id in frame["deleted"].as_array().expect("a list") {
            self.shapes.remove(id.as_str().expect("an id"));
        }
        self.whole = frame["more"] == false;
    }

    fn put(&mut self, shape: &Value) {
        let id = shape["id"].as_str().expect("an id").to_owned();
        self.shapes.insert(id, shape["version"].as_i64().expect("a version"));
    }

    fn changes(&mut self, frame: &Value) {
        assert_eq!(frame["from"], self.seq, "nothing is missed and nothing comes twice: {frame}");
        self.parts.push(frame.clone());
        if frame["more"] == true {
            return;
        }
        for part in std::mem::take(&mut self.parts) {
            for batch in part["batches"].as_array().expect("a list") {
                for change in batch["changes"].as_array().expect("a list") {
                    self.apply(change);
                }
            }
        }
        self.seq = frame["to"].as_i64().expect("to");
    }

    fn apply(&mut self, change: &Value) {
        match change["op"].as_str() {
            Some("put") => self.put(&change["shape"]),
            Some("delete") => _ = self.shapes.remove(change["id"].as_str().expect("an id")),
            _ => {
                let id = change["id"].as_str().expect("an id").to_owned();
                let version = change["version"].as_i64().expect("a version");
                assert_eq!(self.shapes.insert(id, version), Some(version - 1), "{change}");
            }
        }
    }
}

/// Several artists in one room.
pub(crate) struct Storm {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Artist>>,
    acks: Arc<AtomicU64>,
}

impl Storm {
    /// Begins; the artists spread over the nodes.
    pub(crate) fn begin(addresses: &[SocketAddr], room: &str, artists: usize, window: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let acks = Arc::new(AtomicU64::new(0));
        let tasks = (0..artists).map(|number| {
            let mut mine = addresses.to_vec();
            mine.rotate_left(number % addresses.len());
            tokio::spawn(Artist::new(mine, room, Arc::clone(&acks)).draw(window, stopped.clone()))
        });
        Self { stop, tasks: tasks.collect(), acks }
    }

    /// Waits until so many batches more were acknowledged.
    pub(crate) async fn more(&self, batches: u64) {
        let goal = self.acks.load(Ordering::Relaxed) + batches;
        let look = || async {
            let acks = self.acks.load(Ordering::Relaxed);
            let broken = self.tasks.iter().any(JoinHandle::is_finished);
            if acks >= goal || broken { Ok(()) } else { Err(acks) }
        };
        let reached = retried(DEADLINE, look).await;
        assert_eq!(reached, Ok(()), "the storm does not go on to {goal}");
    }

    /// Stops when all is answered.
    pub(crate) async fn end(self) -> Vec<Artist> {
        self.stop.send_replace(true);
        let mut artists = Vec::new();
        for task in self.tasks {
            let artist = timeout(2 * DEADLINE, task).await.expect("the storm ends");
            artists.push(artist.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
        }
        artists
    }
}

/// Everything acknowledged is in the log exactly once, whole, under the seq that was told; the seqs have no gap; and every artist's
/// board comes to equal the table.
pub(crate) async fn assert_nothing_lost(config: &Config, room: &str, artists: &mut [Artist]) {
    let client = connect(config).await.expect("the database");
    let head = client
        .query_one(
            "select r.last_seq, (select count(distinct c.seq) from pgcanvas.shape_changes c where c.room_id = r.id)
             from pgcanvas.rooms r where r.slug = $1",
            &[&room],
        )
        .await
        .unwrap();
    let (last_seq, seqs): (i64, i64) = (head.get(0), head.get(1));
    assert_eq!(last_seq, seqs, "seqs have no gap");
    let log = client
        .query(
            "select c.client, c.op_id, min(c.seq), max(c.seq), count(*) from pgcanvas.shape_changes c
             join pgcanvas.rooms r on r.id = c.room_id where r.slug = $1 and c.client is not null group by 1, 2",
            &[&room],
        )
        .await
        .unwrap();
    let mut logged: BTreeMap<(Uuid, u64), i64> = BTreeMap::new();
    for row in &log {
        let (first, last, count): (i64, i64, i64) = (row.get(2), row.get(3), row.get(4));
        let key = (row.get(0), u64::try_from(row.get::<_, i64>(1)).unwrap());
        assert!(
            first == last && count == SHAPES_PER_BATCH,
            "{key:?} stands {count} times, {first} to {last}"
        );
        logged.insert(key, first);
    }
    let rows = client
        .query(
            "select s.id, s.version from pgcanvas.shapes s join pgcanvas.rooms r on r.id = s.room_id where r.slug = $1",
            &[&room],
        )
        .await
        .unwrap();
    let table: BTreeMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for artist in artists {
        for (op_id, seq) in &artist.acked {
            assert_eq!(logged.get(&(artist.client, *op_id)), Some(seq), "acknowledged batch {op_id}");
        }
        artist.reach(last_seq).await;
        assert!(artist.seq == last_seq && artist.shapes == table, "the board equals the table");
    }
}
