//! A client of pgcanvas: its copy of a board, its queue, its connection. For programs that draw, for tests, and as the model for other
//! clients, which run the same scenarios (`tests/scenarios`).
//!
//! - [`Board`]: what is true without any network. A plain value: frames and gestures go in, frames to send and [`News`] come out, and the
//!   time is an argument. It keeps two boards: what the server told, and what is shown, which is the former with every batch replayed over
//!   it that is not contained in it yet.
//! - [`Client`]: a board with a connection that comes back by itself, to any of several nodes, and sends again what was not answered.
//!
//! ```no_run
//! # async fn draw() -> Result<(), Box<dyn std::error::Error>> {
//! use pgcanvas::client::{Board, Client, Op, Settings};
//! use serde_json::json;
//!
//! let board = Board::new(uuid::Uuid::new_v4(), "design");
//! let (client, _news) = Client::open(Settings::new(["ws://localhost:8080/ws"]), board);
//! let op_id = client.edit(vec![Op::put(json!({"id": "a", "kind": "rectangle", "width": 20, "height": 10}))?])?;
//! client.undo()?;
//! client.until(|status| status.unacknowledged == 0).await;
//! # let _ = op_id; Ok(())
//! # }
//! ```

mod attend;
mod board;
mod connection;
mod divide;
mod error;
mod frame;
mod join;
mod link;
mod news;
mod op;
mod queue;
mod receive;
mod saved;
mod settings;
mod shape;
mod socket;
#[cfg(test)]
mod tests;

pub use board::Board;
pub use connection::{Client, NewsReader, restart_op_id};
pub use error::ClientError;
pub use frame::{LeftAlone, Rejected, Told};
pub use news::News;
pub use op::Op;
pub use queue::{Queued, Verb};
pub use saved::{At, Saved};
pub use settings::{Phase, Settings, Status};
pub use shape::{Shape, Shapes};
