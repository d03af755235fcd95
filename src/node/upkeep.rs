//! What every node does in the background for the log. Any number of nodes may: the database lets one at a time.

use std::time::Duration;

use tokio::time::sleep;

use crate::config::NodeSettings;
use crate::db::calls::upkeep;
use crate::db::{Db, DbError};

/// How often it is looked whether snapshots are due.
const SNAPSHOT_PAUSE: Duration = Duration::from_secs(10);
/// Snapshots written in one transaction, at most.
const SNAPSHOTS: i32 = 100;
/// How often it is looked whether deleted rooms left rows behind.
const REMAINS_PAUSE: Duration = Duration::from_secs(10);
/// Rows removed in one transaction: some tenths of a second.
const REMAINS: i64 = 10_000;
/// Batches looked through for pictures in one transaction.
const FILE_USES: i64 = 10_000;
/// How often it is looked what is too old.
const RETENTION_PAUSE: Duration = Duration::from_hours(1);
/// How long a node is up before it looks first.
const FIRST_LOOK: Duration = Duration::from_mins(1);

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

/// Removes what deleted rooms left behind, piece by piece, without end.
pub(super) async fn remove_remains(db: Db) {
    loop {
        sleep(REMAINS_PAUSE).await;
        loop {
            match upkeep::remove_remains(&db, REMAINS).await {
                Ok(None) => break,
                Ok(Some(_)) => {} // there may be more
                Err(error) => {
                    tracing::debug!(%error, "nothing of deleted rooms is removed now");
                    break;
                }
            }
        }
    }
}

/// Forgets what is older than the settings keep, without end; 0 days keep all.
pub(super) async fn forget_the_old(db: Db, settings: NodeSettings) {
    sleep(FIRST_LOOK).await;
    loop {
        let forgotten = [
            forget_history(&db, settings.history_days).await,
            forget_answers(&db, settings.answer_days).await,
            collect_files(&db, settings.file_days).await,
        ];
        for error in forgotten.into_iter().filter_map(Result::err) {
            tracing::warn!(%error, "what is too old could not be forgotten now");
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

async fn collect_files(db: &Db, days: i32) -> Result<(), DbError> {
    if days > 0 {
        let client = db.target().connect().await?;
        while upkeep::note_file_uses(&client, FILE_USES).await? {}
        let files = upkeep::collect_files(&client, days).await?;
        if files > 0 {
            tracing::info!(files, "pictures that nothing names any more are gone");
        }
    }
    Ok(())
}
