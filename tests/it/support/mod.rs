//! What the tests stand on: the PostgreSQL server of this process and a database for each test.

pub(crate) mod board;
pub(crate) mod database;
pub(crate) mod http;
pub(crate) mod program;
pub(crate) mod server;
pub(crate) mod storm;
