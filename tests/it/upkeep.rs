//! What is looked after while people draw: rooms and people that go, pictures that nothing names, the log's index (TR, AU, FI, MI, HI).

use super::migrate_beside::idle_reader;
use super::support::board::{Batch, Board, apply_batches, code, open_room};
use super::support::http::{ask, get, post};
use super::support::node::TestNode;
use super::support::server::retried;
use pgcanvas::db::schema::{migrate, migrate_within};
use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

/// How long what ends may take to do so on a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(30);

/// A board with so many shapes, past the triggers.
async fn crowded(shapes: i64) -> Board {
    let board = Board::open().await;
    board
        .run(&format!(
            "insert into pgcanvas.shapes (room_id, id, kind) select 1, 's' || n, 'rectangle' from generate_series(1, {shapes}) as n"
        ))
        .await;
    board
}

async fn rows_left(board: &Board) -> i64 {
    board
        .value(
            "select (select count(*) from pgcanvas.shapes where room_id = 1) + (select count(*) from pgcanvas.shape_changes where room_id = 1)
             + (select count(*) from pgcanvas.applied_ops where room_id = 1)",
        )
        .await
}

/// TR16
#[tokio::test]
async fn a_large_room_is_gone_at_once_and_its_rows_go_in_pieces() {
    let board = crowded(30_000).await;
    open_room(&board.client, 2).await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (2, 'other', 'rectangle')").await;
    assert!(board.value::<bool>("select pgcanvas.delete_room(1)").await);
    let left = rows_left(&board).await;
    assert!(left > 40_000, "all was removed in one transaction: {left} rows are left");
    for view in ["board_shapes", "change_log", "chat"] {
        let seen = format!("select count(*) from pgcanvas.{view}");
        assert_eq!(board.value::<i64>(&seen).await, 1, "{view} shows a room that is gone");
    }
    // A statement for all boards passes by what is left.
    board.run("update pgcanvas.shapes set x = 9").await;
    assert_eq!(board.value::<f64>("select x from pgcanvas.shapes where room_id = 2").await, 9.0);
    let first: Option<i64> = board.value("select pgcanvas.remove_remains(10000)").await;
    assert_eq!((first, rows_left(&board).await), (Some(10_000), left - 10_000));
    // Whoever removes them may be interrupted anywhere: the rest is there for the next.
    board.run("begin; select pgcanvas.remove_remains(10000); rollback").await;
    assert_eq!(rows_left(&board).await, left - 10_000);
    while board.value::<Option<i64>>("select pgcanvas.remove_remains(10000)").await.is_some() {}
    assert_eq!(rows_left(&board).await, 0);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.deleted_rooms").await, 0);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, 1);
}

/// TR16
#[tokio::test]
async fn a_number_that_is_opened_again_has_nothing_of_the_room_before() {
    let board = crowded(15_000).await;
    board.run("select pgcanvas.delete_room(1)").await;
    assert!(rows_left(&board).await > 0);
    open_room(&board.client, 1).await;
    assert_eq!(rows_left(&board).await, 0);
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 's1', 'rectangle')").await;
    assert_eq!(board.value::<Option<i64>>("select pgcanvas.remove_remains(10000)").await, None);
    assert_eq!(board.value::<i64>("select version from pgcanvas.shapes").await, 1);
    board.assert_gapless().await;
}

/// TR16
#[tokio::test]
async fn a_node_removes_what_a_deleted_room_left() {
    let board = crowded(25_000).await;
    let node = TestNode::start(&board.database).await;
    let made = post(node.address(), "/api/rooms", &json!({"slug": "mine"})).await.json();
    let link = made["link"]["token"].as_str().unwrap().to_owned();
    let fill = "insert into pgcanvas.shapes (room_id, id, kind) select r.id, 's' || n, 'rectangle'
        from pgcanvas.rooms r, generate_series(1, 15000) as n where r.slug = 'mine'";
    board.run(fill).await;
    let key = [("x-pgcanvas-link", link.as_str())];
    let gone = ask(node.address(), "DELETE", "/api/rooms/mine", &key, "").await;
    assert_eq!(gone.status, 204, "{gone:?}");
    assert_eq!(get(node.address(), "/api/rooms/mine").await.status, 404);
    let removed = retried(DEADLINE, || async {
        let left: i64 = board.value("select count(*) from pgcanvas.shapes where room_id <> 1").await;
        if left == 0 { Ok(()) } else { Err(left) }
    });
    assert_eq!(removed.await, Ok(()), "rows of the room that is gone");
    node.stop().await;
}

/// AU7
#[tokio::test]
async fn a_person_is_erased_room_by_room_and_who_was_interrupted_goes_on() {
    let board = Board::open().await;
    for room in [2, 3] {
        open_room(&board.client, room).await;
    }
    let put = |room| Batch::anonymous(room, vec![("put", "a", json!({"kind": "text"}))]);
    for room in [1, 2, 3] {
        apply_batches(&board.client, &[put(room)]).await.unwrap();
    }
    // Somebody holds the second room.
    let holder = board.database.client().await;
    holder.batch_execute("begin; select from pgcanvas.rooms where id = 2 for update").await.unwrap();
    let eraser = board.database.client().await;
    let token = eraser.cancel_token();
    let erasing =
        tokio::spawn(async move { eraser.batch_execute("call pgcanvas.erase_user('author 1')").await });
    let named = |room: i64| {
        format!("select count(*) from pgcanvas.shape_changes where room_id = {room} and author = 'author 1'")
    };
    let first_is_done = retried(DEADLINE, || async {
        if board.value::<i64>(&named(1)).await == 0 { Ok(()) } else { Err(()) }
    });
    assert_eq!(first_is_done.await, Ok(()), "the first room waits for the second");
    // The first room and the third are free, while the second is waited for.
    for room in [1, 3] {
        let free = format!("select from pgcanvas.rooms where id = {room} for update nowait");
        board.run(&free).await;
    }
    token.cancel_query(tokio_postgres::NoTls).await.unwrap();
    assert_eq!(code(erasing.await.unwrap()), "57014");
    holder.batch_execute("rollback").await.unwrap();
    assert_eq!((board.value::<i64>(&named(1)).await, board.value::<i64>(&named(2)).await), (0, 1));
    board.run("call pgcanvas.erase_user('author 1')").await;
    for room in [1, 2, 3] {
        assert_eq!(board.value::<i64>(&named(room)).await, 0);
    }
}

/// FI5
#[tokio::test]
async fn a_picture_that_nothing_names_any_more_goes_after_a_while() {
    let board = Board::open().await;
    let names: Vec<String> = board
        .value("select array_agg(encode(sha256(decode(n, 'escape')), 'hex') order by n) from unnest('{drawn,undone,never,again}'::text[]) as n")
        .await;
    let [again, drawn, never, undone] = names.as_slice() else { panic!("{names:?}") };
    for text in ["drawn", "undone", "never", "again"] {
        board
            .run(&format!("select pgcanvas.put_file(encode(sha256('{text}'), 'hex'), 'image/png', '{text}')"))
            .await;
    }
    for (id, file) in [("a", drawn), ("b", undone)] {
        board.apply(vec![("put", id, json!({"kind": "image", "file_id": file}))]).await.unwrap();
    }
    board.apply(vec![("delete", "b", json!(null))]).await.unwrap();
    // As if everything had happened a month ago.
    let later = "update pgcanvas.files set unnamed_since = unnamed_since - interval '31 days'";
    let collect = "select pgcanvas.collect_files(interval '30 days')";
    assert_eq!(board.value::<i64>(collect).await, 0, "a picture has its time though nothing ever named it");
    board.run(later).await;
    board.run("select pgcanvas.put_file(encode(sha256('again'), 'hex'), 'image/png', 'again')").await;
    assert_eq!(board.value::<i64>(collect).await, 1);
    let kept = "select array_agg(sha256 order by sha256) from pgcanvas.files";
    let mut expected = vec![drawn.clone(), undone.clone(), again.clone()];
    expected.sort();
    assert_eq!(board.value::<Vec<String>>(kept).await, expected, "{never} is the one that goes");
    // What only the past names is kept as long as that is.
    board.apply(vec![("put", "c", json!({"kind": "text"}))]).await.unwrap();
    board.run("select * from pgcanvas.prune_history('1', interval '0')").await;
    board.run(collect).await;
    board.run(later).await;
    assert_eq!(board.value::<i64>(collect).await, 2);
    assert_eq!(board.value::<Vec<String>>(kept).await, std::slice::from_ref(drawn));
    assert_eq!(
        code(board.client.batch_execute("select pgcanvas.collect_files(interval '1 minute')").await),
        "WB001"
    );
}

/// HI13
#[tokio::test]
async fn the_past_tells_moments_as_moments_and_shapes_as_documents() {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "text"}))]).await.unwrap();
    for (told, kind) in [
        ("at from pgcanvas.room_history('1')", "timestamp with time zone"),
        ("xid from pgcanvas.room_history('1')", "xid8"),
        ("at from pgcanvas.shape_blame('1', 'a')", "timestamp with time zone"),
        ("shape from pgcanvas.room_at('1', 1)", "json"),
        ("shape from pgcanvas.room_at('1', now())", "json"),
        ("after from pgcanvas.room_diff('1', 0, 1)", "json"),
        ("before from pgcanvas.room_diff('1', 1, 0)", "json"),
        ("created_at from pgcanvas.room_state('1')", "timestamp with time zone"),
        ("touched_at from pgcanvas.list_rooms(null, 10)", "timestamp with time zone"),
        ("last_change_at from pgcanvas.room_activity", "timestamp with time zone"),
        ("createdat from pgcanvas.chat", "timestamp with time zone"),
    ] {
        let (column, from) = told.split_once(' ').unwrap();
        let found: String = board.value(&format!("select pg_typeof({column})::text {from} limit 1")).await;
        assert_eq!(found, kind, "{told}");
    }
}

/// HI12
#[tokio::test]
async fn what_became_of_a_shape_is_read_from_an_index_that_is_built_while_people_draw() {
    let board = crowded(2_000).await;
    board.run("drop index if exists pgcanvas.shape_changes_room_id_shape_id_idx").await;
    let reader = idle_reader(&board).await;
    // A transaction that has drawn is waited for, by the migration alone.
    let writer = board.database.client().await;
    writer
        .batch_execute("begin; insert into pgcanvas.shapes (room_id, id, kind) values (1, 'open', 'text')")
        .await
        .unwrap();
    let mut client = board.database.client().await;
    let refused = migrate_within(&mut client, Duration::from_secs(1)).await.unwrap_err().to_string();
    assert!(refused.starts_with("the database cannot be migrated while process "), "{refused}");
    writer.batch_execute("commit").await.unwrap();
    // A build that was broken off is cleared away, once nobody reads there, and done again.
    reader.batch_execute("commit").await.unwrap();
    let migrated = timeout(DEADLINE, migrate(&mut client)).await.expect("nobody is waited for").unwrap();
    assert!(!migrated.bundle_applied);
    let valid = "select i.indisvalid from pg_index i where i.indexrelid = 'pgcanvas.shape_changes_room_id_shape_id_idx'::regclass";
    assert!(board.value::<bool>(valid).await);
    board.run("analyze pgcanvas.shape_changes").await;
    for asked in [
        "select * from pgcanvas.shape_blame('1', 's7')",
        "select * from pgcanvas.shapes_at(1, 1, '{s7}', '', null)",
    ] {
        let reads = "select coalesce(sum(idx_tup_fetch + seq_tup_read), 0)::bigint from pg_stat_xact_user_tables where relname = 'shape_changes'";
        board.run("begin").await;
        board.run(asked).await;
        let read: i64 = board.value(reads).await;
        board.run("commit").await;
        assert!(read < 100, "{asked} read {read} rows of the log");
    }
}

/// HT1
#[tokio::test]
async fn a_node_tells_moments_as_it_did() {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "text"}))]).await.unwrap();
    let node = TestNode::start(&board.database).await;
    let is_iso = |value: &serde_json::Value| {
        let text = value.as_str().unwrap_or_default();
        text.len() == 27 && text.ends_with('Z') && text.as_bytes()[10] == b'T'
    };
    let room = get(node.address(), "/api/rooms/1").await.json();
    assert!(is_iso(&room["created_at"]) && is_iso(&room["touched_at"]), "{room}");
    let history = get(node.address(), "/api/rooms/1/history").await.json();
    assert!(is_iso(&history["batches"][0]["at"]), "{history}");
    node.stop().await;
}
