//! Gestures as they can be sent: what is more than a node takes at once is cut up, or refused.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use super::error::ClientError;
use super::op::Op;
use crate::protocol::Limits;

/// What a frame needs beside its ops.
const HEAD_BYTES: usize = 1024;
/// What each op is to get beside what it is now: the version that it is based on, and a comma.
const BASE_BYTES: usize = r#","base":9007199254740991,"#.len();
/// A node writes a number with an exponent out, digit by digit: so much longer at most.
const EXPONENT_BYTES: usize = 32;

/// One batch of a gesture.
#[derive(Debug, PartialEq)]
pub(super) struct Part {
    pub(super) ops: Vec<Op>,
    /// Whether it goes on with an op that the part before began.
    pub(super) rest: bool,
}

/// The ops in as many batches as the limits ask for; one, as a rule. An op with more points than it can carry is cut: it keeps the first, and
/// appends go on with it. The error names what cannot be cut.
pub(super) fn divide(ops: Vec<Op>, limits: &Limits) -> Result<Vec<Part>, ClientError> {
    let (mut cuts, mut reasons) = (Vec::with_capacity(ops.len()), BTreeSet::new());
    for op in ops {
        match cut(op, limits) {
            Ok(pieces) => cuts.push(pieces),
            Err(reason) => _ = reasons.insert(reason),
        }
    }
    if reasons.is_empty() {
        return Ok(packed(cuts, limits));
    }
    Err(ClientError::TooLarge { reasons: reasons.into_iter().collect::<Vec<_>>().join("; ") })
}

/// Whether a node reads this in one frame, and takes each op of it.
pub(super) fn fits(ops: &[Op], limits: &Limits) -> bool {
    ops.len() <= limits.max_ops_per_batch
        && frame_bytes(ops) <= limits.max_frame_bytes
        && ops.iter().all(|op| reason(op, limits).is_none())
}

/// How long a gesture's frame is at most.
pub(super) fn frame_bytes(ops: &[Op]) -> usize {
    ops.iter().fold(HEAD_BYTES, |sum, op| sum + op_bytes(op) + BASE_BYTES)
}

/// The pieces of ops, in order, in as few batches as can be. What is cut over several batches has the later ones for itself.
fn packed(cuts: Vec<Vec<Op>>, limits: &Limits) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut bytes, mut closed) = (0, true);
    for pieces in cuts {
        for (at, piece) in pieces.into_iter().enumerate() {
            let size = op_bytes(&piece) + BASE_BYTES;
            let has_room = |part: &&mut Part| {
                !closed && part.ops.len() < limits.max_ops_per_batch && bytes + size <= limits.max_frame_bytes
            };
            if let Some(part) = parts.last_mut().filter(has_room) {
                part.ops.push(piece);
            } else {
                parts.push(Part { ops: vec![piece], rest: at > 0 });
                (bytes, closed) = (HEAD_BYTES, false);
            }
            bytes += size;
        }
        closed = parts.last().is_some_and(|part| part.rest);
    }
    parts
}

/// The op in pieces that a node takes, one as a rule; a sentence where there is no way.
fn cut(op: Op, limits: &Limits) -> Result<Vec<Op>, String> {
    let Some(reason) = reason(&op, limits) else { return Ok(vec![op]) };
    let (most, id) = (most_bytes(limits), op.id().to_owned());
    let mut first = op;
    let points = match first.points_mut() {
        Some(points) if points.len() <= limits.max_points_per_shape => std::mem::take(points),
        _ => return Err(reason),
    };
    let room =
        (most.saturating_sub(op_bytes(&first)), most.saturating_sub(op_bytes(&Op::append(&id, Vec::new()))));
    let mut chunks = chunked(points, room).ok_or(reason)?.into_iter();
    if let (Some(points), Some(chunk)) = (first.points_mut(), chunks.next()) {
        *points = chunk;
    }
    Ok(std::iter::once(first).chain(chunks.map(|chunk| Op::append(&id, chunk))).collect())
}

/// Why a node does not take an op as it is.
fn reason(op: &Op, limits: &Limits) -> Option<String> {
    let (bytes, most, id) = (op_bytes(op), most_bytes(limits), op.id());
    let count = op.points().map_or(0, Vec::len);
    if count > limits.max_points_per_shape {
        return Some(format!(
            "{id}: has {count} points, and a shape may have {}",
            limits.max_points_per_shape
        ));
    }
    (bytes > most).then(|| format!("{id}: is {bytes} bytes of JSON, and may be {most}"))
}

/// The longest op.
fn most_bytes(limits: &Limits) -> usize {
    limits.max_shape_bytes.min(limits.max_frame_bytes.saturating_sub(HEAD_BYTES + BASE_BYTES))
}

/// The points in pieces of at most so many bytes, the first and each of the others; none when one point is too much.
fn chunked(points: Vec<Value>, (first, others): (usize, usize)) -> Option<Vec<Vec<Value>>> {
    let mut chunks: Vec<Vec<Value>> = Vec::new();
    let mut left = 0;
    for point in points {
        let size = bytes_of(&point) + 1;
        if let Some(chunk) = chunks.last_mut().filter(|_| size <= left) {
            chunk.push(point);
        } else {
            left = if chunks.is_empty() { first } else { others };
            if size > left {
                return None;
            }
            chunks.push(vec![point]);
        }
        left -= size;
    }
    Some(chunks)
}

/// How long an op is without the version that it is based on.
fn op_bytes(op: &Op) -> usize {
    let base = op.base().map_or(0, |base| r#","base":"#.len() + base.to_string().len());
    bytes_of(op).saturating_sub(base)
}

/// How long JSON is, as it is sent and as a node writes it. What cannot be written is sent by nobody.
fn bytes_of(value: &impl Serialize) -> usize {
    let text = serde_json::to_vec(value).unwrap_or_default();
    let exponents = text.windows(3).filter(|around| is_exponent(around)).count();
    text.len() + exponents * EXPONENT_BYTES
}

/// Whether a number goes on here with its exponent.
fn is_exponent(around: &[u8]) -> bool {
    matches!(around, [before, b'e', after] if before.is_ascii_digit() && (after.is_ascii_digit() || matches!(after, b'+' | b'-')))
}
