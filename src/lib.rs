//! A shared whiteboard whose every shape is a row in your PostgreSQL.

pub mod db;
pub mod model;
pub mod protocol;
