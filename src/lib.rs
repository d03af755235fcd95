//! A shared whiteboard whose every shape is a row in your PostgreSQL.

pub mod app;
pub mod backoff;
pub mod config;
pub mod db;
pub mod http;
pub mod log;
pub mod metrics;
pub mod model;
pub mod node;
pub mod protocol;
pub mod room;
mod session;
