//! The start page of a node that was built without the board: the rooms, plainly.

use std::fmt::Write;

use hyper::StatusCode;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use super::answer::{Answer, answer, db_error};
use crate::db::calls;
use crate::node::Node;

const ROOMS: i32 = 200;

/// `GET /`.
pub(super) async fn start(node: &Node) -> Answer {
    let rooms = match calls::list_rooms(&node.db, None, ROOMS, None).await {
        Ok(rooms) => rooms,
        Err(failure) => return db_error(&failure),
    };
    let mut rows = String::new();
    for (room, _) in &rooms {
        // Slugs are letters, digits, _ and -; writing to a String does not fail.
        _ = write!(
            rows,
            "<tr><td><a href=\"/api/rooms/{slug}/shapes\">{slug}</a></td><td>{id}</td><td>{shapes}</td><td>{seq}</td><td>{at}</td></tr>",
            slug = room.slug,
            id = room.id,
            shapes = room.shape_count,
            seq = room.last_seq,
            at = room.touched_at,
        );
    }
    let empty =
        if rooms.is_empty() { "<p class=\"empty\">No rooms yet. Make the first one:</p>" } else { "" };
    let body = include_str!("start.html").replace("{{rows}}", &rows).replace("{{empty}}", empty);
    let mut page = answer(StatusCode::OK, "text/html; charset=utf-8", body);
    let policy = HeaderValue::from_static(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; base-uri 'none'; form-action 'self'",
    );
    page.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    page
}
