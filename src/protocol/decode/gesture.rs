//! Gestures other than drawing: what an undo chooses, and the state of a replica.

use serde_json::value::RawValue;

use super::fields::{Fields, read_integer, read_items, read_number, read_text_within};
use super::ops::read_replica_shape;
use super::read_viewport;
use super::violation::Violation;
use crate::model::limits::{MAX_NAME_CHARS, MAX_OPS_PER_BATCH, MAX_REPLICA_VERSION};
use crate::model::{Gesture, Op, Selection, Seq, Verb};

/// Longest time that an undo may reach back, seconds: a hundred years.
const MAX_SECONDS: f64 = 3.2e9;

/// Reads what an undo chooses; the given gesture when it chooses nothing.
pub(super) fn read_undo(fields: &Fields<'_>, otherwise: Gesture) -> Result<Gesture, Violation> {
    let seq = |name| fields.read_optional(name, |raw| Ok(raw.get().parse::<Seq>()?));
    let selection = Selection {
        batch: seq("batch")?,
        by: fields.read_optional("by", |raw| Ok(read_text_within(raw, MAX_NAME_CHARS)?.into()))?,
        area: fields.read_optional("box", read_viewport)?,
        from: seq("from")?,
        to: seq("to")?,
        last_seconds: fields.read_optional("last_seconds", read_seconds)?,
    };
    Ok(if selection == Selection::default() { otherwise } else { Gesture::TakeBack(selection) })
}

fn read_seconds(raw: &RawValue) -> Result<f64, Violation> {
    let seconds = read_number(raw).filter(|seconds| (0.0..=MAX_SECONDS).contains(seconds));
    seconds.ok_or_else(|| Violation::new(format!("must be from 0 to {MAX_SECONDS:e}")))
}

/// Reads whole shapes with version and tombstone.
pub(super) fn read_replica(raw: &RawValue) -> Result<Vec<Op>, Violation> {
    let items = read_items(raw, MAX_OPS_PER_BATCH)?;
    if items.is_empty() {
        return Err(Violation::new("must hold at least one shape"));
    }
    let shapes = items.into_iter().enumerate();
    shapes.map(|(position, item)| read_state(item).map_err(|violation| violation.at(position))).collect()
}

fn read_state(raw: &RawValue) -> Result<Op, Violation> {
    let fields = Fields::read(raw.get())?;
    let version = fields.read_required("version", read_version)?;
    let is_deleted = fields.read_optional("is_deleted", read_flag)?.unwrap_or_default();
    let (id, shape) = read_replica_shape(&fields, is_deleted)?;
    let body = shape.plain("version", version).plain("is_deleted", is_deleted).finish();
    Ok(Op { verb: Verb::Merge, id, body, base: None })
}

fn read_version(raw: &RawValue) -> Result<i64, Violation> {
    let version = read_integer(raw).filter(|version| (1..=MAX_REPLICA_VERSION).contains(version));
    version.ok_or_else(|| Violation::new(format!("must be an integer from 1 to {MAX_REPLICA_VERSION}")))
}

fn read_flag(raw: &RawValue) -> Result<bool, Violation> {
    raw.get().parse().map_err(|_| Violation::new("must be true or false"))
}
