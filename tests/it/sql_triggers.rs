//! Any writer counts: what triggers do for each statement (TR).

use super::support::board::{Batch, Board, apply_batches, code, open_room, refusal};
use bytes::Bytes;
use futures_util::SinkExt;
use serde_json::{Value, json};
use std::fmt::Write;
use std::pin::pin;
use tokio::task::JoinSet;
use tokio_postgres::error::SqlState;
use uuid::Uuid;

/// The most bytes that NOTIFY carries.
const MOST_PAYLOAD_BYTES: usize = 7999;

async fn many_shapes(board: &Board, count: i32) {
    let sql = "insert into pgcanvas.shapes (room_id, id, kind, x, width, height)
        select $1, 's' || n, 'rectangle', n, 10, 10 from generate_series(1, $2) as n";
    board.client.execute(sql, &[&board.room, &count]).await.unwrap();
}

/// How many changes a batch logged.
async fn logged(board: &Board, seq: i64) -> i64 {
    board
        .value(&format!("select count(*) from pgcanvas.shape_changes where room_id = 1 and seq = {seq}"))
        .await
}

/// TR1, TR2
#[tokio::test]
async fn direct_sql_is_stamped_and_logged() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'rectangle')").await;
    board.run("update pgcanvas.shapes set x = 5").await;
    board.run("delete from pgcanvas.shapes").await;
    let sql = "select seq, op, change, before, author = 'sql:' || session_user, client is null from pgcanvas.shape_changes order by seq";
    let rows = board.client.query(sql, &[]).await.unwrap();
    let ops: Vec<(i64, &str)> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    assert_eq!(ops, [(1, "put"), (2, "patch"), (3, "delete")]);
    assert!(rows.iter().all(|row| row.get(4) && row.get(5)));
    assert_eq!(
        rows[1].get::<_, Value>(2),
        json!({"op": "patch", "id": "a", "version": 2, "set": {"x": 5}, "unset": []})
    );
    assert_eq!(rows[1].get::<_, Value>(3), json!({"set": {"x": 0}, "unset": []}));
    assert_eq!(rows[2].get::<_, Value>(3)["version"], json!(2));
}

/// TR3
#[tokio::test]
async fn mixed_writers_of_different_shapes_leave_no_gap() {
    let board = Board::open().await;
    storm(&board, |writer, round| (round * 8 + i64::from(writer)) % 24 + 1).await;
}

/// TR3
#[tokio::test]
async fn mixed_writers_of_the_same_shapes_leave_no_gap() {
    let board = Board::open().await;
    storm(&board, |writer, round| (round * 7 + i64::from(writer)) % 24 + 1).await;
}

/// Eight connections, every other one by direct SQL; `shape` tells which shape a writer changes in a round.
async fn storm(board: &Board, shape: fn(u32, i64) -> i64) {
    many_shapes(board, 24).await;
    let mut writers = JoinSet::new();
    for writer in 0..8u32 {
        let client = board.database.client().await;
        writers.spawn(async move {
            for round in 0..25i64 {
                let id = format!("s{}", shape(writer, round));
                if writer % 2 == 0 {
                    let patch = json!({"set": {"x": round * 100 + i64::from(writer) + 1000}});
                    let batch = Batch::anonymous(1, vec![("patch", &id, patch)]);
                    let batch = batch.of(Uuid::from_u128(writer.into()), round + 1);
                    // As a node does: who is in the way of direct SQL lets go and tries again.
                    while let Err(error) = apply_batches(&client, std::slice::from_ref(&batch)).await {
                        assert_eq!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{error:?}");
                    }
                } else {
                    client
                        .execute("update pgcanvas.shapes set y = y + 1 where id = $1", &[&id])
                        .await
                        .unwrap();
                }
            }
        });
    }
    writers.join_all().await;
    assert_eq!(board.last_seq().await, 1 + 8 * 25);
    board.assert_gapless().await;
    let unlogged = "select count(*) from pgcanvas.shapes s
        where s.version <> (select count(*) from pgcanvas.shape_changes c where c.shape_id = s.id)
           or s.seq <> (select max(c.seq) from pgcanvas.shape_changes c where c.shape_id = s.id)";
    assert_eq!(board.value::<i64>(unlogged).await, 0);
}

/// TR4
#[tokio::test]
async fn an_update_of_10000_rows_is_one_batch_and_one_notice() {
    let board = Board::open().await;
    many_shapes(&board, 10_000).await;
    let mut bells = board.listen(&[1]).await;
    board.run("update pgcanvas.shapes set x = x + 1").await;
    assert_eq!((board.last_seq().await, logged(&board, 2).await), (2, 10_000));
    assert_eq!(bells.heard().await, ["c 1 2"]);
}

/// TR4
#[tokio::test]
async fn a_copy_of_100000_rows_is_one_batch_and_one_notice() {
    let board = Board::open().await;
    let mut bells = board.listen(&[1]).await;
    let copy = "copy pgcanvas.shapes (room_id, id, kind, x, width, height) from stdin";
    let mut sink = pin!(board.client.copy_in::<_, Bytes>(copy).await.unwrap());
    for chunk in 0..100 {
        let mut lines = String::new();
        for n in chunk * 1000..(chunk + 1) * 1000 {
            writeln!(lines, "1\ts{n}\trectangle\t{n}\t10\t10").unwrap();
        }
        sink.send(Bytes::from(lines)).await.unwrap();
    }
    assert_eq!(sink.finish().await.unwrap(), 100_000);
    assert_eq!((board.last_seq().await, logged(&board, 1).await), (1, 100_000));
    assert_eq!(bells.heard().await, ["c 0 1"]);
}

/// TR5
#[tokio::test]
async fn a_statement_of_several_rooms_is_a_batch_in_each() {
    let board = Board::open().await;
    open_room(&board.client, 2).await;
    let mut bells = board.listen(&[1, 2]).await;
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind) select 1 + n % 2, 's' || n, 'line' from generate_series(1, 10) as n")
        .await;
    board.run("update pgcanvas.shapes set x = 1").await;
    board.run("delete from pgcanvas.shapes").await;
    let sql =
        "select array_agg(h.last_seq order by id) from pgcanvas.rooms, lateral pgcanvas.room_head(id) as h";
    assert_eq!(board.value::<Vec<i64>>(sql).await, [3, 3]);
    let sql = "select array_agg(n) from (select count(*) as n from pgcanvas.shape_changes group by room_id, seq) as b";
    assert_eq!(board.value::<Vec<i64>>(sql).await, [5; 6]);
    assert_eq!(bells.heard().await.len(), 6);
}

/// TR5
#[tokio::test]
async fn each_statement_of_a_transaction_is_a_batch_and_all_ring_once() {
    let board = Board::open().await;
    let mut bells = board.listen(&[1]).await;
    board
        .run(
            "begin; insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line');
             update pgcanvas.shapes set x = 1; savepoint s; update pgcanvas.shapes set x = 2; rollback to s;
             update pgcanvas.shapes set x = 3; commit",
        )
        .await;
    assert_eq!(board.last_seq().await, 3);
    board.assert_gapless().await;
    let heard = bells.heard().await;
    assert_eq!(heard.len(), 1);
    assert!(heard[0].lines().next().unwrap().ends_with(" 3"), "{heard:?}");
}

/// TR6
#[tokio::test]
async fn what_changes_nothing_is_left_out() {
    let board = Board::open().await;
    many_shapes(&board, 3).await;
    board.run("update pgcanvas.shapes set x = x").await;
    assert_eq!(board.last_seq().await, 1);
    board.run("update pgcanvas.shapes set x = 2").await; // s2 is there already
    assert_eq!(logged(&board, 2).await, 2);
    assert_eq!(board.value::<i64>("select version from pgcanvas.shapes where id = 's2'").await, 1);
}

/// TR7
#[tokio::test]
async fn an_upsert_logs_what_it_created_and_what_it_changed_in_one_batch() {
    let board = Board::open().await;
    many_shapes(&board, 2).await;
    board
        .run(
            "insert into pgcanvas.shapes (room_id, id, kind, x) select 1, 's' || n, 'rectangle', 50 from generate_series(1, 4) as n
             on conflict (room_id, id) do update set x = excluded.x",
        )
        .await;
    assert_eq!(board.last_seq().await, 2);
    let sql =
        "select array_agg(op || ' ' || shape_id order by shape_id) from pgcanvas.shape_changes where seq = 2";
    assert_eq!(board.value::<Vec<String>>(sql).await, ["patch s1", "patch s2", "put s3", "put s4"]);
}

/// TR7
#[tokio::test]
async fn an_upsert_that_changes_nothing_takes_no_seq() {
    let board = Board::open().await;
    many_shapes(&board, 2).await;
    let insert = "insert into pgcanvas.shapes (room_id, id, kind) values (1, 's1', 'rectangle') on conflict";
    board.run(&format!("{insert} do nothing")).await;
    board.run(&format!("{insert} (room_id, id) do update set kind = excluded.kind")).await;
    assert_eq!(board.last_seq().await, 1);
}

/// TR8
#[tokio::test]
async fn what_would_leave_no_log_is_refused() {
    let board = Board::open().await;
    many_shapes(&board, 2).await;
    open_room(&board.client, 2).await;
    for (sql, wanted) in [
        ("update pgcanvas.shapes set room_id = 2", "WB001"),
        ("update pgcanvas.shapes set id = 'other' where id = 's1'", "WB001"),
        ("truncate pgcanvas.shapes", "WB001"),
        ("insert into pgcanvas.shapes (room_id, id, kind) values (404, 'a', 'line')", "WB004"),
        ("insert into pgcanvas.shapes (room_id, id, kind) values (1, 's1', 'line')", "23505"),
    ] {
        assert_eq!(code(board.client.batch_execute(sql).await), wanted, "{sql}");
    }
    assert_eq!(board.last_seq().await, 1);
    let truncated = board.client.batch_execute("truncate pgcanvas.shapes").await;
    assert_eq!(refusal(truncated).1, "shapes: truncate would leave no log; use delete");
}

/// TR9
#[tokio::test]
async fn a_notice_carries_changes_up_to_7999_bytes_and_rings_bare_beyond() {
    let board = Board::open().await;
    // In fresh rooms of equally long numbers the frame around the text is equally long.
    let frame = heard_for(&board, 10, 1).await.len() - 1;
    for (room, length) in (11..).zip(MOST_PAYLOAD_BYTES - 1..=MOST_PAYLOAD_BYTES + 2) {
        let payload = heard_for(&board, room, length - frame).await;
        if length <= MOST_PAYLOAD_BYTES {
            assert_eq!(payload.len(), length);
        } else {
            assert_eq!(payload, "c 0 1");
        }
    }
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, 5);
}

/// The notice for a first shape with a text of so many bytes.
async fn heard_for(board: &Board, room: i64, text_bytes: usize) -> String {
    open_room(&board.client, room).await;
    let mut bells = board.listen(&[room]).await;
    let sql = "insert into pgcanvas.shapes (room_id, id, kind, text) values ($1, 'a', 'text', $2)";
    board.client.execute(sql, &[&room, &"x".repeat(text_bytes)]).await.unwrap();
    bells.heard().await.remove(0)
}

/// TR10
#[tokio::test]
async fn a_room_that_goes_takes_all_of_its_own_along_and_tells_its_viewers() {
    let board = Board::open().await;
    many_shapes(&board, 2).await;
    let mut bells = board.listen(&[1]).await;
    board.run("delete from pgcanvas.rooms where id = 1").await;
    let left =
        "select (select count(*) from pgcanvas.shapes) + (select count(*) from pgcanvas.shape_changes)";
    assert_eq!(board.value::<i64>(left).await, 0);
    assert!(bells.heard().await.contains(&"x".to_owned()));
}

/// TR2, SY1
#[tokio::test]
async fn a_value_by_sql_ends_an_explicit_null() {
    let board = Board::open().await;
    board
        .apply(vec![("put", "a", json!({"kind": "text", "link": null, "text": null, "mine": 1}))])
        .await
        .unwrap();
    board.run("update pgcanvas.shapes set link = 'https://example.org'").await;
    let shape: Value = board.value("select shape::json from pgcanvas.room_snapshot(1, '', 10)").await;
    assert_eq!(shape["link"], "https://example.org");
    assert_eq!(
        board.value::<Value>("select extra from pgcanvas.shapes").await,
        json!({"text": null, "mine": 1})
    );
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
    board.run("update pgcanvas.shapes set extra = null; update pgcanvas.shapes set extra = '{}'").await;
    assert_eq!(board.last_seq().await, 3, "nothing changed at last");
    for (set, field) in [
        (r#"extra = '{"text": 5}'"#, "extra"),
        ("group_ids = '{{a,b},{c,d}}'", "group_ids"),
        ("group_ids = array['a', null]", "group_ids"),
    ] {
        let refused = board.client.batch_execute(&format!("update pgcanvas.shapes set {set}")).await;
        let (code, rule) = refusal(refused);
        assert!(code == "WB001" && rule.starts_with(field), "{set}: {rule}");
    }
}

/// CF6
#[tokio::test]
async fn a_statement_does_not_make_again_what_it_deletes() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'); update pgcanvas.shapes set x = 5").await;
    let both = "with gone as (delete from pgcanvas.shapes returning *)
        insert into pgcanvas.shapes (room_id, id, kind) select room_id, id, 'ellipse' from gone";
    assert_eq!(code(board.client.batch_execute(both).await), "WB001");
    board.run("delete from pgcanvas.shapes; insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')").await;
    assert_eq!(board.value::<i64>("select version from pgcanvas.shapes").await, 4);
    board.assert_gapless().await;
}

/// TR3
#[tokio::test]
async fn draws_that_wait_for_each_other_are_told() {
    let board = Board::open().await;
    open_room(&board.client, 2).await;
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'), (2, 'a', 'line')")
        .await;
    let knot = |own: i64, other: i64| {
        let config = board.database.config().clone();
        async move {
            let client = super::support::server::connect(&config).await.unwrap();
            client
                .batch_execute(&format!("begin; update pgcanvas.shapes set x = 1 where room_id = {own}"))
                .await
                .unwrap();
            (
                client,
                format!(
                    r#"select pgcanvas.draw('{other}', '[{{"op":"patch","id":"a","set":{{"y":1}}}}]'); commit"#
                ),
            )
        }
    };
    let (one, first) = knot(1, 2).await;
    let (two, second) = knot(2, 1).await;
    let (one, two) = tokio::join!(one.batch_execute(&first), two.batch_execute(&second));
    let codes: Vec<String> =
        [one, two].into_iter().filter_map(Result::err).map(|error| code::<()>(Err(error))).collect();
    assert_eq!(codes, ["40P01"], "one gives way, the other is done");
}
