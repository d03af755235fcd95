//! The connection that writes.

use std::time::{Duration, Instant};

use tokio::time::timeout;
use tokio_postgres::{Client, Row};
use uuid::Uuid;

use super::seq;
use super::typed::JsonText;
use crate::db::error::DbError;
use crate::db::pool::Db;
use crate::model::{Op, Role, RoomId, Seq};

/// One batch for [`WriterConnection::apply_batches`].
#[derive(Debug, Clone)]
pub struct BatchCall<'a> {
    /// The room.
    pub room_id: RoomId,
    /// The device or tab.
    pub client: Uuid,
    /// Its counter.
    pub op_id: i64,
    /// Who.
    pub author: &'a str,
    /// By what right.
    pub role: Role,
    /// The last seq the author had seen, for rooms that move what covers another's shape.
    pub seen: Option<Seq>,
    /// The op_id with which the gesture began that it goes on with.
    pub part_of: Option<i64>,
    /// What.
    pub ops: &'a [Op],
}

/// What [`WriterConnection::apply_batches`] says of one batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BatchAnswer {
    /// Committed, now or before.
    Applied {
        /// Its seq, or the room's when nothing changed.
        seq: Seq,
        /// One outcome per op.
        outcomes: Vec<String>,
        /// JSON: what an undo left as others made it.
        left_alone: Option<String>,
    },
    /// There was nothing to undo or redo.
    NothingToUndo,
    /// A strict room: an op was based on another version than there is.
    Conflict,
    /// There is no such room.
    NoRoom,
}

/// How a batch was applied: the dearer ways are for what is seldom done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// With all others of its call, a statement for all of them.
    Set,
    /// One op alone.
    Single,
    /// Op by op.
    OneByOne,
}

impl Stage {
    fn from_name(name: &str) -> Self {
        match name {
            "single" => Self::Single,
            "one_by_one" => Self::OneByOne,
            _ => Self::Set,
        }
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Single => "single",
            Self::OneByOne => "one_by_one",
        }
    }
}

/// How long a transaction may take before its connection is given up, by whoever has no less patience; longer than the server's own limit,
/// for a server that is frozen.
pub(super) const APPLY_TIMEOUT: Duration = Duration::from_secs(35);

/// How long preparing its statement may take.
const PREPARE_TIMEOUT: Duration = Duration::from_secs(10);

const APPLY_BATCHES: &str = "select batch, code, seq, outcomes, stage
    from pgcanvas.apply_batches($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)";

/// A connection that writes, with its statement prepared.
#[derive(Debug)]
pub struct WriterConnection {
    pub(super) client: Client,
    apply_batches: tokio_postgres::Statement,
    opened: Instant,
}

impl WriterConnection {
    /// Opens one.
    pub async fn open(db: &Db) -> Result<Self, DbError> {
        let opened = Instant::now();
        let client = db.connect_writer().await?;
        let prepared = timeout(PREPARE_TIMEOUT, client.prepare(APPLY_BATCHES)).await;
        let apply_batches = prepared.map_err(|_| DbError::Unreachable)??;
        Ok(Self { client, apply_batches, opened })
    }

    /// Whether it leads to the database that is there.
    pub fn is_current(&self, db: &Db) -> bool {
        db.is_current(self.opened)
    }

    /// Applies batches of many rooms in one transaction; one answer per batch, in order. On an error nothing is applied.
    /// `stage` is told how each batch that is no repeat was applied.
    pub async fn apply_batches(
        &self,
        batches: &[BatchCall<'_>],
        stage: impl Fn(Stage),
    ) -> Result<Vec<BatchAnswer>, DbError> {
        let rooms: Vec<i64> = batches.iter().map(|batch| batch.room_id.get()).collect();
        let clients: Vec<Uuid> = batches.iter().map(|batch| batch.client).collect();
        let op_ids: Vec<i64> = batches.iter().map(|batch| batch.op_id).collect();
        let authors: Vec<&str> = batches.iter().map(|batch| batch.author).collect();
        let seen: Vec<Option<i64>> = batches.iter().map(|batch| batch.seen.map(Seq::get)).collect();
        let gestures: Vec<Option<i64>> = batches.iter().map(|batch| batch.part_of).collect();
        let roles: Vec<&str> = batches.iter().map(|batch| batch.role.as_str()).collect();
        let numbers: Vec<i32> =
            (1..).zip(batches).flat_map(|(n, batch)| batch.ops.iter().map(move |_| n)).collect();
        let ops = || batches.iter().flat_map(|batch| batch.ops);
        let verbs: Vec<&str> = ops().map(|op| op.verb().as_str()).collect();
        let shapes: Vec<&str> = ops().map(|op| op.id.as_str()).collect();
        let bases: Vec<Option<i64>> = ops().map(|op| op.base).collect();
        let rows: Vec<_> = ops().map(Op::row).collect();
        let extras: Vec<Option<JsonText<'_>>> = ops().map(|op| op.extra().map(JsonText)).collect();
        let said: Vec<&str> = ops().map(|op| op.said.as_str()).collect();
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 14] = [
            &rooms, &clients, &op_ids, &authors, &seen, &gestures, &roles, &numbers, &verbs, &shapes, &bases,
            &rows, &extras, &said,
        ];
        let applied = timeout(APPLY_TIMEOUT, self.client.query(&self.apply_batches, &parameters)).await;
        let rows = applied.map_err(|_| DbError::Unreachable)??;
        for row in rows.iter().filter(|row| row.try_get("code").is_ok_and(|code: &str| code == "fresh")) {
            stage(Stage::from_name(row.try_get("stage")?));
        }
        answers(batches.len(), &rows)
    }
}

/// Puts the answers, which come in any order, into the order of the batches.
fn answers(count: usize, rows: &[Row]) -> Result<Vec<BatchAnswer>, DbError> {
    let mut answers = vec![BatchAnswer::NoRoom; count];
    for row in rows {
        let number: i32 = row.try_get("batch")?;
        let code: &str = row.try_get("code")?;
        let place = usize::try_from(number - 1).ok().and_then(|place| answers.get_mut(place));
        let place = place.ok_or(DbError::Refused)?;
        *place = match code {
            "not_found" => BatchAnswer::NoRoom,
            "conflict" => BatchAnswer::Conflict,
            _ => BatchAnswer::Applied {
                seq: seq(row, "seq")?,
                outcomes: row.try_get::<_, Option<_>>("outcomes")?.unwrap_or_default(),
                left_alone: None,
            },
        };
    }
    Ok(answers)
}
