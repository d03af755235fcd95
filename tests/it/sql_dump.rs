//! A dump's data, restored into a database that was migrated (RW).

use super::support::board::{Board, open_room};
use super::support::database::TestDatabase;
use super::support::program::DataFolder;
use super::support::tools::{can_dump, ran};
use serde_json::Value;
use tokio_postgres::Client;

/// Rooms with a history of every kind: direct SQL, batches, deaths and new lives, undo, a chain, snapshots, a pruned log, people and links.
const DRAWN: &[&str] = &[
    "insert into pgcanvas.shapes (room_id, id, kind, x, text) select 1 + n % 2, 's' || n, 'rectangle', n / 3.0, e'a\\tb' from generate_series(1, 300) as n",
    "update pgcanvas.shapes set x = x + 1 where id like 's1%'",
    "insert into pgcanvas.shapes (room_id, id, kind, frame_id, points) values (1, 'r', 'arrow', 's2', '{{0.1,0.2},{1,1}}')",
    "delete from pgcanvas.shapes where id in ('s2', 's4', 's8')",
    "insert into pgcanvas.shapes (room_id, id, kind) values (1, 's4', 'ellipse')",
    "select pgcanvas.chain_room('2')",
    "select pgcanvas.draw('2', '[{\"op\":\"patch\",\"id\":\"s3\",\"set\":{\"x\":0.30000000000000004,\"odd\":null}},{\"op\":\"delete\",\"id\":\"s5\"}]')",
    "select pgcanvas.undo('1', p_batch => 2)",
    "select pgcanvas.restore('2', 1)",
    "select pgcanvas.prune_history('1', p_keep_changes => 20)",
    "select pgcanvas.create_user('ann', 'Ann', '$argon2id$x')",
    "select pgcanvas.set_member(1, 'ann', 'owner')",
    "select pgcanvas.make_link(2, 'viewer', sha256('x'), 'ann', null)",
    "select pgcanvas.put_file(encode(sha256('\\x89504e47'), 'hex'), 'image/png', '\\x89504e47')",
];

/// Every row of every table, but for what is the database's own. (Rights count on as members come back.)
async fn everything(sql: &Client) -> Value {
    let tables: Vec<String> = sql
        .query_one(
            "select array_agg(relname::text order by relname) from pg_class where relnamespace = 'pgcanvas'::regnamespace
               and relkind = 'r' and relname not in ('meta', 'migrations')",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    let mut all = serde_json::Map::new();
    for table in tables {
        let rows = format!(
            "select coalesce(jsonb_agg(to_jsonb(t) - 'rights' order by to_jsonb(t)::text), '[]') from pgcanvas.{table} as t"
        );
        all.insert(table, sql.query_one(&rows, &[]).await.unwrap().get(0));
    }
    Value::Object(all)
}

/// Dumps data alone and restores it elsewhere.
async fn brought_over(dump_args: &[&str], restore_args: &[&str]) {
    let board = Board::open().await;
    if !can_dump(board.database.config()).await {
        return;
    }
    open_room(&board.client, 2).await;
    for statement in DRAWN {
        board.run(statement).await;
    }
    let dump = DataFolder::new();
    let (url, file) = (board.database.url(), dump.as_str().to_owned());
    let mut args = vec!["--data-only", "--file", &file, &url];
    args.extend(dump_args);
    ran("pg_dump", &args);
    let restored = TestDatabase::create().await;
    let url = restored.url();
    let mut args = vec!["--dbname", &url];
    args.extend(restore_args);
    if dump_args.contains(&"--format=custom") {
        args.push(&file);
        ran("pg_restore", &args);
    } else {
        args.extend(["-q", "-X", "-v", "ON_ERROR_STOP=1", "-f", &file]);
        ran("psql", &args);
    }
    _ = std::fs::remove_file(&dump);
    let sql = restored.client().await;
    let (found, wanted) = (everything(&sql).await, everything(&board.client).await);
    for (table, rows) in wanted.as_object().unwrap() {
        assert_eq!(&found[table], rows, "{table} with {dump_args:?}");
    }
    for room in ["1", "2"] {
        let verify = format!("select count(*) from pgcanvas.verify('{room}')");
        assert_eq!(sql.query_one(&verify, &[]).await.unwrap().get::<_, i64>(0), 0, "{room}");
    }
    // It goes on from there.
    sql.batch_execute("update pgcanvas.shapes set x = 5; insert into pgcanvas.shapes (room_id, id, kind) values (1, 's2', 'line'), (2, 'n', 'line')")
        .await
        .unwrap();
    let version: i64 =
        sql.query_one("select version from pgcanvas.shapes where id = 's2'", &[]).await.unwrap().get(0);
    assert!(version > 2, "{version}");
    for room in ["1", "2"] {
        let verify = format!("select count(*) from pgcanvas.verify('{room}')");
        assert_eq!(sql.query_one(&verify, &[]).await.unwrap().get::<_, i64>(0), 0, "{room}");
    }
    // Clients that saw the other database go on start anew, once.
    let check = "select pgcanvas.check_rewind()";
    assert_eq!(sql.query_one(check, &[]).await.unwrap().get::<_, Option<i64>>(0), Some(2));
    assert_eq!(sql.query_one(check, &[]).await.unwrap().get::<_, Option<i64>>(0), None);
}

/// RW8
#[tokio::test]
async fn a_dump_s_data_comes_back_as_it_was() {
    brought_over(&["--format=custom"], &["--exit-on-error"]).await;
    brought_over(&["--format=custom"], &["--exit-on-error", "--single-transaction"]).await;
}

/// RW8
#[tokio::test]
async fn a_script_of_a_dump_s_data_puts_it_back_too() {
    brought_over(&[], &[]).await;
    brought_over(&["--inserts"], &["--single-transaction"]).await;
}

/// RW8, RO6
#[tokio::test]
async fn who_restores_nothing_puts_nothing_past_the_log() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line'), (1, 'b', 'line'); create table public.kept as select * from pgcanvas.shapes").await;
    board
        .run("delete from pgcanvas.shapes where id = 'a'; grant select on public.kept to pgcanvas_writer")
        .await;
    // The rows of a copy are drawn anew, by whoever holds one: what is stamped is as ever.
    let again =
        "insert into pgcanvas.shapes overriding system value select * from public.kept where id = 'a'";
    board
        .run(&format!("{again}; delete from pgcanvas.shapes where id = 'a'; set row_security = off; {again}"))
        .await;
    assert_eq!(board.last_seq().await, 5);
    board
        .run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'c', 'line'); reset row_security")
        .await;
    let writer = board.client_as("pgcanvas_writer").await;
    writer
        .batch_execute("set row_security = off; insert into pgcanvas.shapes (room_id, id, kind) values (1, 'd', 'line'); update pgcanvas.shapes set x = 4")
        .await
        .unwrap();
    let stamped = format!("{again}; delete from pgcanvas.shapes");
    assert_eq!(super::support::board::code(writer.batch_execute(&stamped).await), "42501");
    assert_eq!(board.last_seq().await, 8);
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}
