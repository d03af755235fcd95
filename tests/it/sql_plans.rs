//! What a session did before does not slow down what it does next: plans are kept, and made once, perhaps while there was next to nothing.

use super::support::board::{Board, open_room};
use super::support::plans::watched;

/// How many shapes a large statement has.
const MANY: u32 = 1_000;
/// How many rows all steps of its plans look at together, at most, for each of its shapes. A plan that is quadratic looks at
/// [`MANY`] for each.
const MOST_ROWS: f64 = 600.0;

/// What makes plans: a little of everything, in a room that is nearly empty.
const LITTLE: &[&str] = &[
    "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'w', 'rectangle')",
    "insert into pgcanvas.shapes (room_id, id, kind, frame_id, group_ids) values (1, 'v', 'arrow', 'w', '{g}'), (1, 'u', 'arrow', 'w', '{g}')",
    "update pgcanvas.shapes set x = x + 1 where id = 'w'",
    "update pgcanvas.shapes set container_id = 'v' where id = 'u'",
    "delete from pgcanvas.shapes where id = 'w'",
    "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'w', 'rectangle')",
    "insert into pgcanvas.chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"c\",\"type\":\"rect\"}}', 'bob')",
    "delete from pgcanvas.chat where roomid = 1 and message like '%\"id\":\"c\"%'",
    "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"d\",\"kind\":\"rectangle\"}},
       {\"op\":\"put\",\"shape\":{\"id\":\"e\",\"kind\":\"arrow\",\"frame_id\":\"d\",\"group_ids\":[\"h\"]}},
       {\"op\":\"put\",\"shape\":{\"id\":\"f\",\"kind\":\"arrow\",\"frame_id\":\"d\",\"group_ids\":[\"h\"]}}]')",
    "select pgcanvas.draw('1', '[{\"op\":\"patch\",\"id\":\"d\",\"set\":{\"x\":1}}, {\"op\":\"delete\",\"id\":\"e\"},
       {\"op\":\"merge\",\"shape\":{\"id\":\"m\",\"kind\":\"rectangle\",\"version\":4}}]')",
    "select pgcanvas.undo('1', p_batch => 1)",
    "select pgcanvas.restore('1', 2)",
    "select pgcanvas.room_at('1', 2)",
    "select pgcanvas.verify('1')",
    "select pgcanvas.write_snapshots()",
    "select pgcanvas.prune_history('1', p_keep_changes => 5)",
];

/// What is counted, one after the other, `#` shapes each.
const MUCH: &[(&str, &str)] = &[
    ("insert", "insert into pgcanvas.shapes (room_id, id, kind, x) select 2, 's' || n, 'rectangle', n from generate_series(1, #) as n"),
    (
        "insert what refers",
        "insert into pgcanvas.shapes (room_id, id, kind, frame_id, group_ids)
         select 2, 'r' || n, 'arrow', 's' || n, array['g' || n / 2] from generate_series(1, #) as n",
    ),
    ("update", "update pgcanvas.shapes set x = x + 1 where room_id = 2 and id like 's%'"),
    ("update what refers", "update pgcanvas.shapes set container_id = frame_id where room_id = 2 and id like 'r%'"),
    ("delete what is referred to", "delete from pgcanvas.shapes where room_id = 2 and id like 's%'"),
    ("refer to what is gone", "update pgcanvas.shapes set frame_id = 's' || substr(id, 2) where room_id = 2 and id like 'r%'"),
    ("insert again", "insert into pgcanvas.shapes (room_id, id, kind, x) select 2, 's' || n, 'rectangle', n from generate_series(1, #) as n"),
    (
        "upsert",
        "insert into pgcanvas.shapes (room_id, id, kind, x) select 2, 's' || n, 'rectangle', -n from generate_series(1, #) as n
         on conflict (room_id, id) do update set x = excluded.x",
    ),
    (
        "draw what refers",
        "select pgcanvas.draw('3', (select jsonb_agg(jsonb_build_object('op', 'put', 'shape', jsonb_build_object('id', k || n, 'kind', 'line',
           'frame_id', case k when 'r' then 's' || n end, 'group_ids', jsonb_build_array('g' || n / 2)))) from generate_series(1, # / 2) as n, unnest('{s,r}'::text[]) as k))",
    ),
    (
        "draw patches",
        "select pgcanvas.draw('3', (select jsonb_agg(jsonb_build_object('op', 'patch', 'id', 's' || n, 'set', jsonb_build_object('x', n)))
           from generate_series(1, # / 2) as n))",
    ),
    (
        "merge",
        "select pgcanvas.draw('3', (select jsonb_agg(jsonb_build_object('op', 'merge', 'shape', jsonb_build_object('id', 's' || n, 'kind', 'line',
           'version', 9))) from generate_series(1, # / 2) as n))",
    ),
    (
        "draw deletes",
        "select pgcanvas.draw('3', (select jsonb_agg(jsonb_build_object('op', 'delete', 'id', 's' || n)) from generate_series(1, # / 2) as n))",
    ),
    ("undo", "select pgcanvas.undo('3', p_batch => 4)"),
    ("restore", "select pgcanvas.restore('3', 2)"),
    ("room_at", "select count(*) from pgcanvas.room_at('2', 3)"),
    ("verify", "select count(*) from pgcanvas.verify('2')"),
    ("branch", "select pgcanvas.branch_room('3', 2, 'branch', 'ann')"),
    ("chat", "delete from pgcanvas.chat where roomid = 3 and id <= (select min(id) + 50 from pgcanvas.chat where roomid = 3)"),
    ("erase", "call pgcanvas.erase_user('sql:' || session_user)"),
    ("prune", "select count(*) from pgcanvas.prune_history('3', p_keep_changes => 10)"),
    ("delete the room", "delete from pgcanvas.rooms where id = 2"),
];

/// A database in which nobody analyzes a table in the meantime: its plans are kept until the session ends.
async fn undisturbed() -> Board {
    let board = Board::open().await;
    open_room(&board.client, 2).await;
    open_room(&board.client, 3).await;
    for table in ["rooms", "shapes", "shape_changes", "tombstones", "applied_ops", "gestures"] {
        board.run(&format!("alter table pgcanvas.{table} set (autovacuum_enabled = off)")).await;
    }
    board
}

/// TR11
#[tokio::test]
async fn a_session_that_did_little_before_does_no_quadratic_work_at_much() {
    let board = undisturbed().await;
    let (client, mut plans) = watched(board.database.config()).await;
    let mut wrong = Vec::new();
    let little = LITTLE.iter().map(|sql| (*sql, *sql));
    for (what, sql) in little.chain(MUCH.iter().copied()) {
        let done = client.batch_execute(&sql.replace('#', &MANY.to_string())).await;
        done.unwrap_or_else(|error| panic!("{what}: {error:?}"));
        let rows = plans.rows();
        println!("{what}: {} rows for each shape", (rows.sum / f64::from(MANY)).round());
        // Else nothing is heard, and all would be well.
        assert!(!plans.are_told() || what != "insert" || rows.sum >= f64::from(MANY), "{what}: {rows:?}");
        wrong.extend(rows.beyond(f64::from(MANY) * MOST_ROWS).map(|beyond| format!("{what}: {beyond}")));
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Calls that concern a shape or two, as a node's connection or a program makes them; `#` is a number that was not used before.
const SMALL: &[&str] = &[
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[#], array['ann'], array[null]::bigint[],
       array[null]::bigint[], array['editor'], array_fill(1, array[1]), array['patch'], array['a'], array_fill(null::bigint, array[1]),
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"a\",\"x\":#}')]::pgcanvas.shape_properties[], array_fill(null::jsonb, array[1]), array['\"set\":{\"x\":#},\"unset\":[]'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[#], array['ann'], array[null]::bigint[],
       array[null]::bigint[], array['editor'], array_fill(1, array[1]), array['put'], array['o#'], array_fill(null::bigint, array[1]),
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"o#\",\"kind\":\"line\",\"x\":0,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}}')]::pgcanvas.shape_properties[], array_fill(null::jsonb, array[1]), array['\"id\":\"o#\",\"kind\":\"line\",\"x\":0,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[#], array['ann'], array[null]::bigint[],
       array[null]::bigint[], array['editor'], array_fill(1, array[2]), array['patch', 'put'], array['a', 'p#'], array_fill(null::bigint, array[2]),
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"a\",\"link\":\"l#\"}'), jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"p#\",\"kind\":\"line\",\"x\":0,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}}')]::pgcanvas.shape_properties[], array_fill(null::jsonb, array[2]), array['\"set\":{\"link\":\"l#\"},\"unset\":[]', '\"id\":\"p#\",\"kind\":\"line\",\"x\":0,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[#], array['ann'], array[null]::bigint[],
       array[null]::bigint[], array['editor'], array_fill(1, array[2]), array['put', 'delete'], array['a', 'gone'], array_fill(null::bigint, array[2]),
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"a\",\"kind\":\"line\",\"x\":#,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}}'), null]::pgcanvas.shape_properties[], array_fill(null::jsonb, array[2]), array['\"id\":\"a\",\"kind\":\"line\",\"x\":#,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}', ''])",
    "select pgcanvas.draw('1', '[{\"op\":\"patch\",\"id\":\"a\",\"set\":{\"width\":#}}]')",
    "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"r#\",\"kind\":\"arrow\",\"frame_id\":\"a\",\"container_id\":\"gone\",\"group_ids\":[\"g\"]}}]')",
    "select pgcanvas.draw('1', (select jsonb_build_array(jsonb_build_object('op', 'delete', 'id', max(shape_id)))
       from pgcanvas.shape_changes where shape_id ~ '^r[0-9]'))",
    "select pgcanvas.move_gesture(1, '00000000-0000-4000-8000-000000000002', #, 'ann', true)",
    "select pgcanvas.undo('1', p_batch => (select last_seq from pgcanvas.room_head(1)))",
    "insert into pgcanvas.chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"c#\",\"type\":\"rect\"}}', 'bob')",
    "insert into pgcanvas.shapes (room_id, id, kind, frame_id) values (1, 'f#', 'line', 'a'), (1, 'h#', 'line', 'gone')",
    "delete from pgcanvas.shapes where room_id = any (array[1]) and id = (select max(shape_id) from pgcanvas.shape_changes where shape_id ~ '^f[0-9]')",
];

/// TR11: a call that concerns a few shapes reads a few, whatever there was when its plans were made.
#[tokio::test]
async fn a_small_call_reads_few_rows_of_a_large_room() {
    let board = undisturbed().await;
    // As a node's connections have it.
    board
        .run("set plan_cache_mode = force_generic_plan; set enable_seqscan = off; set enable_hashjoin = off; set enable_mergejoin = off; set enable_bitmapscan = off")
        .await;
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'), (1, 'gone', 'line')")
        .await;
    board.run("delete from pgcanvas.shapes where id = 'gone'").await;
    let mut n = 100;
    let mut call = |sql: &str| {
        n += 1;
        sql.replace('#', &n.to_string())
    };
    for sql in SMALL {
        board.run(&call(sql)).await;
    }
    board.run("insert into pgcanvas.shapes (room_id, id, kind) select 1, 'many' || n, 'line' from generate_series(1, 5000) as n").await;
    let read = "select coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0) from pg_stat_xact_user_tables where relid = 'pgcanvas.shapes'::regclass";
    let mut many = Vec::new();
    for sql in SMALL {
        let sql = call(sql);
        board.run("begin").await;
        let before: i64 = board.value(read).await; // of transactions before, too, until they are told
        board.run(&sql).await;
        let rows = board.value::<i64>(read).await - before;
        board.run("commit").await;
        if rows > 100 {
            many.push(format!("{rows} rows: {sql}"));
        }
    }
    assert!(many.is_empty(), "{many:#?}");
}
