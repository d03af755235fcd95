//! A room as a small picture: for lists of rooms, and whoever wants a glance.

mod drawing;
mod shape;

use hyper::body::Incoming;
use hyper::header::{CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::{Request, StatusCode};

use super::answer::{Answer, answer, busy, db_error};
use super::caller::Caller;
use super::files::INERT;
use super::request::{is_known, line};
use super::shapes::tag;
use crate::budget::Kind;
use crate::db::DbError;
use crate::db::calls::{self, ShapeQuery};
use crate::model::{Role, RoomId};
use crate::node::Node;
use shape::Drawn;

/// So many shapes are looked at: a picture is small, and more would not be seen.
const MAX_SHAPES: usize = 2_000;
/// They are read in pages, until so much was read.
const PAGE: i32 = 250;
const MAX_READ_BYTES: usize = 8 * 1024 * 1024;
const PAGE_BYTES: i32 = 256 * 1024;
/// About what the shapes of a picture take while it is drawn.
const DRAWING_BYTES: usize = 2 * 1024 * 1024;

/// `GET …/picture.svg`.
pub(super) async fn picture(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: &Request<Incoming>,
) -> Result<Answer, Answer> {
    let found = caller.enter(node, room, Role::Viewer).await?;
    let (room, tag) = (found.id, tag(&found));
    if is_known(request, &tag) {
        return Ok(sent(answer(StatusCode::NOT_MODIFIED, "image/svg+xml", String::new()), &tag));
    }
    let drawing = line(request)?.budget().take(Kind::Answers, DRAWING_BYTES).await;
    let _drawing = drawing.map_err(|exhausted| busy(&exhausted.to_string()))?;
    let mut shapes = read(node, room).await.map_err(|failure| db_error(&failure))?;
    shapes.sort_by(|left, right| left.order().cmp(&right.order()));
    Ok(sent(answer(StatusCode::OK, "image/svg+xml", drawing::svg(&shapes)), &tag))
}

/// The shapes to draw, by id.
async fn read(node: &Node, room: RoomId) -> Result<Vec<Drawn>, DbError> {
    let (mut shapes, mut after, mut read_bytes) = (Vec::new(), None, 0);
    while shapes.len() < MAX_SHAPES && read_bytes < MAX_READ_BYTES {
        let query =
            ShapeQuery { after: after.as_deref(), limit: PAGE, bytes: PAGE_BYTES, ..ShapeQuery::default() };
        let rows = calls::shapes_in_box(&node.db, room, &query).await?;
        read_bytes += rows.iter().map(|(_, row)| row.len()).sum::<usize>();
        shapes.extend(rows.iter().filter_map(|(_, row)| Drawn::read(row)));
        match rows.into_iter().last() {
            Some((id, _)) => after = Some(id),
            None => break,
        }
    }
    Ok(shapes)
}

fn sent(mut picture: Answer, tag: &str) -> Answer {
    let mut say = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            picture.headers_mut().insert(name, value);
        }
    };
    say(ETAG, tag);
    say(CONTENT_SECURITY_POLICY, INERT);
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    picture
}
