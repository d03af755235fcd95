//! What a database call can end in. Nobody else looks at SQLSTATEs, and no text of the database leaves this module but that of our
//! own errors, which is written for clients.

use std::time::Duration;

use tokio_postgres::error::SqlState;

use crate::log::Seldom;

/// Why a call did not succeed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DbError {
    /// The database cannot be reached, or it is stopping, starting or out of connections: try again.
    #[error("the database cannot be reached")]
    Unreachable,
    /// The database, a table, a function or a right is missing, in the database's words: a migration or a restore is under way, or whoever
    /// connects is not who may. Try again. No client is told.
    #[error("{0}: connect as the owner of the database, or see `pgcanvas check`")]
    Lacking(String),
    /// Another transaction holds what this one needs: try again.
    #[error("another transaction is in the way")]
    Busy,
    /// A value breaks a rule; the text names field and rule.
    #[error("{0}")]
    Invalid(String),
    /// There is no such room.
    #[error("{0}")]
    NotFound(String),
    /// The log does not reach back that far any more.
    #[error("{0}")]
    Pruned(String),
    /// It stands in the way of what there is.
    #[error("{0}")]
    Conflict(String),
    /// The batch was applied before: its answer is kept.
    #[error("the batch was applied before")]
    Repeat,
    /// The database refused for a reason that is no client's business; logged where it is handled.
    #[error("the database refused the call")]
    Refused,
}

/// Our own SQLSTATEs, class WB: a value breaks a rule; something is not there; history that was pruned; a conflict.
const INVALID: &str = "WB001";
const NOT_FOUND: &str = "WB004";
const PRUNED: &str = "WB005";
const CONFLICT: &str = "WB009";

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(db) = error.as_db_error() else {
            return Self::Unreachable;
        };
        let state = db.code();
        match state.code() {
            INVALID => return Self::Invalid(db.message().to_owned()),
            NOT_FOUND => return Self::NotFound(db.message().to_owned()),
            PRUNED => return Self::Pruned(db.message().to_owned()),
            CONFLICT => return Self::Conflict(db.message().to_owned()),
            _ => {}
        }
        if *state == SqlState::CHECK_VIOLATION {
            return Self::Invalid(broken_rule(db.constraint().unwrap_or("shapes_value_check")));
        }
        if db.constraint() == Some("applied_ops_pkey") {
            return Self::Repeat;
        }
        if *state == SqlState::UNIQUE_VIOLATION
            && let Some(field) = named_by(db.constraint().unwrap_or_default())
        {
            return Self::Conflict(format!("{field}: this name is taken"));
        }
        match state.code().get(..2) {
            // Cancelled or broken inside: no batch is to blame, and the next try may do.
            Some("57") if *state == SqlState::QUERY_CANCELED => Self::Busy,
            Some("XX") => {
                _ = refused(&error);
                Self::Busy
            }
            // 25: a server that only reads, for as long as it is not the one that writes.
            Some("08" | "25" | "53" | "57" | "58") => Self::Unreachable,
            Some("40" | "55") => Self::Busy,
            _ if *state == SqlState::DATETIME_FIELD_OVERFLOW
                || *state == SqlState::INVALID_DATETIME_FORMAT
                || *state == SqlState::INVALID_TIME_ZONE_DISPLACEMENT_VALUE =>
            {
                Self::Invalid("point: there is no such day or hour".to_owned())
            }
            _ if *state == SqlState::CHARACTER_NOT_IN_REPERTOIRE => {
                Self::Invalid("text: must not hold U+0000".to_owned())
            }
            Some("22" | "23") => {
                Self::Invalid("ops: a value is of the wrong type or out of range".to_owned())
            }
            // Prepared for tables that were replaced since: on a new connection it is prepared anew.
            Some("0A") if db.routine() == Some("RevalidateCachedQuery") => Self::Unreachable,
            // No batch is to blame: who connects may not, or the database, the schema or something in it is not there.
            Some("28" | "3D" | "3F" | "42") => Self::Lacking(db.message().to_owned()),
            _ => refused(&error),
        }
    }
}

impl From<deadpool_postgres::PoolError> for DbError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            _ => Self::Unreachable,
        }
    }
}

/// How often it is told that the database refuses a call for one reason.
static REFUSALS: Seldom = Seldom::new(Duration::from_mins(1));

/// Tells what it was, for people: its code, and the head of its sentence. The rest stays in the server's own log.
fn refused(error: &tokio_postgres::Error) -> DbError {
    if let Some(db) = error.as_db_error()
        && let Some(untold) = REFUSALS.tell(db.code().code())
    {
        let said: String =
            db.message().lines().next().unwrap_or_default().chars().take(MAX_SAID_CHARS).collect();
        tracing::error!(code = db.code().code(), said, untold, "the database refused a call");
    }
    DbError::Refused
}

/// How much of the database's sentence is logged.
const MAX_SAID_CHARS: usize = 160;

/// What a unique constraint is about that clients may run into.
fn named_by(constraint: &str) -> Option<&'static str> {
    match constraint {
        "rooms_slug_key" => Some("slug"),
        "users_pkey" => Some("login"),
        _ => None,
    }
}

/// `shapes_stroke_width_check` says that `stroke_width` is out of its range.
fn broken_rule(constraint: &str) -> String {
    let field =
        constraint.trim_start_matches("shapes_").trim_start_matches("rooms_").trim_end_matches("_check");
    format!("{field}: the value breaks the rule {constraint}")
}
