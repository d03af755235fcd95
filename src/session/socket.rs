//! The sending half of a socket.

use futures_util::stream::SplitSink;
use hyper_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;

use futures_util::SinkExt;
use hyper_tungstenite::HyperWebsocketStream;
use hyper_tungstenite::tungstenite::protocol::CloseFrame;
use hyper_tungstenite::tungstenite::protocol::frame::Frame as WireFrame;
use hyper_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use hyper_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout, timeout_at};

use super::{GOODBYE, PING, SEND};
use crate::metrics::{Metrics, count};
use crate::protocol::CloseCode;
use crate::room::Outbox;
use crate::room::outbox::{Frame, Next};

/// Frames that are handed to the socket before it is flushed.
const FRAMES_PER_FLUSH: usize = 64;
/// A longer text goes out in fragments of this size: the library copies what it sends, and keeps the room that the longest took.
const FRAGMENT_BYTES: usize = 16 * 1024;

/// Sends what is queued until the goodbye, and a ping now and then, however much there is to send: a pong shows that somebody reads.
pub(super) async fn write(
    sink: &mut SplitSink<HyperWebsocketStream, Message>,
    outbox: &Outbox,
    metrics: &Metrics,
) {
    let mut ping_at = Instant::now() + PING;
    let code = loop {
        let next = timeout_at(ping_at, outbox.next()).await;
        let sent = match next {
            Ok(Next::End) => return,
            Ok(Next::Close(code)) => break code,
            Ok(Next::Frame(frame)) => timeout(SEND, send_many(sink, frame, outbox)).await,
            Err(_) => {
                ping_at = Instant::now() + PING;
                let ping = async { sink.send(Message::Ping(bytes::Bytes::new())).await.map(|()| None) };
                timeout(SEND, ping).await
            }
        };
        match sent {
            Ok(Ok(None)) => {}
            Ok(Ok(Some(Next::Close(code)))) => break code,
            Ok(Ok(Some(_)) | Err(_)) => return,
            Err(_) => break CloseCode::SlowReader,
        }
    };
    count(&metrics.closes, code.label());
    let frame = CloseFrame { code: WireCode::from(code.code()), reason: code.reason().into() };
    // Whoever does not listen to a goodbye is gone already.
    _ = timeout(GOODBYE, sink.send(Message::Close(Some(frame)))).await;
    _ = timeout(GOODBYE, sink.close()).await;
}

/// Ends a connection in which the goodbye, if any, was said: nothing more is sent, and what still comes is thrown away until the other side
/// ends it too. A socket that is closed while input is unread is reset, and with it goes the goodbye before it was read.
pub(super) async fn end(mut socket: HyperWebsocketStream) {
    let socket = socket.get_mut();
    let heard_out = async {
        socket.shutdown().await?;
        tokio::io::copy(socket, &mut tokio::io::sink()).await
    };
    _ = timeout(GOODBYE, heard_out).await;
}

/// Sends a frame and what is queued behind it with one flush.
async fn send_many(
    sink: &mut SplitSink<HyperWebsocketStream, Message>,
    first: Frame,
    outbox: &Outbox,
) -> Result<Option<Next>, SocketError> {
    feed(sink, first).await?;
    let mut last = None;
    for _ in 1..FRAMES_PER_FLUSH {
        match outbox.try_next() {
            Some(Next::Frame(frame)) => feed(sink, frame).await?,
            other => {
                last = other;
                break;
            }
        }
    }
    sink.flush().await?;
    outbox.flushed();
    Ok(last)
}

async fn feed(sink: &mut SplitSink<HyperWebsocketStream, Message>, frame: Frame) -> Result<(), SocketError> {
    let text = frame.text().clone();
    if text.len() <= FRAGMENT_BYTES {
        return sink.feed(Message::Text(text)).await;
    }
    let mut rest = bytes::Bytes::from(text);
    let mut code = Data::Text;
    while !rest.is_empty() {
        let fragment = rest.split_to(rest.len().min(FRAGMENT_BYTES));
        let part = WireFrame::message(fragment, OpCode::Data(code), rest.is_empty());
        sink.feed(Message::Frame(part)).await?;
        code = Data::Continue;
    }
    Ok(())
}
