//! Changing tables and views that people use. Whoever waits for such a lock keeps everybody else waiting behind: so each try waits shortly, and
//! between two of them people go on.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Row};

use super::SchemaError;
use crate::backoff::Backoff;

/// How long one try waits for a lock: less than writers do before they give way (`lock_timeout` of `apply_batches`).
const SHORT_WAIT: &str = "100ms";
/// The same where the server itself holds it, to tidy a table up: it lets go when somebody has waited for `deadlock_timeout`, a second.
const WAIT_FOR_SERVER: &str = "1500ms";

/// Tries a step until it finds what it changes free; after the deadline the error says who holds it.
pub(super) async fn patiently<T>(
    client: &mut Client,
    deadline: Instant,
    step: impl AsyncFn(&mut Client) -> Result<T, SchemaError>,
) -> Result<T, SchemaError> {
    let (mut pauses, mut holders) = (Backoff::default(), Holders::default());
    let (mut wait, mut told) = (SHORT_WAIT, false);
    loop {
        set_lock_timeout(client, wait).await?;
        let outcome = step(client).await;
        set_lock_timeout(client, "0").await?;
        let error = match outcome {
            Err(error) if error.is_about_a_lock() => error,
            outcome => return outcome,
        };
        holders.look(client).await?;
        if Instant::now() > deadline {
            return Err(SchemaError::Held { by: holders.sentence(), source: Box::new(error) });
        }
        if !told {
            tracing::warn!("the migration waits: {}", holders.sentence());
            told = true;
        }
        wait = if holders.server_alone() { WAIT_FOR_SERVER } else { SHORT_WAIT };
        sleep(pauses.next_delay()).await;
    }
}

/// The same for a step that keeps nobody waiting while it waits: it is tried once, until the deadline.
pub(super) async fn at_leisure<T>(
    client: &mut Client,
    deadline: Instant,
    step: impl AsyncFn(&mut Client) -> Result<T, SchemaError>,
) -> Result<T, SchemaError> {
    let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(100));
    set_lock_timeout(client, &format!("{}ms", left.as_millis())).await?;
    let outcome = step(client).await;
    set_lock_timeout(client, "0").await?;
    match outcome {
        Err(error) if error.is_about_a_lock() => {
            let mut holders = Holders::default();
            holders.look(client).await?;
            Err(SchemaError::Held { by: holders.sentence(), source: Box::new(error) })
        }
        outcome => outcome,
    }
}

async fn set_lock_timeout(client: &Client, wait: &str) -> Result<(), SchemaError> {
    client.execute("select set_config('lock_timeout', $1, false)", &[&wait]).await?;
    Ok(())
}

/// A transaction that holds a lock on something of the schema.
#[derive(Debug, Clone)]
struct Holder {
    process: i32,
    /// Its transaction, as the server numbers it.
    transaction: String,
    /// None for the server's own processes.
    user: Option<String>,
    program: String,
    /// None where it may not be known.
    state: Option<String>,
    seconds: Option<f64>,
    holds: String,
}

/// Those that held something at every look, the oldest first.
#[derive(Debug, Default)]
struct Holders {
    seen: Option<Vec<Holder>>,
}

impl Holders {
    async fn look(&mut self, client: &Client) -> Result<(), SchemaError> {
        let sql = "
            select l.pid, l.virtualtransaction, a.usename::text, coalesce(a.application_name, ''), a.state,
                   extract(epoch from now() - a.xact_start)::double precision, string_agg(distinct c.oid::regclass::text, ', ')
            from pg_locks l join pg_class c on c.oid = l.relation left join pg_stat_activity a on a.pid = l.pid
            where l.database = (select d.oid from pg_database d where d.datname = current_database())
              and l.granted and l.pid <> pg_backend_pid() and c.relkind in ('r', 'p', 'v')
              and (c.relnamespace = 'pgcanvas'::regnamespace or c.oid = to_regclass('public.chat'))
            group by l.pid, l.virtualtransaction, a.usename, a.application_name, a.state, a.xact_start
            order by a.xact_start nulls last";
        let now: Vec<Holder> =
            client.query(sql, &[]).await?.iter().map(read_holder).collect::<Result<_, _>>()?;
        let mut still = now.clone();
        if let Some(before) = &self.seen {
            still.retain(|holder| before.iter().any(|one| one.transaction == holder.transaction));
        }
        // Where they come and go, those of this moment stand for all.
        self.seen = Some(if still.is_empty() { now } else { still });
        Ok(())
    }

    fn server_alone(&self) -> bool {
        self.seen
            .as_deref()
            .is_some_and(|seen| !seen.is_empty() && seen.iter().all(|holder| holder.user.is_none()))
    }

    /// "process 7 (user ann, psql, idle in transaction for 300 s) holds pgcanvas.shapes".
    fn sentence(&self) -> String {
        let Some(oldest) = self.seen.as_deref().and_then(<[Holder]>::first) else {
            return "one transaction after another holds what it changes".to_owned();
        };
        let who = oldest.user.as_ref().map_or("the server itself".to_owned(), |user| format!("user {user}"));
        let mut facts = vec![who];
        facts.extend((!oldest.program.is_empty()).then(|| oldest.program.clone()));
        let since = oldest.seconds.map_or(String::new(), |seconds| format!(" for {seconds:.0} s"));
        facts.extend(oldest.state.as_ref().map(|state| format!("{state}{since}")));
        format!("process {} ({}) holds {}", oldest.process, facts.join(", "), oldest.holds)
    }
}

fn read_holder(row: &Row) -> Result<Holder, SchemaError> {
    Ok(Holder {
        process: row.try_get(0)?,
        transaction: row.try_get(1)?,
        user: row.try_get(2)?,
        program: row.try_get(3)?,
        state: row.try_get(4)?,
        seconds: row.try_get(5)?,
        holds: row.try_get(6)?,
    })
}
