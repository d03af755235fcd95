//! What a client can say, once it has been checked.

use uuid::Uuid;

use crate::model::{ClientId, Gesture, Op, OpId, RoomName, Seq, ShapeId, Token};
use crate::protocol::reject::RejectCode;

/// One frame from a client.
#[derive(Debug, Clone, PartialEq)]
pub enum ClientMessage {
    /// Opens the connection in this protocol.
    Hello(Hello),
    /// Enters a room, or asks again for what follows `since`.
    Join(Join),
    /// Leaves a room.
    Leave {
        /// Which room.
        room: RoomName,
    },
    /// A gesture: a batch of operations, undo, redo.
    Gesture(Batch),
    /// What others may see of this person for now.
    Presence {
        /// In which room.
        room: RoomName,
        /// A compact JSON object.
        state: String,
    },
    /// Asks for a `pong`.
    Ping {
        /// Compact JSON to send back.
        t: Option<String>,
    },
    /// A message of this protocol that this node does not answer yet.
    Unsupported {
        /// Its `type`.
        kind: &'static str,
    },
    /// A message of the seed dialect.
    Seed(SeedMessage),
}

/// The first frame of this protocol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The version that the client speaks; whether it is spoken here, the session says.
    pub protocol: i64,
    /// Which tab or device.
    pub client: ClientId,
    /// A credential.
    pub token: Option<Token>,
    /// What only this client knows.
    pub key: Option<Token>,
    /// How the person wants to be called.
    pub name: Option<String>,
}

/// Entering a room.
#[derive(Debug, Clone, PartialEq)]
pub struct Join {
    /// Which room.
    pub room: RoomName,
    /// The last seq that the client has.
    pub since: Option<Seq>,
    /// The history that `since` belongs to.
    pub epoch: Option<Uuid>,
    /// The part of the board that the client looks at: x0, y0, x1, y1.
    pub viewport: Option<[f64; 4]>,
    /// How the person wants to be called in this room.
    pub name: Option<String>,
    /// The token of a link into it.
    pub link: Option<Token>,
}

/// One gesture.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// In which room.
    pub room: RoomName,
    /// The client's own counter.
    pub op_id: OpId,
    /// The last seq the client had seen.
    pub seen: Option<Seq>,
    /// The batch with which the gesture began that this one goes on with.
    pub part_of: Option<OpId>,
    /// What is to be done; ops are in order and never none.
    pub gesture: Gesture,
    /// What is kept as it is though something else may have been meant, a sentence each.
    pub warnings: Vec<String>,
}

/// One gesture that came by HTTP.
#[derive(Debug, Clone, PartialEq)]
pub struct PostedBatch {
    /// Whose counter `op_id` is.
    pub client: ClientId,
    /// The client's own counter.
    pub op_id: OpId,
    /// The last seq the client had seen.
    pub seen: Option<Seq>,
    /// The batch with which the gesture began that this one goes on with.
    pub part_of: Option<OpId>,
    /// What is to be done; ops are in order and never none.
    pub gesture: Gesture,
    /// What is kept as it is though something else may have been meant, a sentence each.
    pub warnings: Vec<String>,
}

/// A message of the seed dialect.
#[derive(Debug, Clone, PartialEq)]
pub enum SeedMessage {
    /// Enters a room.
    JoinRoom {
        /// Which room.
        room: RoomName,
    },
    /// Leaves a room.
    LeaveRoom {
        /// Which room.
        room: RoomName,
    },
    /// Draws a shape: a `put`.
    Chat {
        /// In which room.
        room: RoomName,
        /// The shape as an operation.
        op: Op,
    },
    /// Removes a shape: a `delete`.
    DeleteShape {
        /// In which room.
        room: RoomName,
        /// The removal as an operation.
        op: Op,
    },
}

impl SeedMessage {
    /// The shape that the message is about, if any.
    pub fn shape_id(&self) -> Option<&ShapeId> {
        match self {
            Self::Chat { op, .. } | Self::DeleteShape { op, .. } => Some(&op.id),
            Self::JoinRoom { .. } | Self::LeaveRoom { .. } => None,
        }
    }
}

/// Why a frame is refused. The connection stays.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A batch that names its room and number but breaks a rule: answered by `reject`.
    #[error("{message}")]
    Reject {
        /// The batch's room.
        room: RoomName,
        /// The batch's number.
        op_id: OpId,
        /// What kind of rule.
        code: RejectCode,
        /// The field and the rule.
        message: String,
    },
    /// Anything else: answered by `error`.
    #[error("{message}")]
    Frame {
        /// What kind of rule.
        code: RejectCode,
        /// The field and the rule.
        message: String,
        /// The room that the frame named, if that could be read.
        room: Option<RoomName>,
        /// The batch number that the frame named, if that could be read.
        op_id: Option<OpId>,
    },
}
