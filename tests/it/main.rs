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

mod access_client;
mod access_people;
mod access_rights;
mod access_roads;
mod access_sharing;
mod access_sockets;
mod bounds;
mod connection;
mod faults;
mod files;
mod gestures;
mod half_open;
mod history_http;
mod hostile;
mod http;
mod interleavings;
mod join;
mod layers;
mod limits;
mod migrate_beside;
mod once;
mod origins;
mod page;
mod poolers;
mod presence;
mod process;
mod queries;
mod readers;
mod recipes;
mod restores;
mod rewind;
mod scenarios;
mod schema;
mod seed;
mod settings;
mod smoke;
mod sql_any_batches;
mod sql_apply_batches;
mod sql_audit;
mod sql_catalog;
mod sql_chat;
mod sql_columns;
mod sql_conflicts;
mod sql_dump;
mod sql_forgery;
mod sql_geometry;
mod sql_history;
mod sql_holding;
mod sql_merge;
mod sql_moments;
mod sql_old_snapshots;
mod sql_ops;
mod sql_others;
mod sql_plans;
mod sql_references;
mod sql_restore;
mod sql_roles;
mod sql_spatial;
mod sql_triggers;
mod sql_undo;
mod sql_undo_model;
mod support;
mod sync;
mod tls;
mod upgrade;
mod upkeep;
