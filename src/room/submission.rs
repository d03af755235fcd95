//! A batch on its way to the database, and what becomes of it.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::batch::{MAX_OPS, Size};
use crate::db::calls::{BatchCall, GestureCall};
use crate::model::{Gesture, OpId, Role, RoomId, Seq};
use crate::protocol::RejectCode;
use crate::protocol::encode::Outcome;

/// How long a batch is tried before it is answered `unavailable`.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Committed in PostgreSQL, now or before.
    Ack {
        /// Its seq, or the room's when nothing changed.
        seq: Seq,
        /// One per op.
        outcomes: Vec<Outcome>,
        /// JSON: what an undo left as others made it.
        left_alone: Option<String>,
    },
    /// Nothing of it was applied.
    Reject {
        /// Why.
        code: RejectCode,
        /// One sentence.
        message: String,
        /// The rows concerned as they are now, JSON.
        shapes: Vec<String>,
    },
}

/// A batch on its way to the database.
pub struct Submission {
    /// The room.
    pub room_id: RoomId,
    /// The device or tab.
    pub client: Uuid,
    /// Its counter.
    pub op_id: OpId,
    /// Who.
    pub author: Arc<str>,
    /// By what right.
    pub role: Role,
    /// The last seq the author had seen, where told.
    pub seen: Option<Seq>,
    /// The batch with which the gesture began that this one goes on with.
    pub part_of: Option<OpId>,
    /// What.
    pub gesture: Gesture,
    /// Told what became of it.
    pub reply: Box<dyn FnOnce(Answer) + Send + Sync>,
    /// When it arrived.
    pub arrived: Instant,
}

impl std::fmt::Debug for Submission {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Submission")
            .field("room", &self.room_id)
            .field("op_id", &self.op_id)
            .finish_non_exhaustive()
    }
}

impl Submission {
    pub(super) fn size(&self) -> Size {
        let ops = self.gesture.ops();
        // What is no drawing goes by itself: as large as can be.
        let count = if self.is_drawing() { ops.len() } else { MAX_OPS };
        Size { ops: count, bytes: ops.iter().map(|op| op.said.len() + 64).sum() }
    }

    pub(super) fn call(&self) -> BatchCall<'_> {
        BatchCall {
            room_id: self.room_id,
            client: self.client,
            op_id: self.op_id.get(),
            author: &self.author,
            role: self.role,
            seen: self.seen,
            part_of: self.part_of.map(OpId::get),
            ops: self.gesture.ops(),
        }
    }

    pub(super) fn gesture_call(&self) -> GestureCall<'_> {
        GestureCall {
            room_id: self.room_id,
            client: self.client,
            op_id: self.op_id.get(),
            author: &self.author,
            role: self.role,
        }
    }

    pub(super) fn is_drawing(&self) -> bool {
        matches!(self.gesture, Gesture::Draw(_))
    }

    /// When it has been tried long enough.
    pub(super) fn due(&self) -> Instant {
        self.arrived + PATIENCE
    }

    pub(super) fn is_overdue(&self) -> bool {
        Instant::now() >= self.due()
    }
}
