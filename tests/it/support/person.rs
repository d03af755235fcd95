//! People who draw through the procedures that nodes call.

use super::board::{Answer, Board};
use serde_json::{Value, json};
use std::cell::Cell;
use tokio_postgres::{Client, Error};
use uuid::Uuid;

/// Somebody with a device and a connection.
pub(crate) struct Person {
    pub(crate) connection: Client,
    pub(crate) name: String,
    device: Uuid,
    room: i64,
    op_id: Cell<i64>,
}

/// What an undo or redo is answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Undone {
    pub(crate) code: String,
    pub(crate) seq: Option<i64>,
    pub(crate) outcomes: Vec<String>,
    pub(crate) left_alone: Value,
}

const APPLY: &str = "select code, seq, outcomes from pgcanvas.typed_ops($7, $8, $10) as t, pgcanvas.apply_batches(array[$1::bigint],
    array[$2::uuid], array[$3::bigint], array[$4::text], array[$5::bigint], null, '{editor}', $6, $7, $8, $9, t.rows, t.extras, t.said)";

impl Person {
    pub(crate) async fn at(board: &Board, name: &str) -> Self {
        let connection = board.database.client().await;
        Self {
            connection,
            name: name.to_owned(),
            device: Uuid::new_v4(),
            room: board.room,
            op_id: Cell::new(0),
        }
    }

    fn next_op_id(&self) -> i64 {
        self.op_id.set(self.op_id.get() + 1);
        self.op_id.get()
    }

    /// Draws a batch of ops as the protocol writes them.
    pub(crate) async fn draw(&self, ops: Value) -> Answer {
        self.draw_seen(ops, None).await.unwrap()
    }

    /// Draws a batch, having seen what there was up to a seq.
    pub(crate) async fn draw_seen(&self, ops: Value, seen: Option<i64>) -> Result<Answer, Error> {
        let op_id = self.next_op_id();
        self.send(op_id, &ops, seen).await
    }

    /// Sends a batch under a number.
    pub(crate) async fn send(&self, op_id: i64, ops: &Value, seen: Option<i64>) -> Result<Answer, Error> {
        let ops = ops.as_array().unwrap();
        let verbs: Vec<&str> = ops.iter().map(|op| op["op"].as_str().unwrap()).collect();
        let shape = |op: &Value| op.get("shape").cloned().unwrap_or_else(|| op.clone());
        let bodies: Vec<Value> = ops.iter().map(shape).collect();
        let ids: Vec<&str> = bodies.iter().map(|body| body["id"].as_str().unwrap()).collect();
        let bases: Vec<Option<i64>> = ops.iter().map(|op| op["base"].as_i64()).collect();
        let batches = vec![1i32; ops.len()];
        let row = self
            .connection
            .query_one(
                APPLY,
                &[
                    &self.room,
                    &self.device,
                    &op_id,
                    &self.name,
                    &seen,
                    &batches,
                    &verbs,
                    &ids,
                    &bases,
                    &bodies,
                ],
            )
            .await?;
        Ok(Answer { code: row.get(0), seq: row.get(1), outcomes: row.get(2) })
    }

    pub(crate) async fn undo(&self) -> Undone {
        let op_id = self.next_op_id();
        self.move_gesture(op_id, true).await.unwrap()
    }

    pub(crate) async fn redo(&self) -> Undone {
        let op_id = self.next_op_id();
        self.move_gesture(op_id, false).await.unwrap()
    }

    /// Sends an undo or redo again.
    pub(crate) async fn repeat(&self, undo: bool) -> Undone {
        self.move_gesture(self.op_id.get(), undo).await.unwrap()
    }

    pub(crate) async fn move_gesture(&self, op_id: i64, undo: bool) -> Result<Undone, Error> {
        let sql =
            "select code, seq, outcomes, left_alone from pgcanvas.move_gesture($1, $2, $3, $4, $5, 'editor')";
        let row =
            self.connection.query_one(sql, &[&self.room, &self.device, &op_id, &self.name, &undo]).await?;
        Ok(Undone {
            code: row.get(0),
            seq: row.get(1),
            outcomes: row.get::<_, Option<_>>(2).unwrap_or_default(),
            left_alone: row.get::<_, Option<_>>(3).unwrap_or_else(|| json!([])),
        })
    }
}

impl Undone {
    /// Whether there was something to move.
    pub(crate) fn moved(&self) -> bool {
        self.code == "fresh"
    }
}
