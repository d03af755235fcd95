//! Why a schema is not as it must be, each with the cure.

use refinery::error::Kind;
use tokio_postgres::error::SqlState;

use super::CONTRACT;

/// What stands between this program and the database's schema.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The server cannot hold the schema.
    #[error("this server is PostgreSQL {major}, pgcanvas needs 14 or newer: upgrade it or name another")]
    ServerTooOld {
        /// Its major version.
        major: i32,
    },
    /// The database cannot hold every text.
    #[error(
        "this database's encoding is {encoding}, pgcanvas needs UTF8: create one with `encoding 'UTF8' template template0`"
    )]
    NotUtf8 {
        /// The encoding it has.
        encoding: String,
    },
    /// A server that is frozen, or behind a connection that is half open.
    #[error("the database takes questions and does not answer")]
    Silent,
    /// Nothing was ever migrated here.
    #[error("this database holds no pgcanvas schema: run `pgcanvas migrate`")]
    NoSchema,
    /// The schema is there in part.
    #[error(
        "this database's schema is not whole: a restore is under way, or one broke off and is to be done again"
    )]
    NotWhole,
    /// The program is ahead of the database.
    #[error(
        "this database's schema has contract {found}, this program needs {CONTRACT}: run `pgcanvas migrate`"
    )]
    OlderContract {
        /// The database's contract; 0 when a migration was begun and not ended.
        found: i32,
    },
    /// The database is ahead of the program.
    #[error(
        "this database's schema (contract {found}) was made by a newer pgcanvas than this one (contract {CONTRACT}): use that one"
    )]
    NewerContract {
        /// The database's contract.
        found: i32,
    },
    /// The database is ahead of the program by a migration.
    #[error(
        "this database's schema (migration {migration}) was made by a newer pgcanvas than this one: use that one"
    )]
    NewerMigration {
        /// The migration this program does not know.
        migration: String,
    },
    /// History was rewritten.
    #[error(
        "migration {migration} is not the one that this database was made with: use the pgcanvas that made it, and report this"
    )]
    OtherHistory {
        /// The migration that differs.
        migration: String,
    },
    /// The role lacks the group of nodes.
    #[error(
        "this database role may not use the schema: run `grant pgcanvas_node to` it as the schema's owner"
    )]
    NotGranted,
    /// The server refused a file.
    #[error("{file} cannot be applied, nothing of it was kept: {reason}")]
    Refused {
        /// The file, or what else was being run.
        file: String,
        /// The server's sentence and SQLSTATE: its subject is the schema's own text.
        reason: String,
        /// The server's whole answer.
        #[source]
        source: tokio_postgres::Error,
    },
    /// Somebody kept a lock on what was to be changed, for longer than was waited.
    #[error("the database cannot be migrated while {by}: end that transaction, or migrate again later")]
    Held {
        /// Who holds what, as a clause.
        by: String,
        /// What the last try ended in.
        #[source]
        source: Box<SchemaError>,
    },
    /// A question to the server failed.
    #[error("the database did not answer a question about its schema: {}", reason(.0))]
    Database(#[from] tokio_postgres::Error),
    /// Migrations could not be run, for a reason of the library that runs them.
    #[error("migrations cannot be run: {reason}")]
    Migrations {
        /// What was being done, and the server's sentence and SQLSTATE.
        reason: String,
        /// The library's whole error.
        #[source]
        source: refinery::Error,
    },
}

impl SchemaError {
    /// Whether the database said that it is of another contract, rather than nothing.
    pub fn is_about_the_contract(&self) -> bool {
        !self.is_about_absence() && matches!(self, Self::OlderContract { .. } | Self::NewerContract { .. })
    }

    /// Whether the schema is not there, or not whole: it may be on its way.
    pub fn is_about_absence(&self) -> bool {
        matches!(self, Self::NoSchema | Self::NotWhole | Self::OlderContract { found: 0 })
    }

    /// Whether somebody held a lock that was needed, so that the next try may do.
    pub(super) fn is_about_a_lock(&self) -> bool {
        let code = match self {
            Self::Refused { source, .. } | Self::Database(source) => source.code(),
            Self::Migrations { source, .. } => match source.kind() {
                Kind::Connection(_, cause) => {
                    cause.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code)
                }
                _ => None,
            },
            _ => None,
        };
        code.is_some_and(|code| {
            *code == SqlState::LOCK_NOT_AVAILABLE || *code == SqlState::T_R_DEADLOCK_DETECTED
        })
    }

    pub(super) fn of_file(file: String, source: tokio_postgres::Error) -> Self {
        Self::Refused { file, reason: reason(&source), source }
    }

    /// `last_known` is this program's last migration.
    pub(super) fn of_refinery(error: refinery::Error, last_known: refinery::SchemaVersion) -> Self {
        match error.kind() {
            Kind::MissingVersion(one) if one.version() > last_known => {
                Self::NewerMigration { migration: one.to_string() }
            }
            Kind::MissingVersion(one) | Kind::DivergentVersion(one, _) => {
                Self::OtherHistory { migration: one.to_string() }
            }
            Kind::Connection(task, cause) => {
                let cause = cause.downcast_ref().map_or_else(|| cause.to_string(), reason);
                Self::Migrations { reason: format!("{task}: {cause}"), source: error }
            }
            other => Self::Migrations { reason: other.to_string(), source: error },
        }
    }
}

/// The server's sentence with its SQLSTATE, without detail, hint or statement; or how the connection failed.
fn reason(error: &tokio_postgres::Error) -> String {
    match error.as_db_error() {
        Some(answer) => format!("{} ({})", answer.message(), answer.code().code()),
        None => error.to_string(),
    }
}
