//! What a board is made of: names, shapes, operations and their geometry. Pure: no clock, no socket, no database.

pub mod geometry;
pub mod ids;
pub mod limits;
pub mod op;
pub mod person;
pub mod role;
pub mod row;
pub mod secret;
pub mod shape;

pub use ids::{ClientId, IdError, OpId, RoomId, RoomName, Seq, ShapeId, Slug};
pub use op::{Action, Gesture, NewShape, Op, Selection, Verb};
pub use person::{Login, User};
pub use role::Role;
pub use row::Row;
pub use secret::{Token, TokenHash};
