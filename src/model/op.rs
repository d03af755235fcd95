//! What a client asks to be done to one shape.

use serde::Serialize;

use super::ids::ShapeId;

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
}

impl Verb {
    /// The verb as the wire and the database name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Patch => "patch",
            Self::Append => "append",
            Self::Delete => "delete",
        }
    }

    /// The verb of that name, if there is one.
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
    /// `delete`.
    pub body: String,
    /// The version that the author saw, if said.
    pub base: Option<i64>,
}
