//! The bounds that a client is told in `welcome.limits`; the numbers themselves stand in [`crate::model::limits`].

use serde::{Deserialize, Serialize};

pub use crate::model::limits::*;

/// What a client must keep to, as `welcome` tells it. What a node of an earlier version does not tell is as here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limits {
    /// The longest frame a client may send.
    pub max_frame_bytes: usize,
    /// The most operations in one batch.
    pub max_ops_per_batch: usize,
    /// The most points of one shape.
    pub max_points_per_shape: usize,
    /// The longest JSON text of one shape.
    pub max_shape_bytes: usize,
    /// The most rooms that one socket may be in.
    pub max_rooms_per_socket: usize,
    /// The most batches sent without an answer.
    pub max_unacknowledged: usize,
    /// The longest JSON text of a presence state.
    pub max_presence_bytes: usize,
    /// The longest display name.
    pub max_name_chars: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_frame_bytes: MAX_FRAME_BYTES,
            max_ops_per_batch: MAX_OPS_PER_BATCH,
            max_points_per_shape: MAX_POINTS_PER_SHAPE,
            max_shape_bytes: MAX_SHAPE_BYTES,
            max_rooms_per_socket: MAX_ROOMS_PER_SOCKET,
            max_unacknowledged: MAX_UNACKNOWLEDGED_BATCHES,
            max_presence_bytes: MAX_PRESENCE_BYTES,
            max_name_chars: MAX_NAME_CHARS,
        }
    }
}
