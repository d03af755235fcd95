//! Gestures other than drawing: what an undo chooses, and the state of a replica.

use super::fields::{Fields, read_integer, read_items, read_number, read_text_within};
use super::json::Json;
use super::ops::read_replica_shape;
use super::property::read_flag;
use super::read_viewport;
use super::violation::Violation;
use crate::model::limits::{MAX_AUTHOR_CHARS, MAX_OPS_PER_BATCH, MAX_REPLICA_VERSION};
use crate::model::{Gesture, Op, Selection, Seq};

/// Longest time that an undo may reach back, seconds: a hundred years.
const MAX_SECONDS: f64 = 3.2e9;

/// Reads what an undo chooses; the given gesture when it chooses nothing.
pub(super) fn read_undo(fields: &Fields<'_>, otherwise: Gesture) -> Result<Gesture, Violation> {
    let seq = |name| fields.read_optional(name, |json| Ok(json.text().parse::<Seq>()?));
    let selection = Selection {
        batch: seq("batch")?,
        by: fields.read_optional("by", |json| Ok(read_text_within(json, MAX_AUTHOR_CHARS)?.into()))?,
        area: fields.read_optional("box", read_viewport)?,
        from: seq("from")?,
        to: seq("to")?,
        last_seconds: fields.read_optional("last_seconds", read_seconds)?,
    };
    Ok(if selection == Selection::default() { otherwise } else { Gesture::TakeBack(selection) })
}

fn read_seconds(json: Json<'_>) -> Result<f64, Violation> {
    let seconds = read_number(json).filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    seconds.ok_or_else(|| Violation::new(format!("must be from 0 to {MAX_SECONDS:e}")))
}

/// Reads whole shapes with version and tombstone.
pub(super) fn read_replica(json: Json<'_>) -> Result<Vec<Op>, Violation> {
    let items = read_items(json, MAX_OPS_PER_BATCH)?;
    let shapes = items.enumerate();
    let ops = shapes.map(|(position, item)| read_state(item).map_err(|violation| violation.at(position)));
    let ops: Vec<Op> = ops.collect::<Result<_, _>>()?;
    if ops.is_empty() {
        return Err(Violation::new("must hold at least one shape"));
    }
    Ok(ops)
}

fn read_state(json: Json<'_>) -> Result<Op, Violation> {
    let fields = Fields::read(json)?;
    let version = fields.read_required("version", read_version)?;
    let is_deleted = fields.read_optional("is_deleted", read_flag)?.unwrap_or_default();
    read_replica_shape(&fields, version, is_deleted)
}

fn read_version(json: Json<'_>) -> Result<i64, Violation> {
    let version = read_integer(json).filter(|version| (1..=MAX_REPLICA_VERSION).contains(version));
    version.ok_or_else(|| Violation::new(format!("must be an integer from 1 to {MAX_REPLICA_VERSION}")))
}
