//! One function per SQL function, of the same name. The only SQL text beside the schema's and the listener's.

pub mod access;
pub mod files;
mod gestures;
pub mod past;
pub mod people;
mod reading;
mod typed;
pub mod upkeep;
mod writing;

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::Row;
use uuid::Uuid;

use super::error::DbError;
use super::pool::Db;
use crate::model::{Role, RoomId, RoomName, Seq, TokenHash};

pub use gestures::GestureCall;
pub use typed::column_type;
pub use writing::{BatchAnswer, BatchCall, Stage, WriterConnection};

pub use reading::{Reader, RoomReading, reader, room_delta_at};

/// A room as the database knows it.
#[derive(Debug, Clone)]
pub struct RoomState {
    /// Its number.
    pub id: RoomId,
    /// Its name in addresses.
    pub slug: String,
    /// Which history this is.
    pub epoch: Uuid,
    /// Seq of the last batch.
    pub last_seq: Seq,
    /// Oldest seq to resume from.
    pub min_since: Seq,
    /// How conflicts are settled.
    pub policy: String,
    /// What it gives everybody.
    pub visibility: String,
    /// Shapes on it.
    pub shape_count: i64,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601.
    pub touched_at: String,
    /// Who made the last batch; none when there is none, or it is not kept.
    pub touched_by: Option<String>,
}

/// Where a room is.
#[derive(Debug, Clone, Copy)]
pub struct RoomHead {
    /// Which history this is.
    pub epoch: Uuid,
    /// Seq of the last batch.
    pub last_seq: Seq,
    /// Oldest seq to resume from.
    pub min_since: Seq,
    /// How often it has changed who may what.
    pub rights: i64,
}

/// One change of the log, JSON as it goes to clients.
#[derive(Debug, Clone)]
pub struct LoggedChange {
    /// Its batch.
    pub seq: Seq,
    /// Its place in the log.
    pub ordinal: i64,
    /// The batch's JSON up to and with the bracket that opens its changes.
    pub head: String,
    /// The change.
    pub change: String,
}

/// One shape of a join.
#[derive(Debug, Clone)]
pub enum Difference {
    /// The client does not have it: its JSON.
    Added(String),
    /// The client has an older one: its JSON.
    Modified(String),
    /// It is gone: its id.
    Deleted(String),
    /// It came and went.
    None,
}

/// How long rows may take that are found by their key: everybody in a room may be waiting for them.
const SHORT_ANSWER: Duration = Duration::from_secs(15);

/// The channel of a room, kept apart from [`RoomState`], which is shown to people.
#[derive(Debug, Clone)]
pub struct Channel(pub String);

/// What is read of a room, before the function that tells it.
macro_rules! room_columns {
    ($more:literal) => {
        concat!(
            "select id, slug, epoch, last_seq, min_since, policy, visibility, shape_count, pgcanvas.iso(created_at) as created_at,
             pgcanvas.iso(touched_at) as touched_at, touched_by, ",
            $more
        )
    };
}

/// One room by slug or number.
pub async fn room_state(db: &Db, room: &RoomName) -> Result<Option<(RoomState, Channel)>, DbError> {
    let client = db.get().await?.patient_for(SHORT_ANSWER);
    let statement = client.prepare_cached(room_columns!("channel from pgcanvas.room_state($1)")).await?;
    let row = client.query_opt(&statement, &[&room.to_string()]).await?;
    row.map(|row| Ok((read_room(&row)?, Channel(row.try_get("channel")?)))).transpose()
}

/// Where a room is; none when there is no such room. With a channel: the one that rings there, which may be gone though another has its
/// number.
pub async fn room_head(db: &Db, room: RoomId, channel: Option<&str>) -> Result<Option<RoomHead>, DbError> {
    let client = db.get().await?.patient_for(SHORT_ANSWER);
    let statement = client.prepare_cached("select * from pgcanvas.room_head($1, $2)").await?;
    client.query_opt(&statement, &[&room.get(), &channel]).await?.map(|row| read_head(&row)).transpose()
}

/// A room to be made.
#[derive(Debug, Clone)]
pub struct NewRoom<'a> {
    /// Its name in addresses; none: one is drawn.
    pub slug: Option<&'a str>,
    /// What it gives everybody.
    pub visibility: &'a str,
    /// How conflicts are settled.
    pub policy: &'a str,
    /// Whose it is.
    pub owner: &'a str,
    /// For an owner who has no account.
    pub owner_link: Option<&'a TokenHash>,
}

/// Makes a room; a name that is taken is [`DbError::Conflict`].
pub async fn create_room(db: &Db, room: &NewRoom<'_>) -> Result<RoomId, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.create_room($1, $2, $3, $4, $5)").await?;
    let link = room.owner_link.map(TokenHash::as_bytes);
    let row = client
        .query_one(&statement, &[&room.slug, &room.visibility, &room.owner, &room.policy, &link])
        .await?;
    room_id(row.try_get(0)?)
}

/// Settles concurrent changes of one shape in another way from now on; false when there is no such room.
pub async fn set_policy(db: &Db, room: RoomId, policy: &str) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.set_policy($1, $2)").await?;
    Ok(client.query_one(&statement, &[&room.get(), &policy]).await?.try_get(0)?)
}

/// Opens the room of a number on first use.
pub async fn open_room(db: &Db, number: i64) -> Result<RoomId, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.open_room($1)").await?;
    room_id(client.query_one(&statement, &[&number]).await?.try_get(0)?)
}

/// Rooms by slug, after a given one, with what somebody may there: those that everybody may look at, and their own.
pub async fn list_rooms(
    db: &Db,
    after: Option<&str>,
    limit: i32,
    user: Option<&str>,
) -> Result<Vec<(RoomState, Role)>, DbError> {
    let client = db.get_for_large().await?;
    let sql = room_columns!("role from pgcanvas.list_rooms($1, $2, $3)");
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[&after, &limit, &user]).await?;
    rows.iter().map(|row| Ok((read_room(row)?, access::read_role(row)?))).collect()
}

/// The log of a room after a change, in order, at most `limit` changes; the one that brings them to so many bytes is the last.
pub async fn changes_since(
    db: &Db,
    room: RoomId,
    after: (Seq, i64),
    limit: i32,
    bytes: i32,
) -> Result<Vec<LoggedChange>, DbError> {
    let client = db.get().await?.patient_for(SHORT_ANSWER);
    let statement = client.prepare_cached("select * from pgcanvas.changes_since($1, $2, $3, $4, $5)").await?;
    let rows = client.query(&statement, &[&room.get(), &after.0.get(), &after.1, &limit, &bytes]).await?;
    rows.iter().map(read_change).collect()
}

/// The named shapes of a room: id and JSON. The one that brings them to [`TOLD_BYTES`] is the last.
pub async fn shapes_by_id(db: &Db, room: RoomId, ids: &[&str]) -> Result<Vec<(String, String)>, DbError> {
    let client = db.get().await?.patient_for(SHORT_ANSWER);
    let sql = "select shape_id, shape from (
          select s.*, sum(octet_length(s.shape)) over (order by s.shape_id collate \"C\") - octet_length(s.shape) as bytes_before
          from pgcanvas.shapes_by_id($1, $2) as s) as s
        where bytes_before < $3 order by shape_id collate \"C\"";
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[&room.get(), &ids, &TOLD_BYTES]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// How many bytes of shapes are told with a rejected batch, or translated for old clients, at a time.
const TOLD_BYTES: i64 = 512 * 1024;

/// A page of shapes for [`shapes_in_box`].
#[derive(Debug, Clone, Default)]
pub struct ShapeQuery<'a> {
    /// `x0, y0, x1, y1`; none: everywhere.
    pub area: Option<[f64; 4]>,
    /// Only this kind.
    pub kind: Option<&'a str>,
    /// Only ids after this one.
    pub after: Option<&'a str>,
    /// At most so many.
    pub limit: i32,
    /// The one that brings them to so many bytes is the last.
    pub bytes: i32,
}

/// Shapes whose bounds touch a box: id and JSON, by id.
pub async fn shapes_in_box(
    db: &Db,
    room: RoomId,
    query: &ShapeQuery<'_>,
) -> Result<Vec<(String, String)>, DbError> {
    let client = db.get_for_large().await?;
    let sql = "select shape_id, shape from pgcanvas.shapes_in_box($1, box(point($2, $3), point($4, $5)), $6, $7, $8, $9)";
    let statement = client.prepare_cached(sql).await?;
    let [x0, y0, x1, y1] = query.area.map_or([None; 4], |area| area.map(Some));
    let (room, bytes) = (room.get(), query.bytes);
    let with: [&(dyn tokio_postgres::types::ToSql + Sync); 9] =
        [&room, &x0, &y0, &x1, &y1, &query.kind, &query.after, &query.limit, &bytes];
    let rows = client.query(&statement, &with).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// Rings the bells of many rooms, each with a payload of its own.
pub async fn ring(db: &Db, rooms: &[i64], payloads: &[String]) -> Result<(), DbError> {
    let client = db.get().await?.patient_for(SHORT_ANSWER);
    let statement = client.prepare_cached("select pgcanvas.ring($1, $2)").await?;
    client.execute(&statement, &[&rooms, &payloads]).await?;
    Ok(())
}

/// How long the simplest answer may take.
const ALIVE_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the database answers, on a connection of the pool, and takes writes.
pub async fn alive(db: &Db) -> Result<bool, DbError> {
    let asked = async {
        let client = db.get().await?;
        let statement = client.prepare_cached("show transaction_read_only").await?;
        Ok(client.query_one(&statement, &[]).await?.try_get::<_, String>(0)? == "off")
    };
    timeout(ALIVE_TIMEOUT, asked).await.map_err(|_| DbError::Unreachable)?
}

fn read_room(row: &Row) -> Result<RoomState, DbError> {
    Ok(RoomState {
        id: room_id(row.try_get("id")?)?,
        slug: row.try_get("slug")?,
        epoch: row.try_get("epoch")?,
        last_seq: seq(row, "last_seq")?,
        min_since: seq(row, "min_since")?,
        policy: row.try_get("policy")?,
        visibility: row.try_get("visibility")?,
        shape_count: row.try_get("shape_count")?,
        created_at: row.try_get("created_at")?,
        touched_at: row.try_get("touched_at")?,
        touched_by: row.try_get("touched_by")?,
    })
}

fn read_head(row: &Row) -> Result<RoomHead, DbError> {
    Ok(RoomHead {
        epoch: row.try_get("epoch")?,
        last_seq: seq(row, "last_seq")?,
        min_since: seq(row, "min_since")?,
        rights: row.try_get("rights")?,
    })
}

fn read_change(row: &Row) -> Result<LoggedChange, DbError> {
    Ok(LoggedChange {
        seq: seq(row, "seq")?,
        ordinal: row.try_get("ordinal")?,
        head: row.try_get("head")?,
        change: row.try_get("change")?,
    })
}

fn read_difference(row: &Row) -> Result<Difference, DbError> {
    Ok(match row.try_get("change")? {
        "added" => Difference::Added(row.try_get("shape")?),
        "modified" => Difference::Modified(row.try_get("shape")?),
        "none" => Difference::None,
        _ => Difference::Deleted(row.try_get("shape_id")?),
    })
}

fn seq(row: &Row, column: &str) -> Result<Seq, DbError> {
    Seq::new(row.try_get(column)?).map_err(|_| DbError::Refused)
}

fn room_id(number: i64) -> Result<RoomId, DbError> {
    RoomId::new(number).map_err(|_| DbError::Refused)
}
