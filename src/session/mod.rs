//! One socket: reads frames, answers them in order, and sends what its outbox holds. A single task with two halves, so that an idle
//! socket costs little, and neither half waits for the other.

mod native;
mod rights;
mod seed;
mod socket;

pub(crate) use rights::{OTHERS_CLIENT, guest};

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use hyper_tungstenite::HyperWebsocketStream;
use hyper_tungstenite::tungstenite::{
    Error as SocketError, Message,
    error::{CapacityError, ProtocolError},
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::db::DbError;
use crate::db::calls::Channel;
use crate::metrics::count;
use crate::model::limits::MAX_UNACKNOWLEDGED_BATCHES;
use crate::model::{Role, RoomId, RoomName, Token, User};
use crate::node::{Node, drained};
use crate::protocol::encode::{self, ErrorFrame};
use crate::protocol::{ClientMessage, CloseCode, DecodeError, RejectCode, decode};
use crate::room::Outbox;
use crate::room::presence::Progress;

/// How long a socket may take to say `hello`, or what else it speaks.
const HELLO: Duration = Duration::from_secs(10);
/// How often a socket is pinged.
const PING: Duration = Duration::from_secs(20);
/// A socket this long silent, pongs included, is closed.
const SILENCE: Duration = Duration::from_secs(45);
/// How long one frame may take to leave.
const SEND: Duration = Duration::from_secs(30);
/// How long a closing handshake may take.
const GOODBYE: Duration = Duration::from_secs(2);

/// A room this socket is in.
#[derive(Debug, Clone)]
pub(super) struct Membership {
    pub(super) state: Arc<(RoomId, Channel)>,
    /// Whether the room's changes come to this socket.
    pub(super) joined: bool,
    /// What it may there.
    pub(super) role: Role,
    /// How often the rights had changed when that was found.
    pub(super) rights: i64,
    pub(super) progress: Arc<Progress>,
}

/// Who is on the other end, once it has spoken.
#[derive(Debug)]
enum Speaker {
    Nobody,
    Native(native::Native),
    Seed(seed::Seed),
}

/// One connection.
pub(crate) struct Session {
    node: Arc<Node>,
    socket: u64,
    outbox: Arc<Outbox>,
    speaker: Speaker,
    /// What the request brought to say who this is.
    credential: Option<Token>,
    /// Who is signed in here.
    person: Option<User>,
    rooms: HashMap<RoomId, Membership>,
    names: HashMap<String, RoomId>,
    /// A permit per batch on its way: without one, reading waits.
    on_the_way: Arc<Semaphore>,
}

/// Serves a socket until it ends.
pub(crate) async fn serve(node: Arc<Node>, stream: HyperWebsocketStream, credential: Option<Token>) {
    let outbox = Arc::new(Outbox::new(Arc::clone(&node.metrics)));
    let mut session = Session {
        socket: node.next_socket.fetch_add(1, Ordering::Relaxed),
        outbox: Arc::clone(&outbox),
        speaker: Speaker::Nobody,
        credential,
        person: None,
        rooms: HashMap::new(),
        names: HashMap::new(),
        on_the_way: Arc::new(Semaphore::new(MAX_UNACKNOWLEDGED_BATCHES)),
        node: Arc::clone(&node),
    };
    node.metrics.sockets.inc();
    let mut draining = node.draining.clone();
    let on_the_way = Arc::clone(&session.on_the_way);
    let (mut sink, mut stream) = stream.split();
    let until_closed = async {
        tokio::select! {
            () = session.read(&mut stream) => {}
            () = drained(&mut draining) => {
                // Nothing more is read; what is on its way is answered before the goodbye.
                _ = on_the_way.acquire_many(u32::try_from(MAX_UNACKNOWLEDGED_BATCHES).unwrap_or(u32::MAX)).await;
                outbox.close(CloseCode::GoingAway);
            }
        }
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = socket::write(&mut sink, &outbox, &node.metrics) => {}
        () = until_closed => {}
    }
    session.leave_all().await;
    node.sign_ins.leave(session.socket);
    if let Ok(whole) = sink.reunite(stream) {
        socket::end(whole).await;
    }
    node.metrics.sockets.dec();
}

impl Session {
    /// Reads until the socket ends; then whatever is queued still leaves.
    async fn read(&mut self, stream: &mut futures_util::stream::SplitStream<HyperWebsocketStream>) {
        let hello_by = Instant::now() + HELLO;
        let mut silent_since = Instant::now();
        loop {
            let deadline = match self.speaker {
                Speaker::Nobody => hello_by,
                _ => silent_since + SILENCE,
            };
            match timeout_at(deadline, stream.next()).await {
                Err(_) => return self.outbox.close(CloseCode::TimedOut),
                Ok(None) => return self.outbox.end(),
                Ok(Some(Err(error))) => match cause(&error) {
                    Some(code) => return self.outbox.close(code),
                    None => return self.outbox.end(),
                },
                Ok(Some(Ok(message))) => {
                    silent_since = Instant::now();
                    self.receive(message).await;
                }
            }
        }
    }

    async fn receive(&mut self, message: Message) {
        if self.outbox.is_closing() {
            return; // perhaps because it may not any more
        }
        match message {
            Message::Text(text) => self.receive_text(text.as_str()).await,
            Message::Binary(_) => {
                self.error(RejectCode::Invalid, "frame: must be text, not binary");
                if matches!(self.speaker, Speaker::Nobody) {
                    self.outbox.close(CloseCode::NotThisProtocol);
                }
            }
            // Pings are answered by the library; pongs only show life.
            _ => {}
        }
    }

    async fn receive_text(&mut self, text: &str) {
        let message = match decode(text) {
            Ok(message) => message,
            Err(error) => return self.refuse(&error),
        };
        match (&self.speaker, message) {
            (Speaker::Nobody, ClientMessage::Hello(hello)) => self.greet(hello).await,
            (Speaker::Nobody, ClientMessage::Seed(message)) => self.begin_seed(message).await,
            (Speaker::Nobody, _) => {
                self.error(RejectCode::Invalid, "type: the first frame must be hello, join_room or chat");
                self.outbox.close(CloseCode::NotThisProtocol);
            }
            (Speaker::Native(_), ClientMessage::Seed(_)) => {
                self.error(RejectCode::Invalid, "type: this socket said hello and speaks version 1");
            }
            (Speaker::Native(_), message) => self.hear_native(message).await,
            (Speaker::Seed(_), ClientMessage::Seed(message)) => self.hear_seed(message).await,
            (Speaker::Seed(_), ClientMessage::Ping { t }) => {
                self.outbox.push(encode::pong(t.as_deref()).into());
            }
            (Speaker::Seed(_), _) => {
                self.error(RejectCode::Invalid, "type: this socket speaks the dialect of join_room and chat");
            }
        }
    }

    /// Answers a frame that cannot be read. One that begins a connection ends it too.
    fn refuse(&self, error: &DecodeError) {
        match error {
            DecodeError::Reject { room, op_id, code, message } => {
                count(&self.node.metrics.rejects, code.as_str());
                let shapes: [&str; 0] = [];
                self.outbox.push(encode::reject(&room.to_string(), *op_id, *code, message, &shapes).into());
            }
            DecodeError::Frame { code, message, room, op_id } => {
                count(&self.node.metrics.errors, code.as_str());
                let room = room.as_ref().map(ToString::to_string);
                let frame =
                    ErrorFrame { room: room.as_deref(), op_id: *op_id, ..ErrorFrame::new(*code, message) };
                self.outbox.push(encode::error(&frame).into());
            }
        }
        if matches!(self.speaker, Speaker::Nobody) {
            self.outbox.close(CloseCode::NotThisProtocol);
        }
    }

    fn error(&self, code: RejectCode, message: &str) {
        count(&self.node.metrics.errors, code.as_str());
        self.outbox.push(encode::error(&ErrorFrame::new(code, message)).into());
    }

    fn error_in(&self, room: &RoomName, code: RejectCode, message: &str) {
        count(&self.node.metrics.errors, code.as_str());
        let room = room.to_string();
        let frame = ErrorFrame { room: Some(&room), ..ErrorFrame::new(code, message) };
        self.outbox.push(encode::error(&frame).into());
    }

    fn db_error_in(&self, room: &RoomName, error: &DbError) {
        let (code, message) = spoken(error);
        self.error_in(room, code, &message);
    }

    async fn leave_all(&mut self) {
        for (id, membership) in std::mem::take(&mut self.rooms) {
            // Joined or not: a join that was cut off may have put this socket into the room.
            drop(self.node.rooms.unsubscribe(id, self.socket).await);
            if membership.joined
                && let Speaker::Native(native) = &self.speaker
            {
                self.node.presence.leave(id, &native.session, &membership.progress, false);
            }
        }
    }
}

/// What a client is told of a database error.
pub(crate) fn spoken(error: &DbError) -> (RejectCode, String) {
    match error {
        DbError::NotFound(message) => (RejectCode::NotFound, message.clone()),
        DbError::Invalid(message) => (RejectCode::Invalid, message.clone()),
        DbError::Pruned(message) => (RejectCode::Pruned, message.clone()),
        DbError::Conflict(message) => (RejectCode::Conflict, message.clone()),
        DbError::Unreachable | DbError::Lacking(_) | DbError::Busy | DbError::Repeat | DbError::Refused => {
            if let DbError::Lacking(what) = error {
                tracing::error!(what, "the database lacks what a node needs, or gives no right to it");
            }
            (RejectCode::Unavailable, "the database cannot be reached: try again".to_owned())
        }
    }
}

/// What a socket that broke is told; none when nobody is there any more.
fn cause(error: &SocketError) -> Option<CloseCode> {
    match error {
        SocketError::Capacity(CapacityError::MessageTooLong { .. }) => Some(CloseCode::FrameTooLarge),
        SocketError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        SocketError::Utf8(_) | SocketError::Protocol(_) => Some(CloseCode::NotThisProtocol),
        _ => None,
    }
}

/// A session's name: derived from the client's, so that every node gives the same one.
fn session_of(client: Uuid) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, client.as_bytes()).simple().to_string()
}
