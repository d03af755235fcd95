//! The wire: what clients may say, what the node answers, and its bounds. Pure: text in, values or text out.

pub mod close;
pub mod decode;
pub mod encode;
pub mod limits;
mod object;
pub mod reject;
pub mod seed;

pub use close::CloseCode;
pub use decode::{ClientMessage, DecodeError, SeedMessage, decode};
pub use limits::Limits;
pub use reject::RejectCode;

/// The version of the protocol that this node speaks.
pub const PROTOCOL_VERSION: i64 = 1;
