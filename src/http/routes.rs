//! Which request goes where.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::answer::{Answer, answer, db_error, error, json_text};
#[cfg(feature = "board")]
use super::board;
#[cfg(not(feature = "board"))]
use super::page;
use super::{files, past, picture, restore, shapes, upgrade};
use crate::db::DbError;
use crate::db::calls::{self, RoomState};
use crate::model::{RoomId, RoomName, Slug};
use crate::node::Node;
use crate::protocol::RejectCode;
use crate::protocol::decode::Posted;

/// Rooms listed at most at a time.
const ROOMS_PER_PAGE: i32 = 200;

/// Answers one request.
pub(super) async fn route(node: &Arc<Node>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let upgrades = hyper_tungstenite::is_upgrade_request(&request);
    // A HEAD is answered like a GET; hyper leaves the body out.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    if method != Method::GET && !upgrade::is_from_here(&request) {
        return error(RejectCode::Forbidden, "origin: this page is from elsewhere");
    }
    match (&method, parts.as_slice()) {
        (&Method::GET, [] | ["ws"]) if upgrades => upgrade::upgrade(node, request),
        #[cfg(not(feature = "board"))]
        (&Method::GET, []) => page::start(node).await,
        #[cfg(feature = "board")]
        (&Method::GET, [] | ["r", _]) => board::page(&request, node.asset_base.as_deref()),
        #[cfg(feature = "board")]
        (&Method::GET, ["assets", ..]) => board::asset(&path, &request),
        (&Method::GET, ["ws"]) => upgrade::upgrade_required(),
        (&Method::GET, ["healthz"]) => answer(StatusCode::OK, "text/plain", "ok\n"),
        (&Method::GET, ["readyz"]) => ready(node).await,
        (&Method::GET, ["metrics"]) => metrics(node),
        (&Method::GET, ["api", "rooms"]) => list(node, &request).await,
        (&Method::POST, ["api", "rooms"]) => create(node, request).await,
        (&Method::GET, ["api", "rooms", room]) => show(node, room).await,
        (&Method::GET, ["api", "rooms", room, "shapes"]) => shapes::list(node, room, &request).await,
        (&Method::PATCH, ["api", "rooms", room]) => change(node, room, request).await,
        (&Method::POST, ["api", "rooms", room, verb @ ("ops" | "undo" | "redo" | "merge")]) => {
            shapes::post(node, room, posted(verb), request).await
        }
        (&Method::GET, ["api", "rooms", room, "at", point]) => past::at(node, room, point, &request).await,
        (&Method::GET, ["api", "rooms", room, "history"]) => past::history(node, room, &request).await,
        (&Method::GET, ["api", "rooms", room, "diff"]) => past::diff(node, room, &request).await,
        (&Method::GET, ["api", "rooms", room, "shapes", shape, "blame"]) => {
            past::blame(node, room, shape).await
        }
        (&Method::POST, ["api", "rooms", room, "restore"]) => restore::restore(node, room, request).await,
        (&Method::POST, ["api", "rooms", room, "branch"]) => restore::branch(node, room, request).await,
        (&Method::GET, ["api", "rooms", room, "picture.svg"]) => picture::picture(node, room, &request).await,
        (&Method::GET, ["api", "files", sha256]) => files::get(node, sha256, &request).await,
        (&Method::PUT | &Method::POST, ["api", "files", sha256]) => files::put(node, sha256, request).await,
        (
            _,
            []
            | ["ws" | "healthz" | "readyz" | "metrics"]
            | ["api", "rooms" | "files", ..]
            | ["r", _]
            | ["assets", ..],
        ) if method != Method::GET || posts_only(&parts) => {
            answer(StatusCode::METHOD_NOT_ALLOWED, "application/json", not_allowed())
        }
        _ => error(RejectCode::NotFound, "path: there is nothing here"),
    }
}

fn posted(verb: &str) -> Posted {
    match verb {
        "undo" => Posted::Undo,
        "redo" => Posted::Redo,
        "merge" => Posted::Merge,
        _ => Posted::Ops,
    }
}

fn posts_only(parts: &[&str]) -> bool {
    matches!(parts, ["api", "rooms", _, "ops" | "undo" | "redo" | "merge" | "restore" | "branch"])
}

fn not_allowed() -> String {
    json!({"error": {"code": "invalid", "message": "method: not allowed here"}}).to_string()
}

async fn ready(node: &Node) -> Answer {
    let trouble = if *node.draining.borrow() {
        Some("the node is stopping")
    } else if !node.contract_holds.load(Ordering::Relaxed) {
        Some("the database was migrated to another contract: start the pgcanvas that goes with it")
    } else if !node.listener.is_connected() {
        Some("the listening connection is down")
    } else if calls::alive(&node.db).await.is_err() {
        Some("the database cannot be reached")
    } else {
        None
    };
    match trouble {
        None => answer(StatusCode::OK, "text/plain", "ready\n"),
        Some(trouble) => answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", format!("{trouble}\n")),
    }
}

fn metrics(node: &Node) -> Answer {
    let (in_use, _) = node.db.pool_status();
    node.metrics.pool_in_use.set(i64::try_from(in_use).unwrap_or(i64::MAX));
    answer(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", node.metrics.text())
}

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
}

impl<'a> From<&'a RoomState> for Told<'a> {
    fn from(room: &'a RoomState) -> Self {
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
        }
    }
}

/// A room as JSON.
pub(super) fn told(room: &RoomState) -> String {
    json!(Told::from(room)).to_string()
}

async fn list(node: &Node, request: &Request<Incoming>) -> Answer {
    let after = shapes::parameter(request, "after");
    match calls::list_rooms(&node.db, after.as_deref(), ROOMS_PER_PAGE).await {
        Ok(rooms) => {
            let rooms: Vec<Told<'_>> = rooms.iter().map(Told::from).collect();
            json_text(StatusCode::OK, json!({ "rooms": rooms }).to_string())
        }
        Err(failure) => db_error(&failure),
    }
}

/// What is posted to make a room.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewRoom {
    slug: Option<String>,
    visibility: Option<String>,
    policy: Option<String>,
}

impl NewRoom {
    fn checked(self) -> Result<(Option<Slug>, &'static str, &'static str), &'static str> {
        let slug = self.slug.map(|slug| slug.parse::<Slug>()).transpose();
        let slug = slug.map_err(|_| "slug: must be 1 to 64 letters, digits, _ or -, and not digits alone")?;
        let visibility = match self.visibility.as_deref() {
            None | Some("open") => "open",
            Some("private") => "private",
            Some(_) => return Err("visibility: must be open or private"),
        };
        Ok((slug, visibility, self.policy.as_deref().map_or(Ok("merge"), known_policy)?))
    }
}

fn known_policy(policy: &str) -> Result<&'static str, &'static str> {
    let policies = ["merge", "strict", "offset"];
    policies.into_iter().find(|known| *known == policy).ok_or("policy: must be merge, strict or offset")
}

/// What of a room can be changed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RoomChange {
    policy: String,
}

async fn change(node: &Node, room: &str, request: Request<Incoming>) -> Answer {
    let id = match find_id(node, room).await {
        Ok(id) => id,
        Err(refused) => return refused,
    };
    let body = match shapes::read_body(request).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let asked = serde_json::from_str::<RoomChange>(&body).map_err(|failure| format!("body: {failure}"));
    let policy = match asked.and_then(|asked| known_policy(&asked.policy).map_err(str::to_owned)) {
        Ok(policy) => policy,
        Err(rule) => return error(RejectCode::Invalid, &rule),
    };
    match calls::set_policy(&node.db, id, policy).await {
        Ok(_) => show(node, room).await,
        Err(failure) => db_error(&failure),
    }
}

async fn create(node: &Node, request: Request<Incoming>) -> Answer {
    let body = match shapes::read_body(request).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let asked =
        if body.trim().is_empty() { Ok(NewRoom::default()) } else { serde_json::from_str::<NewRoom>(&body) };
    let asked = asked.map_err(|failure| format!("body: {failure}"));
    let (slug, visibility, policy) = match asked.and_then(|asked| asked.checked().map_err(str::to_owned)) {
        Ok(checked) => checked,
        Err(rule) => return error(RejectCode::Invalid, &rule),
    };
    match calls::create_room(&node.db, slug.as_ref().map(Slug::as_str), visibility, policy, "guest").await {
        Ok(id) => match find(node, &id.to_string()).await {
            Ok(room) => json_text(StatusCode::CREATED, told(&room)),
            Err(refused) => refused,
        },
        Err(failure) => db_error(&failure),
    }
}

async fn show(node: &Node, room: &str) -> Answer {
    match find(node, room).await {
        Ok(room) => json_text(StatusCode::OK, told(&room)),
        Err(refused) => refused,
    }
}

/// The room of a path, with all that is told of it.
pub(super) async fn find(node: &Node, room: &str) -> Result<RoomState, Answer> {
    let found = calls::room_state(&node.db, &name_of(room)?).await;
    existing(found.map(|found| found.map(|(room, _)| room)))
}

/// The number of a path's room: for who does not need its shapes counted.
pub(super) async fn find_id(node: &Node, room: &str) -> Result<RoomId, Answer> {
    let found = calls::room_door(&node.db, &name_of(room)?).await;
    existing(found.map(|found| found.map(|(id, _)| id)))
}

#[expect(clippy::result_large_err, reason = "a refusal is an answer, made once")]
fn name_of(room: &str) -> Result<RoomName, Answer> {
    room.parse().map_err(|_| no_room())
}

#[expect(clippy::result_large_err, reason = "a refusal is an answer, made once")]
fn existing<T>(found: Result<Option<T>, DbError>) -> Result<T, Answer> {
    found.map_err(|failure| db_error(&failure))?.ok_or_else(no_room)
}

fn no_room() -> Answer {
    error(RejectCode::NotFound, "room: there is no such room")
}
