//! What the tests stand on: the PostgreSQL server of this process, a database for each test, nodes and clients.

pub(crate) mod access;
pub(crate) mod board;
pub(crate) mod chaos;
pub(crate) mod client;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod node;
pub(crate) mod person;
pub(crate) mod plans;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod storm;
pub(crate) mod tools;
pub(crate) mod write_path;
