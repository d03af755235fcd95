//! What a client asks to be done to one shape.

use serde::Serialize;

use super::ids::{Seq, ShapeId};

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Op {
    /// What is to be done.
    pub verb: Verb,
    /// To which shape.
    pub id: ShapeId,
    /// JSON text: the shape for `put`, `{"set":{…},"unset":[…]}` for `patch`, `{"points":[…]}` for `append`, `null` for
    /// `delete`; for `merge` the shape with its `version` or its tombstone.
    pub body: String,
    /// The version that the author saw, if said.
    pub base: Option<i64>,
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
