//! What a client hears of its board.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::frame::{LeftAlone, Rejected, Told};

/// What a frame brought.
#[derive(Debug, Clone, PartialEq)]
pub enum News {
    /// The join is whole: this is the board at a seq.
    Joined {
        /// Which history.
        epoch: Uuid,
        /// The board's seq.
        seq: i64,
        /// Whether the board was replaced.
        snapshot: bool,
    },
    /// These shapes may look different now.
    Changed(BTreeSet<String>),
    /// A batch was applied to the confirmed board.
    Told(Told),
    /// An own batch became known to be committed: told once.
    Committed {
        /// Which.
        op_id: i64,
        /// Its seq, or the room's when it changed nothing.
        seq: i64,
    },
    /// An `ack` came, perhaps again.
    Ack {
        /// Of which batch.
        op_id: i64,
        /// The seq that it told.
        seq: i64,
        /// One per op.
        outcomes: Vec<String>,
        /// What an undo left as others made it.
        left_alone: Vec<LeftAlone>,
    },
    /// A batch was given up.
    Rejected(Rejected),
    /// The room does not let this client in.
    Refused {
        /// Why, for programs.
        code: String,
        /// Why, for people.
        message: String,
    },
    /// A change did not fit the copy, which is asked for anew. It never happens with a node that keeps to the protocol.
    Diverged,
}
