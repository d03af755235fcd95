//! The only place that names tokio-postgres.
pub mod embedded;
