//! Where connections lead, and whether all is there: a database may be put back, copied or replaced under a node that runs.

use tokio_postgres::Client;

/// The tables of the schema. A restore makes primary keys after the rows, then triggers, then foreign keys, of which that of `sign_ins` is the
/// last: before, whoever reads gets half a board, and whoever writes is in the way of the rest, or past the triggers.
pub const TABLES: [&str; 23] = [
    "applied_ops",
    "batch_hashes",
    "bundle_objects",
    "client_keys",
    "deleted_rooms",
    "file_tallies",
    "file_uses",
    "files",
    "gestures",
    "links",
    "log_tallies",
    "members",
    "meta",
    "pseudonyms",
    "rooms",
    "shape_changes",
    "shapes",
    "sign_in_attempts",
    "sign_ins",
    "snapshot_shapes",
    "snapshots",
    "tombstones",
    "users",
];

/// A database and its table of rooms, by number. Whatever puts a database back or another in its place changes one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    database: u32,
    rooms: u32,
}

/// Whether the schema is there with all its rows. Asked of the catalog, which everybody may read.
pub async fn is_whole(client: &Client) -> Result<bool, tokio_postgres::Error> {
    let sql = "select bool_or(c.relname = 'rooms') and bool_and(exists (
            select from pg_index as i where i.indrelid = c.oid and i.indisprimary))
          and bool_or(c.relname = 'sign_ins' and exists (
            select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'f'))
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'pgcanvas' and c.relkind in ('r', 'p') and c.relname = any ($1)";
    let whole: Option<bool> = client.query_one(sql, &[&TABLES.as_slice()]).await?.try_get(0)?;
    Ok(whole.unwrap_or(false))
}

/// Where a connection leads; none while there are no rooms.
pub async fn place(client: &Client) -> Result<Option<Place>, tokio_postgres::Error> {
    let sql = "select d.oid, c.oid from pg_database as d, pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where d.datname = current_database() and n.nspname = 'pgcanvas' and c.relname = 'rooms'";
    let row = client.query_opt(sql, &[]).await?;
    row.map(|row| Ok(Place { database: row.try_get(0)?, rooms: row.try_get(1)? })).transpose()
}
