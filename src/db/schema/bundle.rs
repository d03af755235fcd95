//! The present: functions, triggers, views and grants, from `sql/`.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Client, Transaction};

use super::statements::{Statement, split};
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
    "40_answers.sql",
    "41_notifications.sql",
    "42_write_sets.sql",
    "43_one_by_one.sql",
    "43_plan_batches.sql",
    "44_apply_batches.sql",
    "45_draw.sql",
    "46_befores.sql",
    "47_undo.sql",
    "50_changes.sql",
    "60_presence.sql",
    "69_statements.sql",
    "70_shape_triggers.sql",
    "71_remains.sql",
    "72_past.sql",
    "73_snapshots.sql",
    "74_history.sql",
    "75_restore.sql",
    "76_retention.sql",
    "77_epochs.sql",
    "77_files.sql",
    "78_audit.sql",
    "79_erasure.sql",
    "80_views.sql",
    "85_chat.sql",
    "90_grants.sql",
];

/// Which objects of the schema are there, and a fingerprint of each: of its definition, and for a view of the columns that it reads, since
/// `*` stands for those that there were when it was made.
const FOUND: &str = "
    select 'function ' || p.proname, md5(string_agg(pg_get_functiondef(p.oid), '' order by pg_get_functiondef(p.oid)))
    from pg_proc p where p.pronamespace = 'pgcanvas'::regnamespace and p.prokind in ('f', 'p') group by p.proname
    union all
    select 'trigger ' || quote_ident(t.tgname) || ' on ' || c.relname, md5(pg_get_triggerdef(t.oid))
    from pg_trigger t join pg_class c on c.oid = t.tgrelid where c.relnamespace = 'pgcanvas'::regnamespace and not t.tgisinternal
    union all
    select 'view ' || c.relname, md5(pg_get_viewdef(c.oid) || coalesce(r.columns, '')) from pg_class c
    cross join lateral (
      select string_agg(format('%s.%I %s', a.attrelid::regclass, a.attname, format_type(a.atttypid, a.atttypmod)), ',' order by a.attrelid::regclass::text, a.attnum) as columns
      from pg_attribute a where a.attnum > 0 and not a.attisdropped and a.attrelid in (
        select d.refobjid from pg_rewrite w join pg_depend d on d.objid = w.oid and d.classid = 'pg_rewrite'::regclass
        where w.ev_class = c.oid and d.refclassid = 'pg_class'::regclass and d.refobjid <> c.oid)) as r
    where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind = 'v'";

/// Brings functions, triggers, views and grants to the present, and says whether it did; when the bundle is the one that was applied last it
/// does nothing. An object is left alone where it was made of this program's text and still is what was made then: to replace a view or a
/// trigger keeps everybody from its table, and has to wait for everybody who reads there.
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
    let objects = objects();
    let transaction = client.transaction().await?;
    // Every name in the bundle is qualified: what else the session's path may find is none of its business.
    transaction.batch_execute("set local search_path = pg_catalog, pg_temp").await?;
    let due = due(&transaction, &objects).await?;
    let is_due = |statement: &Statement<'_>| statement.object().is_none_or(|object| due.contains(&object));
    let is_of_table = |statement: &Statement<'_>| {
        statement.table().is_some_and(|table| !objects.contains_key(&format!("view {table}")))
    };
    // Triggers of tables last: from then on until the end nobody draws.
    let (triggers, others): (Vec<_>, Vec<_>) = statements().filter(is_due).partition(is_of_table);
    let retired = retired_triggers(&transaction, &objects).await?;
    run(&transaction, &others).await?;
    lock_tables(&transaction, &triggers, &retired).await?;
    for (trigger, table) in &retired {
        transaction.batch_execute(&format!("drop trigger {trigger} on pgcanvas.{table}")).await?;
    }
    run(&transaction, &triggers).await?;
    record(&transaction, &text, &objects).await?;
    transaction.commit().await?;
    Ok(true)
}

/// Triggers of ours (their functions are in the schema, and named as ours are) that the bundle makes no more, with their tables. They go in the
/// transaction that makes what takes their place: between two, rows would be neither stamped nor logged.
async fn retired_triggers(
    transaction: &Transaction<'_>,
    objects: &BTreeMap<String, String>,
) -> Result<Vec<(String, String)>, SchemaError> {
    let sql = r"select quote_ident(t.tgname), quote_ident(c.relname) from pg_trigger t
        join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
        where not t.tgisinternal and c.relnamespace = 'pgcanvas'::regnamespace and p.pronamespace = c.relnamespace
          and p.proname like 'tg\_%' and 'trigger ' || quote_ident(t.tgname) || ' on ' || c.relname <> all ($1::text[])
          and c.relname <> 'migrations'";
    let rows = transaction.query(sql, &[&names(objects)]).await?;
    rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
}

async fn run(transaction: &Transaction<'_>, statements: &[Statement<'_>]) -> Result<(), SchemaError> {
    for statement in statements {
        if let Some((trigger, table)) = statement.constraint_trigger() {
            // Such a trigger cannot be replaced in place.
            let drop = format!("drop trigger if exists {trigger} on pgcanvas.{table}");
            transaction.batch_execute(&drop).await?;
        }
        let applied = transaction.batch_execute(statement.text).await;
        applied.map_err(|error| SchemaError::of_file(format!("sql/{}", statement.file), error))?;
    }
    Ok(())
}

/// Takes the tables of triggers before any of these is replaced, and rooms, which writers take first, before the others: half of the locks in
/// hand, each side would wait for the other.
async fn lock_tables(
    transaction: &Transaction<'_>,
    triggers: &[Statement<'_>],
    retired: &[(String, String)],
) -> Result<(), SchemaError> {
    let mut tables: BTreeSet<&str> = triggers.iter().filter_map(Statement::table).collect();
    tables.extend(retired.iter().map(|(_, table)| table.as_str()));
    let first = tables.take("rooms");
    let names: Vec<String> = first.iter().chain(&tables).map(|table| format!("pgcanvas.{table}")).collect();
    if !names.is_empty() {
        let sql = format!("lock table {} in access exclusive mode", names.join(", "));
        transaction.batch_execute(&sql).await?;
    }
    Ok(())
}

fn statements() -> impl Iterator<Item = Statement<'static>> {
    BUNDLE.iter().flat_map(|file| split(file.name, file.text))
}

/// What the bundle makes: each object's name, and the text of all its statements.
fn objects() -> BTreeMap<String, String> {
    let mut objects = BTreeMap::<String, String>::new();
    for statement in statements() {
        if let Some(object) = statement.object() {
            objects.entry(object).or_default().push_str(statement.code());
        }
    }
    objects
}

/// The objects that are not what this program makes.
async fn due(
    transaction: &Transaction<'_>,
    objects: &BTreeMap<String, String>,
) -> Result<BTreeSet<String>, SchemaError> {
    let sql = format!(
        "with found (name, fingerprint) as ({FOUND})
         select w.name from unnest($1::text[], $2::text[]) as w (name, text)
         left join pgcanvas.bundle_objects o on o.name = w.name left join found f on f.name = w.name
         where o.name is null or o.text_hash <> encode(sha256(convert_to(w.text, 'UTF8')), 'hex') or o.fingerprint is distinct from f.fingerprint"
    );
    let rows = transaction.query(&sql, &[&names(objects), &texts(objects)]).await?;
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

fn names(objects: &BTreeMap<String, String>) -> Vec<&str> {
    objects.keys().map(String::as_str).collect()
}

fn texts(objects: &BTreeMap<String, String>) -> Vec<&str> {
    objects.values().map(String::as_str).collect()
}

async fn record(
    transaction: &Transaction<'_>,
    text: &str,
    objects: &BTreeMap<String, String>,
) -> Result<(), SchemaError> {
    transaction.batch_execute("delete from pgcanvas.bundle_objects").await?;
    let sql = format!(
        "with found (name, fingerprint) as ({FOUND})
         insert into pgcanvas.bundle_objects (name, text_hash, fingerprint)
         select w.name, encode(sha256(convert_to(w.text, 'UTF8')), 'hex'), f.fingerprint
         from unnest($1::text[], $2::text[]) as w (name, text) left join found f on f.name = w.name"
    );
    transaction.execute(&sql, &[&names(objects), &texts(objects)]).await?;
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

    /// What is run whenever the bundle is applied must lock no table that people draw on.
    #[test]
    fn what_makes_no_object_locks_no_table() {
        let harmless =
            ["do $", "comment on column ", "comment on type ", "select pgcanvas.make_role(", "revoke "];
        for statement in statements().filter(|statement| statement.object().is_none()) {
            let code = statement.code();
            let is_harmless = harmless.iter().any(|beginning| code.starts_with(beginning));
            assert!(is_harmless, "{}: {code}", statement.file);
            let forms = ["create trigger", "replace trigger", "drop trigger", "alter table", "lock table"];
            // Nobody draws on the table of migrations, which is not there where they were run by hand.
            let locks =
                forms.iter().any(|form| code.contains(form)) && !code.contains("on pgcanvas.migrations");
            assert!(!locks, "{}: {code}", statement.file);
        }
    }

    /// The longest line and function that somebody has to read at once.
    const MOST_CHARACTERS: usize = 140;
    const MOST_LINES: usize = 60;

    #[test]
    fn sql_is_the_present_in_lines_and_functions_that_can_be_read() {
        let history = ["drop ", "create type ", "create table ", "alter table ", "create index "];
        for BundleFile { name, text } in BUNDLE {
            for line in text.lines() {
                assert!(line.chars().count() <= MOST_CHARACTERS, "{name}: a long line: {line}");
            }
            for statement in split(name, text) {
                let code = statement.code();
                let is_history = history
                    .iter()
                    .any(|form| code.starts_with(form) || code.contains(&format!("\n    {form}")));
                assert!(!is_history, "{name}: belongs into a migration: {code}");
                let is_long = code.starts_with("create or replace") && code.lines().count() > MOST_LINES;
                assert!(!is_long, "{name}: {} lines: {code}", code.lines().count());
            }
        }
    }
}
