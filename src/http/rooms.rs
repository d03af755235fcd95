//! Rooms: listed, made, told, changed, deleted.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, db_error, error, invalid, json_text, nothing, unkept};
use super::caller::Caller;
use super::query::parameter;
use super::request::{read_object, read_object_or_nothing};
use crate::db::DbError;
use crate::db::calls::{self, NewRoom, RoomState, access};
use crate::model::{Role, RoomId, RoomName, Slug, Token};
use crate::node::Node;
use crate::protocol::RejectCode;
use crate::secrets;

/// Rooms listed at most at a time.
const ROOMS_PER_PAGE: i32 = 200;
/// What a room can give everybody.
const VISIBILITIES: [&str; 3] = ["open", "readable", "private"];
/// How conflicts can be settled.
const POLICIES: [&str; 3] = ["merge", "strict", "offset"];
/// What a slug must be.
pub(super) const SLUG_RULE: &str = "slug: must be 1 to 64 letters, digits, _ or -, and not digits alone";

/// A room as it is told.
#[derive(Debug, Serialize)]
struct Told<'a> {
    id: i64,
    slug: &'a str,
    epoch: uuid::Uuid,
    seq: i64,
    min_since: i64,
    policy: &'a str,
    visibility: &'a str,
    shapes: i64,
    created_at: &'a str,
    touched_at: &'a str,
    touched_by: Option<&'a str>,
    role: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<OwnerLink<'a>>,
}

/// The link of an owner without account: told once.
#[derive(Debug, Serialize)]
struct OwnerLink<'a> {
    id: uuid::Uuid,
    role: &'static str,
    token: &'a str,
}

impl<'a> Told<'a> {
    fn of(room: &'a RoomState, role: Role) -> Self {
        Self {
            id: room.id.get(),
            slug: &room.slug,
            epoch: room.epoch,
            seq: room.last_seq.get(),
            min_since: room.min_since.get(),
            policy: &room.policy,
            visibility: &room.visibility,
            shapes: room.shape_count,
            created_at: &room.created_at,
            touched_at: &room.touched_at,
            touched_by: room.touched_by.as_deref(),
            role: role.as_str(),
            link: None,
        }
    }
}

/// `GET /api/rooms?after=`.
pub(super) async fn list(
    node: &Node,
    caller: &Caller,
    request: &Request<Incoming>,
) -> Result<Answer, Answer> {
    let after = parameter(request, "after");
    let user = caller.user.as_ref().map(|user| &*user.id);
    let rooms = answered(calls::list_rooms(&node.db, after.as_deref(), ROOMS_PER_PAGE, user).await)?;
    let rooms: Vec<Told<'_>> = rooms.iter().map(|(room, role)| Told::of(room, *role)).collect();
    Ok(json_text(StatusCode::OK, json!({ "rooms": rooms }).to_string()))
}

/// `GET /api/rooms/{room}`.
pub(super) async fn show(node: &Node, caller: &Caller, room: &str) -> Result<Answer, Answer> {
    let found = caller.enter(node, room, Role::Viewer).await?;
    told(node, found.id, found.role).await
}

async fn told(node: &Node, room: RoomId, role: Role) -> Result<Answer, Answer> {
    let state = state(node, room).await?;
    Ok(json_text(StatusCode::OK, json!(Told::of(&state, role)).to_string()))
}

async fn state(node: &Node, room: RoomId) -> Result<RoomState, Answer> {
    let found = answered(calls::room_state(&node.db, &RoomName::Id(room)).await)?;
    found.map(|(room, _)| room).ok_or_else(|| error(RejectCode::NotFound, "room: there is no such room"))
}

/// What is posted to make a room.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    slug: Option<String>,
    visibility: Option<String>,
    policy: Option<String>,
}

/// `POST /api/rooms` `{slug?, visibility?, policy?}`.
pub(super) async fn create(
    node: &Node,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let asked: Asked = read_object_or_nothing(request).await?;
    let slug = checked_slug(asked.slug)?;
    let visibility = asked.visibility.as_deref().map_or(Ok("open"), known_visibility)?;
    let policy = asked.policy.as_deref().map_or(Ok("merge"), known_policy)?;
    let own = Ownership::of(caller)?;
    let slug = slug.as_ref().map(Slug::as_str);
    let link = own.link.as_ref().map(Token::hash);
    let room = NewRoom { slug, visibility, policy, owner: &own.author, owner_link: link.as_ref() };
    let id = answered(calls::create_room(&node.db, &room).await)?;
    own.made(node, id).await
}

/// How somebody comes to own what they make: as a member, or, without account, by a link.
pub(super) struct Ownership {
    /// In whose name.
    pub(super) author: String,
    /// The link.
    pub(super) link: Option<Token>,
}

impl Ownership {
    pub(super) fn of(caller: &Caller) -> Result<Self, Answer> {
        let link = caller.user.is_none().then(secrets::link_token).transpose();
        let link = link.map_err(|busy| error(RejectCode::Unavailable, &busy.to_string()))?;
        Ok(Self { author: caller.author(None), link })
    }

    /// 201 and the room; its owner's link, if there is one, this once.
    pub(super) async fn made(&self, node: &Node, room: RoomId) -> Result<Answer, Answer> {
        let state = state(node, room).await?;
        let links = match &self.link {
            Some(_) => answered(access::list_links(&node.db, room).await)?,
            None => Vec::new(),
        };
        let mut told = Told::of(&state, Role::Owner);
        if let (Some(token), Some(link)) = (&self.link, links.first()) {
            told.link = Some(OwnerLink { id: link.id, role: link.role.as_str(), token: token.reveal() });
        }
        Ok(unkept(json_text(StatusCode::CREATED, json!(told).to_string())))
    }
}

/// What of a room can be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    policy: Option<String>,
    visibility: Option<String>,
}

/// `PATCH /api/rooms/{room}` `{policy?, visibility?}`.
pub(super) async fn change(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let found = caller.enter(node, room, Role::Viewer).await?;
    let asked: Change = read_object(request).await?;
    let policy = asked.policy.as_deref().map(known_policy).transpose()?;
    let visibility = asked.visibility.as_deref().map(known_visibility).transpose()?;
    if policy.is_none() && visibility.is_none() {
        return Err(invalid("body: must hold policy or visibility"));
    }
    // A room that is nobody's is everybody's to draw in, but nobody's to close.
    let least = if found.owned || visibility.is_some() { Role::Owner } else { Role::Editor };
    let found = caller.enter(node, room, least).await?;
    if let Some(policy) = policy {
        answered(calls::set_policy(&node.db, found.id, policy).await)?;
    }
    if let Some(visibility) = visibility {
        answered(access::set_visibility(&node.db, found.id, visibility).await)?;
    }
    told(node, found.id, found.role).await
}

/// `DELETE /api/rooms/{room}`.
pub(super) async fn delete(node: &Node, caller: &Caller, room: &str) -> Result<Answer, Answer> {
    let found = caller.enter(node, room, Role::Owner).await?;
    answered(access::delete_room(&node.db, found.id).await)?;
    Ok(nothing())
}

pub(super) fn checked_slug(slug: Option<String>) -> Result<Option<Slug>, Answer> {
    slug.map(|slug| slug.parse::<Slug>()).transpose().map_err(|_| invalid(SLUG_RULE))
}

fn known_visibility(visibility: &str) -> Result<&'static str, Answer> {
    let known = VISIBILITIES.into_iter().find(|known| *known == visibility);
    known.ok_or_else(|| invalid("visibility: must be open, readable or private"))
}

fn known_policy(policy: &str) -> Result<&'static str, Answer> {
    let known = POLICIES.into_iter().find(|known| *known == policy);
    known.ok_or_else(|| invalid("policy: must be merge, strict or offset"))
}

fn answered<T>(outcome: Result<T, DbError>) -> Result<T, Answer> {
    outcome.map_err(|failure| db_error(&failure))
}
