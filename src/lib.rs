//! A shared whiteboard whose every shape is a row in your PostgreSQL.

pub mod app;
pub mod config;
pub mod db;
pub mod log;
pub mod model;
pub mod protocol;
