//! The only place that names tokio-postgres and holds SQL.

pub mod calls;
pub mod connect;
pub mod embedded;
pub mod error;
pub mod listen;
mod part;
pub mod pool;
mod pooled;
pub mod schema;
mod tls;

pub use connect::Target;
pub use error::DbError;
pub use pool::Db;
pub use tokio_postgres::Client;
