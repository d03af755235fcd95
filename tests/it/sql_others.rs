//! What somebody else made of `pgcanvas.shapes`: triggers and a table of their own (TR).

use super::support::board::{Batch, Board, apply_batches, open_room};
use super::support::http::post;
use super::support::node::TestNode;
use serde_json::json;
use uuid::Uuid;

/// TR14
#[tokio::test]
async fn a_trigger_function_with_a_search_path_of_its_own_works_on_every_road() {
    let board = Board::open().await;
    // By its own path alone it finds its table and its helper, and what is called like something of ours is its own.
    board
        .run(
            "create schema theirs;
             create table theirs.notes (n bigint generated always as identity, op text, id text, path text);
             create table theirs.rooms (id bigint);
             create function theirs.shape_text(p_id text) returns text language sql as $$ select 'theirs ' || p_id $$;
             create function theirs.note() returns trigger language plpgsql set search_path = theirs, public as $$ begin
               insert into notes (op, id, path) select tg_op, shape_text(coalesce(new.id, old.id)), current_setting('search_path')
               where not exists (select from rooms);
               return null;
             end $$;
             create trigger note after insert or update or delete on pgcanvas.shapes for each row execute function theirs.note()",
        )
        .await;
    let node = TestNode::start(&board.database).await;
    let (address, client) = (node.address(), Uuid::new_v4());
    let put = |id: &str| json!({"op": "put", "shape": {"id": id, "kind": "line"}});
    let send = async |op_id: i64, what: &str, body: serde_json::Value| {
        let mut said = json!({"client": client, "op_id": op_id});
        said.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        let answer = post(address, &format!("/api/rooms/1/{what}"), &said).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    };
    let patch = json!({"op": "patch", "id": "a", "set": {"x": 3}});
    send(1, "ops", json!({"ops": [put("a"), put("b")]})).await;
    send(2, "ops", json!({"ops": [patch, {"op": "delete", "id": "b"}]})).await;
    send(3, "undo", json!({})).await;
    board
        .run("select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"c\",\"kind\":\"line\"}}]')")
        .await;
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'd', 'line'), (1, 'e', 'line')")
        .await;
    board
        .run("update pgcanvas.shapes set x = 9 where id = 'd'; delete from pgcanvas.shapes where id = 'e'")
        .await;
    board.run("select pgcanvas.undo('1', p_batch => 4)").await;
    apply_batches(&board.client, &[Batch::anonymous(1, vec![("put", "f", json!({"kind": "line"}))])])
        .await
        .unwrap();
    let notes: Vec<String> =
        board.value("select array_agg(op || ' ' || id order by n) from theirs.notes").await;
    let mut expected: Vec<_> = [
        "INSERT a", "INSERT b", "UPDATE a", "DELETE b", "UPDATE a", "INSERT b", "INSERT c", "INSERT d",
        "INSERT e", "UPDATE d", "DELETE e", "DELETE c", "INSERT f",
    ]
    .iter()
    .map(|note| note.replacen(' ', " theirs ", 1))
    .collect();
    // A call writes what changes before what comes or goes.
    let (mut told, by_node) = (notes, 6);
    told[..by_node].sort();
    expected[..by_node].sort();
    assert_eq!(told, expected);
    let paths: Vec<String> = board.value("select array_agg(distinct path) from theirs.notes").await;
    assert_eq!(paths, ["theirs, public"], "its path, on every road");
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
    node.stop().await;
}

/// Puts a copy of the table that is partitioned by room in its place, and has the bundle's functions made for it.
async fn partitioned() -> Board {
    let board = Board::open().await;
    open_room(&board.client, 2).await;
    board
        .run(
            "alter table pgcanvas.shapes rename to shapes_before;
             create table pgcanvas.shapes (like pgcanvas.shapes_before including all) partition by list (room_id);
             create table pgcanvas.shapes_of_1 partition of pgcanvas.shapes for values in (1);
             create table pgcanvas.shapes_of_2 partition of pgcanvas.shapes for values in (2);
             create table pgcanvas.shapes_of_others partition of pgcanvas.shapes default;
             do $$ declare v_sql text; begin  -- what is made of its rows is made of the other table's
               select string_agg(format('drop type pgcanvas.%1$I cascade; create type pgcanvas.%1$I as (%2$s)', t.relname, t.columns), ';') into v_sql
               from (select c.relname, string_agg(format('%I %s', a.attname, replace(format_type(a.atttypid, a.atttypmod), 'shapes_before', 'shapes')), ', ' order by a.attnum) as columns
                     from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
                     where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind = 'c' group by c.relname
                     having bool_or(a.atttypid in ('pgcanvas.shapes_before'::regtype, 'pgcanvas.shapes_before[]'::regtype))) as t;
               execute v_sql;
             end $$;
             drop table pgcanvas.shapes_before cascade;
             alter sequence pgcanvas.shapes_ordinal_seq1 rename to shapes_ordinal_seq;
             update pgcanvas.meta set bundle_hash = ''",
        )
        .await;
    let mut owner = board.database.client().await;
    pgcanvas::db::schema::migrate(&mut owner).await.unwrap();
    board
}

/// TR19
#[tokio::test]
async fn a_partitioned_table_of_shapes_is_written_as_one_that_is_not() {
    let board = partitioned().await;
    // As a session that was there before would not know of the other table.
    let board = Board { client: board.database.client().await, ..board };
    for room in [1, 2] {
        let sql = format!(
            "insert into pgcanvas.shapes (room_id, id, kind, x) select {room}, 's' || n, 'rectangle', n from generate_series(1, 6) as n"
        );
        board.run(&sql).await;
    }
    let twins = "select count(*) from pgcanvas.shapes as a join pgcanvas.shapes as b on a.ctid = b.ctid and a.room_id < b.room_id";
    assert_eq!(board.value::<i64>(twins).await, 6, "rows of both rooms have equal ctids");
    let patch = |room: i64, id: &str| {
        Batch::anonymous(room, vec![("patch", id, json!({"set": {"x": 70}, "unset": []}))])
    };
    for step in [
        "update pgcanvas.shapes set x = 50 where room_id = 1 and id = 's1'",
        "update pgcanvas.shapes set y = x where id in ('s2', 's3')",
        "delete from pgcanvas.shapes where room_id = 2 and id = 's1'",
        "select pgcanvas.draw('1', '[{\"op\":\"patch\",\"id\":\"s5\",\"set\":{\"x\":60}},{\"op\":\"delete\",\"id\":\"s6\"}]')",
        "select pgcanvas.undo('1', p_batch => 4)",
        "insert into pgcanvas.shapes (room_id, id, kind, frame_id) values (2, 't', 'line', 's5'); delete from pgcanvas.shapes where id = 's5'",
    ] {
        board.run(step).await;
        assert_whole(&board, step).await;
    }
    apply_batches(&board.client, &[patch(1, "s2"), patch(2, "s3")]).await.unwrap();
    assert_whole(&board, "apply_batches").await;
    let node = TestNode::start(&board.database).await;
    for room in [1, 2] {
        let ops = json!([{"op": "patch", "id": "s4", "set": {"x": 80 + room}}, {"op": "put", "shape": {"id": "n", "kind": "line"}}]);
        let batch = json!({"client": Uuid::new_v4(), "op_id": 1, "ops": ops});
        let answer = post(node.address(), &format!("/api/rooms/{room}/ops"), &batch).await;
        assert_eq!(answer.status, 200, "{answer:?}");
    }
    node.stop().await;
    assert_whole(&board, "a node").await;
    let moved = "select array_agg(room_id || id || ':' || x order by room_id, id) from pgcanvas.shapes where id in ('s1', 's2', 's3', 's4')";
    let moved: Vec<String> = board.value(moved).await;
    assert_eq!(moved, ["1s1:50", "1s2:70", "1s3:3", "1s4:81", "2s2:2", "2s3:70", "2s4:82"]);
}

/// Each room's rows are what its log makes of it.
async fn assert_whole(board: &Board, after: &str) {
    for room in [1, 2] {
        let faults: Vec<String> = board
            .value(&format!("select coalesce(array_agg(fault), '{{}}') from pgcanvas.verify('{room}')"))
            .await;
        assert!(faults.is_empty(), "room {room} after {after}: {faults:?}");
    }
}
