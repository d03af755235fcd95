//! Shapes as JSON objects, and how a change or an op makes one of another.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::frame::{Batch, Change};
use super::op::Op;
use crate::model::shape::{SERVER_OWNED, is_server_owned};

/// A shape: its members by name.
pub type Shape = Map<String, Value>;
/// Shapes by id.
pub type Shapes = BTreeMap<String, Shape>;

/// What a `put` may leave out, and what it is then.
const DEFAULTS: [&str; 5] = ["x", "y", "width", "height", "angle"];

/// A change does not fit the copy that it was told for: the copy is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit;

/// A shape after an op of one's own, as the server will most likely have it.
pub(super) fn replay(op: &Op, present: Option<Shape>) -> Option<Shape> {
    match op {
        Op::Put { shape, .. } => Some(put(shape, present.as_ref())),
        Op::Delete { .. } => None,
        Op::Patch { set, unset, .. } => present.map(|mut shape| {
            patch(&mut shape, set, unset);
            shape
        }),
        Op::Append { points, .. } => present.map(|mut shape| {
            append(&mut shape, points);
            shape
        }),
    }
}

fn put(given: &Shape, present: Option<&Shape>) -> Shape {
    let mut shape: Shape = DEFAULTS.iter().map(|name| ((*name).to_owned(), json!(0))).collect();
    shape.insert("props".to_owned(), json!({}));
    let members = given.iter().filter(|(name, _)| !is_server_owned(name));
    shape.extend(members.map(|(name, value)| (name.clone(), value.clone())));
    for name in SERVER_OWNED {
        if let Some(value) = present.and_then(|present| present.get(name)) {
            shape.insert(name.to_owned(), value.clone());
        }
    }
    shape
}

fn patch(shape: &mut Shape, set: &Map<String, Value>, unset: &[String]) {
    for name in unset {
        match name.strip_prefix("props.") {
            Some(member) => within_props(shape, |props| _ = props.remove(member)),
            None => _ = shape.remove(name),
        }
    }
    for (name, value) in set.iter().filter(|(name, _)| !is_server_owned(name) && *name != "id") {
        match value {
            Value::Object(members) if name == "props" => {
                within_props(shape, |props| props.extend(members.clone()));
            }
            _ => _ = shape.insert(name.clone(), value.clone()),
        }
    }
}

/// Changes the shape's `props`, an object whatever was there.
fn within_props(shape: &mut Shape, change: impl FnOnce(&mut Map<String, Value>)) {
    let mut members = match shape.remove("props") {
        Some(Value::Object(members)) => members,
        _ => Map::new(),
    };
    change(&mut members);
    shape.insert("props".to_owned(), Value::Object(members));
}

fn append(shape: &mut Shape, more: &[Value]) {
    match shape.get_mut("points") {
        Some(Value::Array(points)) => points.extend_from_slice(more),
        _ => _ = shape.insert("points".to_owned(), Value::Array(more.to_vec())),
    }
}

/// Applies what became of a batch; `Misfit` when the shapes cannot be what the batch was told for.
pub(super) fn apply(shapes: &mut Shapes, batch: &Batch) -> Result<(), Misfit> {
    for change in &batch.changes {
        match change {
            Change::Put { shape } => {
                shapes.insert(id_of(shape)?, shape.clone());
            }
            Change::Delete { id } => {
                shapes.remove(id).ok_or(Misfit)?;
            }
            Change::Patch { id, version, set, unset } => {
                let shape = next_version(shapes, id, *version)?;
                patch(shape, set, unset);
                stamp(shape, batch, *version);
            }
            Change::Append { id, version, points } => {
                let shape = next_version(shapes, id, *version)?;
                append(shape, points);
                stamp(shape, batch, *version);
            }
        }
    }
    Ok(())
}

/// The id of a shape that was told.
pub(super) fn id_of(shape: &Shape) -> Result<String, Misfit> {
    shape.get("id").and_then(Value::as_str).map(str::to_owned).ok_or(Misfit)
}

/// The shape, if the version that is told is the one after it.
fn next_version<'a>(shapes: &'a mut Shapes, id: &str, version: i64) -> Result<&'a mut Shape, Misfit> {
    let shape = shapes.get_mut(id).ok_or(Misfit)?;
    let present = shape.get("version").and_then(Value::as_i64);
    if present == Some(version - 1) { Ok(shape) } else { Err(Misfit) }
}

/// What a batch says once for all its changes.
fn stamp(shape: &mut Shape, batch: &Batch, version: i64) {
    shape.insert("version".to_owned(), json!(version));
    shape.insert("seq".to_owned(), json!(batch.seq));
    shape.insert("updated_by".to_owned(), json!(batch.by));
    shape.insert("updated_at".to_owned(), batch.at.clone());
}
