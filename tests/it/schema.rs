//! Bringing a database to the present schema (MI).

use super::support::database::TestDatabase;
use pgcanvas::db::schema::{CONTRACT, SchemaError, TABLES, check_contract, migrate, place};
use tokio_postgres::Client;

/// A database without a schema.
async fn bare() -> (TestDatabase, Client) {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    client.batch_execute("drop schema pgcanvas cascade; drop extension btree_gist").await.unwrap();
    (database, client)
}

async fn set_contract(client: &Client, contract: i32) {
    client.execute("update pgcanvas.meta set contract = $1", &[&contract]).await.unwrap();
}

/// MI1, MI2, MI5
#[tokio::test]
async fn a_bare_database_is_migrated_once_and_then_left_alone() {
    let (_database, mut client) = bare().await;
    assert!(matches!(check_contract(&client).await, Err(SchemaError::NoSchema)));
    let first = migrate(&mut client).await.unwrap();
    assert_eq!(first.migrations.first().map(String::as_str), Some("V1__schema_and_meta"));
    assert!(first.bundle_applied);
    assert_eq!(first.contract_before, None);
    check_contract(&client).await.unwrap();
    let second = migrate(&mut client).await.unwrap();
    assert!(second.migrations.is_empty() && !second.bundle_applied);
    assert_eq!(second.contract_before, Some(CONTRACT));
}

/// MI3
#[tokio::test]
async fn migrators_that_start_together_all_succeed() {
    let (database, _client) = bare().await;
    let mut migrators = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let mut client = database.client().await;
        migrators.spawn(async move { migrate(&mut client).await });
    }
    let outcomes: Vec<_> = migrators.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(outcomes.iter().filter(|outcome| outcome.bundle_applied).count(), 1);
    assert_eq!(outcomes.iter().filter(|outcome| !outcome.migrations.is_empty()).count(), 1);
}

/// MI9
#[tokio::test]
async fn only_what_is_ours_lands_in_the_schema_and_the_session_keeps_its_path() {
    let (_database, mut client) = bare().await;
    client.batch_execute("create schema pgcanvas; set search_path = pgcanvas, public").await.unwrap();
    migrate(&mut client).await.unwrap();
    let sql = "select extnamespace::regnamespace::text, current_setting('search_path') from pg_extension
        where extname = 'btree_gist'";
    let row = client.query_one(sql, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("public", "pgcanvas, public"));
}

/// MI4
#[tokio::test]
async fn another_bundle_is_applied_whole() {
    let database = TestDatabase::create().await;
    let mut client = database.client().await;
    client
        .batch_execute(
            "update pgcanvas.meta set bundle_hash = 'of another one'; drop function pgcanvas.room_head(bigint, text);
             create trigger _505_log_insert after insert on pgcanvas.shapes for each statement execute function pgcanvas.tg_shapes__begin('');
             create function public.mine() returns trigger language plpgsql as $$ begin return null; end $$;
             create trigger mine after insert on pgcanvas.shapes for each statement execute function public.mine()",
        )
        .await
        .unwrap();
    let triggers = "select array_agg(tgname::text) from pg_trigger where tgrelid = 'pgcanvas.shapes'::regclass and not tgisinternal";
    let before: Vec<String> = client.query_one(triggers, &[]).await.unwrap().get(0);
    let outcome = migrate(&mut client).await.unwrap();
    assert!(outcome.bundle_applied && outcome.migrations.is_empty());
    client.query("select * from pgcanvas.room_head(1)", &[]).await.unwrap();
    let mut after: Vec<String> = client.query_one(triggers, &[]).await.unwrap().get(0);
    after.push("_505_log_insert".to_owned());
    let sorted = |mut names: Vec<String>| {
        names.sort();
        names
    };
    assert_eq!(
        sorted(after),
        sorted(before),
        "what this bundle makes no more is gone, what is somebody else's stays"
    );
}

/// MI5
#[tokio::test]
async fn a_node_and_a_database_of_different_contracts_refuse_each_other() {
    let database = TestDatabase::create().await;
    let mut client = database.client().await;
    set_contract(&client, CONTRACT - 1).await;
    let older = check_contract(&client).await.unwrap_err();
    assert!(older.to_string().ends_with("run `pgcanvas migrate`"), "{older}");
    set_contract(&client, CONTRACT + 1).await;
    let newer = check_contract(&client).await.unwrap_err();
    assert!(newer.to_string().contains("made by a newer pgcanvas"), "{newer}");
    assert!(matches!(migrate(&mut client).await, Err(SchemaError::NewerContract { .. })));
    client.batch_execute("drop schema pgcanvas cascade").await.unwrap();
    let none = check_contract(&client).await.unwrap_err();
    assert_eq!(none.to_string(), "this database holds no pgcanvas schema: run `pgcanvas migrate`");
}

/// MI6
#[tokio::test]
async fn a_history_that_this_program_does_not_know_is_refused() {
    let database = TestDatabase::create().await;
    let mut client = database.client().await;
    client
        .batch_execute("insert into pgcanvas.migrations values (900, 'later', '2026-01-01T00:00:00Z', '1')")
        .await
        .unwrap();
    let newer = migrate(&mut client).await.unwrap_err();
    assert!(newer.to_string().contains("(migration V900__later) was made by a newer pgcanvas"), "{newer}");
    client
        .batch_execute(
            "delete from pgcanvas.migrations where version = 900;
             update pgcanvas.migrations set checksum = '1' where version = 1",
        )
        .await
        .unwrap();
    let other = migrate(&mut client).await.unwrap_err();
    assert!(other.to_string().starts_with("migration V1__schema_and_meta is not the one"), "{other}");
}

/// MI7
#[tokio::test]
async fn a_database_of_another_encoding_is_refused() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let name = format!("{}_latin", database.config().get_dbname().unwrap());
    let create = format!("create database {name} encoding 'LATIN1' locale 'C' template template0");
    client.batch_execute(&create).await.unwrap();
    let mut config = database.config().clone();
    config.dbname(&name);
    let mut latin = super::support::server::connect(&config).await.unwrap();
    let refused = migrate(&mut latin).await.unwrap_err();
    drop(latin);
    client.batch_execute(&format!("drop database {name} with (force)")).await.unwrap();
    assert!(refused.to_string().starts_with("this database's encoding is LATIN1"), "{refused}");
}

/// MI8
#[tokio::test]
async fn a_refused_file_names_itself_and_leaves_the_bundle_as_it_was() {
    let database = TestDatabase::create().await;
    let mut client = database.client().await;
    client
        .batch_execute(
            "update pgcanvas.meta set bundle_hash = 'of another one';
             drop function pgcanvas.room_head(bigint, text);
             create function pgcanvas.room_head(p_room_id bigint, p_channel text default null) returns text return 'another result'",
        )
        .await
        .unwrap();
    let refused = migrate(&mut client).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sql/20_rooms.sql cannot be applied, nothing of it was kept: \
         cannot change return type of existing function (42P13)"
    );
    let row = client.query_one("select bundle_hash from pgcanvas.meta", &[]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "of another one");
}

/// RW6
#[tokio::test]
async fn every_table_of_ours_is_known_and_has_a_key_by_which_a_restore_is_seen_to_be_whole() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let sql = "select c.relname::text, exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary)
        from pg_class c where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind in ('r', 'p') and c.relname <> 'migrations' order by 1";
    let tables: Vec<(String, bool)> =
        client.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    let mut known: Vec<(String, bool)> = TABLES.iter().map(|table| ((*table).to_owned(), true)).collect();
    known.sort();
    assert_eq!(tables, known);
    client
        .batch_execute("alter table pgcanvas.gestures drop constraint gestures_pkey cascade")
        .await
        .unwrap();
    assert!(matches!(check_contract(&client).await, Err(SchemaError::NotWhole)));
}

/// RW6
#[tokio::test]
async fn where_a_database_is_is_told_of_a_whole_schema_alone() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let whole = place(&client).await.unwrap();
    assert!(whole.is_some());
    let foreign_keys = "do $$ declare v_sql text; begin
        select string_agg(format('alter table pgcanvas.sign_ins drop constraint %I', conname), ';') into v_sql
        from pg_constraint where conrelid = 'pgcanvas.sign_ins'::regclass and contype = 'f';
        execute v_sql;
      end $$";
    for lacking in [
        foreign_keys,
        "alter table pgcanvas.meta drop constraint meta_pkey",
        "alter table pgcanvas.rooms rename to away",
        "drop schema pgcanvas cascade",
    ] {
        client.batch_execute(&format!("begin; {lacking}")).await.unwrap();
        assert_eq!(place(&client).await.unwrap(), None, "{lacking}");
        client.batch_execute("rollback").await.unwrap();
        assert_eq!(place(&client).await.unwrap(), whole, "{lacking}");
    }
}

/// MI13
#[tokio::test]
async fn a_trigger_that_is_gone_is_made_anew_whatever_its_name() {
    let database = TestDatabase::create().await;
    let mut client = database.client().await;
    let triggers =
        "select coalesce(array_agg(pg_get_triggerdef(oid) order by tgrelid, tgname), '{}') from pg_trigger
        where tgrelid in ('pgcanvas.shapes'::regclass, 'pgcanvas.rooms'::regclass) and not tgisinternal";
    let before: Vec<String> = client.query_one(triggers, &[]).await.unwrap().get(0);
    let drop_all = "do $$ declare v record; begin
        for v in select tgname, tgrelid::regclass as place from pg_trigger
                 where tgrelid in ('pgcanvas.shapes'::regclass, 'pgcanvas.rooms'::regclass) and not tgisinternal loop
          execute format('drop trigger %I on %s', v.tgname, v.place);
        end loop;
      end $$";
    client.batch_execute(drop_all).await.unwrap();
    client.batch_execute("update pgcanvas.meta set bundle_hash = ''").await.unwrap();
    migrate(&mut client).await.unwrap();
    let after: Vec<String> = client.query_one(triggers, &[]).await.unwrap().get(0);
    assert_eq!(after, before);
}
