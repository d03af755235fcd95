//! What can go wrong in a client before anything is sent.

/// Why a gesture is not taken, or a frame not understood.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A gesture has at least one op.
    #[error("a gesture has at least one op")]
    Empty,
    /// A shape that no batch can carry, and that cannot be cut up. Nothing of the gesture is drawn.
    #[error("more than a node takes: {reasons}")]
    TooLarge {
        /// Each such shape by its id, and why.
        reasons: String,
    },
    /// Nothing more is taken until some of the queue is acknowledged.
    #[error("{batches} batches wait to be sent: nothing more is kept until a node takes some")]
    QueueFull {
        /// How many wait.
        batches: usize,
    },
    /// No op, or no frame, of this protocol.
    #[error("this is no frame or op of the protocol: {0}")]
    Unreadable(#[from] serde_json::Error),
}
