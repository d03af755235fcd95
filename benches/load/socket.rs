//! A client: says hello, joins, sends batches, and looks at what comes no more than it must.

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use uuid::Uuid;

/// How long anything may take before the bench gives up.
const PATIENCE: Duration = Duration::from_secs(120);

/// One socket.
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    op_id: u64,
}

impl Socket {
    /// Connects; nothing is said yet.
    pub(crate) async fn connect(address: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let config = WebSocketConfig::default().read_buffer_size(8 * 1024).write_buffer_size(8 * 1024);
        let request = format!("ws://{address}/ws");
        let (stream, _) = client_async_with_config(request, stream, Some(config)).await.unwrap();
        Self { stream, op_id: 0 }
    }

    /// Connects, says hello and joins; the whole board has come.
    pub(crate) async fn join(address: &str, room: &str) -> Self {
        let mut socket = Self::connect(address).await;
        socket.hello().await;
        socket.send(format!(r#"{{"type":"join","room":"{room}"}}"#)).await;
        socket.until(r#"{"type":"joined""#).await;
        socket
    }

    /// Says hello.
    pub(crate) async fn hello(&mut self) {
        self.send(format!(r#"{{"type":"hello","protocol":1,"client":"{}"}}"#, Uuid::new_v4())).await;
        self.until(r#"{"type":"welcome""#).await;
    }

    /// Sends a frame.
    pub(crate) async fn send(&mut self, text: String) {
        self.stream.send(Message::text(text)).await.unwrap();
    }

    /// Sends a batch; `ops` are JSON, parted by commas.
    pub(crate) async fn send_ops(&mut self, room: &str, ops: &str) {
        self.queue_ops(room, ops).await;
        self.flush().await;
    }

    /// Queues a batch, to be sent with the next flush.
    pub(crate) async fn queue_ops(&mut self, room: &str, ops: &str) {
        self.op_id += 1;
        let op_id = self.op_id;
        let text = format!(r#"{{"type":"ops","room":"{room}","op_id":{op_id},"ops":[{ops}]}}"#);
        self.stream.feed(Message::text(text)).await.unwrap();
    }

    /// Queues an undo of one's own last gesture.
    pub(crate) async fn queue_undo(&mut self, room: &str) {
        self.op_id += 1;
        let text = format!(r#"{{"type":"undo","room":"{room}","op_id":{}}}"#, self.op_id);
        self.stream.feed(Message::text(text)).await.unwrap();
    }

    /// Sends what is queued.
    pub(crate) async fn flush(&mut self) {
        self.stream.flush().await.unwrap();
    }

    /// The next frame of text, if it is here already.
    pub(crate) fn next_now(&mut self) -> Option<Utf8Bytes> {
        self.next().now_or_never()
    }

    /// The next frame of text.
    pub(crate) async fn next(&mut self) -> Utf8Bytes {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("a frame in time");
            match message.expect("an open socket").unwrap() {
                Message::Text(text) => return text,
                Message::Close(frame) => panic!("the node closed the socket: {frame:?}"),
                _ => {}
            }
        }
    }

    /// The next frame that begins so; what comes before it is dropped.
    pub(crate) async fn until(&mut self, beginning: &str) -> Utf8Bytes {
        loop {
            let text = self.next().await;
            if text.starts_with(beginning) {
                return text;
            }
            refuse(&text);
        }
    }
}

/// A bench that is refused measures nothing.
pub(crate) fn refuse(text: &str) {
    let refused = text.starts_with(r#"{"type":"error""#) || text.starts_with(r#"{"type":"reject""#);
    assert!(!refused, "the node refuses: {text}");
}

/// A rectangle of about 200 bytes somewhere on the board, as JSON and as numbers for the bare table.
#[derive(Debug, Clone)]
pub(crate) struct Rectangle {
    pub(crate) id: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Rectangle {
    /// The n-th of somebody, in its step-th place: a drag moves it a little.
    pub(crate) fn new(owner: usize, n: usize, step: usize) -> Self {
        let place = (owner * 977 + n * 131) % 10_000;
        Self {
            id: format!("shape-{owner:03}-{n:04}"),
            x: (place % 100 * 40 + step % 16) as f64 + 0.5,
            y: (place / 100 * 40 + step % 8) as f64 + 0.25,
        }
    }

    /// The op that puts it.
    pub(crate) fn put(&self) -> String {
        format!(
            concat!(
                r##"{{"op":"put","shape":{{"id":"{}","kind":"rectangle","x":{},"y":{},"width":120,"height":80,"angle":0,"##,
                r##""stroke_color":"#1e1e1e","background_color":"#a5d8ff","fill_style":"solid","stroke_width":2,"opacity":100,"##,
                r##""props":{{"roundness":3}}}}}}"##
            ),
            self.id, self.x, self.y
        )
    }
}
