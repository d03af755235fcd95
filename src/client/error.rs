//! What can go wrong in a client before anything is sent.

/// Why a gesture is not taken, or a frame not understood.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A batch has at least one op and at most so many.
    #[error("a batch has 1 to {most} ops, not {given}")]
    Ops {
        /// As many as the protocol allows.
        most: usize,
        /// As many as there were.
        given: usize,
    },
    /// The frame would close the socket.
    #[error("the batch is {bytes} bytes long, more than a node reads: divide it")]
    TooLarge {
        /// Its length.
        bytes: usize,
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
