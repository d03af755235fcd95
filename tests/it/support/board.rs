//! A room in a database of its own, written and read by SQL as nodes and other writers do.

use super::database::TestDatabase;
use futures_util::{StreamExt, stream};
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio_postgres::{AsyncMessage, Client, Config, Error, NoTls};
use uuid::Uuid;

/// A room, and a connection as the schema's owner.
pub(crate) struct Board {
    pub(crate) database: TestDatabase,
    pub(crate) client: Client,
    pub(crate) room: i64,
}

/// One batch for `apply_batches`: ops are verb, shape id and body.
pub(crate) struct Batch {
    pub(crate) room: i64,
    pub(crate) client: Option<Uuid>,
    pub(crate) op_id: Option<i64>,
    pub(crate) ops: Vec<(&'static str, String, Value)>,
}

/// What `apply_batches` answers for a batch.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answer {
    pub(crate) code: String,
    pub(crate) seq: Option<i64>,
    pub(crate) outcomes: Option<Vec<String>>,
}

impl Answer {
    pub(crate) fn new(code: &str, seq: i64, outcomes: &[&str]) -> Self {
        let outcomes = outcomes.iter().map(|outcome| (*outcome).to_owned()).collect();
        Self { code: code.to_owned(), seq: Some(seq), outcomes: Some(outcomes) }
    }
}

impl Batch {
    /// A batch without a client, as SQL writers send it.
    pub(crate) fn anonymous(room: i64, ops: Vec<(&'static str, &str, Value)>) -> Self {
        let ops = ops.into_iter().map(|(verb, id, body)| (verb, id.to_owned(), body)).collect();
        Self { room, client: None, op_id: None, ops }
    }

    pub(crate) fn of(self, client: Uuid, op_id: i64) -> Self {
        Self { client: Some(client), op_id: Some(op_id), ..self }
    }
}

impl Board {
    pub(crate) async fn open() -> Self {
        let database = TestDatabase::create().await;
        let client = database.client().await;
        let room = open_room(&client, 1).await;
        Self { database, client, room }
    }

    /// A connection that may do what the role may.
    pub(crate) async fn client_as(&self, role: &str) -> Client {
        let client = self.database.client().await;
        client.batch_execute(&format!("set role {role}")).await.unwrap();
        client
    }

    /// Applies one anonymous batch.
    pub(crate) async fn apply(&self, ops: Vec<(&'static str, &str, Value)>) -> Result<Answer, Error> {
        let mut answers = apply_batches(&self.client, &[Batch::anonymous(self.room, ops)]).await?;
        Ok(answers.remove(0))
    }

    /// The only column of the only row.
    pub(crate) async fn value<T: for<'a> tokio_postgres::types::FromSql<'a>>(&self, sql: &str) -> T {
        self.client.query_one(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }

    pub(crate) async fn run(&self, sql: &str) {
        self.client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }

    pub(crate) async fn last_seq(&self) -> i64 {
        self.value(&format!("select last_seq from pgcanvas.room_head({})", self.room)).await
    }

    /// The room's log holds each seq up to the room's own, and nothing beyond.
    pub(crate) async fn assert_gapless(&self) {
        let sql = format!(
            "select coalesce(array_agg(distinct seq order by seq), '{{}}') from pgcanvas.shape_changes where room_id = {}",
            self.room
        );
        let logged: Vec<i64> = self.value(&sql).await;
        assert_eq!(logged, (1..=self.last_seq().await).collect::<Vec<_>>());
    }

    /// Hears the rooms' bells from now on.
    pub(crate) async fn listen(&self, rooms: &[i64]) -> Bells {
        let sql = "select channel from pgcanvas.rooms where id = any ($1)";
        let rows = self.client.query(sql, &[&rooms]).await.unwrap();
        let bells = Bells::listen(self.database.config()).await;
        for row in rows {
            bells.client.batch_execute(&format!("listen {}", row.get::<_, String>(0))).await.unwrap();
        }
        bells
    }
}

/// What a listening connection hears.
pub(crate) struct Bells {
    client: Client,
    heard: UnboundedReceiver<String>,
}

/// A connection, and what is picked of all that the server sends it unasked.
pub(crate) async fn hearing(
    config: &Config,
    pick: fn(AsyncMessage) -> Option<String>,
) -> (Client, UnboundedReceiver<String>) {
    let (client, mut connection) = config.connect(NoTls).await.unwrap();
    let (sender, heard) = unbounded_channel();
    tokio::spawn(async move {
        let mut messages = stream::poll_fn(move |context| connection.poll_message(context));
        while let Some(Ok(message)) = messages.next().await {
            if let Some(picked) = pick(message)
                && sender.send(picked).is_err()
            {
                break;
            }
        }
    });
    (client, heard)
}

impl Bells {
    async fn listen(config: &Config) -> Self {
        let (client, heard) = hearing(config, |message| match message {
            AsyncMessage::Notification(notice) => Some(notice.payload().to_owned()),
            _ => None,
        })
        .await;
        client.batch_execute("listen the_end").await.unwrap();
        Self { client, heard }
    }

    /// All that was rung and committed until now.
    pub(crate) async fn heard(&mut self) -> Vec<String> {
        // Notices come in the order of commits: what was rung before comes before this.
        self.client.batch_execute("notify the_end, 'the end'").await.unwrap();
        let mut all = Vec::new();
        loop {
            match self.heard.recv().await {
                Some(payload) if payload == "the end" => return all,
                Some(payload) => all.push(payload),
                None => panic!("the listening connection is gone; heard {all:?}"),
            }
        }
    }
}

/// Opens the room of a number.
pub(crate) async fn open_room(client: &Client, number: i64) -> i64 {
    client.query_one("select pgcanvas.open_room($1)", &[&number]).await.unwrap().get(0)
}

/// Calls `apply_batches` as nodes do.
pub(crate) async fn apply_batches(client: &Client, batches: &[Batch]) -> Result<Vec<Answer>, Error> {
    let rooms: Vec<i64> = batches.iter().map(|batch| batch.room).collect();
    let clients: Vec<Option<Uuid>> = batches.iter().map(|batch| batch.client).collect();
    let op_ids: Vec<Option<i64>> = batches.iter().map(|batch| batch.op_id).collect();
    let authors: Vec<String> = (1..=batches.len()).map(|n| format!("author {n}")).collect();
    let ops: Vec<_> =
        (1i32..).zip(batches).flat_map(|(n, batch)| batch.ops.iter().map(move |op| (n, op))).collect();
    let numbers: Vec<i32> = ops.iter().map(|(n, _)| *n).collect();
    let verbs: Vec<&str> = ops.iter().map(|(_, op)| op.0).collect();
    let ids: Vec<&str> = ops.iter().map(|(_, op)| op.1.as_str()).collect();
    let bodies: Vec<&Value> = ops.iter().map(|(_, op)| &op.2).collect();
    let bases: Vec<Option<i64>> =
        ops.iter().map(|(_, op)| op.2.get("base").and_then(Value::as_i64)).collect();
    let seen: Vec<Option<i64>> = vec![None; batches.len()];
    let roles: Vec<Option<&str>> = batches.iter().map(|batch| batch.client.map(|_| "editor")).collect();
    let sql = "with s as materialized (select set_config('lock_timeout', '150ms', true) as v)
        select code, seq, outcomes from s, pgcanvas.typed_ops($8, $9, $11) as t,
        pgcanvas.apply_batches(case when s.v <> '' then $1::bigint[] end, $2, $3, $4, $5, $6, $12, $7, $8, $9, $10, t.rows, t.extras, t.said) order by batch";
    let rows = client
        .query(
            sql,
            &[
                &rooms, &clients, &op_ids, &authors, &seen, &seen, &numbers, &verbs, &ids, &bases, &bodies,
                &roles,
            ],
        )
        .await?;
    Ok(rows.iter().map(|row| Answer { code: row.get(0), seq: row.get(1), outcomes: row.get(2) }).collect())
}

/// SQLSTATE and message of a refusal.
pub(crate) fn refusal<T>(outcome: Result<T, Error>) -> (String, String) {
    let error = outcome.err().expect("a refusal");
    let answer = error.as_db_error().unwrap_or_else(|| panic!("not of the server: {error:?}"));
    (answer.code().code().to_owned(), answer.message().to_owned())
}

/// SQLSTATE of a refusal.
pub(crate) fn code<T>(outcome: Result<T, Error>) -> String {
    refusal(outcome).0
}
