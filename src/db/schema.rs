//! The schema `pgcanvas`: brought to the present by [`migrate`], held against this program by [`check_contract`].
//!
//! `migrations/` is history: each file runs once. `sql/` is the present: what differs in it is made anew, in one transaction, when any of it
//! changed. Both run under one advisory lock, so that any number of migrators may start at once, and wait for tables that people use only
//! so long at a time that nobody notices ([`locks`]).

mod bundle;
mod error;
mod indexes;
mod locks;
mod place;
mod statements;

use std::time::Duration;

use tokio::time::{Instant, timeout};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

pub use error::SchemaError;
use locks::{at_leisure, patiently};
pub use place::{Place, TABLES, place};

/// The contract between nodes and procedures; a node and a database that differ in it do not work together.
pub const CONTRACT: i32 = 7;
/// The channel that rings when a database was migrated.
pub const CHANNEL: &str = "pgcanvas_schema";

/// The oldest PostgreSQL that will do, as `server_version_num` counts.
const MIN_SERVER_VERSION: i32 = 140_000;

/// The table in which refinery keeps which migrations ran.
const HISTORY_TABLE: &str = "pgcanvas.migrations";

/// Where an extension goes: not into the schema `pgcanvas`, as it would for a user of that name.
const MIGRATION_PATH: &str = "public";

/// The advisory lock of migrators, "pgcanvas" in ASCII; advisory locks are per database.
const MIGRATION_LOCK: i64 = 0x7067_6361_6e76_6173;

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// The migrations that ran, in order, as `V1__schema_and_meta`.
    pub migrations: Vec<String>,
    /// Whether functions, triggers, views and grants were brought to the present.
    pub bundle_applied: bool,
    /// The contract that the database had before; none when it was new.
    pub contract_before: Option<i32>,
}

/// How long a migration waits for those who use what it changes.
const PATIENCE: Duration = Duration::from_mins(2);

/// Brings the database to the schema of this program, and changes nothing when it is there. Waits for other migrators, and for two minutes for
/// transactions that use what is to be changed.
pub async fn migrate(client: &mut Client) -> Result<Migrated, SchemaError> {
    migrate_within(client, PATIENCE).await
}

/// The same, with another patience.
pub async fn migrate_within(client: &mut Client, patience: Duration) -> Result<Migrated, SchemaError> {
    check_server(client).await?;
    client.execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
    let outcome = migrate_locked(client, Instant::now() + patience).await;
    let unlocked = client.execute("select pg_advisory_unlock($1)", &[&MIGRATION_LOCK]).await;
    let migrated = outcome?; // says more than a lost connection at the unlock would
    unlocked?;
    Ok(migrated)
}

/// How long the database may take to say its contract.
const CONTRACT_TIMEOUT: Duration = Duration::from_secs(10);

/// Whether this program and the database's schema were made for each other, and all of it is there.
pub async fn check_contract(client: &Client) -> Result<(), SchemaError> {
    let asked =
        async { Ok::<_, SchemaError>((read_contract(client).await?, place(client).await?.is_some())) };
    let answered = timeout(CONTRACT_TIMEOUT, asked).await;
    match answered.map_err(|_| SchemaError::Silent)?? {
        (None, _) => Err(SchemaError::NoSchema),
        (Some(found), _) if found < CONTRACT => Err(SchemaError::OlderContract { found }),
        (Some(found), _) if found > CONTRACT => Err(SchemaError::NewerContract { found }),
        (Some(_), false) => Err(SchemaError::NotWhole),
        (Some(_), true) => Ok(()),
    }
}

/// The server's version, as it calls itself.
pub async fn server_version(client: &Client) -> Result<String, SchemaError> {
    Ok(client.query_one("select current_setting('server_version')", &[]).await?.try_get(0)?)
}

/// Refuses servers that could not hold the schema, before anything is changed.
async fn check_server(client: &Client) -> Result<(), SchemaError> {
    let row = client
        .query_one(
            "select current_setting('server_version_num')::integer, current_setting('server_encoding')",
            &[],
        )
        .await?;
    let (version, encoding): (i32, String) = (row.try_get(0)?, row.try_get(1)?);
    if version < MIN_SERVER_VERSION {
        return Err(SchemaError::ServerTooOld { major: version / 10_000 });
    }
    if encoding != "UTF8" {
        return Err(SchemaError::NotUtf8 { encoding });
    }
    Ok(())
}

async fn migrate_locked(client: &mut Client, deadline: Instant) -> Result<Migrated, SchemaError> {
    let contract_before = read_contract(client).await?;
    if let Some(found) = contract_before.filter(|found| *found > CONTRACT) {
        return Err(SchemaError::NewerContract { found });
    }
    let settings = "select current_setting('search_path'), current_setting('lock_timeout')";
    let before = client.query_one(settings, &[]).await?;
    set(client, "search_path", MIGRATION_PATH).await?;
    let outcome = bring_to_present(client, deadline).await;
    set(client, "search_path", before.try_get(0)?).await?;
    set(client, "lock_timeout", before.try_get(1)?).await?;
    let (migrations, bundle_applied) = outcome?;
    keep_others_out(client).await?;
    Ok(Migrated { migrations, bundle_applied, contract_before })
}

async fn bring_to_present(
    client: &mut Client,
    deadline: Instant,
) -> Result<(Vec<String>, bool), SchemaError> {
    client.batch_execute("create schema if not exists pgcanvas").await?;
    let before = history(client).await?;
    at_leisure(client, deadline, indexes::build).await?;
    patiently(client, deadline, run_migrations).await?;
    let ran = history(client).await?.into_iter().filter(|migration| !before.contains(migration)).collect();
    Ok((ran, patiently(client, deadline, bundle::apply).await?))
}

/// Who logs in by the schema's name has the schema first in the path (`"$user"`), and would make tables and extensions of their own in it,
/// among those whose rights a migration settles. Their sessions find it, after `public`.
async fn keep_others_out(client: &Client) -> Result<(), SchemaError> {
    let sql = "do $$ begin
        if session_user = 'pgcanvas' and not exists (
          select from pg_db_role_setting s join pg_roles r on r.oid = s.setrole cross join unnest(s.setconfig) as c
          where r.rolname = session_user and c like 'search_path=%'
            and s.setdatabase in (0, (select d.oid from pg_database d where d.datname = current_database()))) then
          execute format('alter role %I in database %I set search_path = public, pgcanvas', session_user, current_database());
        end if;
      exception when insufficient_privilege then raise notice 'the path of % stays: others'' tables may land in the schema', session_user;
      end $$";
    Ok(client.batch_execute(sql).await?)
}

async fn set(client: &Client, name: &str, value: &str) -> Result<(), SchemaError> {
    client.execute("select set_config($1, $2, false)", &[&name, &value]).await?;
    Ok(())
}

/// The migrations that ran, in order, as `V1__schema_and_meta`; none before there is a table of them.
async fn history(client: &Client) -> Result<Vec<String>, SchemaError> {
    let known = client.query_one("select to_regclass($1) is not null", &[&HISTORY_TABLE]).await?;
    if !known.try_get::<_, bool>(0)? {
        return Ok(Vec::new());
    }
    let sql = format!("select 'V' || version || '__' || name from {HISTORY_TABLE} order by version");
    client.query(&sql, &[]).await?.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

async fn run_migrations(client: &mut Client) -> Result<(), SchemaError> {
    let mut runner = embedded::migrations::runner();
    runner.set_migration_table_name(HISTORY_TABLE);
    let last_known =
        runner.get_migrations().iter().map(refinery::Migration::version).max().unwrap_or_default();
    runner.run_async(client).await.map_err(|error| SchemaError::of_refinery(error, last_known))?;
    Ok(())
}

/// The contract of the database's schema; none when there is no schema, 0 when one was begun.
async fn read_contract(client: &Client) -> Result<Option<i32>, SchemaError> {
    // By the catalog, which everybody may read: to_regprocedure refuses a role that may not use the schema.
    let state = "select exists (select from pg_namespace where nspname = 'pgcanvas'), exists (
        select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'pgcanvas' and p.proname = 'contract' and p.pronargs = 0)";
    let row = client.query_one(state, &[]).await?;
    match (row.try_get(0)?, row.try_get(1)?) {
        (false, _) => Ok(None),
        (true, false) => Ok(Some(0)),
        (true, true) => match client.query_one("select pgcanvas.contract()", &[]).await {
            Ok(row) => row.try_get::<_, Option<i32>>(0)?.map(Some).ok_or(SchemaError::NotWhole),
            Err(error) if error.code() == Some(&SqlState::UNDEFINED_TABLE) => Err(SchemaError::NotWhole),
            Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                Err(SchemaError::NotGranted)
            }
            Err(error) => Err(error.into()),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_migration_of_the_folder_is_compiled_in() {
        let runner = embedded::migrations::runner();
        let mut compiled: Vec<String> =
            runner.get_migrations().iter().map(|one| format!("{one}.sql")).collect();
        compiled.sort();
        assert_eq!(compiled, bundle::files_of("migrations"));
    }
}
