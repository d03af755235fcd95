//! The moments of a room's batches (HI).

use super::support::board::{Batch, Board, apply_batches};
use serde_json::json;
use uuid::Uuid;

/// Whoever writes in a transaction that began long before: every road there is.
const ROADS: &[&str] = &[
    "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'late', 'line')",
    "update pgcanvas.shapes set x = x + 1 where id = 'late'",
    "delete from pgcanvas.shapes where id = 'late'",
    "insert into pgcanvas.chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"c\",\"type\":\"rect\"}}', 'bob')",
    "delete from pgcanvas.chat where roomid = 1 and message like '%\"id\":\"c\"%'",
    "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"late\",\"kind\":\"line\"}}]')",
    "select pgcanvas.draw('1', '[{\"op\":\"merge\",\"shape\":{\"id\":\"m\",\"kind\":\"line\",\"version\":7}}]')",
    "select pgcanvas.undo('1', p_batch => (select last_seq from pgcanvas.room_head(1)))",
    "select pgcanvas.restore('1', 2)",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[9], array['ann'], array[null]::bigint[], array[null]::bigint[],
       array['editor'], array[1], array['patch'], array['a'], array[null]::bigint[],
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"a\",\"x\":-40}')], array[null]::jsonb[], array['\"set\":{\"x\":-40},\"unset\":[]'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[10], array['ann'], array[null]::bigint[], array[null]::bigint[],
       array['editor'], array[1], array['patch'], array['a'], array[null]::bigint[],
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"a\",\"link\":\"l\"}')], array[null]::jsonb[], array['\"set\":{\"link\":\"l\"},\"unset\":[]'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[11], array['ann'], array[null]::bigint[], array[null]::bigint[],
       array['editor'], array[1], array['put'], array['p'], array[null]::bigint[],
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"p\",\"kind\":\"line\",\"x\":0,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}}')], array[null]::jsonb[], array['\"id\":\"p\",\"kind\":\"line\",\"x\":0,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[12], array['ann'], array[null]::bigint[], array[null]::bigint[],
       array['editor'], array[1], array['put'], array['p'], array[null]::bigint[],
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"p\",\"kind\":\"line\",\"x\":1,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}}')], array[null]::jsonb[], array['\"id\":\"p\",\"kind\":\"line\",\"x\":1,\"y\":0,\"width\":0,\"height\":0,\"angle\":0,\"props\":{}'])",
    "select pgcanvas.apply_batches(array[1], array['00000000-0000-4000-8000-000000000001']::uuid[], array[13], array['ann'], array[null]::bigint[], array[null]::bigint[],
       array['editor'], array[1], array['append'], array['p'], array[null]::bigint[],
       array[jsonb_populate_record(null::pgcanvas.shape_properties, '{\"id\":\"p\",\"points\":[[1,1]]}')], array[null]::jsonb[], array['\"points\":[[1,1]]'])",
    "select pgcanvas.move_gesture(1, '00000000-0000-4000-8000-000000000001', 14, 'ann', true)",
];

const FALLING: &str = "select count(*) from (
    select at < lag(at) over (order by seq, ordinal) or at < (change #>> '{shape,updated_at}')::timestamptz as falls
    from pgcanvas.shape_changes where room_id = 1) as c where falls";

impl Board {
    /// This moment, and the seq that the room is at.
    async fn here(&self) -> (String, i64) {
        (self.value("select clock_timestamp()::text").await, self.last_seq().await)
    }

    async fn seq_at(&self, moment: &str) -> i64 {
        self.value(&format!("select pgcanvas.seq_at('1', '{moment}'::timestamptz)")).await
    }

    async fn move_a(&self, x: i32) {
        self.run(&format!("update pgcanvas.shapes set y = {x} where id = 'a'")).await;
    }
}

/// HI2, HI11
#[tokio::test]
async fn moments_rise_with_seq_though_transactions_were_long() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')").await;
    let mut known = vec![board.here().await];
    let slow = board.database.client().await;
    for (n, road) in (1..).zip(ROADS) {
        slow.batch_execute("begin; select now()").await.unwrap();
        for k in 0..3 {
            board.move_a(10 * n + k).await;
            known.push(board.here().await);
        }
        slow.batch_execute(&format!("{road}; commit"))
            .await
            .unwrap_or_else(|error| panic!("{road}: {error:?}"));
        let last = known.last().unwrap().1;
        known.push(board.here().await);
        assert_eq!(known.last().unwrap().1, last + 1, "{road}");
        assert_eq!(board.value::<i64>(FALLING).await, 0, "{road}");
    }
    for (moment, seq) in &known {
        assert_eq!(board.seq_at(moment).await, *seq, "{moment}");
    }
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// HI11
#[tokio::test]
async fn a_clock_that_is_put_back_does_not_turn_moments_around() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')").await;
    // As if the batch before had been made by a clock that went before.
    board.run("update pgcanvas.shape_changes set at = at + interval '1 hour'").await;
    board.move_a(1).await;
    let put = json!({"kind": "line"});
    apply_batches(&board.client, &[Batch::anonymous(1, vec![("put", "b", put)]).of(Uuid::new_v4(), 1)])
        .await
        .unwrap();
    board.run("delete from pgcanvas.shapes where id = 'a'").await;
    assert_eq!(board.value::<i64>(FALLING).await, 0);
}

/// HI2: batches of a version before have the moments in which their transactions began.
#[tokio::test]
async fn a_moment_among_batches_of_a_version_before_is_found_too() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')").await;
    for x in 1..20 {
        board.move_a(x).await;
    }
    // Batch 10 took long.
    board
        .run(
            "update pgcanvas.shape_changes set at = timestamptz '2020-01-01' + case seq when 10 then 3 else seq end * interval '1 min' where seq <= 15;
             update pgcanvas.rooms set rising_after = 15 where id = 1",
        )
        .await;
    for (minute, seq) in [(0, 0), (1, 1), (3, 3), (9, 10), (10, 10), (11, 11), (15, 15), (59, 15)] {
        assert_eq!(board.seq_at(&format!("2020-01-01 00:{minute:02}:30")).await, seq, "{minute}");
    }
    assert_eq!(board.seq_at("2100-01-01 00:00:00+00").await, 20);
}

/// RO6, HI11
#[tokio::test]
async fn a_writer_that_gives_its_statement_another_moment_is_refused() {
    let board = Board::open().await;
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'), (1, 'b', 'line')")
        .await;
    let writer = board.client_as("pgcanvas_writer").await;
    for moment in ["clock_timestamp() + interval '1 day'", "clock_timestamp() - interval '1 hour'"] {
        let own = format!(
            "set_config('pgcanvas.seq_1', current_setting('pgcanvas.statement') || ':2:' || (extract(epoch from {moment}) * 1000000)::bigint, true)"
        );
        for statement in [
            format!("update pgcanvas.shapes set x = 1 + 0 * length({own})"),
            format!("delete from pgcanvas.shapes where {own} is not null"),
        ] {
            let refused = writer.batch_execute(&statement).await.expect_err(&statement);
            assert_eq!(refused.code().map(|code| code.code()), Some("WB001"), "{statement}: {refused:?}");
        }
    }
    assert_eq!(board.last_seq().await, 1);
    board.assert_gapless().await;
}
