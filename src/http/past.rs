//! A room's past: boards at a point, batches, differences, origins.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde_json::{Value, json};

use super::answer::{Answer, broken, db_error, invalid, json_text, of};
use super::body::{Body, Weighed, held, read};
use super::caller::Caller;
use super::listing::{Listing, Page};
use super::query::parameter;
use super::request::{line, percent_decoded};
use crate::db::calls::past::{self, Origin, PastBatch, PastDifference};
use crate::model::{Role, RoomId, Seq};
use crate::node::Node;

/// Batches and shapes told when no limit is given, and at most.
const DEFAULT_BATCHES: i32 = 100;
const MAX_BATCHES: i32 = 1_000;
const DEFAULT_SHAPES: i32 = 1_000;
const MAX_SHAPES: i32 = 10_000;
/// Batches, or differences, told at a time are at most so many bytes, and one more.
const MAX_BYTES: i64 = 768 * 1024;
/// Shapes of the past are read so many at first, and then as many as are likely to be a piece.
const FIRST_SHAPES: i32 = 20;

/// A point of a room's history, as it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Point {
    /// After a batch.
    Seq(Seq),
    /// In a moment, ISO 8601.
    Moment(String),
}

impl Point {
    /// A seq, or a time with its zone.
    pub(super) fn read(text: &str) -> Option<Self> {
        if let Ok(seq) = text.parse::<Seq>() {
            return Some(Self::Seq(seq));
        }
        is_moment(text).then(|| Self::Moment(text.to_owned()))
    }

    /// Its seq.
    pub(super) async fn seq(&self, node: &Node, room: RoomId) -> Result<Seq, Answer> {
        match self {
            Self::Seq(seq) => Ok(*seq),
            Self::Moment(at) => past::seq_at(&node.db, room, at).await.map_err(|failure| db_error(&failure)),
        }
    }
}

/// `2026-11-22T19:04:31.243326Z`, or with an offset: the database reads it, and would read a lot more.
fn is_moment(text: &str) -> bool {
    let (date, time) = text.split_once('T').unwrap_or_default();
    let zone = time.find(['Z', '+', '-']).unwrap_or(time.len());
    let (clock, offset) = time.split_at(zone);
    let digits_only = |text: &str, also: &str| text.chars().all(|c| c.is_ascii_digit() || also.contains(c));
    let hours = offset.strip_prefix(['+', '-']).unwrap_or_default();
    let is_offset = offset == "Z" || (matches!(hours.len(), 2 | 4 | 5) && digits_only(hours, ":"));
    let is_clock =
        clock.len() >= 5 && clock.starts_with(|c: char| c.is_ascii_digit()) && digits_only(clock, ":.");
    date.len() == 10 && digits_only(date, "-") && is_clock && is_offset
}

pub(super) const POINT_RULE: &str = "must be a seq, or a time like 2026-11-22T19:04:31Z";

/// The room of a path and the point of a text.
async fn room_and_point(
    node: &Node,
    caller: &Caller,
    room: &str,
    text: &str,
) -> Result<(RoomId, Seq), Answer> {
    let room = caller.enter(node, room, Role::Viewer).await?.id;
    let point = Point::read(text).ok_or_else(|| invalid(&format!("point: {POINT_RULE}")))?;
    Ok((room, point.seq(node, room).await?))
}

fn limit_of(request: &Request<Incoming>, usual: i32, most: i32) -> Result<i32, Answer> {
    let limit = parameter(request, "limit").map_or(Some(usual), |limit| limit.parse().ok());
    limit
        .filter(|limit| (1..=most).contains(limit))
        .ok_or_else(|| invalid(&format!("limit: must be from 1 to {most}")))
}

fn is_full(rows: usize, limit: i32) -> bool {
    usize::try_from(limit).is_ok_and(|limit| rows >= limit)
}

/// `GET …/at/{seq or time}?after=&limit=`.
pub(super) async fn at(
    node: &Node,
    caller: &Caller,
    room: &str,
    point: &str,
    request: &Request<Incoming>,
) -> Result<Answer, Answer> {
    let limit = limit_of(request, DEFAULT_SHAPES, MAX_SHAPES)?;
    // A plus in a path is one; in a query it is a space.
    let (room, seq) =
        room_and_point(node, caller, room, &percent_decoded(&point.replace('+', "%2B"))).await?;
    let (db, likely) = (node.db.clone(), Arc::new(AtomicI32::new(FIRST_SHAPES)));
    let read = move |after: Option<String>, limit: i32, bytes: i32| {
        let (db, likely) = (db.clone(), Arc::clone(&likely));
        async move {
            let limit = limit.min(likely.load(Ordering::Relaxed));
            let after = after.unwrap_or_default();
            let rows = past::room_at(&db, room, seq, &after, (limit, i64::from(bytes))).await?;
            likely.store(likely_shapes(&rows, bytes), Ordering::Relaxed);
            Ok(Page::of(rows, limit, bytes))
        }
    };
    let head = format!("{{\"seq\":{},\"shapes\":[", seq.get());
    Listing::new(head, parameter(request, "after"), limit, read).answer(request).await
}

/// How many shapes like these are so many bytes.
fn likely_shapes(rows: &[(String, String)], bytes: i32) -> i32 {
    let read: usize = rows.iter().map(|(_, row)| row.len()).sum();
    let each = (read / rows.len().max(1)).max(1);
    i32::try_from(usize::try_from(bytes).unwrap_or_default() / each)
        .unwrap_or(MAX_SHAPES)
        .clamp(2, MAX_SHAPES)
}

/// `GET …/history?before=&limit=`.
pub(super) async fn history(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: &Request<Incoming>,
) -> Result<Answer, Answer> {
    let limit = limit_of(request, DEFAULT_BATCHES, MAX_BATCHES)?;
    let before = parameter(request, "before").map(|before| before.parse::<Seq>()).transpose();
    let before = before.map_err(|_| invalid("before: must be a seq"))?;
    let room = caller.enter(node, room, Role::Viewer).await?.id;
    let line = line(request)?;
    let ask = || past::room_history(&node.db, room, before, (limit, MAX_BYTES));
    let (rows, lease) = read(line.budget(), EXPECTED_BYTES, ask).await.map_err(|failure| broken(&failure))?;
    let next = rows.last().filter(|_| is_full(rows.len(), limit) || is_large(read_batches(&rows)));
    let next = json!(next.map(|last| last.seq.get()));
    let mut told = String::with_capacity(read_batches(&rows));
    told.push_str("{\"batches\":[");
    for batch in &rows {
        let comma = comma(&told);
        _ = write!(told, "{comma}{}", told_batch(batch));
    }
    _ = write!(told, "],\"next\":{next}}}");
    Ok(of(StatusCode::OK, "application/json", Body::whole(held(told, lease, &line)).held()))
}

/// What batches or differences, and the text made of them, are expected to take at most.
const EXPECTED_BYTES: usize = 2 * 1024 * 1024;

/// What parts the next of a list from what is told already.
fn comma(told: &str) -> &'static str {
    if told.ends_with('[') { "" } else { "," }
}

/// Whether rows end because they are as many bytes as are told at a time.
fn is_large(read_bytes: usize) -> bool {
    i64::try_from(read_bytes).is_ok_and(|bytes| bytes >= MAX_BYTES)
}

/// As the question counts them.
fn read_batches(rows: &[PastBatch]) -> usize {
    rows.iter().map(|batch| 250 + batch.shape_ids.iter().map(String::len).sum::<usize>()).sum()
}

/// As the question counts them.
fn read_differences(rows: &[PastDifference]) -> usize {
    let length = |shape: &Option<String>| shape.as_ref().map_or(0, String::len);
    rows.iter().map(|row| length(&row.before) + length(&row.after)).sum()
}

impl Weighed for Vec<PastBatch> {
    fn bytes(&self) -> usize {
        2 * read_batches(self)
    }
}

impl Weighed for Vec<PastDifference> {
    fn bytes(&self) -> usize {
        2 * read_differences(self)
    }
}

fn told_batch(batch: &PastBatch) -> Value {
    let [puts, patches, appends, deletes] = batch.counts;
    json!({
        "seq": batch.seq.get(), "by": batch.author, "client": batch.client, "op_id": batch.op_id, "at": batch.at,
        "puts": puts, "patches": patches, "appends": appends, "deletes": deletes, "shape_ids": batch.shape_ids,
    })
}

/// `GET …/diff?from=&to=&after=&limit=`.
pub(super) async fn diff(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: &Request<Incoming>,
) -> Result<Answer, Answer> {
    let limit = limit_of(request, DEFAULT_SHAPES, MAX_SHAPES)?;
    let room = caller.enter(node, room, Role::Viewer).await?.id;
    let points =
        (named_point(node, room, request, "from").await?, named_point(node, room, request, "to").await?);
    let after = parameter(request, "after").unwrap_or_default();
    let line = line(request)?;
    let ask = || past::room_diff(&node.db, room, points, &after, (limit, MAX_BYTES));
    let (rows, lease) = read(line.budget(), EXPECTED_BYTES, ask).await.map_err(|failure| broken(&failure))?;
    let next = rows.last().filter(|_| is_full(rows.len(), limit) || is_large(read_differences(&rows)));
    let next = json!(next.map(|last| &last.shape_id));
    let mut told = String::with_capacity(read_differences(&rows));
    _ = write!(told, r#"{{"from":{},"to":{}"#, points.0.get(), points.1.get());
    for change in ["added", "modified", "deleted"] {
        tell(&mut told, &rows, change);
    }
    _ = write!(told, r#","next":{next}}}"#);
    Ok(of(StatusCode::OK, "application/json", Body::whole(held(told, lease, &line)).held()))
}

/// The point of a parameter.
async fn named_point(
    node: &Node,
    room: RoomId,
    request: &Request<Incoming>,
    name: &str,
) -> Result<Seq, Answer> {
    let asked = parameter(request, name).as_deref().and_then(Point::read);
    let asked = asked.ok_or_else(|| invalid(&format!("{name}: {POINT_RULE}")))?;
    asked.seq(node, room).await
}

/// Added and deleted shapes whole, modified ones as they were and are.
fn tell(told: &mut String, rows: &[PastDifference], change: &str) {
    // Writing to a String does not fail.
    _ = write!(told, r#","{change}":["#);
    for row in rows.iter().filter(|row| row.change == change) {
        let comma = comma(told);
        _ = match (&row.before, &row.after) {
            (Some(before), Some(after)) => write!(told, r#"{comma}{{"before":{before},"after":{after}}}"#),
            (one, other) => {
                write!(told, "{comma}{}", one.as_ref().or(other.as_ref()).map_or("", String::as_str))
            }
        };
    }
    told.push(']');
}

/// `GET …/shapes/{id}/blame`.
pub(super) async fn blame(node: &Node, caller: &Caller, room: &str, shape: &str) -> Result<Answer, Answer> {
    let room = caller.enter(node, room, Role::Viewer).await?.id;
    let shape = percent_decoded(&shape.replace('+', "%2B"));
    let origins = past::shape_blame(&node.db, room, &shape).await.map_err(|f| db_error(&f))?;
    let told: serde_json::Map<String, Value> = origins.iter().map(told_origin).collect();
    Ok(sent(json!({"id": shape, "properties": told}).to_string()))
}

fn told_origin(origin: &Origin) -> (String, Value) {
    let batch = origin
        .batch
        .as_ref()
        .map(|(seq, author, client, at)| json!({"seq": seq.get(), "by": author, "client": client, "at": at}));
    (origin.property.clone(), json!(batch))
}

fn sent(body: String) -> Answer {
    json_text(StatusCode::OK, body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_a_seq_or_a_moment_with_its_zone() {
        assert_eq!(Point::read("17"), Some(Point::Seq("17".parse().unwrap())));
        for moment in [
            "2026-11-22T19:04:31.243326Z",
            "2026-11-22T19:04Z",
            "2026-11-22T19:04:31+01:00",
            "2026-11-22T19:04:31-0100",
        ] {
            assert_eq!(Point::read(moment), Some(Point::Moment(moment.to_owned())));
        }
        for bad in [
            "",
            "-1",
            "now",
            "yesterday",
            "infinity",
            "2026-11-22",
            "2026-11-22T19:04:31",
            "T",
            "2026-11-22TZ",
            "2026-11-22T.....Z",
            "é",
        ] {
            assert_eq!(Point::read(bad), None, "{bad}");
        }
    }
}
