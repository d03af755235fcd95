//! HTTP: sockets are upgraded, rooms are made and read, batches are posted, and the node tells how it is.

#![expect(clippy::result_large_err, reason = "a refusal is an answer, made once")]

mod answer;
mod api;
#[cfg(feature = "board")]
mod board;
mod body;
mod caller;
mod door;
mod files;
mod listing;
mod origin;
#[cfg(not(feature = "board"))]
mod page;
mod past;
mod people;
mod picture;
mod query;
mod request;
mod restore;
mod rooms;
mod routes;
mod server;
mod shapes;
mod sharing;
mod upgrade;
mod wire;

pub use server::{Server, bind};
