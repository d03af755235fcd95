//! The pool of connections that read, and the settings every connection of a node begins with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use tokio::time::timeout;
use tokio_postgres::Client;

use super::calls::upkeep::notice_rewind;
use super::connect::{OPEN_TIMEOUT_MS, Target};
use super::error::DbError;
use super::part::LargePart;
use super::pooled::Pooled;
use super::schema::{Place, SchemaError, check_contract, place};
use crate::log::State;

/// How long a caller waits for a free connection before it is told that the database cannot be reached, milliseconds.
const POOL_WAIT_MS: u64 = 5_000;
/// How long a read may take, milliseconds.
pub(super) const READ_TIMEOUT_MS: u32 = 60_000;
/// How long a write may take, milliseconds.
const WRITE_TIMEOUT_MS: u32 = 30_000;

/// As `apply_batches` sets them for itself: plans are made once per connection, perhaps while the tables are empty, and must not count on that;
/// and a lock that somebody holds is not waited for.
const WRITER_SETTINGS: &str =
    "set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off;
    set enable_mergejoin = off; set enable_bitmapscan = off; set lock_timeout = '150ms'";

/// What a database or a role may have been given otherwise, and calls lean on: a transaction sees what was committed before each statement,
/// a number is written so that it reads as the same, a moment without a zone is UTC, an index is read whole, triggers fire, and neither an
/// error, nor a lock that is waited for, nor a pause ends the session. Only a superuser may say whether triggers fire; a session in which they
/// do not, and that may not have them fire, is none for a node.
const SESSION_SETTINGS: &str =
    "set default_transaction_isolation = 'read committed'; set default_transaction_deferrable = off;
    set extra_float_digits = 1; set datestyle = 'ISO, MDY'; set timezone = 'UTC'; set gin_fuzzy_search_limit = 0;
    set row_security = on; set exit_on_error = off; set lock_timeout = 0; set idle_session_timeout = 0;
    do $$ begin
      if current_setting('session_replication_role') = 'replica' then set session_replication_role = origin; end if;
    end $$";

/// The node's door to the database.
#[derive(Debug, Clone)]
pub struct Db {
    target: Target,
    pool: Pool,
    /// What large calls may have of it.
    large: Arc<LargePart>,
    /// Connections from before lead to what is there no more.
    renewed: Arc<Mutex<Instant>>,
    /// Whether writing works.
    writing: Arc<State>,
}

impl Db {
    /// A pool of at most `size` connections; none is opened yet.
    pub fn new(target: &Target, size: usize) -> Result<Self, String> {
        let target = target.named("pgcanvas");
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(target.config.clone(), target.tls.clone(), recycling);
        let wait_for_answer = Duration::from_millis(POOL_WAIT_MS);
        let wait = Some(wait_for_answer);
        let renewed = Arc::new(Mutex::new(Instant::now()));
        let first = Arc::clone(&renewed);
        let pool = Pool::builder(manager)
            .max_size(size)
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts { wait, create: wait, recycle: wait })
            .post_create(Hook::async_fn(move |client, _| {
                Box::pin(async move {
                    let prepared = timeout(wait_for_answer, prepare_session(client, READ_TIMEOUT_MS)).await;
                    let prepared = prepared.map_err(|_| HookError::message("the server does not answer"))?;
                    prepared.map_err(|error| HookError::message(error.to_string()))
                })
            }))
            .pre_recycle(Hook::sync_fn(move |_, metrics| {
                let is_current = metrics.created >= *first.lock().unwrap_or_else(PoisonError::into_inner);
                if is_current { Ok(()) } else { Err(HookError::message("the database is another")) }
            }))
            .build()
            .map_err(|error| format!("the pool cannot be set up: {error}"))?;
        let large = Arc::new(LargePart::of(size));
        Ok(Self { target, pool, large, renewed, writing: Arc::default() })
    }

    /// A connection of the pool; gives up after five seconds.
    pub(super) async fn get(&self) -> Result<Pooled, DbError> {
        Ok(Pooled::new(self.pool.get().await?, None))
    }

    /// A connection of the pool for what may be large or slow: those have half of it at most, so that the others find one. Both waits together
    /// last no longer than that for any connection.
    pub(super) async fn get_for_large(&self) -> Result<Pooled, DbError> {
        let patience = Duration::from_millis(POOL_WAIT_MS);
        let asked = Instant::now();
        let permit = self.large.permit(patience).await?;
        let rest = patience.saturating_sub(asked.elapsed());
        let waits = Timeouts { wait: Some(rest), create: Some(patience), recycle: Some(patience) };
        Ok(Pooled::new(self.pool.timeout_get(&waits).await?, Some(permit)))
    }

    /// A connection of the pool if one is free or may be opened; waits for nobody.
    pub(super) async fn get_at_once(&self) -> Result<Pooled, DbError> {
        let patience = Some(Duration::from_millis(POOL_WAIT_MS));
        let at_once = Timeouts { wait: Some(Duration::ZERO), create: patience, recycle: patience };
        Ok(Pooled::new(self.pool.timeout_get(&at_once).await?, None))
    }

    /// Lets every connection go that is open now: the database was put back, or another took its place. Those in use go after it.
    pub fn renew(&self) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        self.pool.retain(|_, _| false);
    }

    /// Whether a connection from then still leads to the database that is there.
    pub(super) fn is_current(&self, opened: Instant) -> bool {
        opened >= *self.renewed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the database is the one that this program was made for, and where it is. Whoever finds it put back gives new epochs.
    pub async fn look(&self) -> Result<Place, SchemaError> {
        let mut pooled = self.get_at_once().await.ok();
        let own;
        let client = if let Some((client, _)) = pooled.as_mut().and_then(|pooled| pooled.parts().ok()) {
            &**client
        } else {
            own = self.target.connect().await.map_err(|_| SchemaError::Silent)?;
            &own
        };
        check_contract(client).await?;
        let looked = async {
            notice_rewind(client).await.map_err(|_| SchemaError::Silent)?;
            // Last: what was whole for the contract may be gone since.
            place(client).await?.ok_or(SchemaError::NotWhole)
        };
        timeout(Duration::from_millis(OPEN_TIMEOUT_MS), looked).await.map_err(|_| SchemaError::Silent)?
    }

    /// A connection of one's own that writes.
    pub async fn connect_writer(&self) -> Result<Client, DbError> {
        let client = self.target.named("pgcanvas writer").connect().await?;
        let prepared =
            timeout(Duration::from_millis(OPEN_TIMEOUT_MS), prepare_session(&client, WRITE_TIMEOUT_MS));
        prepared.await.map_err(|_| DbError::Unreachable)??;
        timeout(Duration::from_millis(OPEN_TIMEOUT_MS), client.batch_execute(WRITER_SETTINGS))
            .await
            .map_err(|_| DbError::Unreachable)??;
        Ok(client)
    }

    /// A transaction did not succeed because of the database: told once, until that is over.
    pub fn writing_fails(&self, error: &DbError) {
        if self.writing.fails(&error.to_string()) {
            tracing::warn!(%error, "batches wait for the database");
        }
    }

    /// A transaction succeeded.
    pub fn writing_works(&self) {
        if let Some((lasted, attempts)) = self.writing.is_over() {
            tracing::info!(?lasted, attempts, "batches are committed again");
        }
    }

    /// Where the connections go.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Connections in use and open, for metrics.
    pub fn pool_status(&self) -> (usize, usize) {
        let status = self.pool.status();
        (status.size.saturating_sub(status.available), status.size)
    }

    /// Whether somebody waits for a connection of the pool, or of the part of it that large calls have.
    pub fn is_waited_for(&self) -> bool {
        self.pool.status().waiting > 0 || self.large.is_waited_for()
    }

    /// Closes the pool: callers that wait or come later are refused.
    pub fn close(&self) {
        self.large.close();
        self.pool.close();
    }
}

/// Bounds every statement, has none compiled (which takes a hundred times as long as running it), and steps down to the node's role, which
/// holds EXECUTE and no table right, wherever the login may. Then looks where it leads: nothing is read or written where a restore is under
/// way, and where it is done, rooms have new epochs before anybody asks for one.
async fn prepare_session(client: &Client, timeout_ms: u32) -> Result<(), DbError> {
    client
        .batch_execute(&format!(
            "{SESSION_SETTINGS};
             set statement_timeout = {timeout_ms};
             set jit = off;
             set idle_in_transaction_session_timeout = {READ_TIMEOUT_MS};
             do $$ begin
               if pg_has_role(current_user, 'pgcanvas_node', 'member') then set role pgcanvas_node; end if;
             exception when undefined_object or insufficient_privilege then null;
             end $$"
        ))
        .await?;
    if place(client).await?.is_none() {
        return Err(DbError::Lacking("the schema is not there, or not whole yet".to_owned()));
    }
    notice_rewind(client).await
}
