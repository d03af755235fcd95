//! What a client asks to be done to one shape.

use serde::Serialize;

use super::ids::{Seq, ShapeId};
use super::row::Row;

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Create, or replace whole.
    Put,
    /// Change the named properties only.
    Patch,
    /// Add points to the end.
    Append,
    /// Remove; removing what is gone is no error.
    Delete,
    /// Take a replica's state of a shape if it is the later one. Nothing that a batch may hold.
    Merge,
}

impl Verb {
    /// The verb as the wire and the database name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Append => "append",
            Self::Delete => "delete",
            Self::Merge => "merge",
        }
    }

    /// The verb of that name, if a batch may hold it.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Put, Self::Patch, Self::Append, Self::Delete].into_iter().find(|verb| verb.as_str() == name)
    }
}

/// One checked operation, ready for the database.
#[derive(Debug, Clone, PartialEq)]
pub struct Op {
    /// To which shape.
    pub id: ShapeId,
    /// The version that the author saw, if said.
    pub base: Option<i64>,
    /// What it says, members of a JSON object without its braces, as the log will hold them: the shape's for `put`,
    /// `"set":{…},"unset":[…]` for `patch`, `"points":[…]` for `append`, nothing for `delete`; for `merge` the shape's
    /// with its `version` and whether it `is_deleted`.
    pub said: String,
    /// What is to be done.
    pub action: Action,
}

/// What is to be done to a shape, with what that takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Create, or replace whole.
    Put(NewShape),
    /// Change the named properties only; no row when it names any without a column, or to unset.
    Patch(Option<Row>),
    /// Add points to the end.
    Append(Row),
    /// Remove; removing what is gone is no error.
    Delete,
    /// Take a replica's state of a shape if it is the later one.
    Merge,
}

/// A shape as it will be.
#[derive(Debug, Clone, PartialEq)]
pub struct NewShape {
    /// What has a column.
    pub row: Row,
    /// JSON object: what has none, or is null.
    pub extra: Option<String>,
}

impl Op {
    /// The removal of a shape.
    pub const fn delete(id: ShapeId) -> Self {
        Self { id, base: None, said: String::new(), action: Action::Delete }
    }

    /// What is to be done.
    pub const fn verb(&self) -> Verb {
        match self.action {
            Action::Put(_) => Verb::Put,
            Action::Patch(_) => Verb::Patch,
            Action::Append(_) => Verb::Append,
            Action::Delete => Verb::Delete,
            Action::Merge => Verb::Merge,
        }
    }

    /// The values that it sets.
    pub const fn row(&self) -> Option<&Row> {
        match &self.action {
            Action::Put(shape) => Some(&shape.row),
            Action::Patch(Some(row)) | Action::Append(row) => Some(row),
            Action::Patch(None) | Action::Delete | Action::Merge => None,
        }
    }

    /// JSON object: what of a new shape has no column.
    pub fn extra(&self) -> Option<&str> {
        match &self.action {
            Action::Put(shape) => shape.extra.as_deref(),
            _ => None,
        }
    }

    /// How many bytes it holds beside itself.
    pub fn bytes(&self) -> usize {
        self.said.len() + self.row().map_or(0, Row::bytes) + self.extra().map_or(0, str::len)
    }
}

/// Logged changes chosen to be taken back: all that meet every condition given.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Selection {
    /// Those of this batch.
    pub batch: Option<Seq>,
    /// Those of this person.
    pub by: Option<String>,
    /// Those of shapes that touch this box: x0, y0, x1, y1.
    pub area: Option<[f64; 4]>,
    /// Those of this batch or later ones.
    pub from: Option<Seq>,
    /// Those of this batch or earlier ones.
    pub to: Option<Seq>,
    /// Those of so many seconds until now.
    pub last_seconds: Option<f64>,
}

/// What a client asks to be done in a room as one batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Gesture {
    /// Draw.
    Draw(Vec<Op>),
    /// Take the person's own last gesture back.
    Undo,
    /// Do the person's own gesture that was taken back last again.
    Redo,
    /// Take back what is chosen.
    TakeBack(Selection),
}

impl Gesture {
    /// The ops it brings.
    pub fn ops(&self) -> &[Op] {
        match self {
            Self::Draw(ops) => ops,
            Self::Undo | Self::Redo | Self::TakeBack(_) => &[],
        }
    }
}
