//! What a person does to one shape, as it is sent.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::error::ClientError;
use super::shape::Shape;

/// One operation of a batch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum Op {
    /// Make a shape, or replace it whole.
    Put {
        /// The shape, with `id` and `kind`.
        shape: Shape,
        /// The version that the author saw, as far as there was one: what strict rooms ask for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<i64>,
    },
    /// Change the named properties only.
    Patch {
        /// Of which shape.
        id: String,
        /// What they become; `props` merges one level deep.
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        set: Map<String, Value>,
        /// Which go; `props.name` is the member `name` of `props`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        unset: Vec<String>,
        /// The version that the author saw, as far as there was one: what strict rooms ask for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<i64>,
    },
    /// Add points to the end.
    Append {
        /// Of which shape.
        id: String,
        /// The points.
        points: Vec<Value>,
        /// The version that the author saw, as far as there was one: what strict rooms ask for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<i64>,
    },
    /// Remove.
    Delete {
        /// Which shape.
        id: String,
        /// The version that the author saw, as far as there was one: what strict rooms ask for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base: Option<i64>,
    },
}

impl Op {
    /// A `put` of this JSON object.
    pub fn put(shape: Value) -> Result<Self, ClientError> {
        Ok(Self::Put { shape: serde_json::from_value(shape)?, base: None })
    }

    /// A `patch` that sets the members of this JSON object.
    pub fn set(id: &str, set: Value) -> Result<Self, ClientError> {
        Ok(Self::Patch {
            id: id.to_owned(),
            set: serde_json::from_value(set)?,
            unset: Vec::new(),
            base: None,
        })
    }

    /// An `append` of points.
    pub fn append(id: &str, points: Vec<Value>) -> Self {
        Self::Append { id: id.to_owned(), points, base: None }
    }

    /// A `delete`.
    pub fn delete(id: &str) -> Self {
        Self::Delete { id: id.to_owned(), base: None }
    }

    /// The shape that it concerns.
    pub fn id(&self) -> &str {
        match self {
            Self::Put { shape, .. } => shape.get("id").and_then(Value::as_str).unwrap_or_default(),
            Self::Patch { id, .. } | Self::Append { id, .. } | Self::Delete { id, .. } => id,
        }
    }

    /// The points that it brings, where it brings any.
    pub(super) fn points(&self) -> Option<&Vec<Value>> {
        match self {
            Self::Put { shape: members, .. } | Self::Patch { set: members, .. } => {
                members.get("points").and_then(Value::as_array)
            }
            Self::Append { points, .. } => Some(points),
            Self::Delete { .. } => None,
        }
    }

    /// The version that its author saw, where one is named.
    pub(super) fn base(&self) -> Option<i64> {
        match self {
            Self::Put { base, .. }
            | Self::Patch { base, .. }
            | Self::Append { base, .. }
            | Self::Delete { base, .. } => *base,
        }
    }

    /// The same, to be changed.
    pub(super) fn points_mut(&mut self) -> Option<&mut Vec<Value>> {
        match self {
            Self::Put { shape: members, .. } | Self::Patch { set: members, .. } => {
                members.get_mut("points").and_then(Value::as_array_mut)
            }
            Self::Append { points, .. } => Some(points),
            Self::Delete { .. } => None,
        }
    }

    /// The same, by an author who sees that version; one that is named stays.
    pub(super) fn based_on(mut self, version: i64) -> Self {
        match &mut self {
            Self::Put { base, .. }
            | Self::Patch { base, .. }
            | Self::Append { base, .. }
            | Self::Delete { base, .. } => _ = base.get_or_insert(version),
        }
        self
    }
}
