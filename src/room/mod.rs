//! Rooms on a node: who is in them, what is written, what is sent out. Nothing here can be lost.

pub mod batch;
pub mod fanout;
pub mod frames;
pub mod handle;
pub mod join;
mod log;
pub mod outbox;
pub mod presence;
mod recent;
pub mod registry;
pub mod seed;
pub mod submission;
pub mod writer;

pub use outbox::Outbox;
pub use registry::Rooms;
