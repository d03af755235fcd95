//! From HTTP to a socket.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Request, Response, StatusCode};
use hyper_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::answer::{Answer, answer, error, invalid};
use super::caller::credential;
use crate::model::limits::MAX_FRAME_BYTES;
use crate::node::Node;
use crate::protocol::RejectCode;
use crate::session;

/// The subprotocol that is confirmed when a client offers it.
const SUBPROTOCOL: &str = "pgcanvas.v1";
/// Bytes a socket reads at a time, and gathers before it writes: small, since most sockets are idle.
const BUFFER_BYTES: usize = 4 * 1024;

/// Upgrades a request; its session runs until the socket ends.
pub(super) fn upgrade(node: &Arc<Node>, mut request: Request<Incoming>) -> Answer {
    if *node.draining.borrow() {
        return busy("this node is stopping");
    }
    let Ok(permit) = Arc::clone(&node.sockets).try_acquire_owned() else {
        return busy("this node has as many sockets as it takes");
    };
    let offered = request.headers().get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
    let speaks_ours =
        offered.is_some_and(|offered| offered.split(',').any(|name| name.trim() == SUBPROTOCOL));
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_message_size(Some(MAX_FRAME_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES));
    let (mut response, socket): (Response<Full<Bytes>>, _) =
        match hyper_tungstenite::upgrade(&mut request, Some(config)) {
            Ok(upgraded) => upgraded,
            Err(failure) => return invalid(&failure.to_string()),
        };
    if speaks_ours {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    let node = Arc::clone(node);
    let credential = credential(&request);
    tokio::spawn(async move {
        match socket.await {
            Ok(stream) => session::serve(node, stream, credential).await,
            Err(failure) => tracing::debug!(%failure, "a socket was not upgraded"),
        }
        drop(permit);
    });
    response
}

fn busy(message: &str) -> Answer {
    let mut busy = error(RejectCode::Unavailable, message);
    busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    busy
}

/// What a plain request to the socket's address gets.
pub(super) fn upgrade_required() -> Answer {
    let mut told = answer(StatusCode::UPGRADE_REQUIRED, "text/plain", "this address speaks WebSocket\n");
    told.headers_mut().insert(hyper::header::UPGRADE, HeaderValue::from_static("websocket"));
    told
}
