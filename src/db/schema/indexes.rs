//! Indexes of tables that may be large already: built while people draw, before the migration that makes them where there is nothing yet. A
//! migration is one transaction, in which nobody could write there until the index is done.

use tokio_postgres::Client;

use super::SchemaError;

/// An index, its table, and what it is on.
const INDEXES: [(&str, &str, &str); 2] = [
    ("shape_changes_room_id_shape_id_idx", "shape_changes", "(room_id, shape_id)"),
    (
        "shape_changes_batch_idx",
        "shape_changes",
        "(uuid_hash_extended(client, hashint8extended(op_id, room_id))) where client is not null and (ordinal = 1) is true",
    ),
];

/// Builds those that are missing on tables that are there.
pub(super) async fn build(client: &mut Client) -> Result<(), SchemaError> {
    for (index, table, columns) in INDEXES {
        let sql = "select to_regclass('pgcanvas.' || $1) is not null,
            (select i.indisvalid from pg_index i where i.indexrelid = to_regclass('pgcanvas.' || $2))";
        let row = client.query_one(sql, &[&table, &index]).await?;
        let (has_table, is_valid): (bool, Option<bool>) = (row.try_get(0)?, row.try_get(1)?);
        if !has_table || is_valid == Some(true) {
            continue;
        }
        if is_valid.is_some() {
            // A build that was broken off leaves it behind, and kept up, but unused.
            client.batch_execute(&format!("drop index concurrently pgcanvas.{index}")).await?;
        }
        tracing::info!(index, "building an index, which may take minutes; everybody goes on meanwhile");
        client
            .batch_execute(&format!("create index concurrently {index} on pgcanvas.{table} {columns}"))
            .await?;
    }
    Ok(())
}
