//! Who may what in a room, and changing it.

use tokio_postgres::Row;
use uuid::Uuid;

use super::{Channel, room_id, seq};
use crate::db::error::DbError;
use crate::db::pool::Db;
use crate::model::{Role, RoomId, RoomName, Seq, TokenHash};

/// What somebody may in a room, and what it takes to enter.
#[derive(Debug, Clone)]
pub struct Access {
    /// The room's number.
    pub id: RoomId,
    /// Its name in addresses.
    pub slug: String,
    /// Its channel.
    pub channel: Channel,
    /// Which history this is.
    pub epoch: Uuid,
    /// Seq of the last batch.
    pub last_seq: Seq,
    /// What they may.
    pub role: Role,
    /// How often the rights had changed when this was found: it holds until they do again.
    pub rights: i64,
    /// Whether the room has an owner at all.
    pub owned: bool,
}

/// What somebody, with a link, may in a room by slug or number; none when there is no such room, or nothing there is for them.
pub async fn room_access(
    db: &Db,
    room: &RoomName,
    user: Option<&str>,
    link: Option<&TokenHash>,
) -> Result<Option<Access>, DbError> {
    let client = db.get().await?.patient_for(super::SHORT_ANSWER);
    let statement = client.prepare_cached("select * from pgcanvas.room_access($1, $2, $3)").await?;
    let link = link.map(TokenHash::as_bytes);
    let row = client.query_opt(&statement, &[&room.to_string(), &user, &link]).await?;
    row.map(|row| {
        Ok(Access {
            id: room_id(row.try_get("id")?)?,
            slug: row.try_get("slug")?,
            channel: Channel(row.try_get("channel")?),
            epoch: row.try_get("epoch")?,
            last_seq: seq(&row, "last_seq")?,
            role: read_role(&row)?,
            rights: row.try_get("rights")?,
            owned: row.try_get("owned")?,
        })
    })
    .transpose()
}

/// What a room gives everybody from now on; false when there is no such room.
pub async fn set_visibility(db: &Db, room: RoomId, visibility: &str) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.set_visibility($1, $2)").await?;
    Ok(client.query_one(&statement, &[&room.get(), &visibility]).await?.try_get(0)?)
}

/// Deletes a room with all that is on it; false when there is no such room.
pub async fn delete_room(db: &Db, room: RoomId) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.delete_room($1)").await?;
    Ok(client.query_one(&statement, &[&room.get()]).await?.try_get(0)?)
}

/// Somebody with a right of their own in a room.
#[derive(Debug, Clone)]
pub struct Member {
    /// Their login.
    pub user: String,
    /// How they are called.
    pub name: String,
    /// What they may.
    pub role: Role,
    /// Since when, ISO 8601.
    pub created_at: String,
}

/// Gives somebody a right in a room, or another one. The last owner stays one ([`DbError::Conflict`]).
pub async fn set_member(db: &Db, room: RoomId, user: &str, role: Role) -> Result<Member, DbError> {
    let client = db.get().await?;
    let sql = "select user_id, name, role, pgcanvas.iso(created_at) as created_at from pgcanvas.set_member($1, $2, $3)";
    let statement = client.prepare_cached(sql).await?;
    read_member(&client.query_one(&statement, &[&room.get(), &user, &role.as_str()]).await?)
}

/// Takes somebody's right back; false when there was none. The last owner stays ([`DbError::Conflict`]).
pub async fn drop_member(db: &Db, room: RoomId, user: &str) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.drop_member($1, $2)").await?;
    Ok(client.query_one(&statement, &[&room.get(), &user]).await?.try_get(0)?)
}

/// The members of a room, owners first.
pub async fn list_members(db: &Db, room: RoomId) -> Result<Vec<Member>, DbError> {
    let client = db.get().await?;
    let sql =
        "select user_id, name, role, pgcanvas.iso(created_at) as created_at from pgcanvas.list_members($1)";
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, &[&room.get()]).await?.iter().map(read_member).collect()
}

/// A link as it is told: its token is not kept.
#[derive(Debug, Clone)]
pub struct Link {
    /// Its name.
    pub id: Uuid,
    /// What who holds it may.
    pub role: Role,
    /// Who made it.
    pub created_by: String,
    /// ISO 8601.
    pub created_at: String,
    /// ISO 8601; none: it does not expire.
    pub expires_at: Option<String>,
}

/// Makes a link; without days it does not expire.
pub async fn make_link(
    db: &Db,
    room: RoomId,
    role: Role,
    token: &TokenHash,
    created_by: &str,
    days: Option<i32>,
) -> Result<Link, DbError> {
    let client = db.get().await?;
    let sql = "select id, role, created_by, pgcanvas.iso(created_at) as created_at, pgcanvas.iso(expires_at) as expires_at
        from pgcanvas.make_link($1, $2, $3, $4, $5)";
    let statement = client.prepare_cached(sql).await?;
    let with: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
        [&room.get(), &role.as_str(), &token.as_bytes(), &created_by, &days];
    read_link(&client.query_one(&statement, &with).await?)
}

/// The links of a room that count, the oldest first.
pub async fn list_links(db: &Db, room: RoomId) -> Result<Vec<Link>, DbError> {
    let client = db.get().await?;
    let sql = "select id, role, created_by, pgcanvas.iso(created_at) as created_at, pgcanvas.iso(expires_at) as expires_at
        from pgcanvas.list_links($1)";
    let statement = client.prepare_cached(sql).await?;
    client.query(&statement, &[&room.get()]).await?.iter().map(read_link).collect()
}

/// Takes a link back; false when there was none. The last owner's stays ([`DbError::Conflict`]).
pub async fn drop_link(db: &Db, room: RoomId, link: Uuid) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.drop_link($1, $2)").await?;
    Ok(client.query_one(&statement, &[&room.get(), &link]).await?.try_get(0)?)
}

pub(super) fn read_role(row: &Row) -> Result<Role, DbError> {
    row.try_get::<_, &str>("role")?.parse().map_err(|_| DbError::Refused)
}

fn read_member(row: &Row) -> Result<Member, DbError> {
    Ok(Member {
        user: row.try_get("user_id")?,
        name: row.try_get("name")?,
        role: read_role(row)?,
        created_at: row.try_get("created_at")?,
    })
}

fn read_link(row: &Row) -> Result<Link, DbError> {
    Ok(Link {
        id: row.try_get("id")?,
        role: read_role(row)?,
        created_by: row.try_get("created_by")?,
        created_at: row.try_get("created_at")?,
        expires_at: row.try_get("expires_at")?,
    })
}
