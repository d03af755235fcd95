//! The sub-commands that look after the log: prune, verify, new-epoch. On the private database also while a node runs on it.

use super::{AppError, Database, tell};
use crate::config::Settings;
use crate::db::calls::upkeep;
use crate::db::embedded::{self, ClusterOptions, EmbeddedError};
use crate::db::schema;
use crate::db::{Client, DbError, Target};

/// A connection to the database the settings name, of whoever runs it, and the server if it is ours to stop.
pub(super) async fn opened(settings: &Settings) -> Result<(Client, Database), AppError> {
    let database = match Database::open(settings).await {
        Err(AppError::Embedded(running @ EmbeddedError::AlreadyRunning { .. })) => {
            let options = ClusterOptions::durable(settings.data_dir.as_deref())?;
            let address = embedded::running(&options.data_dir).ok_or(running)?;
            Database { target: Target::parse(&address.url()).map_err(AppError::Setup)?, cluster: None }
        }
        opened => opened?,
    };
    match connected(&database).await {
        Ok(client) => Ok((client, database)),
        Err(error) => {
            database.close().await?;
            Err(error)
        }
    }
}

async fn connected(database: &Database) -> Result<Client, AppError> {
    let client = database.connect().await?;
    schema::check_contract(&client).await?;
    Ok(client)
}

/// Forgets the oldest batches of a room, or of all.
pub async fn prune(
    settings: Settings,
    room: Option<&str>,
    older_than_days: Option<i32>,
    keep_changes: Option<i64>,
) -> Result<(), AppError> {
    let (client, database) = opened(&settings).await?;
    let pruned = upkeep::prune_history(&client, room, older_than_days, keep_changes).await;
    database.close().await?;
    let pruned = pruned?;
    for room in &pruned {
        tell(&format!(
            "room {}: {} changes forgotten, kept from {} on",
            room.room, room.changes, room.min_since
        ));
    }
    if pruned.is_empty() {
        tell("nothing to forget");
    }
    Ok(())
}

/// Looks for faults in a room's log; any is a failure.
pub async fn verify(settings: Settings, room: &str) -> Result<(), AppError> {
    let (client, database) = opened(&settings).await?;
    let found = async {
        Ok::<_, DbError>((upkeep::verify(&client, room).await?, upkeep::chain_head(&client, room).await?))
    };
    let found = found.await;
    database.close().await?;
    let (faults, head) = found?;
    for (seq, fault) in &faults {
        tell(&format!("batch {seq}: {fault}"));
    }
    if !faults.is_empty() {
        return Err(AppError::Faults { room: room.to_owned(), faults: faults.len() });
    }
    tell(&format!("the log of room {room} is whole, and the board is what it says"));
    match head {
        Some((seq, hash)) => tell(&format!("chained up to batch {seq}: {hash}")),
        None => tell("its batches are not chained"),
    }
    Ok(())
}

/// Makes every client of a room, or of all rooms, start anew.
pub async fn new_epoch(settings: Settings, room: Option<&str>) -> Result<(), AppError> {
    let (client, database) = opened(&settings).await?;
    let rooms = upkeep::new_epoch(&client, room).await;
    database.close().await?;
    tell(&format!("rooms with a new epoch: {}", rooms?));
    Ok(())
}
