//! The write path, told one by one, all together and call by call: the same rows, log and answers come of it.

use super::board::{Board, open_room};
use pgcanvas::db::calls::{BatchAnswer, BatchCall, WriterConnection};
use pgcanvas::db::{Db, Target};
use pgcanvas::model::{Op, Role, RoomId, Seq};
use pgcanvas::protocol::{ClientMessage, decode};
use serde_json::{Value, json};
use tokio_postgres::Client;
use uuid::Uuid;

/// The same shapes as the other room's, but for what cannot be the same.
const SHAPES: &str = "select coalesce(json_agg(to_jsonb(s) - '{room_id,ordinal,created_at,updated_at,refs}'::text[]
    || jsonb_build_object('refs', array(select substr(r, strpos(r, ':')) from unnest(s.refs) as r)) order by s.id), '[]')::text
    from pgcanvas.shapes s where room_id = $1";
const LOG: &str = "select coalesce(json_agg(jsonb_build_array(seq, op, shape_id, change::jsonb #- '{shape,created_at}' #- '{shape,updated_at}',
    before::jsonb - 'created_at' - 'updated_at', author, client, op_id, gesture, undoes, role) order by seq, shape_id), '[]')::text
    from pgcanvas.shape_changes where room_id = $1";
const ANSWERS: &str = "select coalesce(json_agg(jsonb_build_array(k.client, k.op_id, a.seq, a.outcomes) order by a.seq, k.op_id), '[]')::text
    from (select client, op_id::bigint from pgcanvas.applied_ops where room_id = $1
          union select client, op_id from pgcanvas.shape_changes where room_id = $1 and client is not null) as k
    cross join lateral pgcanvas.first_answer($1, k.client, k.op_id) as a";
const STONES: &str =
    "select coalesce(json_agg(jsonb_build_array(id, version, nonce, seq) order by id), '[]')::text
    from pgcanvas.tombstones where room_id = $1";

const ONE: &str = "select code, seq, outcomes from pgcanvas.typed_ops($6, $7, $9) as t, pgcanvas.apply_batches(array[$1::bigint], array[$2::uuid], array[$3::bigint],
    array[$4::text], array[null]::bigint[], array[$5::bigint], array['editor'], array_fill(1, array[cardinality($6::text[])]), $6, $7, $8, null, null,
    t.said)";

async fn told(client: &Client, sql: &str, room: i64) -> Value {
    let text: String = client.query_one(sql, &[&room]).await.unwrap().get(0);
    serde_json::from_str(&text).unwrap()
}

/// One database, three rooms that get the same batches: room 1 each batch in a call of its own and without typed rows, so that it goes op by op, room 2 all in one call of `apply_batches`,
/// room 3 each in a call of its own.
pub(crate) struct WritePath {
    pub(crate) board: Board,
    writer: WriterConnection,
    client: Uuid,
    pub(crate) op_id: i64,
}

impl WritePath {
    pub(crate) async fn open() -> Self {
        let board = Board::open().await;
        open_room(&board.client, 2).await;
        open_room(&board.client, 3).await;
        let db = Db::new(&Target::from_config(board.database.config().clone()).unwrap(), 2).unwrap();
        let writer = WriterConnection::open(&db).await.unwrap();
        Self { board, writer, client: Uuid::new_v4(), op_id: 0 }
    }

    fn calls<'a>(&self, room: i64, batches: &'a [Vec<Op>]) -> Vec<BatchCall<'a>> {
        let numbered = (self.op_id + 1..).zip(batches);
        let room_id = RoomId::new(room).unwrap();
        let part_of = Some(7).filter(|_| self.op_id % 3 == 0);
        numbered
            .map(|(op_id, ops)| BatchCall {
                room_id,
                client: self.client,
                op_id,
                author: if op_id % 2 == 0 { "ann \"é\"" } else { "bob" },
                role: Role::Editor,
                seen: None,
                part_of,
                ops,
            })
            .collect()
    }

    /// Sends the same batches to all; gives what they answered. What one refuses all refuse, and nothing of it is kept.
    pub(crate) async fn send(&mut self, batches: &[Vec<Op>]) -> Vec<BatchAnswer> {
        let together = self.writer.apply_batches(&self.calls(2, batches), |_| {}).await;
        self.board.run("begin").await;
        let one_by_one = self.one_by_one(batches).await;
        self.board.run(if one_by_one.is_some() { "commit" } else { "rollback" }).await;
        assert_eq!(together.as_ref().ok(), one_by_one.as_ref(), "{together:?} of {batches:?}");
        let Ok(answers) = together else { return Vec::new() };
        let mut each = Vec::new();
        for call in self.calls(3, batches) {
            each.extend(self.writer.apply_batches(&[call], |_| {}).await.unwrap());
        }
        assert_eq!(answers, each, "{batches:?}");
        self.op_id += i64::try_from(batches.len()).unwrap();
        answers
    }

    async fn one_by_one(&self, batches: &[Vec<Op>]) -> Option<Vec<BatchAnswer>> {
        let mut answers = Vec::new();
        for call in self.calls(1, batches) {
            let verbs: Vec<&str> = call.ops.iter().map(|op| op.verb().as_str()).collect();
            let ids: Vec<&str> = call.ops.iter().map(|op| op.id.as_str()).collect();
            let bases: Vec<Option<i64>> = call.ops.iter().map(|op| op.base).collect();
            let bodies: Vec<Value> = call
                .ops
                .iter()
                .map(|op| serde_json::from_str(&format!("{{{}}}", op.said)).unwrap())
                .collect();
            let row = self
                .board
                .client
                .query_one(
                    ONE,
                    &[
                        &1i64,
                        &call.client,
                        &call.op_id,
                        &call.author,
                        &call.part_of,
                        &verbs,
                        &ids,
                        &bases,
                        &bodies,
                    ],
                )
                .await;
            let row = match row {
                Ok(row) => row,
                Err(error) => {
                    assert_eq!(
                        error.code().map(tokio_postgres::error::SqlState::code),
                        Some("WB001"),
                        "{error:?}"
                    );
                    return None;
                }
            };
            answers.push(match row.get(0) {
                "conflict" => BatchAnswer::Conflict,
                _ => BatchAnswer::Applied {
                    seq: Seq::new(row.get(1)).unwrap(),
                    outcomes: row.get::<_, Option<_>>(2).unwrap_or_default(),
                    left_alone: None,
                },
            });
        }
        Some(answers)
    }

    pub(crate) async fn assert_same(&self) {
        let loose =
            "select count(*) from pgcanvas.shapes where pgcanvas.grid_holds(grid, bounds) is not true";
        assert_eq!(self.board.value::<i64>(loose).await, 0, "GE4");
        for sql in [SHAPES, LOG, ANSWERS, STONES] {
            let expected = told(&self.board.client, sql, 1).await;
            for room in [2, 3] {
                let found = told(&self.board.client, sql, room).await;
                let pairs = found.as_array().unwrap().iter().zip(expected.as_array().unwrap());
                for (found, expected) in pairs {
                    assert_eq!(found, expected, "room {room}");
                }
                assert_eq!(found, expected, "room {room}: {sql}");
            }
        }
        for room in [1, 2, 3] {
            let faults: i64 =
                self.board.value(&format!("select count(*) from pgcanvas.verify('{room}')")).await;
            assert_eq!(faults, 0, "the log makes the board of room {room}");
        }
    }
}

/// Ops, as a frame brings them.
pub(crate) fn ops(ops: &Value) -> Vec<Op> {
    let frame = json!({"type": "ops", "room": "1", "op_id": 1, "ops": ops}).to_string();
    match decode(&frame) {
        Ok(ClientMessage::Gesture(batch)) => batch.gesture.ops().to_vec(),
        other => panic!("{frame}: {other:?}"),
    }
}
