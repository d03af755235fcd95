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

/// Where a connection leads; none while the schema is not there with all its rows. Asked of the catalog, which everybody may read, and in one
/// statement: between two, a restore may begin, and half a schema would pass for the one that was whole.
pub async fn place(client: &Client) -> Result<Option<Place>, tokio_postgres::Error> {
    let sql = "select (select d.oid from pg_database as d where d.datname = current_database()),
            max(c.oid) filter (where c.relname = 'rooms')
        from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = 'pgcanvas' and c.relkind in ('r', 'p') and c.relname = any ($1)
        having bool_or(c.relname = 'rooms') and bool_and(exists (
            select from pg_index as i where i.indrelid = c.oid and i.indisprimary))
          and bool_or(c.relname = 'sign_ins' and exists (
            select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'f'))";
    let row = client.query_opt(sql, &[&TABLES.as_slice()]).await?;
    row.map(|row| Ok(Place { database: row.try_get(0)?, rooms: row.try_get(1)? })).transpose()
}
