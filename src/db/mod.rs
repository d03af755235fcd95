//! PostgreSQL. The only place that names tokio-postgres and that holds SQL text.

pub mod embedded;
pub mod schema;
