//! Bringing a board back: by a new batch in the same room, or as a new room.

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::answer::{Answer, db_error, invalid, json_text};
use super::caller::Caller;
use super::past::{POINT_RULE, Point};
use super::request::read_object;
use super::rooms::{Ownership, checked_slug};
use crate::db::calls::past::{self, Branch, Restoring};
use crate::model::geometry::area_fault;
use crate::model::{Role, RoomId, Seq, Slug, Token};
use crate::node::Node;

/// What is posted to restore.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Restore {
    seq: Option<i64>,
    at: Option<String>,
    #[serde(rename = "box")]
    area: Option<[f64; 4]>,
    shapes: Option<Vec<String>>,
    client: Option<Uuid>,
    op_id: Option<i64>,
}

/// What is posted to branch.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct AskedBranch {
    seq: Option<i64>,
    at: Option<String>,
    slug: Option<String>,
}

/// The largest `op_id`.
const MAX_OP_ID: i64 = 9_007_199_254_740_991;

/// The one point that is given as `seq` or `at`.
async fn point(node: &Node, room: RoomId, seq: Option<i64>, at: Option<&str>) -> Result<Seq, Answer> {
    let point = match (seq, at) {
        (Some(seq), None) => Seq::new(seq).ok().map(Point::Seq),
        (None, Some(at)) => Point::read(at).filter(|point| matches!(point, Point::Moment(_))),
        _ => return Err(invalid("seq: either it or at must be given")),
    };
    point.ok_or_else(|| invalid(&format!("seq: {POINT_RULE}")))?.seq(node, room).await
}

/// `POST …/restore` `{seq or at, box?, shapes?, client?, op_id?}`.
pub(super) async fn restore(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    caller.enter(node, room, Role::Editor).await?;
    let asked: Restore = read_object(request).await?;
    // Again: a body may take its time, and what one may can change meanwhile.
    let access = caller.enter(node, room, Role::Editor).await?;
    let room = access.id;
    let batch = match (asked.client, asked.op_id) {
        (None, None) => None,
        (Some(client), Some(op_id)) if (1..=MAX_OP_ID).contains(&op_id) => Some((client, op_id)),
        _ => return Err(invalid("op_id: must be an integer from 1, together with client")),
    };
    if let Some(fault) = asked.area.as_ref().and_then(area_fault) {
        return Err(invalid(&format!("box: {fault}")));
    }
    if let Some((client, _)) = batch {
        caller.claim(node, client).await?;
    }
    let restoring = Restoring {
        point: point(node, room, asked.seq, asked.at.as_deref()).await?,
        area: asked.area,
        shape_ids: asked.shapes.as_deref(),
        author: &caller.author(asked.client),
        role: access.role,
        batch,
    };
    let done = past::restore_shapes(&node.db, room, &restoring).await;
    let (seq, restored) = done.map_err(|failure| db_error(&failure))?;
    Ok(json_text(StatusCode::OK, json!({"seq": seq.get(), "restored": restored}).to_string()))
}

/// `POST …/branch` `{seq or at, slug?}`.
pub(super) async fn branch(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Viewer).await?.id;
    let asked: AskedBranch = read_object(request).await?;
    let slug = checked_slug(asked.slug)?;
    let point = point(node, room, asked.seq, asked.at.as_deref()).await?;
    let own = Ownership::of(caller)?;
    let (slug, link) = (slug.as_ref().map(Slug::as_str), own.link.as_ref().map(Token::hash));
    let branch = Branch { point, slug, owner: &own.author, owner_link: link.as_ref() };
    let made = past::branch_room(&node.db, room, &branch).await.map_err(|failure| db_error(&failure))?;
    own.made(node, made).await
}
