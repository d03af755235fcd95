//! One WebSocket: what waits to be written never holds up what is read.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{Sink, SinkExt, StreamExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async_with_config};

/// A frame may be as long as the largest shape, and several changes beside it.
const MAX_READ_BYTES: usize = 16 * 1024 * 1024;

type Stream = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// What came.
pub(super) enum Heard {
    Text(Utf8Bytes),
    /// The answer to a ping.
    Pong,
    /// A sign of life.
    Other,
    /// The end, with the code of the close frame if there was one.
    Closed(Option<u16>),
}

/// Where frames are written. Frames wait in line while the network does not take them; there are never more than the window of batches,
/// a join and a ping.
pub(super) struct Writer {
    sink: SplitSink<Stream, Message>,
    line: VecDeque<Message>,
    is_flushed: bool,
}

impl Writer {
    /// Puts a frame in line.
    pub(super) fn push(&mut self, text: String) {
        self.line.push_back(Message::text(text));
    }

    /// Asks for a sign of life.
    pub(super) fn ping(&mut self) {
        self.line.push_back(Message::Ping(Bytes::new()));
    }

    /// Whether nothing waits.
    pub(super) fn is_idle(&self) -> bool {
        self.line.is_empty() && self.is_flushed
    }

    /// Writes what waits. May be dropped at any point and called again.
    pub(super) async fn drain(&mut self) -> Result<(), Error> {
        while !self.line.is_empty() {
            poll_fn(|context| Pin::new(&mut self.sink).poll_ready(context)).await?;
            if let Some(message) = self.line.pop_front() {
                self.is_flushed = false;
                Pin::new(&mut self.sink).start_send(message)?;
            }
        }
        poll_fn(|context| Pin::new(&mut self.sink).poll_flush(context)).await?;
        self.is_flushed = true;
        Ok(())
    }

    /// Says goodbye.
    pub(super) async fn close(&mut self) {
        // Whoever does not take it will see the end of the connection.
        _ = self.sink.close().await;
    }
}

/// Where frames are read.
pub(super) struct Reader(SplitStream<Stream>);

impl Reader {
    /// The next thing that comes. May be dropped at any point and called again.
    pub(super) async fn next(&mut self) -> Heard {
        match self.0.next().await {
            Some(Ok(Message::Text(text))) => Heard::Text(text),
            Some(Ok(Message::Close(frame))) => Heard::Closed(frame.map(|frame| frame.code.into())),
            Some(Ok(Message::Pong(_))) => Heard::Pong,
            Some(Ok(_)) => Heard::Other,
            Some(Err(_)) | None => Heard::Closed(None),
        }
    }
}

/// Opens a socket.
pub(super) async fn open(url: &str) -> Result<(Reader, Writer), Error> {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MAX_READ_BYTES))
        .max_frame_size(Some(MAX_READ_BYTES));
    // Without Nagle's algorithm: a gesture is small and is not to wait for the one before.
    let (stream, _) = connect_async_with_config(url, Some(config), true).await?;
    let (sink, stream) = stream.split();
    Ok((Reader(stream), Writer { sink, line: VecDeque::new(), is_flushed: true }))
}
