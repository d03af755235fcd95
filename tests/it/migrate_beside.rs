//! Migrating a database that people draw on and look at (MI10 to MI13).

use super::support::board::{Batch, Board, apply_batches};
use pgcanvas::db::schema::{migrate, migrate_within};
use serde_json::json;
use std::time::Duration;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_postgres::Client;

/// How long a batch may take while a database is migrated: far below what a person takes for a standstill.
const SLOWEST: Duration = Duration::from_secs(2);
/// How long what ends may take to do so on a machine that has other things to do.
const DEADLINE: Duration = Duration::from_secs(30);

/// Draws without pause until it is told to stop, and says how many batches it drew and how long the slowest took.
struct Drawing {
    stop: tokio::sync::watch::Sender<bool>,
    drawn: tokio::sync::watch::Receiver<u64>,
    ended: JoinHandle<Duration>,
}

impl Drawing {
    async fn on(board: &Board) -> Self {
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let (tell, drawn) = tokio::sync::watch::channel(0);
        let (client, room) = (board.database.client().await, board.room);
        let ended = tokio::spawn(async move {
            let mut slowest = Duration::ZERO;
            for n in 0_u64.. {
                if *stopped.borrow() {
                    break;
                }
                let begun = Instant::now();
                let op = ("put", "drawn", json!({"id": "drawn", "kind": "rectangle", "x": n, "y": 0}));
                apply(&client, room, op).await;
                slowest = slowest.max(begun.elapsed());
                tell.send_replace(n + 1);
            }
            slowest
        });
        Self { stop, drawn, ended }
    }

    /// Waits until so many more batches are drawn.
    async fn go_on(&mut self, batches: u64) {
        let goal = *self.drawn.borrow() + batches;
        let reached = timeout(DEADLINE, self.drawn.wait_for(|drawn| *drawn >= goal)).await;
        reached.unwrap_or_else(|_| panic!("drawing stands still: {} batches", goal - batches)).unwrap();
    }

    async fn assert_never_stood_still(self) {
        self.stop.send_replace(true);
        let slowest = timeout(DEADLINE, self.ended).await.expect("drawing ends").unwrap();
        assert!(slowest < SLOWEST, "the slowest batch took {slowest:?}");
    }
}

/// One batch, which tries again while somebody holds the room, as nodes do.
async fn apply(client: &Client, room: i64, op: (&'static str, &str, serde_json::Value)) {
    let batch = Batch::anonymous(room, vec![op]);
    while let Err(error) = apply_batches(client, std::slice::from_ref(&batch)).await {
        assert_eq!(error.code().map(|code| code.code().to_owned()).as_deref(), Some("55P03"), "{error:?}");
    }
}

/// A transaction that has looked at shapes, at the log and at every view, and does nothing more.
pub(crate) async fn idle_reader(board: &Board) -> Client {
    let reader = board.database.client().await;
    let looks = "begin; select count(*) from pgcanvas.shapes; select count(*) from pgcanvas.rooms;
        select count(*) from pgcanvas.board_shapes; select count(*) from pgcanvas.room_activity;
        select count(*) from pgcanvas.change_log; select count(*) from pgcanvas.chat; select count(*) from public.chat";
    reader.batch_execute(looks).await.unwrap();
    reader
}

/// MI10
#[tokio::test]
async fn a_bundle_whose_views_and_triggers_are_in_place_waits_for_nobody() {
    let board = Board::open().await;
    board
        .run("update pgcanvas.meta set bundle_hash = 'of another one'; drop function pgcanvas.room_head(bigint, text)")
        .await;
    let reader = idle_reader(&board).await;
    let mut drawing = Drawing::on(&board).await;
    drawing.go_on(20).await;
    let mut client = board.database.client().await;
    let migrated = timeout(DEADLINE, migrate(&mut client)).await.expect("nobody is waited for").unwrap();
    assert!(migrated.bundle_applied);
    drawing.go_on(20).await;
    drawing.assert_never_stood_still().await;
    board.run("select pgcanvas.room_head(1)").await;
    reader.batch_execute("commit").await.unwrap();
}

/// MI11
#[tokio::test]
async fn what_differs_is_replaced_as_soon_as_nobody_uses_it_and_people_draw_meanwhile() {
    let board = Board::open().await;
    board.run(ANOTHER_BUNDLE).await;
    let reader = idle_reader(&board).await;
    let mut drawing = Drawing::on(&board).await;
    let mut client = board.database.client().await;
    let mut migrating = tokio::spawn(async move { migrate(&mut client).await });
    let waited = timeout(Duration::from_secs(5), async {
        drawing.go_on(100).await;
        std::future::pending::<()>().await
    });
    tokio::select! {
        _ = waited => {}
        ended = &mut migrating => panic!("a view that is read was replaced: {ended:?}"),
    }
    // Whoever comes meanwhile sees the views too.
    board.run("select count(*) from pgcanvas.board_shapes").await;
    reader.batch_execute("commit").await.unwrap();
    let migrated = timeout(DEADLINE, migrating).await.expect("nobody is in the way").unwrap().unwrap();
    assert!(migrated.bundle_applied);
    drawing.go_on(20).await;
    drawing.assert_never_stood_still().await;
    board.run("select count(*) from pgcanvas.board_shapes").await;
}

/// As if this program's views and triggers were others than those of the database.
const ANOTHER_BUNDLE: &str = "update pgcanvas.meta set bundle_hash = 'of another one';
    update pgcanvas.bundle_objects set text_hash = 'of another one' where name like 'view %' or name like 'trigger %'";

/// MI12
#[tokio::test]
async fn who_is_in_the_way_for_too_long_is_named() {
    let board = Board::open().await;
    board.run(ANOTHER_BUNDLE).await;
    let reader = idle_reader(&board).await;
    let process: i32 = reader.query_one("select pg_backend_pid()", &[]).await.unwrap().get(0);
    let mut client = board.database.client().await;
    let refused = migrate_within(&mut client, Duration::from_secs(1)).await.unwrap_err().to_string();
    let named = format!("the database cannot be migrated while process {process} (user ");
    assert!(refused.starts_with(&named) && refused.contains("idle in transaction"), "{refused}");
    assert!(refused.contains("pgcanvas.board_shapes"), "{refused}");
    let kept = "select bundle_hash, current_setting('lock_timeout') from pgcanvas.meta";
    let row = client.query_one(kept, &[]).await.unwrap();
    assert_eq!((row.get(0), row.get(1)), ("of another one", "0"));
}

/// MI13
#[tokio::test]
async fn what_was_altered_by_hand_is_put_right_and_a_column_that_was_added_is_shown() {
    let board = Board::open().await;
    board
        .run(
            "update pgcanvas.meta set bundle_hash = 'of another one';
             alter table pgcanvas.shapes add column ours text default 'kept';
             create or replace function pgcanvas.ring(p_room_ids bigint[], p_payloads text[]) returns void language sql as 'select';
             drop trigger _300_insert on pgcanvas.chat; drop view public.chat;
             insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'rectangle')",
        )
        .await;
    let mut client = board.database.client().await;
    migrate(&mut client).await.unwrap();
    let ours: String = board.value("select ours from pgcanvas.board_shapes").await;
    assert_eq!(ours, "kept");
    let ring: bool = board.value("select prosrc ~ 'pg_notify' from pg_proc where proname = 'ring'").await;
    assert!(ring);
    board
        .run(r#"insert into public.chat (roomid, message) values (1, '{"shape":{"id":"c","type":"rect"}}')"#)
        .await;
}
