//! The sending half of a socket.

use futures_util::stream::SplitSink;
use hyper_tungstenite::tungstenite::protocol::frame::coding::CloseCode as WireCode;

use super::{
    CloseCode, CloseFrame, GOODBYE, HyperWebsocketStream, IDLE, Message, Next, Outbox, SEND, SinkExt, count,
    timeout,
};
use crate::metrics::Metrics;

/// Frames that are handed to the socket before it is flushed.
const FRAMES_PER_FLUSH: usize = 64;

/// Sends what is queued until the goodbye; pings when there is nothing to send.
pub(super) async fn write(
    mut sink: SplitSink<HyperWebsocketStream, Message>,
    outbox: &Outbox,
    metrics: &Metrics,
) {
    loop {
        let code = match timeout(IDLE, outbox.next()).await {
            Err(_) => match timeout(SEND, sink.send(Message::Ping(bytes::Bytes::new()))).await {
                Ok(Ok(())) => continue,
                _ => return,
            },
            Ok(Next::Close(code)) => code,
            Ok(Next::Frame(frame)) => match timeout(SEND, send_many(&mut sink, frame, outbox)).await {
                Ok(Ok(None)) => continue,
                Ok(Ok(Some(code))) => code,
                Ok(Err(_)) => return,
                Err(_) => CloseCode::SlowReader,
            },
        };
        count(&metrics.closes, code.reason());
        let frame = CloseFrame { code: WireCode::from(code.code()), reason: code.reason().into() };
        // Whoever does not listen to a goodbye is gone already.
        _ = timeout(GOODBYE, sink.send(Message::Close(Some(frame)))).await;
        _ = timeout(GOODBYE, sink.close()).await;
        return;
    }
}

/// Sends a frame and what is queued behind it with one flush.
async fn send_many(
    sink: &mut SplitSink<HyperWebsocketStream, Message>,
    first: super::super::room::outbox::Text,
    outbox: &Outbox,
) -> Result<Option<CloseCode>, super::SocketError> {
    sink.feed(Message::Text(first)).await?;
    for _ in 1..FRAMES_PER_FLUSH {
        match outbox.try_next() {
            Some(Next::Frame(frame)) => sink.feed(Message::Text(frame)).await?,
            Some(Next::Close(code)) => {
                sink.flush().await?;
                return Ok(Some(code));
            }
            None => break,
        }
    }
    sink.flush().await?;
    Ok(None)
}
