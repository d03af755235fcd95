//! A board as text, to outlive its process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::queue::Queued;
use super::shape::Shapes;

/// A board that can be kept as text over the end of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saved {
    /// Which device.
    pub client: Uuid,
    /// Which room.
    pub room: String,
    /// The next batch's number, at least.
    pub next_op_id: i64,
    /// Where the confirmed board is, unless there never was one.
    pub at: Option<At>,
    /// The confirmed board.
    pub shapes: Shapes,
    /// What it does not contain yet.
    pub queue: BTreeMap<i64, Queued>,
}

/// A point in the history of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct At {
    /// Which history.
    pub epoch: Uuid,
    /// How far.
    pub seq: i64,
}
