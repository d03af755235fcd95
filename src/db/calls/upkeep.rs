//! Looking after the log: snapshots, what is kept for how long, epochs, whether it was tampered with; and after people who are locked out.

use tokio_postgres::Client;

use super::room_id;
use crate::db::error::DbError;
use crate::db::pool::Db;
use crate::model::{Role, RoomId, TokenHash};

/// Writes the snapshots that are due, at most `limit` and for about a second, and says how many; 0: none is due, or another node is at it.
pub async fn write_snapshots(db: &Db, limit: i32) -> Result<i32, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.write_snapshots($1)").await?;
    Ok(client.query_one(&statement, &[&limit]).await?.try_get(0)?)
}

/// A room that lost some of its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pruned {
    /// The room.
    pub room: RoomId,
    /// From where on it can tell now.
    pub min_since: i64,
    /// How many changes went.
    pub changes: i64,
}

/// Forgets the oldest batches of a room, or of all: those older than some days and not among the newest changes that are to be kept. Each room
/// in a transaction of its own: what was pruned stays locked until its transaction ends.
pub async fn prune_history(
    client: &Client,
    room: Option<&str>,
    older_than_days: Option<i32>,
    keep_changes: Option<i64>,
) -> Result<Vec<Pruned>, DbError> {
    let sql = "select room_id, min_since, changes from pgcanvas.prune_history($1, make_interval(days => $2), $3, $4, 1)";
    let (mut pruned, mut after): (Vec<Pruned>, i64) = (Vec::new(), 0);
    while let Some(row) = client.query_opt(sql, &[&room, &older_than_days, &keep_changes, &after]).await? {
        let room = room_id(row.try_get(0)?)?;
        after = room.get();
        pruned.push(Pruned { room, min_since: row.try_get(1)?, changes: row.try_get(2)? });
    }
    Ok(pruned)
}

/// Removes at most `limit` rows of rooms that were deleted, and says how many; none: there are none, or another node is at it.
pub async fn remove_remains(db: &Db, limit: i64) -> Result<Option<i64>, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.remove_remains($1)").await?;
    Ok(client.query_one(&statement, &[&limit]).await?.try_get(0)?)
}

/// Notes which pictures the log names, of at most `batches` that were not looked at yet; whether there may be more.
pub async fn note_file_uses(client: &Client, batches: i64) -> Result<bool, DbError> {
    Ok(client.query_one("select pgcanvas.note_file_uses($1)", &[&batches]).await?.try_get(0)?)
}

/// Removes the pictures that nothing has named for some days, and says how many.
pub async fn collect_files(client: &Client, days: i32) -> Result<i64, DbError> {
    let sql = "select pgcanvas.collect_files(make_interval(days => $1))";
    Ok(client.query_one(sql, &[&days]).await?.try_get(0)?)
}

/// Forgets first answers of an age, and says how many.
pub async fn forget_answers(client: &Client, older_than_days: i32) -> Result<i64, DbError> {
    let sql = "select pgcanvas.forget_answers(make_interval(days => $1))";
    Ok(client.query_one(sql, &[&older_than_days]).await?.try_get(0)?)
}

/// Gives a room, or all, a new epoch, and says how many rooms.
pub async fn new_epoch(client: &Client, room: Option<&str>) -> Result<i64, DbError> {
    Ok(client.query_one("select pgcanvas.new_epoch($1)", &[&room]).await?.try_get(0)?)
}

/// Makes a link into a room by slug or number, in the name of who is logged in to the database; gives the room's slug.
pub async fn make_link(
    client: &Client,
    room: &str,
    role: Role,
    token: &TokenHash,
    days: Option<i32>,
) -> Result<String, DbError> {
    let sql =
        "select r.slug from pgcanvas.make_link(pgcanvas.known_room($1), $2, $3, pgcanvas.sql_author(), $4)
               join pgcanvas.rooms as r on r.id = pgcanvas.known_room($1)";
    Ok(client.query_one(sql, &[&room, &role.as_str(), &token.as_bytes(), &days]).await?.try_get(0)?)
}

/// Gives somebody another password, and signs them out everywhere; false when there is no such account.
pub async fn set_password(client: &Client, login: &str, password_hash: &str) -> Result<bool, DbError> {
    Ok(client
        .query_one("select pgcanvas.set_password($1, $2)", &[&login, &password_hash])
        .await?
        .try_get(0)?)
}

/// Notes where the database runs; how many rooms got a new epoch, because it was restored or failed over since it was last noted.
pub async fn check_rewind(client: &Client) -> Result<Option<i64>, DbError> {
    Ok(client.query_one("select pgcanvas.check_rewind()", &[]).await?.try_get(0)?)
}

/// The same, and says so in the log. Where the database has no such function it is of another contract, which is told elsewhere.
pub async fn notice_rewind(client: &Client) -> Result<(), DbError> {
    match check_rewind(client).await {
        Ok(None) | Err(DbError::Lacking(_)) => {}
        Ok(Some(rooms)) => {
            tracing::warn!(rooms, "the database was restored or failed over: every room has a new epoch");
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// What is wrong with a room's log: seq and fault.
pub async fn verify(client: &Client, room: &str) -> Result<Vec<(i64, String)>, DbError> {
    let rows = client.query("select seq, fault from pgcanvas.verify($1) order by seq", &[&room]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// The newest hash of a room's chain, if it has one: seq and hash.
pub async fn chain_head(client: &Client, room: &str) -> Result<Option<(i64, String)>, DbError> {
    let row = client.query_opt("select seq, hash from pgcanvas.chain_head($1)", &[&room]).await?;
    row.map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).transpose()
}
