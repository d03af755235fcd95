//! What the log says of troubles that last (LM8).

use crate::support::client::{Client, make_room};
use crate::support::database::TestDatabase;
use crate::support::program::Program;
use nix::sys::signal::Signal;
use serde_json::json;
use std::time::Duration;
use uuid::Uuid;

/// Every write fails so, as on a full disk or with a broken file.
fn failing(code: &str) -> String {
    format!(
        "create or replace function public.fail() returns trigger language plpgsql as $$ begin
           raise exception 'could not extend file \"base/1/2\": No space left on device' using errcode = '{code}', hint = 'Check free disk space.';
         end $$;
         create trigger fail before insert on pgcanvas.shapes for each row execute function public.fail()"
    )
}

/// LM8
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_cannot_write_is_told_once_and_without_its_raw_errors() {
    for (code, told) in [("53100", "batches wait for the database"), ("XX000", "the database refused a call")]
    {
        let database = TestDatabase::create().await;
        make_room(&database, "room").await;
        let node = Program::start(&["--database-url", &database.url()]).await;
        let mut client = Client::connect_at(node.address(), Uuid::new_v4()).await;
        client.hello("Ann").await;
        client.join("room").await;
        let sql = database.client().await;
        sql.batch_execute(&failing(code)).await.unwrap();
        client.line().deadline = Duration::from_secs(40);
        for op_id in 1..=3 {
            client.ops_as("room", op_id, json!([{"op": "put", "shape": {"id": "a", "kind": "line"}}])).await;
        }
        for op_id in 1..=3 {
            assert_eq!(client.rejected(op_id).await["code"], "unavailable");
        }
        sql.batch_execute("drop trigger fail on pgcanvas.shapes").await.unwrap();
        client.ops_as("room", 4, json!([{"op": "put", "shape": {"id": "a", "kind": "line"}}])).await;
        client.acked(4).await;
        let (_, log) = node.stop(Signal::SIGTERM).await;
        let lines: Vec<&str> =
            log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR")).collect();
        assert_eq!(lines.iter().filter(|line| line.contains(told)).count(), 1, "{code}: {log}");
        assert!(lines.len() <= 2 && log.len() < 3_000, "{code}: {} bytes: {log}", log.len());
        assert!(!log.contains("DbError {") && !log.contains("routine"), "{code}: {log}");
    }
}
