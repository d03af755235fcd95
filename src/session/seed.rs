//! The dialect of the older system. Its clients send no counters and get no answers but the echo of the room.

use std::sync::Arc;

use tokio::time::Instant;
use uuid::Uuid;

use super::rights::{VIEW_ONLY, guest};
use super::{Membership, OP_BYTES, Session, Speaker};
use crate::budget::Exhausted;
use crate::db::DbError;
use crate::db::calls;
use crate::model::{Action, Gesture, Op, OpId, Role, RoomName, User};
use crate::protocol::encode::{self, ErrorFrame, Outcome};
use crate::protocol::seed::delete_frame;
use crate::protocol::{RejectCode, SeedMessage};
use crate::room::fanout::{Dialect, Subscribed, Subscriber};
use crate::room::writer::{Answer, Submission};
use crate::secrets::is_sign_in_token;

/// A client that began with `join_room` or `chat`.
#[derive(Debug)]
pub(super) struct Seed {
    client: Uuid,
    user: Arc<str>,
    sent: i64,
}

impl Seed {
    fn new(person: Option<&User>) -> Self {
        let client = Uuid::new_v4();
        let user = person.map_or_else(|| guest(client).into(), |person| Arc::clone(&person.id));
        Self { client, user, sent: 0 }
    }
}

impl Session {
    /// Clients of the older system bring its tokens: those mean nothing here, and such a client is a guest.
    pub(super) async fn begin_seed(&mut self, message: SeedMessage) {
        let credential = self.credential.take().filter(is_sign_in_token);
        if self.sign_in(credential).await.is_ok() {
            self.speaker = Speaker::Seed(Seed::new(self.person.as_ref()));
            self.hear_seed(message).await;
        }
    }

    pub(super) async fn hear_seed(&mut self, message: SeedMessage) {
        match message {
            SeedMessage::JoinRoom { room } => self.join_seed(&room).await,
            SeedMessage::LeaveRoom { room } => self.leave_seed(&room).await,
            SeedMessage::Chat { room, op } | SeedMessage::DeleteShape { room, op } => {
                self.submit_seed(&room, op).await;
            }
        }
    }

    /// The room, opened on first use when it is a number.
    async fn seed_room(&mut self, name: &RoomName) -> Option<Membership> {
        let found = match self.standing(name).await {
            Ok(None) => match name {
                RoomName::Id(number) => match calls::open_room(&self.node.db, number.get()).await {
                    Ok(_) => self.standing(name).await,
                    Err(error) => Err(error),
                },
                RoomName::Slug(_) => Ok(None),
            },
            found => found,
        };
        match found.and_then(|found| {
            found.ok_or_else(|| DbError::NotFound("roomId: there is no such room".to_owned()))
        }) {
            Ok(membership) => Some(membership),
            Err(error) => {
                self.db_error_in(name, &error);
                None
            }
        }
    }

    /// No board is sent: clients of this dialect read it from the `chat` table.
    async fn join_seed(&mut self, name: &RoomName) {
        let known = self.names.get(&name.to_string()).and_then(|id| self.rooms.get(id));
        // A room for which there is no place is not opened either.
        if known.is_some_and(|membership| membership.joined) || self.is_full(name) {
            return;
        }
        let Some(membership) = self.seed_room(name).await else { return };
        if membership.joined {
            return;
        }
        let dialect = Dialect::Seed(name.to_string().into());
        let outbox = Arc::clone(&self.outbox);
        let subscriber = Subscriber {
            socket: self.socket,
            outbox,
            dialect,
            seq: None,
            epoch: None,
            rights: membership.rights,
        };
        let (id, channel) = &*membership.state;
        match self.node.rooms.subscribe(*id, channel, subscriber).await {
            Ok(Subscribed::Live) => self.set_joined(&membership, true),
            Ok(Subscribed::Behind { .. }) => self.db_error_in(name, &DbError::Busy),
            Err(error) => self.db_error_in(name, &error),
        }
    }

    async fn leave_seed(&mut self, name: &RoomName) {
        let known = self.names.get(&name.to_string()).and_then(|id| self.rooms.get(id)).cloned();
        if let Some(membership) = known.filter(|membership| membership.joined) {
            self.set_joined(&membership, false);
            _ = self.node.rooms.unsubscribe(membership.state.0, self.socket).await.await;
        }
    }

    async fn submit_seed(&mut self, name: &RoomName, op: Op) {
        let Some(membership) = self.seed_room(name).await else { return };
        if membership.role < Role::Editor {
            return self.error_in(name, RejectCode::Forbidden, VIEW_ONLY);
        }
        let Ok(permit) = Arc::clone(&self.on_the_way).acquire_owned().await else { return };
        let Some(held) = self.hold(op.bytes() + OP_BYTES).await else {
            return self.error_in(name, RejectCode::Unavailable, &Exhausted.to_string());
        };
        if self.outbox.is_closing() {
            return; // perhaps because it may not any more
        }
        let Speaker::Seed(seed) = &mut self.speaker else { return };
        seed.sent += 1;
        let Ok(op_id) = OpId::new(seed.sent) else { return };
        let (outbox, room) = (Arc::clone(&self.outbox), name.to_string());
        let deleted = (op.action == Action::Delete).then(|| op.id.as_str().to_owned());
        let reply = move |answer| {
            match answer {
                Answer::Reject { code, message, .. } => {
                    _ = outbox.push(refused(&room, code, &message).into());
                }
                // Nothing changed, so the room says nothing; but these clients wait for their echo.
                Answer::Ack { outcomes, .. } if !outcomes.contains(&Outcome::Applied) => {
                    if let Some(id) = deleted {
                        outbox.push(delete_frame(&room, &id).into());
                    }
                }
                Answer::Ack { .. } => {}
            }
            drop((permit, held));
        };
        let submission = Submission {
            room_id: membership.state.0,
            client: seed.client,
            op_id,
            author: Arc::clone(&seed.user),
            role: membership.role,
            seen: None,
            part_of: None,
            gesture: Gesture::Draw(vec![op]),
            reply: Box::new(reply),
            arrived: Instant::now(),
        };
        self.node.writers.submit(submission).await;
    }
}

fn refused(room: &str, code: RejectCode, message: &str) -> String {
    encode::error(&ErrorFrame { room: Some(room), ..ErrorFrame::new(code, message) })
}
