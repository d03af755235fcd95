//! HTTP: sockets are upgraded, rooms are made and read, batches are posted, and the node tells how it is.

mod answer;
#[cfg(feature = "board")]
mod board;
mod files;
#[cfg(not(feature = "board"))]
mod page;
mod past;
mod picture;
mod restore;
mod routes;
mod server;
mod shapes;
mod upgrade;

pub use server::{Server, bind};
