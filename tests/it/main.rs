//! The integration tests: one binary, so that all of them share one PostgreSQL server.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what went wrong by panicking"
)]
#![allow(
    clippy::pedantic,
    clippy::string_slice,
    reason = "a test that fails is to stop, and says what it means at length"
)]

mod faults;
mod gestures;
mod hostile;
mod http;
mod join;
mod layers;
mod limits;
mod presence;
mod process;
mod readers;
mod schema;
mod seed;
mod smoke;
mod sql_apply_ops;
mod sql_catalog;
mod sql_chat;
mod sql_conflicts;
mod sql_geometry;
mod sql_merge;
mod sql_references;
mod sql_roles;
mod sql_spatial;
mod sql_triggers;
mod sql_undo;
mod sql_undo_model;
mod support;
mod sync;
