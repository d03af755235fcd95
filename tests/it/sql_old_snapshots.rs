//! What an old snapshot, of a report or a dump, does to a room that goes on: nothing (TR17).

use super::support::board::{Batch, Board, apply_batches, code, open_room};
use serde_json::json;
use uuid::Uuid;

/// Each makes a batch or more in room 1.
const WAYS: &[&str] = &[
    "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'), (1, 'b', 'line')",
    "update pgcanvas.shapes set x = x + 1",
    "insert into pgcanvas.shapes (room_id, id, kind, x) values (1, 'a', 'line', 1), (1, 'c', 'line', 2)
       on conflict (room_id, id) do update set x = excluded.x",
    "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"d\",\"kind\":\"line\"}}, {\"op\":\"delete\",\"id\":\"c\"}]')",
    "select pgcanvas.undo('1', p_batch => 4)",
    "select pgcanvas.restore('1', 2)",
    "insert into pgcanvas.chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"e\",\"type\":\"rect\"}}', 'bob')",
    "delete from pgcanvas.shapes where id = 'a'",
];

/// A batch of one op, which goes a shorter way.
const DRAW_ONE: &str =
    "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"e\",\"kind\":\"line\"}}]')";

/// TR17
#[tokio::test]
async fn no_batch_writes_the_row_of_its_room() {
    let board = Board::open().await;
    let row = "select ctid::text from pgcanvas.rooms where id = 1";
    let before: String = board.value(row).await;
    for sql in WAYS {
        let seq = board.last_seq().await;
        board.run(sql).await;
        assert!(board.last_seq().await > seq, "{sql}");
        assert_eq!(board.value::<String>(row).await, before, "{sql}");
    }
    let put = || vec![("put", "z", json!({"kind": "line"}))];
    let node =
        [Batch::anonymous(1, put()).of(Uuid::new_v4(), 1), Batch::anonymous(1, put()).of(Uuid::new_v4(), 1)];
    apply_batches(&board.client, &node).await.unwrap();
    assert_eq!(board.value::<String>(row).await, before);
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
    let ordinals = "select bool_and(ordinal = n) from (select ordinal, row_number() over (partition by seq order by ordinal) as n
        from pgcanvas.shape_changes where room_id = 1) as c";
    assert!(board.value::<bool>(ordinals).await);
}

/// TR17
#[tokio::test]
async fn who_does_not_see_where_the_room_is_is_refused() {
    for level in ["repeatable read", "serializable"] {
        for sql in WAYS.iter().take(4).chain(&[DRAW_ONE]) {
            let board = Board::open().await;
            board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'), (1, 'c', 'line')").await;
            let reader = board.database.client().await;
            reader
                .batch_execute(&format!("begin isolation level {level}; select from pgcanvas.rooms"))
                .await
                .unwrap();
            board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'n', 'line')").await;
            let sql = sql
                .replace("'b'", "'bb'")
                .replace("values (1, 'a', 'line'), (1,", "values (1, 'aa', 'line'), (1,");
            assert_eq!(code(reader.batch_execute(&sql).await), "40001", "{level}: {sql}");
            reader.batch_execute("rollback").await.unwrap();
            // With a snapshot of now it may.
            reader.batch_execute(&format!("begin isolation level {level}; {sql}; commit")).await.unwrap();
            board.assert_gapless().await;
            assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
        }
    }
}

/// TR17: a room that no other transaction wrote to is open to such a snapshot, statement by statement.
#[tokio::test]
async fn who_sees_where_the_room_is_may_write_on() {
    let board = Board::open().await;
    open_room(&board.client, 2).await;
    board.run("begin isolation level repeatable read").await;
    for sql in WAYS {
        board.run(sql).await;
    }
    board.run("commit").await;
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// TR18
#[tokio::test]
async fn a_transaction_is_told_once_and_whole() {
    let board = Board::open().await;
    let mut bells = board.listen(&[1]).await;
    board.run("begin").await;
    for sql in WAYS {
        board.run(sql).await;
    }
    board.run("commit").await;
    let last = board.last_seq().await;
    let heard = bells.heard().await;
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert_eq!(heard[0].lines().next(), Some(format!("c 0 {last}").as_str()));
    assert_eq!(heard[0].lines().count(), 1 + usize::try_from(last).unwrap());
}

/// TR18: where constraints are checked at once, a batch may not be whole when it is told.
#[tokio::test]
async fn what_is_told_at_once_is_told_bare_and_whole_later() {
    let board = Board::open().await;
    board.run("select pgcanvas.chain_room('1')").await;
    let mut bells = board.listen(&[1]).await;
    board.run("begin; set constraints all immediate").await;
    board.run(WAYS[0]).await;
    board.run(WAYS[2]).await;
    board.run("commit").await;
    assert!(bells.heard().await.iter().all(|bell| bell.lines().count() == 1));
    board.run("update pgcanvas.shapes set y = 9 where id = 'b'").await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// TR17: what is written to be refused is no batch, and is not chained as one where constraints are checked at once.
#[tokio::test]
async fn who_is_not_refused_leaves_the_chain_whole() {
    let board = Board::open().await;
    board.run("select pgcanvas.chain_room('1')").await;
    for sql in WAYS {
        board.run("begin isolation level repeatable read; set constraints all immediate").await;
        board.run(sql).await;
        board.run("commit").await;
    }
    board.run("update pgcanvas.shapes set y = 9").await;
    let faults = "select string_agg(v::text, ', ') from pgcanvas.verify('1') as v";
    assert_eq!(board.value::<Option<String>>(faults).await, None);
}
