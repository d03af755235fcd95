//! A connection of the pool that does not wait for ever: a server that is frozen, or behind a connection that is half open, takes a question
//! and never answers.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use deadpool_postgres::{ClientWrapper, Object};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Row, Statement};

use super::error::DbError;
use super::part::LargePermit;
use super::pool::READ_TIMEOUT_MS;

/// How long an answer may take: longer than the server's own limit, so that only a server that says nothing at all is given up.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(READ_TIMEOUT_MS as u64 + 5_000);

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A connection of the pool. Its questions have a deadline; whoever did not answer in time does not go back to the pool.
#[derive(Debug)]
pub(super) struct Pooled {
    /// There until it is dropped.
    client: Option<Object>,
    watch: Watch,
    /// Whether it is not to go back to the pool.
    is_used_up: bool,
    /// Its right to a connection, where it is a large call's. The last to go: after the connection.
    _permit: Option<LargePermit>,
}

/// Whether a connection still answers.
#[derive(Debug)]
pub(super) struct Watch {
    patience: Duration,
    silent: AtomicBool,
}

impl Watch {
    /// Waits for an answer, and no longer than that.
    pub(super) async fn answer<T, E: Into<DbError>>(
        &self,
        asked: impl Future<Output = Result<T, E>>,
    ) -> Result<T, DbError> {
        if let Ok(answer) = timeout(self.patience, asked).await {
            return answer.map_err(Into::into);
        }
        self.silent.store(true, Ordering::Relaxed);
        Err(DbError::Unreachable)
    }
}

impl Pooled {
    /// For as long as it is used it holds the permit.
    pub(super) fn new(client: Object, permit: Option<LargePermit>) -> Self {
        let watch = Watch { patience: ANSWER_TIMEOUT, silent: AtomicBool::new(false) };
        Self { client: Some(client), watch, is_used_up: false, _permit: permit }
    }

    /// The same connection, which ends after this use.
    pub(super) fn used_up(mut self) -> Self {
        self.is_used_up = true;
        self
    }

    /// Waits for answers only so long, where they are known to come soon.
    pub(super) fn patient_for(mut self, patience: Duration) -> Self {
        self.watch.patience = patience;
        self
    }

    /// The statement, prepared once per connection.
    pub(super) async fn prepare_cached(&self, sql: &str) -> Result<Statement, DbError> {
        self.watch.answer(self.client()?.prepare_cached(sql)).await
    }

    /// All rows.
    pub(super) async fn query(&self, sql: &Statement, with: Parameters<'_>) -> Result<Vec<Row>, DbError> {
        self.watch.answer(self.client()?.query(sql, with)).await
    }

    /// One row at most.
    pub(super) async fn query_opt(
        &self,
        sql: &Statement,
        with: Parameters<'_>,
    ) -> Result<Option<Row>, DbError> {
        self.watch.answer(self.client()?.query_opt(sql, with)).await
    }

    /// The only row.
    pub(super) async fn query_one(&self, sql: &Statement, with: Parameters<'_>) -> Result<Row, DbError> {
        self.watch.answer(self.client()?.query_one(sql, with)).await
    }

    /// How many rows were concerned.
    pub(super) async fn execute(&self, sql: &Statement, with: Parameters<'_>) -> Result<u64, DbError> {
        self.watch.answer(self.client()?.execute(sql, with)).await
    }

    /// The connection itself, and the watch that its questions are to be asked under.
    pub(super) fn parts(&mut self) -> Result<(&mut ClientWrapper, &Watch), DbError> {
        let client = self.client.as_mut().ok_or(DbError::Unreachable)?;
        Ok((&mut **client, &self.watch))
    }

    fn client(&self) -> Result<&Object, DbError> {
        self.client.as_ref().ok_or(DbError::Unreachable)
    }
}

impl Drop for Pooled {
    fn drop(&mut self) {
        if self.is_used_up
            && let Some(client) = self.client.take()
        {
            return drop(Object::take(client));
        }
        if self.watch.silent.load(Ordering::Relaxed)
            && let Some(client) = self.client.take()
        {
            // The idle ones went the same way to the same server: each would cost somebody the same wait.
            if let Some(pool) = Object::pool(&client) {
                pool.retain(|_, _| false);
            }
            // Out of the pool; closed when it is dropped here.
            drop(Object::take(client));
        }
    }
}
