//! Who is on the other end of a socket, and what they may in a room.

use std::sync::Arc;

use uuid::Uuid;

use super::{Membership, Session};
use crate::db::DbError;
use crate::db::calls::access::{self, Access};
use crate::db::calls::people;
use crate::model::limits::MAX_ROOMS_PER_SOCKET;
use crate::model::{RoomName, Token, TokenHash};
use crate::protocol::{CloseCode, RejectCode};

/// What a viewer who draws is told.
pub(crate) const VIEW_ONLY: &str = "role: a viewer may look, not draw";

/// What is told to whoever comes in the name of a client that is somebody else's.
pub(crate) const OTHERS_CLIENT: &str = "client: it has a key, which must come with it";

/// What a guest is called in the log, by device.
pub(crate) fn guest(client: Uuid) -> String {
    let short: String = client.simple().to_string().chars().take(8).collect();
    format!("guest-{short}")
}

impl Session {
    /// Finds out whose token it is. An error has been told, and the socket is closing.
    pub(super) async fn sign_in(&mut self, credential: Option<Token>) -> Result<(), ()> {
        let Some(token) = credential.map(|credential| credential.hash()) else { return Ok(()) };
        match people::who_is(&self.node.db, &token).await {
            Ok(Some(person)) => {
                self.person = Some(person);
                self.node.sign_ins.enter(self.socket, token, Arc::clone(&self.outbox));
                return Ok(());
            }
            Ok(None) => {
                self.error(RejectCode::Unauthorized, "token: it does not count, or no more: sign in");
                self.outbox.close(CloseCode::Unauthenticated);
            }
            Err(error) => self.fail(&error),
        }
        Err(())
    }

    /// Finds out whether this socket may speak for a client. An error has been told, and the socket is closing.
    pub(super) async fn claim(&mut self, client: Uuid, key: Option<&Token>) -> Result<(), ()> {
        match people::claim_client(&self.node.db, client, key.map(Token::hash).as_ref()).await {
            Ok(true) => return Ok(()),
            Ok(false) => {
                self.error(RejectCode::Forbidden, OTHERS_CLIENT);
                self.outbox.close(CloseCode::Forbidden);
            }
            Err(error) => self.fail(&error),
        }
        Err(())
    }

    fn fail(&mut self, error: &DbError) {
        let (code, message) = super::spoken(error);
        self.error(code, &message);
        self.outbox.close(CloseCode::NodeFailed);
    }

    /// What this socket, with a link, may in a room: asked anew, and kept while it is in the room.
    pub(super) async fn enter(
        &mut self,
        name: &RoomName,
        link: Option<&TokenHash>,
    ) -> Result<Option<Membership>, DbError> {
        let user = self.person.as_ref().map(|person| &*person.id);
        let Some(found) = access::room_access(&self.node.db, name, user, link).await? else {
            return Ok(None);
        };
        let Access { id, slug, channel, role, rights, .. } = found;
        // Under whatever name it is asked for next: it is one room.
        self.names.extend([(slug, id), (id.to_string(), id)]);
        let state = Arc::new((id, channel));
        let fresh = || Membership {
            state: Arc::clone(&state),
            joined: false,
            role,
            rights,
            progress: Arc::default(),
        };
        let membership = self.rooms.entry(id).or_insert_with(fresh);
        (membership.role, membership.rights) = (role, rights);
        membership.state = state; // a room that was deleted and opened anew rings elsewhere
        Ok(Some(membership.clone()))
    }

    /// Whether this socket is in as many rooms as it may be in. If so, it is told.
    pub(super) fn is_full(&self, asked: &RoomName) -> bool {
        let is_full =
            self.rooms.values().filter(|membership| membership.joined).count() >= MAX_ROOMS_PER_SOCKET;
        if is_full {
            let rule = format!("room: a socket may be in {MAX_ROOMS_PER_SOCKET} rooms");
            self.error_in(asked, RejectCode::TooLarge, &rule);
        }
        is_full
    }

    /// What this socket may in a room: what it joined with, else what its person may. Nobody tells a socket that is not in a room when that
    /// changes, so that it is asked each time.
    pub(super) async fn standing(&mut self, name: &RoomName) -> Result<Option<Membership>, DbError> {
        let known = self.names.get(&name.to_string()).and_then(|id| self.rooms.get(id));
        match known.filter(|membership| membership.joined) {
            Some(joined) => Ok(Some(joined.clone())),
            None => self.enter(name, None).await,
        }
    }
}
