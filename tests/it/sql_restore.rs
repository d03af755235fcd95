//! Bringing the past back, and letting it go, by SQL (HI).

use super::sql_history::{at, content, draw, drawn, lived_in, narrow_spacing, now, shapes};
use super::support::board::{Answer, Batch, Board, apply_batches, code, refusal};
use super::support::server::retried;
use super::sync::random;
use pgcanvas::db::calls::upkeep;
use rand::Rng;
use serde_json::json;
use std::time::Duration;

/// HI6
#[tokio::test]
async fn a_restore_is_one_new_batch_that_makes_the_board_what_it_was() {
    let mut random = random();
    let (board, past) = lived_in(&mut random, 50).await;
    let seqs: Vec<i64> = past.keys().copied().collect();
    for _ in 0..12 {
        let seq = seqs[random.random_range(0..seqs.len())];
        let before = board.last_seq().await;
        let row = board
            .client
            .query_one("select seq, restored from pgcanvas.restore('1', $1)", &[&seq])
            .await
            .unwrap();
        let (last, restored): (i64, i64) = (row.get(0), row.get(1));
        assert_eq!(content(&now(&board).await), content(&past[&seq]), "back to {seq}");
        assert_eq!((last, board.last_seq().await), (before + i64::from(restored > 0), last));
        let again = board
            .client
            .query_one("select seq, restored from pgcanvas.restore('1', $1)", &[&seq])
            .await
            .unwrap();
        assert_eq!((again.get::<_, i64>(0), again.get::<_, i64>(1)), (last, 0), "nothing is left to restore");
        draw(&board, &mut random).await;
    }
    board.assert_gapless().await;
    assert_eq!(&at(&board, seqs[9]).await, &past[&seqs[9]], "what was stays what it was");
}

/// HI6
#[tokio::test]
async fn a_restore_of_an_area_or_of_shapes_leaves_the_others() {
    let board = Board::open().await;
    let put = |id: &str, x: i32| json!({"op": "put", "shape": {"id": id, "kind": "rectangle", "x": x, "width": 10, "height": 10}});
    drawn(&board, &json!([put("a", 0), put("b", 100), put("c", 200)])).await;
    drawn(&board, &json!([put("a", 500), put("b", 101), {"op": "delete", "id": "c"}, put("d", 5)])).await;
    let xs = || async {
        now(&board)
            .await
            .into_iter()
            .map(|(id, shape)| (id, shape["x"].as_i64().unwrap()))
            .collect::<Vec<_>>()
    };
    let row = |id: &str, x| (id.to_owned(), x);
    board.run("select * from pgcanvas.restore('1', 1, '(0,0),(20,20)')").await; // a was there, d is
    assert_eq!(xs().await, [row("a", 0), row("b", 101)]);
    board.run("select * from pgcanvas.restore('1', 1, null, array['c'])").await;
    assert_eq!(xs().await, [row("a", 0), row("b", 101), row("c", 200)]);
    let versions: i64 = board.value("select version from pgcanvas.shapes where id = 'a'").await;
    assert_eq!((versions, board.last_seq().await), (3, 4));
    assert_eq!(code(board.client.batch_execute("select * from pgcanvas.restore('1', 99)").await), "WB001");
}

/// HI7
#[tokio::test]
async fn a_branch_is_a_new_room_with_the_board_of_a_point() {
    let mut random = random();
    let (board, past) = lived_in(&mut random, 40).await;
    board.run("update pgcanvas.rooms set visibility = 'private', app_state = '{\"grid\":20}'").await;
    for (n, (seq, was)) in past.iter().step_by(8).enumerate() {
        let room: i64 =
            board.value(&format!("select pgcanvas.branch_room('1', {seq}, 'branch-{n}', 'ann')")).await;
        let board_of =
            shapes(&board, &format!("select * from pgcanvas.room_snapshot({room}, '', 1000)")).await;
        assert_eq!(content(&board_of), content(was));
        let sql = format!(
            "select h.last_seq, visibility, owner, app_state::text from pgcanvas.rooms, pgcanvas.room_head({room}) as h where id = {room}"
        );
        let row = board.client.query_one(&sql, &[]).await.unwrap();
        assert_eq!(row.get::<_, i64>(0), i64::from(!was.is_empty()));
        assert_eq!([1, 2, 3].map(|n| row.get::<_, String>(n)), ["private", "ann", "{\"grid\": 20}"]);
    }
    let taken = board.client.batch_execute("select pgcanvas.branch_room('1', 1, 'branch-0', 'ann')").await;
    assert_eq!(code(taken), "23505");
}

/// HI8
#[tokio::test]
async fn pruning_takes_whole_batches_and_everything_after_can_still_be_told() {
    let mut random = random();
    let (board, past) = lived_in(&mut random, 100).await;
    narrow_spacing(&board).await;
    board.run("select pgcanvas.write_snapshots(3)").await;
    let mut kept = 160i64;
    while kept > 0 {
        let keeps: i64 = board.value("select count(*) from pgcanvas.shape_changes").await;
        board.run(&format!("select pgcanvas.prune_history('1', null, {kept})")).await;
        let cut: i64 = board.value("select min_since from pgcanvas.rooms where id = 1").await;
        let left: i64 = board.value("select count(*) from pgcanvas.shape_changes").await;
        assert!(left >= kept.min(keeps), "{left} are left of {keeps}, and {kept} were to be kept");
        let logged =
            "select coalesce(array_agg(distinct seq order by seq), '{}') from pgcanvas.shape_changes";
        assert_eq!(
            board.value::<Vec<i64>>(logged).await,
            (cut + 1..=board.last_seq().await).collect::<Vec<_>>()
        );
        for (seq, shapes) in &past {
            if *seq >= cut {
                assert_eq!(&at(&board, *seq).await, shapes, "at {seq}, kept since {cut}");
            } else {
                let (state, says) = refusal(
                    board.client.batch_execute(&format!("select * from pgcanvas.room_at('1', {seq})")).await,
                );
                assert_eq!(
                    (state.as_str(), says),
                    ("WB005", format!("seq: the history before {cut} was pruned"))
                );
            }
        }
        assert_eq!(board.client.query("select * from pgcanvas.verify('1')", &[]).await.unwrap().len(), 0);
        kept = kept / 2 - 3;
    }
    board.run("select pgcanvas.write_snapshots(100)").await;
}

/// HI8
#[tokio::test]
async fn pruning_goes_by_age_and_count_and_room() {
    let board = Board::open().await;
    board.run("select pgcanvas.open_room(2)").await;
    for x in 0..10 {
        drawn(&board, &json!([{"op": "put", "shape": {"id": "a", "kind": "text", "x": x}}])).await;
        board.run(&format!("select * from pgcanvas.draw('2', '[{{\"op\":\"put\",\"shape\":{{\"id\":\"a\",\"kind\":\"text\",\"x\":{x}}}}}]')")).await;
    }
    board.run("update pgcanvas.shape_changes set at = at - interval '9 days' where seq <= 6").await;
    let board = &board;
    let pruned = |arguments: &'static str| async move {
        let sql =
            format!("select room_id, min_since, changes from pgcanvas.prune_history({arguments}) order by 1");
        let rows = board
            .client
            .query(&sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error:?}"))
            .into_iter();
        rows.map(|row| [0, 1, 2].map(|n| row.get::<_, i64>(n))).collect::<Vec<_>>()
    };
    assert_eq!(pruned("null, interval '10 days', null").await, Vec::<[i64; 3]>::new());
    assert_eq!(
        pruned("'2', interval '8 days', 7").await,
        [[2, 3, 3]],
        "old enough, but seven are to be kept"
    );
    assert_eq!(
        pruned("null, interval '8 days', 2").await,
        [[1, 6, 6], [2, 6, 3]],
        "no more than what is old enough"
    );
    assert_eq!(pruned("'1', null, 3").await, [[1, 7, 1]]);
    assert_eq!(pruned("null, null, 0").await, [[1, 10, 3], [2, 10, 4]]);
    for nonsense in ["null, null, null", "null, interval '-1 day', null", "null, null, -1"] {
        let sql = format!("select * from pgcanvas.prune_history({nonsense})");
        assert_eq!(code(board.client.batch_execute(&sql).await), "WB001");
    }
}

/// Waits until a session waits for a lock in such a statement.
async fn held_up(board: &Board, statement: &str) {
    let sql = format!(
        "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '{statement}%'"
    );
    let seen = retried(Duration::from_secs(15), || async {
        match board.value::<i64>(&sql).await {
            0 => Err("it does not wait"),
            _ => Ok(()),
        }
    });
    assert_eq!(seen.await, Ok(()), "{statement}");
}

async fn assert_no_history(board: &Board) {
    for table in ["snapshots", "snapshot_shapes", "log_tallies", "shape_changes"] {
        assert_eq!(board.value::<i64>(&format!("select count(*) from pgcanvas.{table}")).await, 0, "{table}");
    }
}

/// HI10
#[tokio::test]
async fn who_writes_a_snapshot_locks_no_room_and_nothing_of_it_stays_when_the_room_goes() {
    let board = Board::open().await;
    narrow_spacing(&board).await;
    for x in 0..40 {
        drawn(&board, &json!([{"op": "put", "shape": {"id": "a", "kind": "text", "x": x}}])).await;
    }
    let mut writer = board.database.client().await;
    let writing = writer.transaction().await.unwrap();
    let written: i32 = writing.query_one("select pgcanvas.write_snapshots()", &[]).await.unwrap().get(0);
    assert_eq!(written, 1);
    board.run("select from pgcanvas.rooms where id = 1 for update nowait").await;
    board.run("delete from pgcanvas.rooms where id = 1").await;
    assert_eq!(board.value::<Option<i64>>("select pgcanvas.remove_remains()").await, None, "it is at work");
    writing.commit().await.unwrap();
    while board.value::<Option<i64>>("select pgcanvas.remove_remains()").await.is_some() {}
    assert_no_history(&board).await;
}

/// HI10
#[tokio::test]
async fn nothing_is_kept_of_a_room_that_goes_while_it_is_pruned() {
    let board = Board::open().await;
    drawn(&board, &json!([{"op": "put", "shape": {"id": "a", "kind": "text"}}])).await;
    let mut deleter = board.database.client().await;
    let deleting = deleter.transaction().await.unwrap();
    deleting.execute("delete from pgcanvas.rooms where id = 1", &[]).await.unwrap();
    let pruner = board.database.client().await;
    let pruned = tokio::spawn(async move { upkeep::prune_history(&pruner, None, None, Some(0)).await });
    held_up(&board, "select room_id, min_since, changes from pgcanvas.prune_history").await;
    deleting.commit().await.unwrap();
    pruned.await.unwrap().unwrap();
    assert_no_history(&board).await;
}

/// HI10
#[tokio::test]
async fn rooms_are_pruned_one_by_one_and_none_is_held_up_by_the_next() {
    let board = Board::open().await;
    board.run("select pgcanvas.open_room(2)").await;
    for room in [1, 2] {
        board.run(&format!("select pgcanvas.draw('{room}', '[{{\"op\":\"put\",\"shape\":{{\"id\":\"a\",\"kind\":\"text\"}}}}]')")).await;
    }
    board.run("select pgcanvas.write_snapshots()").await;
    let mut holder = board.database.client().await;
    let holding = holder.transaction().await.unwrap();
    holding.execute("select from pgcanvas.log_tallies where room_id = 2 for update", &[]).await.unwrap();
    let pruner = board.database.client().await;
    let pruned = tokio::spawn(async move { upkeep::prune_history(&pruner, None, None, Some(0)).await });
    held_up(&board, "select room_id, min_since, changes from pgcanvas.prune_history").await;
    assert_eq!(
        board.value::<i64>("select min_since from pgcanvas.rooms where id = 1 for update nowait").await,
        1
    );
    holding.commit().await.unwrap();
    let pruned: Vec<i64> = pruned.await.unwrap().unwrap().iter().map(|room| room.room.get()).collect();
    assert_eq!(pruned, [1, 2]);
}

/// HI9
#[tokio::test]
async fn an_answer_that_was_forgotten_is_no_repeat_any_more() {
    let board = Board::open().await;
    let client = uuid::Uuid::new_v4();
    let batch = || Batch::anonymous(1, vec![("append", "a", json!({"points": [[1, 1]]}))]).of(client, 7);
    board.apply(vec![("put", "a", json!({"kind": "line", "points": [[0, 0]]}))]).await.unwrap();
    let first = apply_batches(&board.client, &[batch()]).await.unwrap();
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.applied_ops").await, 0, "the log tells it");
    assert_eq!(board.value::<i64>("select pgcanvas.forget_answers(interval '1 day')").await, 0);
    for forget in ["select 1", "select pgcanvas.prune_history('1', null, 0)"] {
        board.run(forget).await;
        let again = apply_batches(&board.client, &[batch()]).await.unwrap();
        assert_eq!(again, [Answer { code: "repeat".to_owned(), ..first[0].clone() }], "after {forget}");
    }
    board.run("update pgcanvas.applied_ops set at = at - interval '2 days'").await;
    assert_eq!(board.value::<i64>("select pgcanvas.forget_answers(interval '1 day')").await, 1);
    let later = apply_batches(&board.client, &[batch()]).await.unwrap();
    assert_eq!(
        (first[0].seq, later[0].seq, later[0].code.as_str()),
        (Some(2), Some(3), "fresh"),
        "applied again"
    );
    assert_eq!(
        code(board.client.batch_execute("select pgcanvas.forget_answers(interval '0')").await),
        "WB001"
    );
}

/// HI9, AO2
#[tokio::test]
async fn an_answer_of_which_the_log_has_a_part_is_kept_while_the_log_is() {
    let board = Board::open().await;
    let ops = || vec![("put", "a", json!({"kind": "line"})), ("delete", "z", json!({}))];
    let batch = Batch::anonymous(1, ops()).of(uuid::Uuid::new_v4(), 7);
    let first = apply_batches(&board.client, std::slice::from_ref(&batch)).await.unwrap();
    assert_eq!(first, [Answer::new("fresh", 1, &["applied", "gone"])]);
    let forget = "select pgcanvas.forget_answers(interval '1 day')";
    for (pruned, forgotten) in [(false, 0), (true, 1)] {
        board.run("update pgcanvas.applied_ops set at = at - interval '2 days'").await;
        if pruned {
            board.run("select pgcanvas.prune_history('1', null, 0)").await;
        }
        let again = apply_batches(&board.client, std::slice::from_ref(&batch)).await.unwrap();
        assert_eq!(again, [Answer { code: "repeat".to_owned(), ..first[0].clone() }], "pruned: {pruned}");
        assert_eq!(board.value::<i64>(forget).await, forgotten, "pruned: {pruned}");
    }
    assert_eq!(apply_batches(&board.client, &[batch]).await.unwrap()[0].code, "fresh");
}

/// HI8
#[tokio::test]
async fn who_resumes_while_history_is_pruned_still_gets_the_whole_difference() {
    let (board, _) = lived_in(&mut random(), 30).await;
    let mut reader = board.database.client().await;
    let reading = reader
        .build_transaction()
        .isolation_level(tokio_postgres::IsolationLevel::RepeatableRead)
        .start()
        .await
        .unwrap();
    let min_since = "select min_since from pgcanvas.room_head(1)";
    let delta = "select * from pgcanvas.room_delta(1, 0) order by shape_id";
    assert_eq!(reading.query_one(min_since, &[]).await.unwrap().get::<_, i64>(0), 0);
    board.run("select pgcanvas.prune_history('1', null, 0)").await;
    let told = reading.query(delta, &[]).await.unwrap();
    assert_eq!(told.len(), now(&board).await.len(), "what was begun before the cut is answered as before it");
    reading.commit().await.unwrap();
    assert_eq!(reader.query_one(min_since, &[]).await.unwrap().get::<_, i64>(0), board.last_seq().await);
}

/// HI6
#[tokio::test]
async fn a_restored_room_refers_to_what_it_referred_to() {
    let board = Board::open().await;
    for (id, shape) in [
        ("a", json!({"kind": "line", "group_ids": ["g"], "frame_id": "f"})),
        ("b", json!({"kind": "line", "group_ids": ["g"]})),
        ("f", json!({"kind": "frame"})),
    ] {
        board.apply(vec![("put", id, shape)]).await.unwrap();
    }
    let shape = "select pgcanvas.shape_json(s)::jsonb - '{version,seq,updated_at}'::text[] from pgcanvas.shapes s where room_id = 1 and id = 'a'";
    let before: serde_json::Value = board.value(shape).await;
    let restored = "select restored from pgcanvas.restore('1', 1)";
    assert_eq!(board.value::<i64>(restored).await, 2);
    assert_eq!(board.value::<serde_json::Value>(shape).await, before);
    assert_eq!(board.value::<i64>(restored).await, 0);
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}
