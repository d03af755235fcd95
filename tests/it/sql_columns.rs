//! What a database administrator adds to `pgcanvas.shapes`: columns and triggers (TR).

use super::support::board::{Batch, Board, apply_batches, refusal};
use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use serde_json::{Value, json};
use uuid::Uuid;

/// With a default, worked out, and of a type that no property of that name would fit.
const ADDED: &str = "alter table pgcanvas.shapes
    add column note text not null default 'none', add column area double precision generated always as (width * height) stored,
    add column priority integer, add column due date default '2030-01-01'";

/// Everything that people and programs do on a node, in as many batches.
async fn draw_everything(client: &mut Client, room: &str) {
    for ops in [
        json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "width": 3, "height": 4}}]),
        json!([{"op": "put", "shape": {"id": "b", "kind": "line", "points": [[0, 0]], "note": 5, "priority": "high", "area": null}},
               {"op": "put", "shape": {"id": "c", "kind": "arrow", "frame_id": "a", "group_ids": ["g"], "due": [1]}}]),
        json!([{"op": "patch", "id": "a", "set": {"x": 7}}]),
        json!([{"op": "patch", "id": "a", "set": {"width": 5, "priority": {"deep": 1}, "props": {"k": 1}}}]),
        json!([{"op": "patch", "id": "a", "set": {"stroke_color": "red"}}, {"op": "patch", "id": "b", "set": {"x": 1}, "unset": ["note"]}]),
        json!([{"op": "append", "id": "b", "points": [[1, 1]]}]),
        json!([{"op": "append", "id": "b", "points": [[2, 2]]}, {"op": "patch", "id": "c", "set": {"y": 1}}]),
        json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "width": 9, "height": 4}}]),
        json!([{"op": "delete", "id": "a"}, {"op": "put", "shape": {"id": "d", "kind": "text"}}]),
        json!([{"op": "put", "shape": {"id": "a", "kind": "ellipse", "width": 2, "height": 2}}]),
    ] {
        let ack = client.draw(room, ops.clone()).await;
        assert_eq!(ack["type"], "ack", "{ops}: {ack}");
    }
}

/// TR13
#[tokio::test]
async fn a_column_that_somebody_added_stops_nobody_and_is_kept_and_shown() {
    let database = TestDatabase::create().await;
    let number = make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let sql = database.client().await;
    let mut ann = Client::joined(&node, "Ann", "room").await;
    // Before and after it is there: connections keep what they know of the table.
    draw_everything(&mut ann, "room").await;
    sql.batch_execute(ADDED).await.unwrap();
    draw_everything(&mut ann, "room").await;
    sql.batch_execute(
        "update pgcanvas.shapes set note = 'kept', priority = 3 where id in ('a', 'b', 'c');
         update pgcanvas.shapes set x = x + 1, due = null where id = 'd';
         insert into pgcanvas.shapes (room_id, id, kind, note) select id, 'e', 'line', 'mine' from pgcanvas.rooms;
         select pgcanvas.draw('room', '[{\"op\":\"merge\",\"shape\":{\"id\":\"m\",\"kind\":\"line\",\"version\":4}}, {\"op\":\"patch\",\"id\":\"e\",\"set\":{\"y\":3}}]');
         insert into pgcanvas.chat (roomid, message, userid) select id, '{\"shape\":{\"id\":\"o\",\"type\":\"circle\",\"radius\":2}}', 'bob' from pgcanvas.rooms",
    )
    .await
    .unwrap();
    for ops in [
        json!([{"op": "patch", "id": "a", "set": {"x": 8}}]),
        json!([{"op": "patch", "id": "b", "set": {"text": "t"}}, {"op": "patch", "id": "c", "set": {"x": 9}}]),
        json!([{"op": "append", "id": "b", "points": [[5, 5]]}]),
    ] {
        ann.draw("room", ops).await;
    }
    let kept = "select count(*) from pgcanvas.shapes where id in ('a', 'b', 'c') and note = 'kept' and priority = 3 and due = '2030-01-01'
          and area = width * height
        or id in ('m', 'o') and note = 'none' and area = width * height or id = 'e' and note = 'mine' and y = 3 or id = 'd' and due is null";
    assert_eq!(sql.query_one(kept, &[]).await.unwrap().get::<_, i64>(0), 7);
    sql.batch_execute(
        "select pgcanvas.restore('room', 5); select pgcanvas.undo('room', p_from => 6); select pgcanvas.branch_room('room', 4, 'branch', 'ann');
         select pgcanvas.write_snapshots(); select pgcanvas.room_at('room', 12); select pgcanvas.shape_blame('room', 'b')",
    )
    .await
    .unwrap();
    for room in ["room", "branch"] {
        let verify = format!("select count(*) from pgcanvas.verify('{room}')");
        assert_eq!(sql.query_one(&verify, &[]).await.unwrap().get::<_, i64>(0), 0, "{room}");
    }
    // The functions are made anew while it is there, and the view then shows it.
    sql.batch_execute("update pgcanvas.meta set bundle_hash = ''").await.unwrap();
    pgcanvas::db::schema::migrate(&mut database.client().await).await.unwrap();
    draw_everything(&mut ann, "room").await;
    let shown: i64 = sql
        .query_one(
            "select count(note) from pgcanvas.board_shapes where room = 'room' and area is not null",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(shown > 3, "{shown} of room {number}");
    let mut ben = Client::connect(&node).await;
    ben.hello("Ben").await;
    ben.join("room").await;
    let seq: i64 =
        sql.query_one("select last_seq from pgcanvas.room_state('room')", &[]).await.unwrap().get(0);
    ben.reach("room", seq).await;
}

/// TR13, TR6
#[tokio::test]
async fn an_update_of_such_a_column_alone_is_stored_and_is_no_batch() {
    let board = Board::open().await;
    board.run(ADDED).await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, width, height) values (1, 'a', 'line', 2, 3), (1, 'b', 'line', 1, 1)").await;
    let mut bells = board.listen(&[1]).await;
    let stamps =
        "select array_agg((version, seq, updated_at, bounds::text)::text order by id) from pgcanvas.shapes";
    let before: Vec<String> = board.value(stamps).await;
    let changed = board
        .client
        .execute("update pgcanvas.shapes set note = 'n', x = x, version = 99 where id = 'a'", &[])
        .await
        .unwrap();
    assert_eq!((changed, board.last_seq().await), (1, 1));
    assert_eq!(board.value::<Vec<String>>(stamps).await, before);
    assert_eq!(board.value::<String>("select note from pgcanvas.shapes where id = 'a'").await, "n");
    assert!(bells.heard().await.is_empty());
    // What changes nothing at all is left out, and what changes both is a batch of the one.
    assert_eq!(board.client.execute("update pgcanvas.shapes set note = note, x = x", &[]).await.unwrap(), 0);
    let both = "update pgcanvas.shapes set note = 'm', x = case id when 'b' then 5 else x end";
    assert_eq!(board.client.execute(both, &[]).await.unwrap(), 2);
    let logged = "select array_agg(shape_id order by ordinal) from pgcanvas.shape_changes where seq = 2";
    assert_eq!(board.value::<Vec<String>>(logged).await, ["b"]);
    board.run("insert into pgcanvas.shapes (room_id, id, kind, note) values (1, 'a', 'line', 'u'), (1, 'c', 'line', 'u')
        on conflict (room_id, id) do update set note = excluded.note").await;
    assert_eq!(
        board.value::<Vec<String>>("select array_agg(note order by id) from pgcanvas.shapes").await,
        ["u", "m", "u"]
    );
    assert_eq!((board.last_seq().await, bells.heard().await.len()), (3, 2));
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// Snaps every shape to a grid of ten.
const SNAP: &str = "create function public.snap() returns trigger language plpgsql as $$ begin new.x := round(new.x / 10) * 10; return new; end $$";

async fn bounds_fit(board: &Board) -> bool {
    board
        .value("select bool_and(bounds ~= pgcanvas.shape_bounds(kind, x, y, width, height, angle, points, stroke_width)) from pgcanvas.shapes")
        .await
}

/// TR14
#[tokio::test]
async fn what_a_trigger_of_somebody_s_makes_of_direct_sql_is_stamped_and_logged() {
    for name in ["snap", "Snap", "_300_snap", "zz"] {
        let board = Board::open().await;
        board.run(SNAP).await;
        board.run(&format!("create trigger \"{name}\" before insert or update on pgcanvas.shapes for each row execute function public.snap()")).await;
        board.run("insert into pgcanvas.shapes (room_id, id, kind, x, width, height) values (1, 'a', 'rectangle', 13, 5, 5)").await;
        board.run("update pgcanvas.shapes set x = 17").await;
        assert_eq!(board.value::<f64>("select x from pgcanvas.shapes").await, 20.0, "{name}");
        assert!(bounds_fit(&board).await, "{name}");
        assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0, "{name}");
    }
}

/// TR14
#[tokio::test]
async fn a_trigger_that_would_alter_what_was_stamped_is_refused_by_name() {
    let board = Board::open().await;
    board.run(SNAP).await;
    board.run("create trigger \"~~snap\" before insert or update on pgcanvas.shapes for each row execute function public.snap()").await;
    let insert = board
        .client
        .batch_execute("insert into pgcanvas.shapes (room_id, id, kind, x) values (1, 'a', 'line', 13)")
        .await;
    let (code, message) = refusal(insert);
    assert!(code == "WB001" && message.contains("~~snap"), "{code}: {message}");
}

/// TR14
#[tokio::test]
async fn a_trigger_that_alters_what_nodes_write_is_refused_by_name_and_one_that_notes_is_not() {
    let board = Board::open().await;
    let put = |id: &str, x: i32| {
        ("put", id.to_owned(), json!({"kind": "rectangle", "x": x, "width": 5, "height": 5}))
    };
    let ops = |ops: Vec<(&'static str, String, Value)>| Batch {
        room: 1,
        client: Some(Uuid::new_v4()),
        op_id: Some(1),
        ops,
    };
    apply_batches(&board.client, &[ops(vec![put("a", 10), put("b", 20)])]).await.unwrap();
    board.run(SNAP).await;
    board.run("create trigger snap before insert or update on pgcanvas.shapes for each row execute function public.snap()").await;
    let patch = ("patch", "a".to_owned(), json!({"set": {"x": 13}, "unset": []}));
    for batch in [vec![put("c", 13)], vec![patch], vec![put("c", 10), put("b", 23)]] {
        let (code, message) = refusal(apply_batches(&board.client, &[ops(batch)]).await);
        assert!(code == "WB001" && message.contains("snap"), "{code}: {message}");
    }
    let batches = "select pgcanvas.apply_batches(array[1], array[gen_random_uuid()]::uuid[], array[12], array['ann'], array[null]::bigint[], array[null]::bigint[],
       array['editor'], array[1], array['patch'], array['a'], array[null]::bigint[],
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"a\",\"x\":13}')], array[null]::jsonb[], array['\"set\":{\"x\":13},\"unset\":[]'])";
    let (code, message) = refusal(board.client.batch_execute(batches).await);
    assert!(code == "WB001" && message.contains("snap"), "{code}: {message}");
    apply_batches(&board.client, &[ops(vec![put("c", 30)])]).await.unwrap(); // which it leaves as it is
    board.run("drop trigger snap on pgcanvas.shapes").await;
    board
        .run("create function public.keep() returns trigger language plpgsql as $$ begin return null; end $$;
              create trigger keep before delete on pgcanvas.shapes for each row execute function public.keep()")
        .await;
    let (code, message) =
        refusal(apply_batches(&board.client, &[ops(vec![("delete", "a".to_owned(), Value::Null)])]).await);
    assert!(code == "WB001" && message.contains("keep"), "{code}: {message}");
    assert_eq!(board.last_seq().await, 2);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// TR14: what nodes write is written by functions of the schema's owner, with their own search path.
#[tokio::test]
async fn a_function_of_somebody_s_trigger_names_its_schema_or_says_where_to_look() {
    let board = Board::open().await;
    board
        .run(
            "create table public.notes (id text);
             create function public.note() returns trigger language plpgsql as $$ begin insert into notes values (new.id); return null; end $$;
             create trigger note after insert on pgcanvas.shapes for each row execute function public.note()",
        )
        .await;
    let draw = |id: &str| {
        format!(
            "select pgcanvas.draw('1', '[{{\"op\":\"put\",\"shape\":{{\"id\":\"{id}\",\"kind\":\"line\"}}}}]')"
        )
    };
    let (code, message) = refusal(board.client.batch_execute(&draw("a")).await);
    assert!(code == "42P01" && message.contains("notes"), "{code}: {message}");
    board.run("alter function public.note() set search_path = public").await;
    board.run(&draw("a")).await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'b', 'line')").await;
    assert_eq!(board.value::<i64>("select count(*) from public.notes").await, 2);
}
