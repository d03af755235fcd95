//! The embedded server: a private PostgreSQL cluster in the data folder, so that `pgcanvas` runs on a machine
//! that only has PostgreSQL's server programs.
//!
//! The data folder holds `pgcanvas.lock` (held while a node runs), `cluster` (PostgreSQL's own data), `socket`
//! (the Unix socket, for the server's user alone), `server.log`, and `password` once a TCP port was asked for.
//! The folder itself stays the node's: when the node is root, the server's user may pass through it but not
//! replace what root opens in it.

mod account;
mod address;
mod cluster;
mod error;
mod folder;
mod initdb;
mod postmaster;
mod programs;
mod ready;
mod server;
#[cfg(test)]
mod tests;

pub use address::Address;
pub use cluster::{Cluster, ClusterOptions};
pub use error::EmbeddedError;
pub use folder::default_data_dir;
pub use postmaster::running;
pub use server::StopMode;

/// The cluster's superuser, and the name of the database.
pub const NAME: &str = "pgcanvas";
