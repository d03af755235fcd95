//! Undo and redo.

use tokio::time::timeout;
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use super::seq;
use super::writing::{APPLY_TIMEOUT, BatchAnswer, WriterConnection};
use crate::db::DbError;
use crate::model::{Role, RoomId, Selection, Seq};

/// Who asks for an undo, and where.
#[derive(Debug, Clone, Copy)]
pub struct GestureCall<'a> {
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
}

impl WriterConnection {
    /// Takes a person's own last gesture back (`undo`), or does the one taken back last again.
    pub async fn move_gesture(&self, call: &GestureCall<'_>, undo: bool) -> Result<BatchAnswer, DbError> {
        let sql =
            "select code, seq, outcomes, left_alone::text from pgcanvas.move_gesture($1, $2, $3, $4, $5, $6)";
        let role = call.role.as_str();
        self.take_back(sql, &[&call.room_id.get(), &call.client, &call.op_id, &call.author, &undo, &role])
            .await
    }

    /// Takes back what is chosen.
    pub async fn undo_changes(
        &self,
        call: &GestureCall<'_>,
        chosen: &Selection,
    ) -> Result<BatchAnswer, DbError> {
        let sql =
            "select code, seq, outcomes, left_alone::text from pgcanvas.undo_changes($1, $2, $3, $4, $5, $6,
            box(point($7, $8), point($9, $10)), $11, $12, now() - make_interval(secs => $13), $14)";
        let [batch, from, to] = [chosen.batch, chosen.from, chosen.to].map(|seq| seq.map(Seq::get));
        let corner = |n: usize| chosen.area.and_then(|area| area.get(n).copied());
        let (x0, y0, x1, y1) = (corner(0), corner(1), corner(2), corner(3));
        self.take_back(
            sql,
            &[
                &call.room_id.get(),
                &call.client,
                &call.op_id,
                &call.author,
                &batch,
                &chosen.by,
                &x0,
                &y0,
                &x1,
                &y1,
                &from,
                &to,
                &chosen.last_seconds,
                &call.role.as_str(),
            ],
        )
        .await
    }

    async fn take_back(&self, sql: &str, parameters: &[&(dyn ToSql + Sync)]) -> Result<BatchAnswer, DbError> {
        let asked = timeout(APPLY_TIMEOUT, self.client.query_one(sql, parameters)).await;
        read_answer(&asked.map_err(|_| DbError::Unreachable)??)
    }
}

fn read_answer(row: &Row) -> Result<BatchAnswer, DbError> {
    Ok(match row.try_get("code")? {
        "not_found" => BatchAnswer::NoRoom,
        "nothing_to_undo" => BatchAnswer::NothingToUndo,
        _ => BatchAnswer::Applied {
            seq: seq(row, "seq")?,
            outcomes: row.try_get("outcomes")?,
            left_alone: row.try_get("left_alone")?,
        },
    })
}
