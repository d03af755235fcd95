//! What every node does in the background for the log. Any number of nodes may: the database lets one at a time.

use std::time::Duration;

use tokio::time::sleep;

use crate::db::calls::upkeep;
use crate::db::{Client, Db, DbError};
use crate::log::Seldom;

/// How often it is looked whether snapshots are due.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(10);
/// Snapshots written in one transaction, at most.
const SNAPSHOTS: i32 = 100;
/// How often it is looked what is too old.
const RETENTION_PAUSE: Duration = Duration::from_hours(1);
/// How long a node is up before it looks first.
const FIRST_LOOK: Duration = Duration::from_mins(1);

/// How often it is told that something could not be looked at for one reason.
static UNTOLD: Seldom = Seldom::new(Duration::from_mins(1));

/// Writes snapshots as the log grows, without end.
pub(super) async fn write_snapshots(db: Db) {
    loop {
        sleep(SNAPSHOT_PAUSE).await;
        loop {
            match upkeep::write_snapshots(&db, SNAPSHOTS).await {
                Ok(0) => break,
                Ok(_) => {} // there may be more
                Err(error) => {
                    tracing::debug!(%error, "no snapshots now");
                    break;
                }
            }
        }
    }
}

/// Forgets what is older than the settings keep, without end; 0 days keep all.
pub(super) async fn forget_the_old(db: Db, history_days: i32, answer_days: i32) {
    sleep(FIRST_LOOK).await;
    loop {
        for forgotten in [forget_history(&db, history_days).await, forget_answers(&db, answer_days).await] {
            if let Err(error) = forgotten {
                tracing::warn!(%error, "what is too old could not be forgotten now");
            }
        }
        sleep(RETENTION_PAUSE).await;
    }
}

async fn forget_history(db: &Db, days: i32) -> Result<(), DbError> {
    if days > 0 {
        let client = db.target().connect().await?; // without the pool's deadlines
        for pruned in upkeep::prune_history(&client, None, Some(days), None).await? {
            tracing::info!(room = %pruned.room, min_since = pruned.min_since, changes = pruned.changes, "pruned");
        }
    }
    Ok(())
}

async fn forget_answers(db: &Db, days: i32) -> Result<(), DbError> {
    if days > 0 {
        let client = db.target().connect().await?;
        upkeep::forget_answers(&client, days).await?;
    }
    Ok(())
}

/// Gives all rooms a new epoch when the database is not where it was: it was restored, or another server took over.
pub(super) async fn notice_rewind(client: &Client) {
    match upkeep::check_rewind(client).await {
        Ok(None) => {}
        Ok(Some(rooms)) => {
            tracing::warn!(rooms, "the database was restored or failed over: every room has a new epoch");
        }
        Err(error) => {
            if let Some(untold) = UNTOLD.tell(&error.to_string()) {
                tracing::warn!(%error, untold, "it could not be told whether the database was restored");
            }
        }
    }
}
