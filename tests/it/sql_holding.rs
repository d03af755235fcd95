//! How long a room is held, and waited for (TR).

use super::support::board::{Board, code};
use super::support::program::until;
use std::time::{Duration, Instant};

/// Whatever holds a room until its transaction ends.
const HOLDING: &[&str] = &[
    "update pgcanvas.shapes set x = x + 1 where id = 'a'",
    "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'b', 'line')",
    "delete from pgcanvas.shapes where id = 'a'",
    "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"b\",\"kind\":\"line\"}}]')",
    "select pgcanvas.undo('1', p_batch => 2)",
    "select pgcanvas.restore('1', 1)",
    "insert into pgcanvas.chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"c\",\"type\":\"rect\"}}', 'bob')",
    "delete from pgcanvas.chat where roomid = 1",
    "update pgcanvas.rooms set visibility = 'private' where id = 1",
    "delete from pgcanvas.rooms where id = 1",
];

async fn held_board() -> Board {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')").await;
    board.run("update pgcanvas.shapes set x = 1").await;
    board
}

/// TR12
#[tokio::test]
async fn a_transaction_that_holds_a_room_is_idle_for_a_minute_at_most() {
    let board = held_board().await;
    let shown = "show idle_in_transaction_session_timeout";
    for statement in HOLDING {
        for (own, bound) in [("0", "1min"), ("10min", "1min"), ("5s", "5s")] {
            board.run(&format!("set idle_in_transaction_session_timeout = '{own}'")).await;
            board.run(&format!("begin; {statement}")).await;
            assert_eq!(board.value::<String>(shown).await, bound, "{statement} where the session says {own}");
            board.run("rollback").await;
            assert_eq!(board.value::<String>(shown).await, own, "{statement}");
        }
    }
    board.run("begin; select count(*) from pgcanvas.shapes").await;
    assert_eq!(board.value::<String>(shown).await, "5s");
}

/// TR12
#[tokio::test]
async fn a_room_that_somebody_abandoned_comes_free() {
    for statement in HOLDING {
        let board = held_board().await;
        let gone = board.database.client().await;
        gone.batch_execute("set idle_in_transaction_session_timeout = '200ms'").await.unwrap();
        gone.batch_execute(&format!("begin; {statement}")).await.unwrap();
        until(statement, || gone.is_closed()).await;
        board.run("set lock_timeout = '5s'; update pgcanvas.shapes set x = 7").await;
        assert_eq!(board.last_seq().await, 3, "{statement}");
    }
}

/// TR12
#[tokio::test]
async fn who_waits_for_a_room_waits_no_longer_than_its_lock_timeout() {
    let board = held_board().await;
    let holder = board.database.client().await;
    holder.batch_execute("begin; update pgcanvas.shapes set x = 5").await.unwrap();
    board.run("set lock_timeout = '300ms'").await;
    for call in [
        "select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"b\",\"kind\":\"line\"}}]')",
        "select pgcanvas.undo('1', p_batch => 2)",
        "select pgcanvas.restore('1', 1)",
    ] {
        let begun = Instant::now();
        assert_eq!(code(board.client.batch_execute(call).await), "55P03", "{call}");
        assert!(begun.elapsed() > Duration::from_millis(250), "{call}: {:?}", begun.elapsed());
        assert!(begun.elapsed() < Duration::from_secs(4), "{call}: {:?}", begun.elapsed());
    }
}
