//! The operations of a batch: each checked, and made ready for the database.

use std::collections::BTreeSet;

use super::fields::{Fields, read_integer, read_items, read_text};
use super::json::Json;
use super::members::{Members, PROPS_PREFIX, check_name, check_size};
use super::property::{Taken, write_points};
use super::spelling::Warnings;
use super::violation::{Violation, shown};
use crate::model::limits::{MAX_NAMES_PER_OBJECT, MAX_OPS_PER_BATCH, MAX_SAFE_INTEGER};
use crate::model::row::Value;
use crate::model::shape::{Presence, find, is_server_owned};
use crate::model::{Action, Op, Row, ShapeId, Verb};

/// Reads the array `ops` of a batch.
pub(super) fn read_ops(json: Json<'_>, warnings: &mut Warnings) -> Result<Vec<Op>, Violation> {
    let items = read_items(json, MAX_OPS_PER_BATCH)?;
    let mut ops = Vec::with_capacity(items.clone().count());
    for (position, item) in items.enumerate() {
        ops.push(read_op(item, position, warnings).map_err(|violation| violation.at(position))?);
    }
    if ops.is_empty() {
        return Err(Violation::new("must hold at least one operation"));
    }
    Ok(ops)
}

fn read_op(json: Json<'_>, position: usize, warnings: &mut Warnings) -> Result<Op, Violation> {
    let fields = Fields::read(json)?;
    let verb = fields.read_required("op", read_verb)?;
    let base = fields.read_optional("base", read_base)?;
    match verb {
        Verb::Put => {
            let unknown = &mut |name: &str| warnings.note(position, "shape", name);
            fields.read_required("shape", |json| read_shape(json, base, unknown))
        }
        Verb::Patch => read_patch(&fields, base, &mut |name| warnings.note(position, "set", name)),
        Verb::Append => read_append(&fields, base),
        Verb::Delete => Ok(Op { base, ..Op::delete(read_id(&fields)?) }),
        Verb::Merge => Err(no_verb()),
    }
}

fn read_verb(json: Json<'_>) -> Result<Verb, Violation> {
    let name = read_text(json)?;
    Verb::from_name(&name).ok_or_else(no_verb)
}

fn no_verb() -> Violation {
    Violation::new("must be put, patch, append or delete")
}

fn read_base(json: Json<'_>) -> Result<i64, Violation> {
    let base = read_integer(json).filter(|base| (0..=MAX_SAFE_INTEGER).contains(base));
    base.ok_or_else(|| Violation::new(format!("must be an integer from 0 to {MAX_SAFE_INTEGER}")))
}

pub(crate) fn read_shape_id(json: Json<'_>) -> Result<ShapeId, Violation> {
    Ok(ShapeId::new(read_text(json)?.into_owned())?)
}

fn read_id(fields: &Fields<'_>) -> Result<ShapeId, Violation> {
    fields.read_required("id", read_shape_id)
}

/// Reads a whole shape.
fn read_shape(json: Json<'_>, base: Option<i64>, unknown: &mut dyn FnMut(&str)) -> Result<Op, Violation> {
    let fields = Fields::read(json)?;
    let id = read_id(&fields)?;
    fields.require("kind")?;
    let mut members = Members::new(json.text().len(), fields.len());
    add_properties(&fields, &mut members, unknown)?;
    members.into_put(id, base)
}

/// Reads a replica's shape, and what is known of it beside its properties. Of a tombstone only props matter, for their nonce.
pub(super) fn read_replica_shape(
    fields: &Fields<'_>,
    version: i64,
    is_deleted: bool,
) -> Result<Op, Violation> {
    let id = read_id(fields)?;
    if !is_deleted {
        fields.require("kind")?;
    }
    let mut members = Members::without_row();
    for (name, json) in fields.iter().filter(|(name, _)| !is_server_owned(name) && *name != "is_deleted") {
        members.add(name, json)?;
    }
    members.check_size()?;
    members.say("version", Taken::Aside, |out| out.push_str(&version.to_string()));
    members.say("is_deleted", Taken::Aside, |out| out.push_str(&is_deleted.to_string()));
    Ok(members.into_merge(id))
}

/// Adds properties without what only the server writes, and tells the names of those that have no column.
fn add_properties(
    fields: &Fields<'_>,
    members: &mut Members,
    unknown: &mut dyn FnMut(&str),
) -> Result<(), Violation> {
    for (name, json) in fields.iter().filter(|(name, _)| !is_server_owned(name)) {
        if !members.add(name, json)? {
            unknown(name);
        }
    }
    Ok(())
}

fn read_patch(
    fields: &Fields<'_>,
    base: Option<i64>,
    unknown: &mut dyn FnMut(&str),
) -> Result<Op, Violation> {
    let id = read_id(fields)?;
    let set = fields.read_optional("set", Fields::read)?;
    let unset = fields.read_optional("unset", read_unset)?;
    if set.is_none() && unset.is_none() {
        return Err(Violation::new("is required, or unset").within("set"));
    }
    let (set, unset) = (set.unwrap_or_default(), unset.unwrap_or_default());
    let bytes = fields.get("set").map_or(0, |json| json.text().len());
    let mut members = Members::within("set", &id, bytes, set.len());
    add_set(&set, &mut members, unknown).map_err(|violation| violation.within("set"))?;
    check_disjoint(&set, &unset)?;
    let names: Vec<&String> = unset.iter().collect();
    members.into_patch(id, base, &names)
}

fn add_set(set: &Fields<'_>, members: &mut Members, unknown: &mut dyn FnMut(&str)) -> Result<(), Violation> {
    if set.contains("id") {
        return Err(Violation::new("cannot be changed").within("id"));
    }
    add_properties(set, members, unknown)
}

/// Reads the names to remove, each once, without those that only the server writes.
fn read_unset(json: Json<'_>) -> Result<BTreeSet<String>, Violation> {
    let mut names = BTreeSet::new();
    for (position, item) in read_items(json, MAX_NAMES_PER_OBJECT)?.enumerate() {
        let name = read_text(item).and_then(|name| check_unset(&name).map(|()| name));
        let name = name.map_err(|violation| violation.at(position))?;
        if !is_server_owned(&name) {
            names.insert(name.into_owned());
        }
    }
    Ok(names)
}

fn check_unset(name: &str) -> Result<(), Violation> {
    check_name(name.strip_prefix(PROPS_PREFIX).unwrap_or(name))?;
    match find(name) {
        Some((_, property)) if property.presence != Presence::Optional => {
            Err(Violation::new(format!("names {name}, which a shape cannot be without")))
        }
        _ => Ok(()),
    }
}

/// One patch must not both set and remove a property: which of the two counts would be a guess.
fn check_disjoint(set: &Fields<'_>, unset: &BTreeSet<String>) -> Result<(), Violation> {
    let members: Vec<&str> = unset.iter().filter_map(|name| name.strip_prefix(PROPS_PREFIX)).collect();
    let inner = match set.get("props").filter(|_| !members.is_empty()) {
        Some(json) => Fields::read(json).map_err(|violation| violation.within("props").within("set"))?,
        None => Fields::default(),
    };
    let whole = unset.iter().find(|name| set.contains(name)).map(String::as_str);
    match whole.or_else(|| members.into_iter().find(|member| inner.contains(member))) {
        Some(name) => {
            Err(Violation::new(format!("names {}, which set names too", shown(name))).within("unset"))
        }
        None => Ok(()),
    }
}

fn read_append(fields: &Fields<'_>, base: Option<i64>) -> Result<Op, Violation> {
    let id = read_id(fields)?;
    let mut said = String::from("\"points\":");
    let points = fields.read_required("points", |json| write_points(json, 1, &mut said))?;
    check_size(&said)?;
    let row = Row::with_capacity(2).with("id", Value::Text(id.as_str().to_owned()));
    let action = Action::Append(row.with("points", Value::Points(points)));
    Ok(Op { id, base, said, action })
}
