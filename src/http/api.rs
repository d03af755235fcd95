//! What programs and pages ask for in JSON, and who may.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request};

use super::answer::{Answer, not_allowed, nowhere};
use super::caller::Caller;
use super::{files, past, people, picture, restore, rooms, shapes, sharing};
use crate::node::Node;
use crate::protocol::decode::Posted;

/// Answers a request below `/api`; each part of its path is one of `parts`.
pub(super) async fn answer(
    node: &Arc<Node>,
    method: &Method,
    parts: &[&str],
    request: Request<Incoming>,
) -> Answer {
    answered(node, method, parts, request).await.unwrap_or_else(|refused| refused)
}

async fn answered(
    node: &Arc<Node>,
    method: &Method,
    parts: &[&str],
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    match (method, parts) {
        // Who signs up or in may still hold a token that does not count any more.
        (&Method::POST, ["signup"]) => people::sign_up(node, request).await,
        (&Method::POST, ["signin"]) => people::sign_in(node, request).await,
        _ => {
            let caller = Caller::of(node, &request).await?;
            match parts {
                ["rooms", room, rest @ ..] => in_room(node, &caller, method, (room, rest), request).await,
                _ => elsewhere(node, &caller, method, parts, request).await,
            }
        }
    }
}

async fn elsewhere(
    node: &Node,
    caller: &Caller,
    method: &Method,
    parts: &[&str],
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    match (method, parts) {
        (&Method::GET, ["me"]) => people::me(caller),
        (&Method::POST, ["me", "password"]) => people::change_password(node, caller, request).await,
        (&Method::POST, ["signout"]) => people::sign_out(node, caller).await,
        (&Method::GET, ["rooms"]) => rooms::list(node, caller, &request).await,
        (&Method::POST, ["rooms"]) => rooms::create(node, caller, request).await,
        (&Method::GET, ["files", sha256]) => Ok(files::get(node, sha256, &request).await),
        (&Method::PUT | &Method::POST, ["files", sha256]) => Ok(files::put(node, sha256, request).await),
        (_, ["signup" | "signin" | "signout" | "me" | "rooms" | "origin"] | ["me", "password"]) => {
            Err(not_allowed())
        }
        (method, ["files", ..]) if method != Method::GET => Err(not_allowed()),
        _ => Err(nowhere()),
    }
}

/// What is asked of one room. Whatever it is, `caller.enter` comes first, and names the role that it takes.
async fn in_room(
    node: &Node,
    caller: &Caller,
    method: &Method,
    (room, rest): (&str, &[&str]),
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    match (method, rest) {
        (&Method::GET, []) => rooms::show(node, caller, room).await,
        (&Method::PATCH, []) => rooms::change(node, caller, room, request).await,
        (&Method::DELETE, []) => rooms::delete(node, caller, room).await,
        (&Method::GET, ["shapes"]) => shapes::list(node, caller, room, &request).await,
        (&Method::POST, ["ops"]) => shapes::post(node, caller, room, Posted::Ops, request).await,
        (&Method::POST, ["undo"]) => shapes::post(node, caller, room, Posted::Undo, request).await,
        (&Method::POST, ["redo"]) => shapes::post(node, caller, room, Posted::Redo, request).await,
        (&Method::POST, ["merge"]) => shapes::post(node, caller, room, Posted::Merge, request).await,
        (&Method::GET, ["at", point]) => past::at(node, caller, room, point, &request).await,
        (&Method::GET, ["history"]) => past::history(node, caller, room, &request).await,
        (&Method::GET, ["diff"]) => past::diff(node, caller, room, &request).await,
        (&Method::GET, ["shapes", shape, "blame"]) => past::blame(node, caller, room, shape).await,
        (&Method::POST, ["restore"]) => restore::restore(node, caller, room, request).await,
        (&Method::POST, ["branch"]) => restore::branch(node, caller, room, request).await,
        (&Method::GET, ["picture.svg"]) => picture::picture(node, caller, room, &request).await,
        (&Method::GET, ["links"]) => sharing::list_links(node, caller, room).await,
        (&Method::POST, ["links"]) => sharing::make_link(node, caller, room, request).await,
        (&Method::DELETE, ["links", link]) => sharing::drop_link(node, caller, room, link).await,
        (&Method::GET, ["members"]) => sharing::list_members(node, caller, room).await,
        (&Method::PUT, ["members", user]) => sharing::set_member(node, caller, room, user, request).await,
        (&Method::DELETE, ["members", user]) => sharing::drop_member(node, caller, room, user).await,
        (&Method::GET, ["ops" | "undo" | "redo" | "merge" | "restore" | "branch"]) => Err(not_allowed()),
        (&Method::GET, _) => Err(nowhere()),
        _ => Err(not_allowed()),
    }
}
