//! Who asks, and what they may: read from the request, once.

use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use hyper::{HeaderMap, Request};
use uuid::Uuid;

use super::answer::{Answer, db_error, error, unauthorized};
use super::query::parameter;
use super::request::percent_decoded;
use crate::db::DbError;
use crate::db::calls::access::{self, Access};
use crate::db::calls::people;
use crate::model::limits::{MAX_TOKEN_CHARS, MIN_KEY_CHARS};
use crate::model::{Role, RoomName, Token, TokenHash, User};
use crate::node::Node;
use crate::protocol::RejectCode;
use crate::session::{OTHERS_CLIENT, guest};

/// The header that holds the token of a link.
const LINK_HEADER: &str = "x-pgcanvas-link";
/// The header that holds the key of the client in whose name something is sent.
const KEY_HEADER: &str = "x-pgcanvas-key";
/// What the token is called in a list of subprotocols: browsers let a page set no other header of an upgrade.
const BEARER_SUBPROTOCOL: &str = "bearer.";

/// Who asks.
#[derive(Debug)]
pub(super) struct Caller {
    /// Who is signed in; none: a guest.
    pub(super) user: Option<User>,
    /// By which token.
    pub(super) token: Option<TokenHash>,
    link: Option<TokenHash>,
    key: Option<TokenHash>,
}

impl Caller {
    /// Reads who asks; a token that does not count is refused.
    pub(super) async fn of(node: &Node, request: &Request<Incoming>) -> Result<Self, Answer> {
        let link = header(request.headers(), LINK_HEADER).or_else(|| parameter(request, "link"));
        let link = link.map(|link| Token::new(link).hash());
        let key = key(request.headers())?;
        let Some(token) = bearer(request.headers()).map(|token| token.hash()) else {
            return Ok(Self { user: None, token: None, link, key });
        };
        match people::who_is(&node.db, &token).await {
            Ok(Some(user)) => Ok(Self { user: Some(user), token: Some(token), link, key }),
            Ok(None) => Err(unauthorized("token: it does not count, or no more: sign in")),
            Err(failure) => Err(db_error(&failure)),
        }
    }

    /// The room of a path, if this caller may there what it takes. Whoever may not even look is told that there is no such room.
    pub(super) async fn enter(&self, node: &Node, room: &str, least: Role) -> Result<Access, Answer> {
        let found = self.look_for(node, room).await?;
        if found.role < least { Err(error(RejectCode::Forbidden, needs(least))) } else { Ok(found) }
    }

    async fn look_for(&self, node: &Node, room: &str) -> Result<Access, Answer> {
        let name: RoomName = room.parse().map_err(|_| no_room())?;
        let user = self.user.as_ref().map(|user| &*user.id);
        let found: Result<_, DbError> = access::room_access(&node.db, &name, user, self.link.as_ref()).await;
        found.map_err(|failure| db_error(&failure))?.ok_or_else(no_room)
    }

    /// Lets pass who may speak for a client.
    pub(super) async fn claim(&self, node: &Node, client: Uuid) -> Result<(), Answer> {
        match people::claim_client(&node.db, client, self.key.as_ref()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(error(RejectCode::Forbidden, OTHERS_CLIENT)),
            Err(failure) => Err(db_error(&failure)),
        }
    }

    /// In whose name it is written: a guest is called after the device, where it says which.
    pub(super) fn author(&self, device: Option<Uuid>) -> String {
        match (&self.user, device) {
            (Some(user), _) => user.id.to_string(),
            (None, Some(device)) => guest(device),
            (None, None) => "guest".to_owned(),
        }
    }
}

fn needs(role: Role) -> &'static str {
    match role {
        Role::Viewer => "role: this takes a viewer",
        Role::Editor => "role: this takes an editor",
        Role::Owner => "role: this takes an owner",
    }
}

fn no_room() -> Answer {
    error(RejectCode::NotFound, "room: there is no such room")
}

/// The credential of an upgrade, first of these that is there: the header, the list of subprotocols, the address.
pub(super) fn credential(request: &Request<Incoming>) -> Option<Token> {
    let offered = header(request.headers(), SEC_WEBSOCKET_PROTOCOL.as_str()).unwrap_or_default();
    let offered = offered.split(',').find_map(|name| name.trim().strip_prefix(BEARER_SUBPROTOCOL));
    bearer(request.headers())
        .or_else(|| offered.map(|token| Token::new(percent_decoded(token))))
        .or_else(|| parameter(request, "token").map(Token::new))
}

/// The key of the client in whose name something is sent.
fn key(headers: &HeaderMap<HeaderValue>) -> Result<Option<TokenHash>, Answer> {
    let Some(text) = header(headers, KEY_HEADER) else { return Ok(None) };
    let rule = || format!("{KEY_HEADER}: must be {MIN_KEY_CHARS} to {MAX_TOKEN_CHARS} characters");
    Token::key(&text).map(|key| Some(key.hash())).ok_or_else(|| error(RejectCode::Invalid, &rule()))
}

/// The token of `Authorization: Bearer`; another scheme is somebody else's, such as a proxy's.
fn bearer(headers: &HeaderMap<HeaderValue>) -> Option<Token> {
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked("bearer ".len())?;
    let is_bearer = scheme.eq_ignore_ascii_case(b"bearer ");
    is_bearer.then(|| Token::new(String::from_utf8_lossy(token.trim_ascii()).into_owned()))
}

fn header(headers: &HeaderMap<HeaderValue>, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}
