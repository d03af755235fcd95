//! The narrow roads into the database beside the general one, which all lead to the same place.

use super::board::{Board, open_room};
use pgcanvas::db::calls::plain::{PlainOp, each_once, plain_ops};
use pgcanvas::db::calls::{BatchAnswer, BatchCall, WriterConnection};
use pgcanvas::db::{Db, DbError, Target};
use pgcanvas::model::{Op, Role, RoomId};
use serde_json::Value;
use tokio_postgres::Client;
use uuid::Uuid;

/// The same shapes as the other room's, but for what cannot be the same.
const SHAPES: &str = "select coalesce(json_agg(to_jsonb(s) - '{room_id,ordinal,created_at,updated_at,refs}'::text[]
    || jsonb_build_object('refs', array(select substr(r, strpos(r, ':')) from unnest(s.refs) as r)) order by s.id), '[]')::text
    from pgcanvas.shapes s where room_id = $1";
const LOG: &str = "select coalesce(json_agg(jsonb_build_array(seq, op, shape_id, change::jsonb #- '{shape,created_at}' #- '{shape,updated_at}',
    before::jsonb - 'created_at' - 'updated_at', author, client, op_id, gesture, undoes, role) order by seq, shape_id), '[]')::text
    from pgcanvas.shape_changes where room_id = $1";
const ANSWERS: &str = "select coalesce(json_agg(jsonb_build_array(client, op_id, seq, outcomes) order by seq, op_id), '[]')::text
    from pgcanvas.applied_ops where room_id = $1";
const STONES: &str =
    "select coalesce(json_agg(jsonb_build_array(id, version, nonce, seq) order by id), '[]')::text
    from pgcanvas.tombstones where room_id = $1";

async fn told(client: &Client, sql: &str, room: i64) -> Value {
    let text: String = client.query_one(sql, &[&room]).await.unwrap().get(0);
    serde_json::from_str(&text).unwrap()
}

/// The roads, on one database: room 1 is written by the general one, room 2 by the narrow one and room 3 by that of a lone op, wherever those
/// lead.
pub(crate) struct Roads {
    pub(crate) board: Board,
    writer: WriterConnection,
    client: Uuid,
    pub(crate) op_id: i64,
    pub(crate) plain: usize,
    pub(crate) lone: usize,
}

impl Roads {
    pub(crate) async fn open() -> Self {
        let board = Board::open().await;
        open_room(&board.client, 2).await;
        open_room(&board.client, 3).await;
        let db = Db::new(&Target::from_config(board.database.config().clone()).unwrap(), 2).unwrap();
        let writer = WriterConnection::open(&db).await.unwrap();
        Self { board, writer, client: Uuid::new_v4(), op_id: 0, plain: 0, lone: 0 }
    }

    fn calls<'a>(&mut self, room: i64, batches: &'a [Vec<Op>]) -> Vec<BatchCall<'a>> {
        let numbered = (self.op_id + 1..).zip(batches);
        let room_id = RoomId::new(room).unwrap();
        let part_of = Some(7).filter(|_| self.op_id % 3 == 0);
        numbered
            .map(|(op_id, ops)| BatchCall {
                room_id,
                client: self.client,
                op_id,
                author: "ann \"é\"",
                role: Role::Editor,
                seen: None,
                part_of,
                ops,
            })
            .collect()
    }

    /// Sends the same batches down all; gives what they answered.
    pub(crate) async fn send(&mut self, batches: &[Vec<Op>]) -> Vec<BatchAnswer> {
        let general = self.calls(1, batches);
        let expected = self.writer.apply_ops(&general).await;
        let calls = self.calls(2, batches);
        let read: Option<Vec<Vec<PlainOp>>> = batches.iter().map(|ops| plain_ops(ops)).collect();
        let mut answers = None;
        if let Some(read) = read.filter(|_| each_once(&calls)) {
            let read: Vec<&[PlainOp]> = read.iter().map(Vec::as_slice).collect();
            answers = self.writer.apply_plain(&calls, &read).await.unwrap();
        }
        self.plain += usize::from(answers.is_some());
        let answers = match answers {
            Some(answers) => Ok(answers),
            None => self.writer.apply_ops(&calls).await,
        };
        assert_eq!(answers, expected);
        assert_eq!(self.send_alone(batches).await, expected);
        self.op_id += i64::try_from(batches.len()).unwrap();
        answers.unwrap_or_default()
    }

    /// A lone op by its own road, whatever it is, and on by the general one as the road says.
    async fn send_alone(&mut self, batches: &[Vec<Op>]) -> Result<Vec<BatchAnswer>, DbError> {
        let calls = self.calls(3, batches);
        if let [batch] = calls.as_slice()
            && let [op] = batch.ops
            && let Some(answer) = self.writer.apply_op(batch, op).await?
        {
            self.lone += 1;
            return Ok(vec![answer]);
        }
        self.writer.apply_ops(&calls).await
    }

    pub(crate) async fn assert_same(&self) {
        let loose =
            "select count(*) from pgcanvas.shapes where pgcanvas.grid_holds(grid, bounds) is not true";
        assert_eq!(self.board.value::<i64>(loose).await, 0, "GE4");
        for sql in [SHAPES, LOG, ANSWERS, STONES] {
            let general = told(&self.board.client, sql, 1).await;
            for room in [2, 3] {
                assert_eq!(told(&self.board.client, sql, room).await, general, "room {room}: {sql}");
            }
        }
        for room in [1, 2, 3] {
            let faults: i64 =
                self.board.value(&format!("select count(*) from pgcanvas.verify('{room}')")).await;
            assert_eq!(faults, 0, "the log makes the board of room {room}");
        }
    }
}
