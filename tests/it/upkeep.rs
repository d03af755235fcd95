//! What is looked after while people draw: rooms and people that go, pictures that nothing names, the log's index (TR, AU, FI, MI, HI).

use super::migrate_beside::idle_reader;
use super::support::board::{Batch, Board, apply_ops, code, open_room};
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

/// HI11
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
