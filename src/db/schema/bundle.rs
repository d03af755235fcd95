//! The present: functions, triggers, views and grants, from `sql/`.

use tokio_postgres::{Client, Transaction};

use super::{CONTRACT, SchemaError};

/// The files of a folder, compiled in, in the order they are applied.
macro_rules! bundle {
    ($($name:literal),* $(,)?) => {
        &[$(BundleFile { name: $name, text: include_str!(concat!("../../../sql/", $name)) }),*]
    };
}

/// One file of `sql/`.
struct BundleFile {
    name: &'static str,
    text: &'static str,
}

const BUNDLE: &[BundleFile] = bundle![
    "00_geometry.sql",
    "05_contract.sql",
    "05_shape_rules.sql",
    "10_json.sql",
    "15_people.sql",
    "20_rooms.sql",
    "21_clients.sql",
    "22_access.sql",
    "24_sharing.sql",
    "25_files.sql",
    "30_ops.sql",
    "32_references.sql",
    "34_conflicts.sql",
    "40_apply_ops.sql",
    "41_apply_op.sql",
    "42_apply_plain.sql",
    "45_undo.sql",
    "50_changes.sql",
    "60_presence.sql",
    "69_statements.sql",
    "70_shape_triggers.sql",
    "72_past.sql",
    "73_snapshots.sql",
    "74_history.sql",
    "75_restore.sql",
    "76_retention.sql",
    "77_epochs.sql",
    "78_audit.sql",
    "79_erasure.sql",
    "80_views.sql",
    "85_chat.sql",
    "90_grants.sql",
];

/// Applies the bundle whole unless it is the one that was applied last, and says whether it did.
pub(super) async fn apply(client: &mut Client) -> Result<bool, SchemaError> {
    let text: String = BUNDLE.iter().map(|file| file.text).collect();
    let known = client
        .query_one(
            "select contract = $2 and bundle_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex') from pgcanvas.meta",
            &[&text, &CONTRACT],
        )
        .await?;
    if known.try_get(0)? {
        return Ok(false);
    }
    let transaction = client.transaction().await?;
    apply_files(&transaction).await?;
    record(&transaction, &text).await?;
    transaction.commit().await?;
    Ok(true)
}

async fn apply_files(transaction: &Transaction<'_>) -> Result<(), SchemaError> {
    // Every name in the bundle is qualified: what else the session's path may find is none of its business.
    transaction.batch_execute("set local search_path = pg_catalog, pg_temp").await?;
    for file in BUNDLE {
        let applied = transaction.batch_execute(file.text).await;
        applied.map_err(|error| SchemaError::of_file(format!("sql/{}", file.name), error))?;
    }
    Ok(())
}

async fn record(transaction: &Transaction<'_>, text: &str) -> Result<(), SchemaError> {
    let sql = "update pgcanvas.meta set contract = $2, migrated_at = now(),
        bundle_hash = encode(sha256(convert_to($1, 'UTF8')), 'hex')";
    transaction.execute(sql, &[&text, &CONTRACT]).await?;
    transaction.batch_execute(&format!("notify {}", super::CHANNEL)).await?;
    Ok(())
}

/// The SQL files of a folder of this package, by name.
#[cfg(test)]
pub(super) fn files_of(folder: &str) -> Vec<String> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let paths = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let sql = paths.filter(|path| path.extension().is_some_and(|extension| extension == "sql"));
    let mut files: Vec<String> =
        sql.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    files.sort();
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_compiled_in_by_name() {
        let compiled: Vec<&str> = BUNDLE.iter().map(|file| file.name).collect();
        assert_eq!(compiled, files_of("sql"));
    }
}
