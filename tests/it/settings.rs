//! What settings of a database, a role or a session change of what is written: nothing (TR).

use super::support::board::{Board, open_room};
use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::http::get;
use super::support::node::TestNode;
use serde_json::{Value, json};
use tokio_postgres::{Client as Sql, Config};

/// What somebody may have given a database, a role or a session, and functions could lean on.
const SETTINGS: &[(&str, &[&str])] = &[
    ("extra_float_digits", &["0", "-15", "3"]),
    ("datestyle", &["SQL, DMY", "German, YMD", "Postgres, MDY"]),
    ("intervalstyle", &["sql_standard", "iso_8601", "postgres_verbose"]),
    ("timezone", &["Asia/Kathmandu", "America/St_Johns"]),
    ("bytea_output", &["escape"]),
    ("standard_conforming_strings", &["off"]),
    ("escape_string_warning", &["off"]),
    ("backslash_quote", &["off"]),
    ("xmlbinary", &["hex"]),
    ("xmloption", &["document"]),
    ("lc_messages", &["C"]),
    ("lc_monetary", &["C"]),
    ("lc_numeric", &["C"]),
    ("lc_time", &["C"]),
    ("search_path", &["odd, pg_catalog", "''"]),
    ("row_security", &["off"]),
    ("default_transaction_isolation", &["serializable", "'repeatable read'"]),
    ("default_transaction_deferrable", &["on"]),
    ("session_replication_role", &["local"]),
    ("statement_timeout", &["'20s'"]),
    ("lock_timeout", &["'40ms'"]),
    ("idle_in_transaction_session_timeout", &["'30s'"]),
    ("idle_session_timeout", &["'1h'"]),
    ("transform_null_equals", &["on"]),
    ("quote_all_identifiers", &["on"]),
    ("array_nulls", &["off"]),
    ("gin_fuzzy_search_limit", &["1"]),
    ("check_function_bodies", &["off"]),
    ("default_toast_compression", &["pglz"]),
    ("client_min_messages", &["debug1", "error"]),
    ("plan_cache_mode", &["force_custom_plan", "force_generic_plan"]),
    ("jit", &["on"]),
    ("from_collapse_limit", &["1"]),
    ("join_collapse_limit", &["1"]),
    ("geqo_threshold", &["2"]),
    ("constraint_exclusion", &["on"]),
    ("force_parallel_mode", &["on"]),
    ("debug_parallel_query", &["on"]),
    ("parallel_setup_cost", &["0"]),
    ("parallel_tuple_cost", &["0"]),
    ("min_parallel_table_scan_size", &["0"]),
    ("work_mem", &["'64kB'"]),
    ("temp_buffers", &["'800kB'"]),
    ("synchronous_commit", &["off"]),
    ("exit_on_error", &["on"]),
    ("plpgsql.variable_conflict", &["use_column", "use_variable"]),
    ("plpgsql.extra_errors", &["all"]),
    ("plpgsql.check_asserts", &["off"]),
    ("enable_seqscan", &["off"]),
    ("enable_indexscan", &["off"]),
    ("enable_indexonlyscan", &["off"]),
    ("enable_bitmapscan", &["off"]),
    ("enable_tidscan", &["off"]),
    ("enable_sort", &["off"]),
    ("enable_hashagg", &["off"]),
    ("enable_hashjoin", &["off"]),
    ("enable_mergejoin", &["off"]),
    ("enable_nestloop", &["off"]),
    ("enable_material", &["off"]),
    ("enable_memoize", &["off"]),
    ("pgcanvas.statement", &["'7'"]),
    ("pgcanvas.seq_1", &["'7:9:9'"]),
];

/// Whose settings they are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Whose {
    Nobody,
    Database,
    Role,
    Session,
}

/// Numbers that fewer digits would change, and texts that other rules of quoting would.
const ODD: &str = r#"{"id": "a", "kind": "rectangle", "x": 0.30000000000000004, "y": -1e-7, "width": 0.3333333333333333, "height": 123456789.12345679,
    "angle": 0.7853981633974483, "stroke_width": 1.1, "opacity": 33.333333333333336, "text": "a\\n'b' \"c\" é", "props": {"n": 0.1, "t": "\\u0041"}}"#;

/// What is drawn from SQL, in any session.
const STATEMENTS: &[&str] = &[
    "insert into pgcanvas.shapes (room_id, id, kind, x, width, points, group_ids, text, props, extra)
     values (1, 's', 'line', 0.1::double precision + 0.2, 1.0::double precision / 3, '{{0.1,0.2},{0.30000000000000004,1e-9}}', '{g,h}', 'it''s', '{\"k\": 0.1}', '{\"odd\": 1}')",
    "insert into pgcanvas.shapes (room_id, id, kind, frame_id, group_ids) select 1, 'r' || n, 'arrow', 's', '{g}' from generate_series(1, 40) as n",
    "update pgcanvas.shapes set x = x / 3, opacity = 200.0::double precision / 3, link = null where room_id = 1",
    "update pgcanvas.shapes set points = points || '{{0.7000000000000001,2}}'::double precision[] where id = 's' and room_id = 1",
    "select pgcanvas.draw('1', $$[{\"op\":\"put\",\"shape\":ODD}]$$)",
    "select pgcanvas.draw('1', $$[{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"x\":0.1,\"angle\":0.1234567890123456}},{\"op\":\"append\",\"id\":\"s\",\"points\":[[0.1,0.30000000000000004]]}]$$)",
    "select pgcanvas.draw('1', $$[{\"op\":\"merge\",\"shape\":{\"id\":\"m\",\"kind\":\"line\",\"x\":0.30000000000000004,\"version\":4}}]$$)",
    "select pgcanvas.undo('1', p_batch => 3)",
    "select pgcanvas.restore('1', 4)",
    "select pgcanvas.draw('1', $$[{\"op\":\"put\",\"shape\":ODD}]$$)",
    "insert into pgcanvas.chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"c\",\"type\":\"circle\",\"centerX\":0.1,\"centerY\":0.2,\"radius\":0.30000000000000004}}', 'bob')",
    "update pgcanvas.shapes set x = x + 0.1 where id = 'c' and room_id = 1",
    "delete from pgcanvas.shapes where id = 's' and room_id = 1",
];

/// What is read in any session.
const ANSWERS: &[&str] = &[
    "select shape::jsonb - '{created_at,updated_at}'::text[] from pgcanvas.room_snapshot(1, '', 100)",
    "select shape::jsonb - '{created_at,updated_at}'::text[] from pgcanvas.room_at('1', 7)",
    "select jsonb_build_array(change, shape_id, shape::jsonb - '{created_at,updated_at}'::text[]) from pgcanvas.room_delta(1, 3) order by shape_id",
    "select jsonb_build_array(change, shape_id) from pgcanvas.room_diff('1', 1, 6) order by shape_id",
    "select to_jsonb(b) - 'at' from pgcanvas.shape_blame('1', 'a') as b order by property",
    "select to_jsonb(h) - '{at,xid}'::text[] from pgcanvas.room_history('1') as h",
    "select to_jsonb(message) from pgcanvas.chat where roomid = 1 order by id",
    "select to_jsonb(shape_id) from pgcanvas.shapes_in_box(1, '(0,0),(500,500)', null, null, 100)",
    "select to_jsonb(f) from pgcanvas.verify('1') as f",
];

/// The rows and the log of every room, but for what differs from run to run. Asked where nothing is odd.
const ROWS: &str = "select coalesce(jsonb_agg(to_jsonb(s) - '{ordinal,created_at,updated_at,created_by,updated_by,room_id,refs}'::text[] order by s.room_id, s.id), '[]')
    from pgcanvas.shapes s";
const LOG: &str = "select coalesce(jsonb_agg(jsonb_build_array(room_id, seq, op, shape_id, change::jsonb #- '{shape,created_at}' #- '{shape,updated_at}'
    #- '{shape,created_by}' #- '{shape,updated_by}', before::jsonb - '{created_at,updated_at,created_by,updated_by}'::text[],
    regexp_replace(author, '^guest-.*', 'guest'), role) order by room_id, seq, shape_id), '[]') from pgcanvas.shape_changes";

async fn told(sql: &Sql, query: &str) -> Vec<Value> {
    let rows = sql.query(query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    rows.iter().map(|row| row.get(0)).collect()
}

/// Draws and reads in a session, and gives what it was told.
async fn in_a_session(sql: &Sql) -> Vec<Vec<Value>> {
    for statement in STATEMENTS {
        let statement = statement.replace("ODD", ODD);
        sql.batch_execute(&statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
    let mut answers = Vec::new();
    for query in ANSWERS {
        answers.push(told(sql, query).await);
    }
    answers
}

/// Draws by a node what the session drew, and a little more; gives what a newcomer is told.
async fn on_a_node(database: &TestDatabase) -> Value {
    let node = TestNode::start(database).await;
    let mut ann = Client::joined(&node, "Ann", "room").await;
    let odd: Value = serde_json::from_str(ODD).unwrap();
    let mut other = odd.clone();
    other["id"] = json!("b");
    other["group_ids"] = json!(["g"]);
    for ops in [
        json!([{"op": "put", "shape": odd}]),
        json!([{"op": "put", "shape": other}, {"op": "put", "shape": {"id": "l", "kind": "line", "points": [[0.1, 0.2]], "frame_id": "a"}}]),
        json!([{"op": "patch", "id": "a", "set": {"x": 0.7000000000000001}}]),
        json!([{"op": "patch", "id": "a", "set": {"x": 0.1, "stroke_color": "red"}}, {"op": "patch", "id": "b", "set": {"y": 0.30000000000000004}}]),
        json!([{"op": "append", "id": "l", "points": [[0.30000000000000004, 1e-9]]}]),
        json!([{"op": "delete", "id": "a"}]),
    ] {
        let ack = ann.draw("room", ops.clone()).await;
        assert_eq!(ack["type"], "ack", "{ops}: {ack}");
    }
    let seq = ann.board("room").seq;
    ann.reach("room", seq.max(6)).await;
    let mut shapes = get(node.address(), "/api/rooms/room/shapes").await.json()["shapes"].clone();
    for shape in shapes.as_array_mut().unwrap() {
        for stamp in ["created_at", "updated_at", "created_by", "updated_by"] {
            shape.as_object_mut().unwrap().remove(stamp);
        }
    }
    shapes
}

/// What is written and told where these settings are somebody's.
async fn outcome(settings: &[(&str, &str)], whose: Whose, with_node: bool) -> Vec<Value> {
    let database = TestDatabase::create().await;
    let plain = database.client().await;
    plain.batch_execute("create schema odd; create function odd.now() returns timestamptz language sql return timestamptz 'epoch'").await.unwrap();
    open_room(&plain, 1).await;
    make_room(&database, "room").await;
    let name: String = plain.query_one("select current_database()::text", &[]).await.unwrap().get(0);
    let mut own = String::new();
    for (setting, value) in settings {
        let value = if *setting == "search_path" || value.starts_with('\'') {
            (*value).to_owned()
        } else {
            format!("'{value}'")
        };
        match whose {
            Whose::Nobody => {}
            Whose::Database => {
                plain.batch_execute(&format!("alter database {name} set {setting} = {value}")).await.unwrap()
            }
            Whose::Role => plain
                .batch_execute(&format!("alter role current_user in database {name} set {setting} = {value}"))
                .await
                .unwrap(),
            Whose::Session => own += &format!("set {setting} = {value};"),
        }
    }
    let odd = database.client().await;
    odd.batch_execute(&own).await.unwrap();
    let answers = in_a_session(&odd).await;
    let newcomer = if with_node { on_a_node(&database).await } else { Value::Null };
    let mut outcome = vec![json!(answers), newcomer];
    for query in [ROWS, LOG] {
        outcome.extend(told(&plain, query).await);
    }
    for room in ["1", "room"] {
        assert_eq!(
            told(&plain, &format!("select to_jsonb(f) from pgcanvas.verify('{room}') as f")).await,
            Vec::<Value>::new(),
            "{settings:?} of {whose:?}"
        );
    }
    outcome
}

fn assert_same(found: &[Value], wanted: &[Value], whose: Whose, settings: &[(&str, &str)]) {
    for (n, (found, wanted)) in found.iter().zip(wanted).enumerate() {
        assert_eq!(found, wanted, "part {n} differs with {settings:?} of {whose:?}");
    }
}

/// Those that this server has.
async fn known() -> Vec<(&'static str, &'static str)> {
    let board = Board::open().await;
    let names: Vec<String> = board.value("select array_agg(lower(name)) from pg_settings").await;
    let has = |name: &str| name.contains('.') || names.iter().any(|known| known == name);
    SETTINGS
        .iter()
        .filter(|(name, _)| has(name))
        .flat_map(|(name, values)| values.iter().map(|value| (*name, *value)))
        .collect()
}

/// TR15: all of them at once, node and all.
#[tokio::test]
async fn settings_of_a_database_or_a_role_change_nothing_of_what_is_written() {
    let wanted = outcome(&[], Whose::Nobody, true).await;
    let all = known().await;
    // Once the first values of all of them, once the last.
    let first: Vec<_> = SETTINGS
        .iter()
        .filter_map(|(name, _)| all.iter().find(|(known, _)| known == name).copied())
        .collect();
    let last: Vec<_> = SETTINGS
        .iter()
        .filter_map(|(name, _)| all.iter().rev().find(|(known, _)| known == name).copied())
        .collect();
    for (whose, settings) in [(Whose::Database, first), (Whose::Role, last)] {
        assert_same(&outcome(&settings, whose, true).await, &wanted, whose, &settings);
    }
}

/// TR15
#[tokio::test]
async fn no_setting_of_a_session_changes_what_is_written_in_it() {
    let wanted = outcome(&[], Whose::Nobody, false).await;
    // Some at a time, and no two values of one among them.
    let all = known().await;
    for part in 0..8 {
        let some: Vec<_> = all.iter().skip(part).step_by(8).copied().collect();
        assert_same(&outcome(&some, Whose::Session, false).await, &wanted, Whose::Session, &some);
    }
}

/// TR15: a node that comes to a database in which triggers do not fire has them fire for itself.
#[tokio::test]
async fn a_node_has_its_triggers_fire() {
    let database = TestDatabase::create().await;
    let plain = database.client().await;
    make_room(&database, "room").await;
    plain.batch_execute("select pgcanvas.chain_room('room')").await.unwrap();
    let name: String = plain.query_one("select current_database()::text", &[]).await.unwrap().get(0);
    plain
        .batch_execute(&format!("alter database {name} set session_replication_role = replica"))
        .await
        .unwrap();
    on_a_node(&database).await;
    assert_eq!(
        told(&plain, "select to_jsonb(f) from pgcanvas.verify('room') as f").await,
        Vec::<Value>::new()
    );
}

/// TR15: a database that is to be read only is, for nodes as for everybody, and says so.
#[tokio::test]
async fn a_database_that_only_reads_refuses_whole_batches_and_is_not_ready() {
    let database = TestDatabase::create().await;
    let plain = database.client().await;
    make_room(&database, "room").await;
    let name: String = plain.query_one("select current_database()::text", &[]).await.unwrap().get(0);
    plain
        .batch_execute(&format!("alter database {name} set default_transaction_read_only = on"))
        .await
        .unwrap();
    let config: Config = database.config().clone();
    let node = TestNode::start_on(config, &Default::default()).await;
    assert_eq!(get(node.address(), "/readyz").await.status, 503);
    assert_eq!(get(node.address(), "/api/rooms/room/shapes").await.json()["shapes"], json!([]));
    let odd = database.client().await;
    for statement in [
        "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')",
        "select pgcanvas.draw('room', '[{\"op\":\"delete\",\"id\":\"x\"}]')",
    ] {
        let refused = odd.batch_execute(statement).await.expect_err(statement);
        assert_eq!(refused.code().map(|code| code.code()), Some("25006"), "{statement}");
    }
}
