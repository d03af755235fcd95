//! What the catalog says about the schema (CT).

use super::support::board::Board;
use pgcanvas::db::calls::column_type;
use pgcanvas::model::shape::PROPERTIES;

/// Asserts that the query, which lists offenders, lists none.
async fn assert_none(sql: &str) {
    let board = Board::open().await;
    let rows = board.client.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    let offenders: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    assert!(offenders.is_empty(), "{offenders:#?}");
}

/// CT1
#[tokio::test]
async fn every_table_view_and_column_has_a_comment() {
    assert_none(
        "select c.oid::regclass || coalesce('.' || a.attname, '') from pg_class c
         left join lateral (select 0 as attnum, null::name as attname union all
           select attnum, attname from pg_attribute where attrelid = c.oid and attnum > 0 and not attisdropped) as a on true
         where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f')
           and (a.attnum is null or case a.attnum when 0 then obj_description(c.oid, 'pg_class') else col_description(c.oid, a.attnum) end is null)",
    )
    .await;
}

/// CT1
#[tokio::test]
async fn every_function_trigger_type_and_index_of_our_own_has_a_comment() {
    assert_none(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'pgcanvas'::regnamespace and obj_description(p.oid, 'pg_proc') is null
         union all
         select t.tgrelid::regclass || '.' || t.tgname from pg_trigger t join pg_class c on c.oid = t.tgrelid
         where c.relnamespace = 'pgcanvas'::regnamespace and not t.tgisinternal and obj_description(t.oid, 'pg_trigger') is null
         union all
         select t.oid::regtype::text from pg_type t left join pg_class c on c.oid = t.typrelid
         where t.typnamespace = 'pgcanvas'::regnamespace and t.typelem = 0 and coalesce(c.relkind, 'c') = 'c'
           and obj_description(t.oid, 'pg_type') is null
         union all
         select i.indexrelid::regclass::text from pg_index i join pg_class c on c.oid = i.indexrelid
         where c.relnamespace = 'pgcanvas'::regnamespace and obj_description(c.oid, 'pg_class') is null
           and not exists (select from pg_constraint k where k.conindid = i.indexrelid)",
    )
    .await;
}

/// CT2
#[tokio::test]
async fn parameters_begin_with_p() {
    assert_none(
        "select p.oid::regprocedure || ': ' || coalesce(p.proargnames[i], 'unnamed') from pg_proc p
         cross join generate_series(1, p.pronargs) as i
         where p.pronamespace = 'pgcanvas'::regnamespace and coalesce(p.proargnames[i] not like 'p\\_%', true)",
    )
    .await;
}

/// CT3
#[tokio::test]
async fn triggers_are_numbered_and_call_functions_named_after_their_table() {
    assert_none(
        "select c.relname || '.' || t.tgname || ' calls ' || p.proname
         from pg_trigger t join pg_class c on c.oid = t.tgrelid join pg_proc p on p.oid = t.tgfoid
         where c.relnamespace = 'pgcanvas'::regnamespace and not t.tgisinternal
           and (t.tgname !~ '^[_~][0-9]{3}_[a-z_]+$' or not starts_with(p.proname, 'tg_' || c.relname || '__'))
         union all
         select p.oid::regprocedure || ' is no trigger''s' from pg_proc p
         where p.pronamespace = 'pgcanvas'::regnamespace and (p.prorettype = 'trigger'::regtype) <> (p.proname like 'tg\\_%')",
    )
    .await;
}

/// CT4
#[tokio::test]
async fn every_definer_function_pins_its_search_path() {
    // pg_temp last: else a temporary table would hide one of ours.
    assert_none(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'pgcanvas'::regnamespace and p.prosecdef
           and not coalesce(p.proconfig, '{}') @> '{\"search_path=pgcanvas, pg_catalog, pg_temp\"}'",
    )
    .await;
}

/// CT4
#[tokio::test]
async fn every_function_that_may_start_a_call_pins_its_search_path() {
    // One that only the owner may call is called by those, and inherits theirs; a body that is no text is bound already; is_direct and
    // puts_back name the schema of all that they call (RO6 holds them to that).
    assert_none(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'pgcanvas'::regnamespace and p.prokind = 'f' and p.prosqlbody is null and p.proname not in ('is_direct', 'puts_back')
           and not exists (select from unnest(p.proconfig) as c where c like 'search_path=%pg_catalog, pg_temp')
           and (p.prorettype = 'trigger'::regtype
             or exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee <> p.proowner))",
    )
    .await;
}

/// CT5
#[tokio::test]
async fn the_public_may_do_nothing() {
    assert_none(
        "select p.oid::regprocedure::text from pg_proc p cross join aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a
         where p.pronamespace = 'pgcanvas'::regnamespace and a.grantee = 0
         union all
         select c.oid::regclass::text from pg_class c cross join aclexplode(c.relacl) as a
         where c.relnamespace = 'pgcanvas'::regnamespace and a.grantee = 0
         union all
         select n.nspname from pg_namespace n cross join aclexplode(n.nspacl) as a where n.nspname = 'pgcanvas' and a.grantee = 0",
    )
    .await;
}

/// CT6
#[tokio::test]
async fn no_function_has_a_namesake() {
    assert_none("select proname::text from pg_proc where pronamespace = 'pgcanvas'::regnamespace and proname <> 'room_at' group by proname having count(*) > 1").await;
}

/// CT7
#[tokio::test]
async fn a_text_that_orders_or_names_is_compared_by_code_units() {
    assert_none(
        "select a.attrelid::regclass || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
         join pg_collation l on l.oid = a.attcollation
         where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind = 'r' and a.attname in ('id', 'shape_id', 'slug', 'index')
           and l.collname <> 'C'",
    )
    .await;
}

/// CT8
#[tokio::test]
async fn a_function_that_steers_the_planner_has_nothing_compiled() {
    assert_none(
        "select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'pgcanvas'::regnamespace and exists (select from unnest(p.proconfig) as c where c like 'enable\\_%=off')
           and not p.proconfig @> '{jit=off}'",
    )
    .await;
}

/// CT9
#[tokio::test]
async fn who_writes_shapes_as_the_owner_says_by_what_road() {
    assert_none(
        r"select p.oid::regprocedure::text from pg_proc p
         where p.pronamespace = 'pgcanvas'::regnamespace and p.prosecdef
           and p.prosrc ~* '(insert into|update|delete from|merge into)\s+(pgcanvas\.)?shapes\M' and p.prosrc !~ 'be_direct\(\)|pgcanvas\.applying'",
    )
    .await;
}

/// CT10
#[tokio::test]
async fn whoever_starts_what_writes_numbers_pins_their_digits() {
    // From the functions that turn numbers into text up to whoever calls them, as far as nobody pins.
    assert_none(
        r"with recursive f as (
           select p.proname, p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), '') as body,
             p.prosecdef or p.prorettype = 'trigger'::regtype
               or exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) as a where a.grantee <> p.proowner) as starts,
             coalesce(p.proconfig, '{}') @> '{extra_float_digits=1}' as pins
           from pg_proc p where p.pronamespace = 'pgcanvas'::regnamespace and p.prokind = 'f'),
         writes as (
           select f.proname from f
           where f.proname in ('place_members', 'shape_text', 'columns_set', 'change_of', 'seed_placed', 'seed_shape', 'seed_row')
           union select f.proname from f join writes w on f.body ~ ('\m' || w.proname || '\(') where not f.pins)
         select f.proname::text from f join writes w using (proname) where f.starts and not f.pins",
    )
    .await;
}

/// CT11
#[tokio::test]
async fn a_node_knows_the_fields_of_shape_properties_by_name_type_and_order() {
    let sql = "select a.attname || ' ' || t.typname from pg_attribute a join pg_type t on t.oid = a.atttypid
               where a.attrelid = 'pgcanvas.shape_properties'::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum";
    let rows = Board::open().await.client.query(sql, &[]).await.unwrap();
    let fields: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    let known = PROPERTIES.iter().map(|known| format!("{} {}", known.name, column_type(known.rule).name()));
    assert_eq!(fields, known.collect::<Vec<_>>());
}
