//! Whether a connection is a session of one's own, asked before a node begins: a pooler in transaction mode takes every statement, and
//! nothing that is notified is ever heard.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

use super::{drive, listen_sql};
use crate::db::connect::Target;
use crate::db::error::DbError;

/// How long an answer, or a notice, may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Whether a connection keeps what it set while others are at work, and hears what they ring.
pub async fn hears_others(target: &Target) -> Result<bool, DbError> {
    let target = target.named("pgcanvas probe");
    let word = Uuid::new_v4().simple().to_string();
    let channel = format!("pgcanvas_probe_{word}");
    let (ear, connection) = target.open().await?;
    let heard = Arc::new(watch::Sender::new(0));
    let driver = tokio::spawn(drive(connection, Arc::new(|_| {}), (channel.clone(), Arc::clone(&heard))));
    let mouth = target.connect().await?;
    let told = timeout(PATIENCE, keeps_and_rings(&ear, &mouth, &channel, &word)).await;
    let hears = match told.map_err(|_| DbError::Unreachable)? {
        Ok(true) => timeout(PATIENCE, heard.subscribe().wait_for(|heard| *heard == 1)).await.is_ok(),
        Ok(false) => false,
        // A pooler refuses what it cannot do; a server refuses none of this.
        Err(error) if error.as_db_error().is_some() => false,
        Err(_) => return Err(DbError::Unreachable),
    };
    driver.abort();
    Ok(hears)
}

/// While the other one is in a transaction, a pooler that shares has to give the first another connection than before.
async fn keeps_and_rings(
    ear: &Client,
    mouth: &Client,
    channel: &str,
    word: &str,
) -> Result<bool, tokio_postgres::Error> {
    ear.batch_execute(&format!("{} set pgcanvas.probe = '{word}'", listen_sql(channel))).await?;
    mouth.batch_execute("begin").await?;
    mouth.batch_execute("select 1").await?;
    let kept = ear.simple_query("select current_setting('pgcanvas.probe', true)").await?;
    mouth.batch_execute(&format!("notify {channel}, '1'")).await?;
    mouth.batch_execute("commit").await?;
    Ok(kept.iter().any(|one| matches!(one, SimpleQueryMessage::Row(row) if row.get(0) == Some(word))))
}
