//! The operations of a batch: each checked, then written as the database takes it.

use std::collections::BTreeSet;

use serde_json::value::RawValue;

use super::fields::{Fields, has_more_chars, read_integer, read_items, read_text};
use super::property::{write_known, write_points, write_unknown};
use super::spelling::Warnings;
use super::violation::{Violation, shown};
use crate::model::limits::{
    MAX_NAMES_PER_OBJECT, MAX_OPS_PER_BATCH, MAX_PROPERTY_NAME_CHARS, MAX_SAFE_INTEGER, MAX_SHAPE_BYTES,
};
use crate::model::shape::{Presence, find, is_server_owned};
use crate::model::{Op, ShapeId, Verb};
use crate::protocol::object::ObjectWriter;

/// Names one member of `props` in `unset`.
const PROPS_PREFIX: &str = "props.";

/// Reads the array `ops` of a batch.
pub(super) fn read_ops(raw: &RawValue, warnings: &mut Warnings) -> Result<Vec<Op>, Violation> {
    let items = read_items(raw, MAX_OPS_PER_BATCH)?;
    if items.is_empty() {
        return Err(Violation::new("must hold at least one operation"));
    }
    let ops = items.into_iter().enumerate();
    ops.map(|(position, item)| read_op(item, position, warnings).map_err(|violation| violation.at(position)))
        .collect()
}

fn read_op(raw: &RawValue, position: usize, warnings: &mut Warnings) -> Result<Op, Violation> {
    let fields = Fields::read(raw.get())?;
    let verb = fields.read_required("op", read_verb)?;
    let base = fields.read_optional("base", read_base)?;
    let (id, body) = match verb {
        Verb::Put => {
            let unknown = &mut |name: &str| warnings.note(position, "shape", name);
            fields.read_required("shape", |raw| read_shape(raw, unknown))?
        }
        Verb::Patch => {
            let unknown = &mut |name: &str| warnings.note(position, "set", name);
            (read_id(&fields)?, read_patch(&fields, unknown)?)
        }
        Verb::Append => (read_id(&fields)?, read_append(&fields)?),
        Verb::Delete => (read_id(&fields)?, String::from("null")),
        Verb::Merge => return Err(no_verb()),
    };
    Ok(Op { verb, id, body, base })
}

fn read_verb(raw: &RawValue) -> Result<Verb, Violation> {
    let name = read_text(raw)?;
    Verb::from_name(&name).ok_or_else(no_verb)
}

fn no_verb() -> Violation {
    Violation::new("must be put, patch, append or delete")
}

fn read_base(raw: &RawValue) -> Result<i64, Violation> {
    let base = read_integer(raw).filter(|base| (0..=MAX_SAFE_INTEGER).contains(base));
    base.ok_or_else(|| Violation::new(format!("must be an integer from 0 to {MAX_SAFE_INTEGER}")))
}

pub(crate) fn read_shape_id(raw: &RawValue) -> Result<ShapeId, Violation> {
    Ok(ShapeId::new(read_text(raw)?.into_owned())?)
}

fn read_id(fields: &Fields<'_>) -> Result<ShapeId, Violation> {
    fields.read_required("id", read_shape_id)
}

/// Reads a whole shape: its id, and its text without what only the server writes.
fn read_shape(raw: &RawValue, unknown: &mut dyn FnMut(&str)) -> Result<(ShapeId, String), Violation> {
    let fields = Fields::read(raw.get())?;
    let id = read_id(&fields)?;
    fields.require("kind")?;
    let mut body = ObjectWriter::for_about(raw.get().len());
    write_properties(&fields, &mut body, unknown)?;
    Ok((id, finish_within_limit(body)?))
}

/// Reads a replica's shape: its id, and its properties without `is_deleted`. Of a tombstone only props matter, for their nonce.
pub(super) fn read_replica_shape(
    fields: &Fields<'_>,
    is_deleted: bool,
) -> Result<(ShapeId, ObjectWriter), Violation> {
    let id = read_id(fields)?;
    if !is_deleted {
        fields.require("kind")?;
    }
    let mut body = ObjectWriter::new();
    for (name, raw) in fields.iter().filter(|(name, _)| !is_server_owned(name) && *name != "is_deleted") {
        write_property(name, raw, body.begin_checked(name)?).map_err(|violation| violation.within(name))?;
    }
    if body.len() >= MAX_SHAPE_BYTES {
        return Err(Violation::too_large(format!("must be at most {MAX_SHAPE_BYTES} bytes of JSON")));
    }
    Ok((id, body))
}

/// Writes properties, and tells the names of those that have no column.
fn write_properties(
    fields: &Fields<'_>,
    body: &mut ObjectWriter,
    unknown: &mut dyn FnMut(&str),
) -> Result<(), Violation> {
    for (name, raw) in fields.iter().filter(|(name, _)| !is_server_owned(name)) {
        let known = write_property(name, raw, body.begin_checked(name)?);
        if !known.map_err(|violation| violation.within(name))? {
            unknown(name);
        }
    }
    Ok(())
}

/// Writes one property, and says whether it has a column.
fn write_property(name: &str, raw: &RawValue, out: &mut String) -> Result<bool, Violation> {
    match find(name) {
        Some(property) => write_known(property, raw, out).map(|()| true),
        None => write_unknown(raw, out).map(|()| false),
    }
}

impl ObjectWriter {
    /// Begins a member whose name the client chose.
    fn begin_checked(&mut self, name: &str) -> Result<&mut String, Violation> {
        check_name(name).map_err(|violation| violation.within(name))?;
        Ok(self.begin(name))
    }
}

fn check_name(name: &str) -> Result<(), Violation> {
    if name.is_empty() || name.contains('\0') || has_more_chars(name, MAX_PROPERTY_NAME_CHARS) {
        let rule = format!(
            "is a property name; these have 1 to {MAX_PROPERTY_NAME_CHARS} characters without U+0000"
        );
        return Err(Violation::new(rule));
    }
    if name.starts_with(PROPS_PREFIX) {
        return Err(Violation::new("is no property name; members of props are set inside props{}"));
    }
    Ok(())
}

fn finish_within_limit(body: ObjectWriter) -> Result<String, Violation> {
    if body.len() >= MAX_SHAPE_BYTES {
        return Err(Violation::too_large(format!("must be at most {MAX_SHAPE_BYTES} bytes of JSON")));
    }
    Ok(body.finish())
}

fn read_patch(fields: &Fields<'_>, unknown: &mut dyn FnMut(&str)) -> Result<String, Violation> {
    let set = fields.read_optional("set", |raw| Fields::read(raw.get()))?;
    let unset = fields.read_optional("unset", read_unset)?;
    if set.is_none() && unset.is_none() {
        return Err(Violation::new("is required, or unset").within("set"));
    }
    let (set, unset) = (set.unwrap_or_default(), unset.unwrap_or_default());
    let set_text = write_set(&set, unknown).map_err(|violation| violation.within("set"))?;
    check_disjoint(&set, &unset)?;
    let names: Vec<&String> = unset.iter().collect();
    let body = ObjectWriter::new().raw("set", &set_text).string_array("unset", &names);
    finish_within_limit(body)
}

fn write_set(set: &Fields<'_>, unknown: &mut dyn FnMut(&str)) -> Result<String, Violation> {
    if set.contains("id") {
        return Err(Violation::new("cannot be changed").within("id"));
    }
    let mut body = ObjectWriter::new();
    write_properties(set, &mut body, unknown)?;
    Ok(body.finish())
}

/// Reads the names to remove, each once, without those that only the server writes.
fn read_unset(raw: &RawValue) -> Result<BTreeSet<String>, Violation> {
    let mut names = BTreeSet::new();
    for (position, item) in read_items(raw, MAX_NAMES_PER_OBJECT)?.into_iter().enumerate() {
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
        Some(property) if property.presence != Presence::Optional => {
            Err(Violation::new(format!("names {name}, which a shape cannot be without")))
        }
        _ => Ok(()),
    }
}

/// One patch must not both set and remove a property: which of the two counts would be a guess.
fn check_disjoint(set: &Fields<'_>, unset: &BTreeSet<String>) -> Result<(), Violation> {
    let members: Vec<&str> = unset.iter().filter_map(|name| name.strip_prefix(PROPS_PREFIX)).collect();
    let inner = match set.get("props").filter(|_| !members.is_empty()) {
        Some(raw) => Fields::read(raw.get()).map_err(|violation| violation.within("props").within("set"))?,
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

fn read_append(fields: &Fields<'_>) -> Result<String, Violation> {
    let mut body = ObjectWriter::new();
    fields.read_required("points", |raw| write_points(raw, 1, body.begin("points")))?;
    finish_within_limit(body)
}
