//! One socket: reads frames, answers them in order, and sends what its outbox holds. A single task with two halves, so that an idle
//! socket costs little, and neither half waits for the other.

mod native;
mod rights;
mod seed;
mod socket;

pub(crate) use rights::{OTHERS_CLIENT, guest};

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use hyper_tungstenite::HyperWebsocketStream;
use hyper_tungstenite::tungstenite::{
    Error as SocketError, Message,
    error::{CapacityError, ProtocolError},
};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use uuid::Uuid;

use crate::budget::{Kind, Lease, Line};
use crate::db::DbError;
use crate::db::calls::Channel;
use crate::log::Seldom;
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
/// How long a frame may take to come, whatever comes in its midst.
const ARRIVAL: Duration = SILENCE;
/// A longer text is given back to the system as soon as it was heard.
const LONG_BYTES: usize = 16 * 1024;
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
    line: Arc<Line>,
    /// What is held for the frame that is being heard.
    hearing: Vec<Lease>,
    /// What the library keeps of the longest message that came in parts.
    kept: Option<Lease>,
}

/// Serves a socket until it ends.
pub(crate) async fn serve(
    node: Arc<Node>,
    stream: HyperWebsocketStream,
    line: Arc<Line>,
    credential: Option<Token>,
) {
    let (budget, place) = (Arc::clone(line.budget()), Arc::clone(line.place()));
    let outbox = Arc::new(Outbox::new(Arc::clone(&node.metrics), budget, Arc::clone(&place)));
    let mut session = Session {
        socket: node.next_socket.fetch_add(1, Ordering::Relaxed),
        outbox: Arc::clone(&outbox),
        speaker: Speaker::Nobody,
        credential,
        person: None,
        rooms: HashMap::new(),
        names: HashMap::new(),
        on_the_way: Arc::new(Semaphore::new(MAX_UNACKNOWLEDGED_BATCHES)),
        line,
        hearing: Vec::new(),
        kept: None,
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
            // The node holds too much, and this socket does not move.
            kind = place.until_let_go() => outbox.drop_with(match kind {
                Kind::Requests => CloseCode::TimedOut,
                Kind::Answers | Kind::Frames => CloseCode::SlowReader,
            }),
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
        let mut heard = None;
        loop {
            // Whoever does not read the answers is asked no further: they would only pile up.
            if self.outbox.is_behind() && !self.outbox.room_for_bulk(SILENCE).await {
                return self.outbox.give_up();
            }
            let deadline = match self.speaker {
                Speaker::Nobody => hello_by,
                _ => silent_since + SILENCE,
            };
            match timeout_at(deadline, next(stream, &mut heard)).await {
                Err(_) => return self.outbox.close(CloseCode::TimedOut),
                Ok(None) => return self.outbox.end(),
                Ok(Some(Err(error))) => match cause(&error) {
                    Some(code) => return self.outbox.close(code),
                    None => return self.outbox.end(),
                },
                Ok(Some(Ok(message))) => {
                    silent_since = Instant::now();
                    heard = self.receive(message).await;
                    // Control frames may come in the midst of a message for ever.
                    if self.line.is_slow(ARRIVAL) {
                        return self.outbox.close(CloseCode::TimedOut);
                    }
                }
            }
        }
    }

    /// Hears a message; gives back a long one's bytes.
    async fn receive(&mut self, message: Message) -> Option<Bytes> {
        match &message {
            Message::Text(_) | Message::Binary(_) => self.hearing = self.line.take_message(),
            control => self.line.pass_over(control.len() + CONTROL_HEADER_BYTES),
        }
        self.hearing.iter_mut().for_each(Lease::discharge);
        if self.outbox.is_closing() {
            return None; // perhaps because it may not any more
        }
        match message {
            Message::Text(text) => {
                self.receive_text(text.as_str()).await;
                self.hearing.clear();
                let heard = Bytes::from(text);
                self.note_kept(&heard);
                return Some(heard).filter(|heard| heard.len() > LONG_BYTES);
            }
            Message::Binary(_) => {
                self.error(RejectCode::Invalid, "frame: must be text, not binary");
                if matches!(self.speaker, Speaker::Nobody) {
                    self.outbox.close(CloseCode::NotThisProtocol);
                }
            }
            // Pings are answered by the library; pongs only show life.
            _ => {}
        }
        self.hearing.clear();
        None
    }

    /// A message that came in parts was put together elsewhere; the room that a part took stays with the library, and counts.
    fn note_kept(&mut self, heard: &Bytes) {
        let known = self.kept.as_ref().map_or(LONG_BYTES, Lease::bytes);
        if heard.len() > known && heard.is_unique() {
            let mut kept = self.line.budget().hold(Kind::Requests, heard.len());
            kept.charge(self.line.place());
            self.kept = Some(kept);
        }
    }

    /// What is held for a batch of so many bytes until it is answered: what was held for its frame, else it waits until there is room.
    async fn hold(&mut self, bytes: usize) -> Option<Vec<Lease>> {
        let held = std::mem::take(&mut self.hearing);
        let missing = bytes.saturating_sub(held.iter().map(Lease::bytes).sum());
        if missing == 0 {
            return Some(held);
        }
        let more = self.line.budget().take(Kind::Requests, missing).await.ok()?;
        Some(held.into_iter().chain([more]).collect())
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

/// What an op takes beside what it holds, about.
const OP_BYTES: usize = 128;
/// What a control frame of a client takes beside its text.
const CONTROL_HEADER_BYTES: usize = 6;

/// The next message. The library would keep the room that a long message took for the next one, however small, if that message were gone
/// when it begins to read on: so it is kept until then, and no longer.
async fn next(
    stream: &mut futures_util::stream::SplitStream<HyperWebsocketStream>,
    heard: &mut Option<Bytes>,
) -> Option<Result<Message, SocketError>> {
    poll_fn(|context| {
        let polled = stream.poll_next_unpin(context);
        *heard = None;
        polled
    })
    .await
}

/// How often it is told that the database lacks something.
static LACKING: Seldom = Seldom::new(Duration::from_mins(1));

/// What a client is told of a database error.
pub(crate) fn spoken(error: &DbError) -> (RejectCode, String) {
    match error {
        DbError::NotFound(message) => (RejectCode::NotFound, message.clone()),
        DbError::Invalid(message) => (RejectCode::Invalid, message.clone()),
        DbError::Pruned(message) => (RejectCode::Pruned, message.clone()),
        DbError::Conflict(message) => (RejectCode::Conflict, message.clone()),
        DbError::Unreachable | DbError::Lacking(_) | DbError::Busy | DbError::Repeat | DbError::Refused => {
            if let DbError::Lacking(what) = error
                && let Some(untold) = LACKING.tell(what)
            {
                tracing::error!(
                    what,
                    untold,
                    "the database lacks what a node needs, or gives no right to it"
                );
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
