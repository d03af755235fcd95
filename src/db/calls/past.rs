//! Going back: boards at a point, what happened, and bringing it back.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{room_id, seq};
use crate::db::error::DbError;
use crate::db::pool::Db;
use crate::model::{Role, RoomId, Seq, TokenHash};

/// The seq a room was at in a moment, ISO 8601 with a zone.
pub async fn seq_at(db: &Db, room: RoomId, at: &str) -> Result<Seq, DbError> {
    let client = db.get_for_large().await?;
    let sql = "select pgcanvas.seq_at($1, $2::text::timestamptz) as seq";
    let statement = client.prepare_cached(sql).await?;
    seq(&client.query_one(&statement, &[&room.to_string(), &at]).await?, "seq")
}

/// The board after a batch: shapes by id after a given one (`""` begins), id and JSON, at most `limit`; the one that brings them to so many
/// bytes is the last.
pub async fn room_at(
    db: &Db,
    room: RoomId,
    point: Seq,
    after: &str,
    (limit, bytes): (i32, i64),
) -> Result<Vec<(String, String)>, DbError> {
    let client = db.get_for_large().await?;
    let sql = "select shape_id, shape from (
          select s.shape_id, s.shape::text as shape,
            sum(octet_length(s.shape::text)) over (order by s.shape_id collate \"C\") - octet_length(s.shape::text) as bytes_before
          from pgcanvas.room_at($1, $2::bigint, $3, $4) as s) as s
        where bytes_before < $5 order by shape_id collate \"C\"";
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[&room.to_string(), &point.get(), &after, &limit, &bytes]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

/// One batch, as [`room_history`] tells it.
#[derive(Debug, Clone)]
pub struct PastBatch {
    /// Its seq.
    pub seq: Seq,
    /// Who.
    pub author: String,
    /// The device or tab; none for direct SQL.
    pub client: Option<Uuid>,
    /// Its counter.
    pub op_id: Option<i64>,
    /// ISO 8601.
    pub at: String,
    /// Shapes created, patched, appended to, deleted.
    pub counts: [i64; 4],
    /// The first of them.
    pub shape_ids: Vec<String>,
}

/// The batches before a seq, newest first, at most `limit`; the one that brings them to so many bytes is the last.
pub async fn room_history(
    db: &Db,
    room: RoomId,
    before: Option<Seq>,
    (limit, bytes): (i32, i64),
) -> Result<Vec<PastBatch>, DbError> {
    let client = db.get_for_large().await?;
    let sql = "select * from (
          select h.seq, h.author, h.client, h.op_id, pgcanvas.iso(h.at) as at, h.puts, h.patches, h.appends, h.deletes, h.shape_ids,
            sum(250 + octet_length(array_to_string(h.shape_ids, '')))
            over (order by h.seq desc rows between unbounded preceding and 1 preceding) as bytes_before
          from pgcanvas.room_history($1, $2, $3) as h) as h
        where coalesce(bytes_before, 0) < $4 order by seq desc";
    let statement = client.prepare_cached(sql).await?;
    let rows = client.query(&statement, &[&room.to_string(), &before.map(Seq::get), &limit, &bytes]).await?;
    rows.iter().map(read_batch).collect()
}

fn read_batch(row: &Row) -> Result<PastBatch, DbError> {
    Ok(PastBatch {
        seq: seq(row, "seq")?,
        author: row.try_get("author")?,
        client: row.try_get("client")?,
        op_id: row.try_get("op_id")?,
        at: row.try_get("at")?,
        counts: [
            row.try_get("puts")?,
            row.try_get("patches")?,
            row.try_get("appends")?,
            row.try_get("deletes")?,
        ],
        shape_ids: row.try_get("shape_ids")?,
    })
}

/// A shape that differs between two points: `added`, `modified` or `deleted`, its id, its JSON at both.
#[derive(Debug, Clone)]
pub struct PastDifference {
    /// What happened.
    pub change: String,
    /// The shape.
    pub shape_id: String,
    /// Its JSON at the first point.
    pub before: Option<String>,
    /// Its JSON at the second point.
    pub after: Option<String>,
}

/// What differs between two points, by id after a given one, at most `limit`; the one that brings them to so many bytes is the last.
pub async fn room_diff(
    db: &Db,
    room: RoomId,
    points: (Seq, Seq),
    after: &str,
    (limit, bytes): (i32, i64),
) -> Result<Vec<PastDifference>, DbError> {
    let client = db.get_for_large().await?;
    let sql = "select * from (
          select d.change, d.shape_id, d.before::text as before, d.after::text as after,
            sum(coalesce(octet_length(d.before::text), 0) + coalesce(octet_length(d.after::text), 0))
            over (order by d.shape_id collate \"C\" rows between unbounded preceding and 1 preceding) as bytes_before
          from pgcanvas.room_diff($1, $2, $3, $4, $5) as d) as d
        where coalesce(bytes_before, 0) < $6 order by shape_id collate \"C\"";
    let statement = client.prepare_cached(sql).await?;
    let (from, to) = (points.0.get(), points.1.get());
    let rows = client.query(&statement, &[&room.to_string(), &from, &to, &after, &limit, &bytes]).await?;
    rows.iter()
        .map(|row| {
            Ok(PastDifference {
                change: row.try_get("change")?,
                shape_id: row.try_get("shape_id")?,
                before: row.try_get("before")?,
                after: row.try_get("after")?,
            })
        })
        .collect()
}

/// Where a property comes from; the batch is none when it was set before the history that is kept.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The property, a member of `props` as `props.name`.
    pub property: String,
    /// The batch that set it last: seq, who, which device, when.
    pub batch: Option<(Seq, String, Option<Uuid>, String)>,
}

/// Which batch set each property of a living shape last.
pub async fn shape_blame(db: &Db, room: RoomId, shape: &str) -> Result<Vec<Origin>, DbError> {
    let client = db.get_for_large().await?;
    let sql = "select property, seq, author, client, pgcanvas.iso(b.at) as at from pgcanvas.shape_blame($1, $2) as b order by property";
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, &[&room.to_string(), &shape]).await?.iter().map(read_origin).collect()
}

fn read_origin(row: &Row) -> Result<Origin, DbError> {
    let known: Option<i64> = row.try_get("seq")?;
    let batch = match known {
        None => None,
        Some(_) => {
            Some((seq(row, "seq")?, row.try_get("author")?, row.try_get("client")?, row.try_get("at")?))
        }
    };
    Ok(Origin { property: row.try_get("property")?, batch })
}

/// What to bring back, for [`restore_shapes`].
#[derive(Debug, Clone)]
pub struct Restoring<'a> {
    /// The point.
    pub point: Seq,
    /// Only shapes that touch this area, now or then: `x0, y0, x1, y1`.
    pub area: Option<[f64; 4]>,
    /// Only these shapes.
    pub shape_ids: Option<&'a [String]>,
    /// In whose name.
    pub author: &'a str,
    /// By what right.
    pub role: Role,
    /// The device and its counter, so that a repeat gets the first answer.
    pub batch: Option<(Uuid, i64)>,
}

/// Brings shapes back to a point as a new batch: its seq, and how many shapes changed.
pub async fn restore_shapes(db: &Db, room: RoomId, asked: &Restoring<'_>) -> Result<(Seq, i64), DbError> {
    let client = db.get_for_large().await?;
    let sql = "select seq, restored from pgcanvas.restore_shapes($1, $2, box(point($3, $4), point($5, $6)), $7, $8, $9, $10, $11)";
    let statement = client.prepare_cached(sql).await?;
    let [x0, y0, x1, y1] = asked.area.map_or([None; 4], |area| area.map(Some));
    let (device, op_id) = asked.batch.unzip();
    let name = room.to_string();
    let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 11] = [
        &name,
        &asked.point.get(),
        &x0,
        &y0,
        &x1,
        &y1,
        &asked.shape_ids,
        &asked.author,
        &device,
        &op_id,
        &asked.role.as_str(),
    ];
    let row = client.query_one(&statement, &parameters).await?;
    Ok((seq(&row, "seq")?, row.try_get("restored")?))
}

/// A room to be made of another one's board.
#[derive(Debug, Clone)]
pub struct Branch<'a> {
    /// The point.
    pub point: Seq,
    /// Its name in addresses; none: one is drawn.
    pub slug: Option<&'a str>,
    /// Whose it is.
    pub owner: &'a str,
    /// For an owner who has no account.
    pub owner_link: Option<&'a TokenHash>,
}

/// Makes a room of the board at a point; a name that is taken is [`DbError::Conflict`].
pub async fn branch_room(db: &Db, room: RoomId, branch: &Branch<'_>) -> Result<RoomId, DbError> {
    let client = db.get_for_large().await?;
    let statement = client.prepare_cached("select pgcanvas.branch_room($1, $2, $3, $4, $5, $6)").await?;
    let (name, role) = (room.to_string(), Role::Owner.as_str());
    let link = branch.owner_link.map(TokenHash::as_bytes);
    let with: [&(dyn tokio_postgres::types::ToSql + Sync); 6] =
        [&name, &branch.point.get(), &branch.slug, &branch.owner, &role, &link];
    room_id(client.query_one(&statement, &with).await?.try_get(0)?)
}
