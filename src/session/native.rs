//! Protocol version 1.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use tokio::time::Instant;
use uuid::Uuid;

use super::rights::{VIEW_ONLY, guest};
use super::{Membership, OP_BYTES, Session, Speaker, session_of};
use crate::budget::Exhausted;
use crate::db::DbError;
use crate::model::{OpId, Role, RoomName, Token};
use crate::protocol::decode::{Batch, Hello, Join};
use crate::protocol::encode::{self, Welcome};
use crate::protocol::{ClientMessage, CloseCode, Limits, PROTOCOL_VERSION, RejectCode};
use crate::room::fanout::{Dialect, Subscriber};
use crate::room::join::{JoinError, join};
use crate::room::presence::Identity;
use crate::room::writer::{Answer, Submission};

/// Colours of people, told apart on a white and on a dark board.
const COLORS: [&str; 10] = [
    "#e03131", "#c2255c", "#9c36b5", "#6741d9", "#3b5bdb", "#1971c2", "#0c8599", "#2f9e44", "#f08c00",
    "#e8590c",
];

/// A client that said `hello`.
#[derive(Debug, Clone)]
pub(super) struct Native {
    pub(super) client: Uuid,
    pub(super) session: Arc<str>,
    pub(super) user: Arc<str>,
    pub(super) name: Arc<str>,
}

impl Native {
    fn identity(&self, name: Option<&str>) -> Identity {
        let place = self
            .session
            .bytes()
            .fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
        Identity {
            session: Arc::clone(&self.session),
            user: Arc::clone(&self.user),
            name: name.map_or_else(|| Arc::clone(&self.name), Arc::from),
            color: COLORS.get(place % COLORS.len()).copied().unwrap_or("#1971c2"),
        }
    }
}

impl Session {
    /// Who brings no token is a guest, called as they like.
    pub(super) async fn greet(&mut self, hello: Hello) {
        if hello.protocol != PROTOCOL_VERSION {
            self.error(RejectCode::Invalid, "protocol: this node speaks version 1 to 1");
            return self.outbox.close(CloseCode::VersionNotSpoken);
        }
        let credential = self.credential.take().or(hello.token);
        if self.sign_in(credential).await.is_err()
            || self.claim(hello.client.0, hello.key.as_ref()).await.is_err()
        {
            return;
        }
        let chosen = hello.name.filter(|name| !name.is_empty()).map(Arc::from);
        let (user, name) = match &self.person {
            Some(person) => (Arc::clone(&person.id), Arc::clone(&person.name)),
            None => (guest(hello.client.0).into(), "guest".into()),
        };
        let native = Native {
            client: hello.client.0,
            session: session_of(hello.client.0).into(),
            user,
            name: chosen.unwrap_or(name),
        };
        let welcome = encode::welcome(&Welcome {
            session: &native.session,
            user_id: &native.user,
            user_name: &native.name,
            server_name: env!("CARGO_PKG_NAME"),
            server_version: env!("CARGO_PKG_VERSION"),
            limits: Limits::default(),
        });
        self.outbox.push(welcome.into());
        self.speaker = Speaker::Native(native);
    }

    pub(super) async fn hear_native(&mut self, message: ClientMessage) {
        let Speaker::Native(native) = &self.speaker else { return };
        let native = native.clone();
        match message {
            ClientMessage::Join(asked) => self.join(&native, &asked).await,
            ClientMessage::Leave { room } => self.leave(&native, &room).await,
            ClientMessage::Gesture(batch) => self.submit(&native, batch).await,
            ClientMessage::Presence { room, state } => self.presence(&native, &room, state),
            ClientMessage::Ping { t } => _ = self.outbox.push(encode::pong(t.as_deref()).into()),
            ClientMessage::Unsupported { kind } => {
                self.error(RejectCode::Unsupported, &format!("type: {kind} is not spoken by this version"));
            }
            ClientMessage::Hello(_) => self.error(RejectCode::Invalid, "type: hello comes once"),
            ClientMessage::Seed(_) => {}
        }
    }

    async fn join(&mut self, native: &Native, asked: &Join) {
        let link = asked.link.as_ref().map(Token::hash);
        let membership = match self.enter(&asked.room, link.as_ref()).await {
            Ok(Some(membership)) => membership,
            Ok(None) => {
                // With what it brought now it may not be there; what it brought before counts no more.
                self.take_out(native, &asked.room, false).await;
                return self.error_in(&asked.room, RejectCode::NotFound, "room: there is no such room");
            }
            Err(error) => return self.db_error_in(&asked.room, &error),
        };
        let id = membership.state.0;
        if membership.joined {
            // Joining again is how a client that missed something comes back.
            _ = self.node.rooms.unsubscribe(id, self.socket).await.await;
        } else if self.is_full(&asked.room) {
            return;
        }
        let name: Arc<str> = asked.room.to_string().into();
        let outbox = Arc::clone(&self.outbox);
        let rights = membership.rights;
        let subscriber = Subscriber {
            socket: self.socket,
            outbox,
            dialect: Dialect::Native(name),
            seq: None,
            epoch: None,
            rights,
        };
        let room = &membership.state;
        match join(&self.node.db, &self.node.rooms, asked, room, membership.role, subscriber).await {
            Ok(()) => {}
            Err(JoinError::Reader) => return,
            Err(error) => {
                self.set_joined(&membership, false);
                if membership.joined {
                    self.node.presence.leave(id, &native.session, &membership.progress, false);
                }
                return match error {
                    JoinError::Db(error) => self.db_error_in(&asked.room, &join_error(error)),
                    other => self.error_in(&asked.room, RejectCode::Unavailable, &other.to_string()),
                };
            }
        }
        self.set_joined(&membership, true);
        self.node.presence.enter(id, native.identity(asked.name.as_deref()), membership.progress);
    }

    pub(super) fn set_joined(&mut self, membership: &Membership, joined: bool) {
        if let Some(known) = self.rooms.get_mut(&membership.state.0) {
            known.joined = joined;
        }
    }

    async fn leave(&mut self, native: &Native, room: &RoomName) {
        self.take_out(native, room, true).await;
        self.outbox.push(encode::left(&room.to_string()).into());
    }

    /// Takes the socket out of a room, if it is in it: by its own wish, or because it may not be there any more.
    async fn take_out(&mut self, native: &Native, room: &RoomName, by_wish: bool) {
        let known = self.names.get(&room.to_string()).and_then(|id| self.rooms.get(id)).cloned();
        if let Some(membership) = known.filter(|membership| membership.joined) {
            let id = membership.state.0;
            self.set_joined(&membership, false);
            _ = self.node.rooms.unsubscribe(id, self.socket).await.await;
            self.node.presence.leave(id, &native.session, &membership.progress, by_wish);
        }
    }

    async fn submit(&mut self, native: &Native, batch: Batch) {
        let room: Arc<str> = batch.room.to_string().into();
        let membership = match self.standing(&batch.room).await {
            Ok(Some(membership)) if membership.role < Role::Editor => {
                return self.reject(&room, batch.op_id, RejectCode::Forbidden, VIEW_ONLY);
            }
            Ok(Some(membership)) => membership,
            Ok(None) => {
                return self.reject(&room, batch.op_id, RejectCode::NotFound, "room: there is no such room");
            }
            Err(error) => {
                let (code, message) = super::spoken(&error);
                return self.reject(&room, batch.op_id, code, &message);
            }
        };
        // The semaphore is never closed; without a permit the socket is read no further.
        let Ok(permit) = Arc::clone(&self.on_the_way).acquire_owned().await else { return };
        let bytes = batch.gesture.ops().iter().map(|op| op.bytes() + OP_BYTES).sum();
        let Some(held) = self.hold(bytes).await else {
            return self.reject(&room, batch.op_id, RejectCode::Unavailable, &Exhausted.to_string());
        };
        if self.outbox.is_closing() {
            return; // perhaps because it may not any more
        }
        membership.progress.send();
        let (outbox, progress, op_id) = (Arc::clone(&self.outbox), membership.progress, batch.op_id);
        let warnings = batch.warnings;
        let reply = move |answer| {
            outbox.push(answered(&room, op_id, &answer, &warnings).into());
            progress.answer();
            drop((permit, held));
        };
        let submission = Submission {
            room_id: membership.state.0,
            client: native.client,
            op_id: batch.op_id,
            author: Arc::clone(&native.user),
            role: membership.role,
            seen: batch.seen,
            part_of: batch.part_of,
            gesture: batch.gesture,
            reply: Box::new(reply),
            arrived: Instant::now(),
        };
        self.node.writers.submit(submission).await;
    }

    fn reject(&self, room: &str, op_id: OpId, code: RejectCode, message: &str) {
        crate::metrics::count(&self.node.metrics.rejects, code.as_str());
        let shapes: [&str; 0] = [];
        self.outbox.push(encode::reject(room, op_id, code, message, &shapes).into());
    }

    fn presence(&mut self, native: &Native, room: &RoomName, state: String) {
        let known = self.names.get(&room.to_string()).and_then(|id| self.rooms.get(id));
        match known.filter(|membership| membership.joined) {
            Some(membership) if membership.role < Role::Editor && shows_drawing(&state) => {
                self.error_in(room, RejectCode::Forbidden, VIEW_ONLY);
            }
            Some(membership) => {
                if let Ok(state) = RawValue::from_string(state) {
                    self.node.presence.update(membership.state.0, &native.session, state);
                }
            }
            None => self.error_in(room, RejectCode::NotFound, "room: join it before telling where you are"),
        }
    }
}

/// What was pruned while it was being read is there as a whole: the client joins anew.
fn join_error(error: DbError) -> DbError {
    if matches!(error, DbError::Pruned(_)) { DbError::Busy } else { error }
}

/// Whether a state shows what is just being drawn: others see it on their board as if it were there.
fn shows_drawing(state: &str) -> bool {
    #[derive(Deserialize)]
    struct Shown {
        drag: Option<IgnoredAny>,
    }
    // What says it twice cannot be read, and shows it.
    serde_json::from_str::<Shown>(state).map_or(true, |shown| shown.drag.is_some())
}

/// The frame for an answer.
fn answered(room: &str, op_id: OpId, answer: &Answer, warnings: &[String]) -> String {
    match answer {
        Answer::Ack { seq, outcomes, left_alone } => {
            encode::ack(room, op_id, *seq, outcomes, left_alone.as_deref(), warnings)
        }
        Answer::Reject { code, message, shapes } => encode::reject(room, op_id, *code, message, shapes),
    }
}
