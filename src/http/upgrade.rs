//! From HTTP to a socket.

use std::sync::Arc;

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::{Request, StatusCode};
use hyper_tungstenite::tungstenite::protocol::WebSocketConfig;

use super::answer::{Answer, answer, busy, invalid};
use super::body::Body;
use super::caller::credential;
use super::request::line;
use crate::model::limits::MAX_FRAME_BYTES;
use crate::node::Node;
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
    let line = match line(&request) {
        Ok(line) => line,
        Err(refused) => return refused,
    };
    let (response, socket) = match hyper_tungstenite::upgrade(&mut request, Some(config)) {
        Ok(upgraded) => upgraded,
        Err(failure) => return invalid(&failure.to_string()),
    };
    let mut response = response.map(|_| Body::whole(Bytes::new()));
    line.become_socket();
    if speaks_ours {
        response.headers_mut().insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
    }
    let node = Arc::clone(node);
    let credential = credential(&request);
    tokio::spawn(async move {
        match socket.await {
            Ok(stream) => session::serve(node, stream, line, credential).await,
            Err(failure) => tracing::debug!(%failure, "a socket was not upgraded"),
        }
        drop(permit);
    });
    response
}

/// What a plain request to the socket's address gets.
pub(super) fn upgrade_required() -> Answer {
    let mut told = answer(StatusCode::UPGRADE_REQUIRED, "text/plain", "this address speaks WebSocket\n");
    told.headers_mut().insert(hyper::header::UPGRADE, HeaderValue::from_static("websocket"));
    told
}
