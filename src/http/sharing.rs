//! Who may what in a room: its links and its members. For owners.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::answer::{Answer, db_error, error, invalid, json_text, nothing, unkept};
use super::caller::Caller;
use super::request::{percent_decoded, read_object};
use crate::db::DbError;
use crate::db::calls::access::{self, Link, Member};
use crate::model::Role;
use crate::node::Node;
use crate::protocol::RejectCode;
use crate::secrets;

/// The longest life of a link, days.
const MAX_LINK_DAYS: i32 = 3_650;

/// What is posted to make a link.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewLink {
    role: String,
    expires_in_days: Option<i32>,
}

/// What is put to make a member.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewMember {
    role: String,
}

/// `POST …/links` `{role, expires_in_days?}`: the only time that the token is told.
pub(super) async fn make_link(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Owner).await?;
    let asked: NewLink = read_object(request).await?;
    let role = known_role(&asked.role)?;
    if asked.expires_in_days.is_some_and(|days| !(1..=MAX_LINK_DAYS).contains(&days)) {
        return Err(invalid(&format!("expires_in_days: must be from 1 to {MAX_LINK_DAYS}")));
    }
    let token = secrets::link_token().map_err(|busy| error(RejectCode::Unavailable, &busy.to_string()))?;
    let author = caller.author(None);
    let made =
        access::make_link(&node.db, room.id, role, &token.hash(), &author, asked.expires_in_days).await;
    let mut told = told_link(&answered(made)?);
    if let Some(link) = told.as_object_mut() {
        link.insert("token".to_owned(), json!(token.reveal()));
    }
    Ok(unkept(json_text(StatusCode::CREATED, told.to_string())))
}

/// `GET …/links`.
pub(super) async fn list_links(node: &Node, caller: &Caller, room: &str) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Owner).await?;
    let links: Vec<Value> =
        answered(access::list_links(&node.db, room.id).await)?.iter().map(told_link).collect();
    Ok(json_text(StatusCode::OK, json!({ "links": links }).to_string()))
}

/// `DELETE …/links/{id}`.
pub(super) async fn drop_link(
    node: &Node,
    caller: &Caller,
    room: &str,
    link: &str,
) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Owner).await?;
    let found = match Uuid::parse_str(link) {
        Ok(link) => answered(access::drop_link(&node.db, room.id, link).await)?,
        Err(_) => false,
    };
    if found { Ok(nothing()) } else { Err(error(RejectCode::NotFound, "link: there is no such link")) }
}

/// `GET …/members`.
pub(super) async fn list_members(node: &Node, caller: &Caller, room: &str) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Owner).await?;
    let members: Vec<Value> =
        answered(access::list_members(&node.db, room.id).await)?.iter().map(told_member).collect();
    Ok(json_text(StatusCode::OK, json!({ "members": members }).to_string()))
}

/// `PUT …/members/{user}` `{role}`.
pub(super) async fn set_member(
    node: &Node,
    caller: &Caller,
    room: &str,
    user: &str,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Owner).await?;
    let asked: NewMember = read_object(request).await?;
    let role = known_role(&asked.role)?;
    let member = answered(access::set_member(&node.db, room.id, &login_of(user), role).await)?;
    Ok(json_text(StatusCode::OK, told_member(&member).to_string()))
}

/// `DELETE …/members/{user}`: an owner may, and everybody for themselves.
pub(super) async fn drop_member(
    node: &Node,
    caller: &Caller,
    room: &str,
    user: &str,
) -> Result<Answer, Answer> {
    let user = login_of(user);
    let is_self = caller.user.as_ref().is_some_and(|caller| *caller.id == user);
    let least = if is_self { Role::Viewer } else { Role::Owner };
    let room = caller.enter(node, room, least).await?;
    if answered(access::drop_member(&node.db, room.id, &user).await)? {
        Ok(nothing())
    } else {
        Err(error(RejectCode::NotFound, "user: there is no such member"))
    }
}

/// What stands in a path is no login, perhaps: then there is nobody of it. U+0000 would not even reach the question.
fn login_of(path: &str) -> String {
    percent_decoded(&path.replace('+', "%2B")).replace('\0', " ")
}

fn known_role(name: &str) -> Result<Role, Answer> {
    name.parse().map_err(|rule| invalid(&format!("role: {rule}")))
}

fn answered<T>(outcome: Result<T, DbError>) -> Result<T, Answer> {
    outcome.map_err(|failure| db_error(&failure))
}

fn told_link(link: &Link) -> Value {
    json!({
        "id": link.id, "role": link.role.as_str(), "created_by": link.created_by, "created_at": link.created_at,
        "expires_at": link.expires_at,
    })
}

fn told_member(member: &Member) -> Value {
    json!({
        "user": member.user, "name": member.name, "role": member.role.as_str(), "created_at": member.created_at,
    })
}
