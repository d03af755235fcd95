//! What a node says, as far as a board goes by it.

use serde::Deserialize;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::op::Op;
use super::queue::Verb;
use super::shape::Shape;

/// A frame of a node.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Frame {
    Joined(Joined),
    Delta(Page),
    Changes(Changes),
    Ack(Ack),
    Reject(Reject),
    Error(Problem),
    #[serde(other)]
    Other,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Mode {
    Snapshot,
    Delta,
}

/// The first page of a join.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Joined {
    pub(super) epoch: Uuid,
    pub(super) seq: i64,
    pub(super) mode: Mode,
    #[serde(flatten)]
    pub(super) page: Page,
}

/// Some of what a join brings.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Page {
    pub(super) room: String,
    pub(super) added: Vec<Shape>,
    pub(super) modified: Vec<Shape>,
    pub(super) deleted: Vec<String>,
    pub(super) more: bool,
}

/// Batches, or a part of one.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Changes {
    pub(super) room: String,
    pub(super) from: i64,
    pub(super) to: i64,
    pub(super) batches: Vec<Batch>,
    #[serde(default)]
    pub(super) more: bool,
}

/// What became of one gesture.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Batch {
    pub(super) seq: i64,
    pub(super) by: String,
    pub(super) client: Option<Uuid>,
    pub(super) op_id: Option<i64>,
    pub(super) at: Value,
    pub(super) changes: Vec<Change>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Change {
    Put { shape: Shape },
    Patch { id: String, version: i64, set: Map<String, Value>, unset: Vec<String> },
    Append { id: String, version: i64, points: Vec<Value> },
    Delete { id: String },
}

impl Change {
    /// The shape that it concerns.
    pub(super) fn id(&self) -> &str {
        match self {
            Self::Put { shape } => shape.get("id").and_then(Value::as_str).unwrap_or_default(),
            Self::Patch { id, .. } | Self::Append { id, .. } | Self::Delete { id } => id,
        }
    }
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Ack {
    pub(super) room: String,
    pub(super) op_id: i64,
    pub(super) seq: i64,
    pub(super) outcomes: Vec<String>,
    #[serde(default)]
    pub(super) left_alone: Vec<LeftAlone>,
}

/// What an undo did not take back, because somebody has changed it since.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LeftAlone {
    /// The shape.
    pub id: String,
    /// Which properties; `*` when it is the whole shape.
    pub properties: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Reject {
    pub(super) room: String,
    pub(super) op_id: i64,
    pub(super) code: String,
    pub(super) message: String,
    #[serde(default)]
    pub(super) shapes: Vec<Shape>,
    pub(super) retry_after_ms: Option<u64>,
}

#[derive(Debug, Clone, Deserialize)]
pub(super) struct Problem {
    pub(super) code: String,
    pub(super) message: String,
    pub(super) room: Option<String>,
    pub(super) op_id: Option<i64>,
    pub(super) retry_after_ms: Option<u64>,
}

/// A batch that was given up: nothing of it was applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Rejected {
    /// Which.
    pub op_id: i64,
    /// Why, for programs.
    pub code: String,
    /// Why, for people.
    pub message: String,
    /// What kind of a gesture it was.
    pub verb: Verb,
    /// What it would have drawn.
    pub ops: Vec<Op>,
    /// The rows concerned, as they were then.
    pub shapes: Vec<Shape>,
}

/// A batch as everybody in the room was told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place.
    pub seq: i64,
    /// Whose it is; none when it came by SQL.
    pub client: Option<Uuid>,
    /// Its number among that client's.
    pub op_id: Option<i64>,
    /// The shapes that it changed.
    pub shapes: Vec<String>,
}

impl From<&Batch> for Told {
    fn from(batch: &Batch) -> Self {
        let shapes = batch.changes.iter().map(|change| change.id().to_owned()).collect();
        Self { seq: batch.seq, client: batch.client, op_id: batch.op_id, shapes }
    }
}
