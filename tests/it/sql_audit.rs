//! Whether the log is what was written, and whose (AU).

use super::sql_history::{content, draw, lived_in, now};
use super::support::board::{Batch, Board, apply_batches, code};
use super::sync::random;
use serde_json::json;
use uuid::Uuid;

/// Faults of room 1: seq and what is said of it.
async fn faults(board: &Board) -> Vec<(i64, String)> {
    let rows = board.client.query("select * from pgcanvas.verify('1') order by 1, 2", &[]).await.unwrap();
    rows.iter().map(|row| (row.get(0), row.get(1))).collect()
}

async fn head(board: &Board) -> (i64, String) {
    let row = board.client.query_one("select * from pgcanvas.chain_head('1')", &[]).await.unwrap();
    (row.get(0), row.get(1))
}

/// A chained room in which every road was taken.
async fn chained(steps: usize) -> Board {
    let mut random = random();
    let (board, _) = lived_in(&mut random, 5).await;
    board.run("select pgcanvas.chain_room('1')").await;
    for _ in 0..steps {
        draw(&board, &mut random).await;
    }
    let put = |n: i64| ("put", format!("b{n}"), json!({"kind": "text"}));
    let client = Uuid::new_v4();
    let batches: Vec<Batch> =
        (1..=3).map(|n| Batch { room: 1, client: Some(client), op_id: Some(n), ops: vec![put(n)] }).collect();
    apply_batches(&board.client, &batches).await.unwrap();
    board.run("begin; set constraints all immediate; update pgcanvas.shapes set x = x + 1; update pgcanvas.shapes set x = x + 1; commit").await;
    board.run("update pgcanvas.shapes set y = y - 1").await;
    board
}

/// AU1
#[tokio::test]
async fn every_row_of_the_log_names_login_and_transaction() {
    let board = Board::open().await;
    board.run("create role auditor_test_login").await;
    let client = board.database.client().await;
    client
        .batch_execute("set session authorization auditor_test_login; reset session authorization")
        .await
        .unwrap();
    board.run("grant pgcanvas_writer to auditor_test_login").await;
    client
        .batch_execute("set session authorization auditor_test_login; set role pgcanvas_writer")
        .await
        .unwrap();
    let row = client
        .query_one("with drawn as (select * from pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"a\",\"kind\":\"text\"}}]')) select pg_current_xact_id()::text from drawn", &[])
        .await
        .unwrap();
    client.batch_execute("update pgcanvas.shapes set x = 1").await.unwrap();
    let rows = board
        .client
        .query("select db_role, xid::text, author from pgcanvas.change_log order by seq", &[])
        .await
        .unwrap();
    assert!(
        rows.iter().all(|row| row.get::<_, &str>(0) == "auditor_test_login"
            && row.get::<_, &str>(2) == "sql:pgcanvas_writer")
    );
    assert_eq!(rows[0].get::<_, String>(1), row.get::<_, String>(0));
    assert_ne!(rows[0].get::<_, String>(1), rows[1].get::<_, String>(1));
    drop(client);
    board.run("drop owned by auditor_test_login; drop role auditor_test_login").await;
}

/// AU2
#[tokio::test]
async fn what_was_altered_removed_or_slipped_in_is_found() {
    let board = chained(25).await;
    assert_eq!(faults(&board).await, []);
    // By SQL, and as a node does it.
    for back in [6, 4] {
        let seq = board.value(&format!("select max(seq) - {back} from pgcanvas.batch_hashes")).await;
        assert_tampering_shows(&board, seq).await;
    }
    assert_eq!(faults(&board).await, []);
    board
        .run("delete from pgcanvas.batch_hashes where seq = (select min(seq) from pgcanvas.batch_hashes)")
        .await;
    assert!(faults(&board).await[0].1.contains("anchor"));
}

async fn assert_tampering_shows(board: &Board, seq: i64) {
    let row =
        format!("(select ordinal from pgcanvas.shape_changes where seq = {seq} order by ordinal limit 1)");
    let altered = "the batch is not what was chained";
    for (tampering, expected) in [
        (
            "update pgcanvas.shape_changes set change = replace(change::text, ':', ': ')::json where seq = SEQ and ordinal = ROW and op <> 'put'",
            altered,
        ),
        ("update pgcanvas.shape_changes set author = 'nobody' where seq = SEQ and ordinal = ROW", altered),
        (
            "update pgcanvas.shape_changes set at = at + interval '1 us' where seq = SEQ and ordinal = ROW",
            altered,
        ),
        ("update pgcanvas.shape_changes set db_role = 'nobody' where seq = SEQ and ordinal = ROW", altered),
        (
            "update pgcanvas.shape_changes set client = gen_random_uuid() where seq = SEQ and ordinal = ROW",
            altered,
        ),
        ("update pgcanvas.shape_changes set op_id = 77 where seq = SEQ and ordinal = ROW", altered),
        ("update pgcanvas.shape_changes set xid = '9' where seq = SEQ and ordinal = ROW", altered),
        ("update pgcanvas.shape_changes set role = 'owner' where seq = SEQ and ordinal = ROW", altered),
        (
            "update pgcanvas.shape_changes set role = null where seq = SEQ and ordinal = ROW and role is not null",
            altered,
        ),
        ("update pgcanvas.shape_changes set gesture = 77 where seq = SEQ and ordinal = ROW", altered),
        ("update pgcanvas.shape_changes set undoes = 77 where seq = SEQ and ordinal = ROW", altered),
        ("update pgcanvas.shape_changes set shape_id = 'other' where seq = SEQ and ordinal = ROW", altered),
        (
            "insert into pgcanvas.shape_changes (room_id, seq, ordinal, op, shape_id, change, author, at)
          select 1, SEQ, 99, 'delete', 'slipped in', '{\"op\":\"delete\",\"id\":\"slipped in\"}', 'x', now()",
            altered,
        ),
        ("update pgcanvas.batch_hashes set hash = sha256(hash) where seq = SEQ", altered),
        ("delete from pgcanvas.shape_changes where seq = SEQ", "the batch is not in the log"),
        ("delete from pgcanvas.batch_hashes where seq = SEQ", "the batch is not in the chain"),
    ] {
        let sql = tampering.replace("ROW", &row).replace("SEQ", &seq.to_string());
        board.client.batch_execute("begin").await.unwrap();
        let changed: u64 =
            board.client.execute(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        let found = faults(board).await;
        assert!(changed == 0 || found.contains(&(seq, expected.to_owned())), "{sql}: {found:?}");
        board.client.batch_execute("rollback").await.unwrap();
    }
}

/// AU3
#[tokio::test]
async fn a_log_without_chain_is_held_against_its_numbers_and_the_board() {
    let (board, _) = lived_in(&mut random(), 30).await;
    assert_eq!(faults(&board).await, []);
    let last = board.last_seq().await;
    for (tampering, seq, says) in [
        ("delete from pgcanvas.shape_changes where seq = 3", 3, "not in the log"),
        (
            "insert into pgcanvas.shape_changes (room_id, seq, ordinal, op, shape_id, change, author, at)
          values (1, 1000, 1, 'delete', 's', '{\"op\":\"delete\",\"id\":\"s\"}', 'x', now())",
            999,
            "not in the log",
        ),
        (
            "delete from pgcanvas.shape_changes where seq = (select max(seq) from pgcanvas.shape_changes)",
            last,
            "not in the log",
        ),
        (
            "alter table pgcanvas.shapes disable trigger user; update pgcanvas.shapes set x = 12345",
            last,
            "not what the log makes of it",
        ),
    ] {
        board.run("begin").await;
        board.run(tampering).await;
        let found = faults(&board).await;
        assert!(found.iter().any(|(at, fault)| *at == seq && fault.contains(says)), "{tampering}: {found:?}");
        board.run("rollback").await;
    }
}

/// AU4
#[tokio::test]
async fn a_pruned_chain_verifies_from_the_cut_on() {
    let board = chained(15).await;
    for keep in [20, 7, 1, 0] {
        board.run(&format!("select pgcanvas.prune_history('1', null, {keep})")).await;
        assert_eq!(faults(&board).await, [], "with {keep} kept");
    }
    draw(&board, &mut random()).await;
    board.run("update pgcanvas.shapes set x = x + 3").await;
    assert_eq!(faults(&board).await, []);
    board.run("update pgcanvas.shape_changes set author = 'x' where seq = (select max(seq) from pgcanvas.shape_changes)").await;
    assert!(faults(&board).await.iter().any(|(_, fault)| fault.contains("not what was chained")));
}

/// AU5
#[tokio::test]
async fn erasing_a_person_keeps_the_board_and_the_chain_and_leaves_no_trace_of_the_name() {
    let board = chained(20).await;
    let device = Uuid::new_v4();
    let batch = |op_id, ops| Batch::anonymous(1, ops).of(device, op_id);
    // "author 1" drew all along; somebody else deletes and changes what was theirs.
    apply_batches(
        &board.client,
        &[batch(
            1,
            vec![("put", "mine", json!({"kind": "text"})), ("put", "mine too", json!({"kind": "text"}))],
        )],
    )
    .await
    .unwrap();
    board.run("delete from pgcanvas.shapes where id = 'mine'; update pgcanvas.shapes set x = 7 where id = 'mine too'").await;
    board.run("create or replace function pgcanvas.snapshot_spacing() returns bigint language sql immutable parallel safe return 9").await;
    board.run("select pgcanvas.write_snapshots(100); update pgcanvas.rooms set owner = 'author 1'").await;
    let (before, epoch, chain) = (
        now(&board).await,
        board.value::<Uuid>("select epoch from pgcanvas.rooms").await,
        head(&board).await,
    );
    let claimed = format!("select pgcanvas.claim_client('{device}', sha256('a key'))");
    assert!(board.value::<bool>(&claimed).await);
    assert!(board.value::<i64>("call pgcanvas.erase_user('author 1')").await > 3);
    for (table, columns) in [
        ("shapes", "s"),
        ("shape_changes", "s"),
        ("snapshot_shapes", "s"),
        ("rooms", "s"),
        ("pseudonyms", "s"),
        ("applied_ops", "s"),
        ("client_keys", "s"),
    ] {
        let trace =
            format!("select count(*) from pgcanvas.{table} as {columns} where s::text ~ 'author 1|{device}'");
        assert_eq!(board.value::<i64>(&trace).await, 0, "a trace in {table}");
    }
    assert_eq!(content(&now(&board).await), content(&before));
    assert_eq!(
        (faults(&board).await, head(&board).await),
        (vec![], chain),
        "what was noted elsewhere holds too"
    );
    assert_ne!(
        board.value::<Uuid>("select epoch from pgcanvas.rooms").await,
        epoch,
        "clients get the board anew"
    );
    let by: String = board.value("select created_by from pgcanvas.shapes where id = 'mine too'").await;
    assert!(by.starts_with("erased:"));
    draw(&board, &mut random()).await;
    assert_eq!(faults(&board).await, []);
    let author = board.value::<String>("select 'sql:' || session_user").await;
    board.run(&format!("call pgcanvas.erase_user('{author}')")).await;
    assert_eq!(
        board.value::<i64>("select count(*) from pgcanvas.shape_changes where db_role = session_user").await,
        0
    );
    assert_eq!(faults(&board).await, []);
    assert_eq!(code(board.client.batch_execute("call pgcanvas.erase_user('')").await), "WB001");
}

/// TR10
#[tokio::test]
async fn a_room_that_is_deleted_takes_its_snapshots_and_its_chain_along() {
    let board = chained(10).await;
    board.run("create or replace function pgcanvas.snapshot_spacing() returns bigint language sql immutable parallel safe return 9").await;
    board.run("select pgcanvas.write_snapshots(100)").await;
    let tables = ["snapshots", "snapshot_shapes", "log_tallies", "batch_hashes", "pseudonyms"];
    for (before, after) in [(true, false), (false, true)] {
        for table in tables {
            let rows: i64 = board.value(&format!("select count(*) from pgcanvas.{table}")).await;
            assert_eq!(rows > 0, before, "{table}");
        }
        if !after {
            board.run("delete from pgcanvas.rooms").await;
        }
    }
}
