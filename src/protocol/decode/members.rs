//! What an op says, made of its members one by one: their text for the log, and as much of a row as they give.

use super::fields::has_more_chars;
use super::json::Json;
use super::property::{Taken, write_known, write_unknown};
use super::violation::Violation;
use crate::model::limits::{MAX_PROPERTY_NAME_CHARS, MAX_SHAPE_BYTES};
use crate::model::row::Value;
use crate::model::shape::{PROPERTIES, Property, find};
use crate::model::{Action, NewShape, Op, Row, ShapeId};
use crate::protocol::object::{push_array, push_quoted};

/// Names one member of `props` in `unset`.
pub(super) const PROPS_PREFIX: &str = "props.";
/// Room for the text of what a `put` leaves out.
const DEFAULTS_BYTES: usize = 64;
/// Room for the values of what a `put` leaves out.
const DEFAULTS: usize = 6;

/// Members under construction.
#[derive(Debug)]
pub(crate) struct Members {
    said: String,
    is_empty: bool,
    /// None for what makes no row.
    row: Option<Row>,
    /// Members without a column or null, each after a comma.
    aside: String,
}

impl Members {
    /// Those of a shape; about so many bytes and values of them.
    pub(crate) fn new(bytes: usize, values: usize) -> Self {
        let said = String::with_capacity(bytes + DEFAULTS_BYTES);
        let row = Row::with_capacity(values.min(PROPERTIES.len()) + DEFAULTS);
        Self { said, is_empty: true, row: Some(row), aside: String::new() }
    }

    /// Those of an object of an op that names its shape beside it; about so many bytes and values of them.
    pub(super) fn within(name: &str, id: &ShapeId, bytes: usize, values: usize) -> Self {
        let mut said = String::with_capacity(bytes + DEFAULTS_BYTES);
        push_quoted(&mut said, name);
        said.push_str(":{");
        let row = Row::with_capacity(values.min(PROPERTIES.len()) + 1)
            .with("id", Value::Text(id.as_str().to_owned()));
        Self { said, is_empty: true, row: Some(row), aside: String::new() }
    }

    /// Those that make no row.
    pub(super) fn without_row() -> Self {
        Self { row: None, ..Self::new(0, 0) }
    }

    /// Adds a member whose name and value the client chose, and says whether it has a column.
    pub(super) fn add(&mut self, name: &str, json: Json<'_>) -> Result<bool, Violation> {
        let start = self.said.len();
        let property = find(name);
        let taken = match property {
            Some((_, property)) => write_known(property, json, self.begin(name)),
            None => check_name(name).and_then(|()| write_unknown(json, self.begin(name))),
        };
        self.take(property, taken.map_err(|violation| violation.within(name))?, start);
        Ok(property.is_some())
    }

    /// Adds a member that the node itself says.
    pub(crate) fn say(&mut self, name: &str, taken: Taken, write: impl FnOnce(&mut String)) {
        let start = self.said.len();
        write(self.begin(name));
        self.take(find(name), taken, start);
    }

    fn begin(&mut self, name: &str) -> &mut String {
        if !std::mem::take(&mut self.is_empty) {
            self.said.push(',');
        }
        push_quoted(&mut self.said, name);
        self.said.push(':');
        &mut self.said
    }

    /// Takes what a row does of the member that was begun at a byte.
    fn take(&mut self, property: Option<(usize, &Property)>, taken: Taken, start: usize) {
        match (taken, property, &mut self.row) {
            (Taken::Value(value), Some((place, _)), Some(row)) => row.set(place, value),
            _ => self.set_aside(start),
        }
    }

    /// Keeps the member that was begun at a byte for what a row does not hold.
    fn set_aside(&mut self, start: usize) {
        let member = self.said.get(start..).unwrap_or_default();
        if self.row.is_some() {
            if !member.starts_with(',') {
                self.aside.push(',');
            }
            self.aside.push_str(member);
        }
    }

    /// The shape as a new one; what it leaves out is said, too.
    pub(crate) fn into_put(mut self, id: ShapeId, base: Option<i64>) -> Result<Op, Violation> {
        check_size(&self.said)?;
        let extra = self.aside.strip_prefix(',').map(|members| format!("{{{members}}}"));
        let mut row = self.row.unwrap_or_default();
        row.fill_defaults(|name, json| {
            for part in [",\"", name, "\":", json] {
                self.said.push_str(part);
            }
        });
        Ok(Op { id, base, said: self.said, action: Action::Put(NewShape { row, extra }) })
    }

    /// What is set, and what is removed beside it.
    pub(super) fn into_patch(
        mut self,
        id: ShapeId,
        base: Option<i64>,
        unset: &[&String],
    ) -> Result<Op, Violation> {
        self.said.push_str("},\"unset\":");
        push_array(&mut self.said, unset, |out, name| push_quoted(out, name));
        check_size(&self.said)?;
        let row = self.row.filter(|_| self.aside.is_empty() && unset.is_empty());
        Ok(Op { id, base, said: self.said, action: Action::Patch(row) })
    }

    /// What a replica says of a shape.
    pub(super) fn into_merge(self, id: ShapeId) -> Op {
        Op { id, base: None, said: self.said, action: Action::Merge }
    }

    /// Refuses what is too large for a shape.
    pub(super) fn check_size(&self) -> Result<(), Violation> {
        check_size(&self.said)
    }
}

/// Refuses what is too large for a shape.
pub(super) fn check_size(said: &str) -> Result<(), Violation> {
    // One brace counts.
    if said.len() + 1 >= MAX_SHAPE_BYTES {
        return Err(Violation::too_large(format!("must be at most {MAX_SHAPE_BYTES} bytes of JSON")));
    }
    Ok(())
}

/// Refuses what cannot name a property.
pub(super) fn check_name(name: &str) -> Result<(), Violation> {
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
