//! Databases of the versions before, with rows, history and clients in them (UP). `tests/upgrade/make.mjs` made them, and noted what those
//! versions answered.

use super::support::client::Line;
use super::support::database::TestDatabase;
use super::support::http::ask;
use super::support::program::Program;
use super::support::tools::{ran, tool};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use tokio_postgres::Client;

/// What no two runs have in common.
const MOMENTS: [&str; 4] = ["at", "created_at", "touched_at", "updated_at"];

/// The folders of all versions that are kept.
fn versions() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/upgrade");
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.retain(|path| path.join("answers.json").is_file());
    found.sort();
    assert!(!found.is_empty(), "there is a version before");
    found
}

/// A database as that version left it, in its own place: not one that was put back.
async fn restored(version: &Path) -> TestDatabase {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    client.batch_execute("drop schema pgcanvas cascade; drop extension btree_gist").await.unwrap();
    let dump = ran("gzip", &["-dc", version.join("dump.sql.gz").to_str().unwrap()]).stdout;
    client.batch_execute(std::str::from_utf8(&dump).unwrap()).await.unwrap();
    let place = "update pgcanvas.meta set (system_identifier, timeline, database_oid, rooms_oid) = (select * from pgcanvas.where_it_runs())";
    client.batch_execute(place).await.unwrap();
    database
}

/// Without what no two runs have in common, and with shapes in one order.
fn comparable(value: &Value, with_moments: bool) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .filter(|(name, _)| with_moments || !MOMENTS.contains(&name.as_str()))
            .map(|(name, value)| (name.clone(), comparable(value, with_moments)))
            .collect(),
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(|item| comparable(item, with_moments)).collect();
            if items.iter().all(|item| item.get("id").is_some()) {
                items.sort_by_key(|item| item["id"].to_string());
            }
            items.into()
        }
        other => other.clone(),
    }
}

/// Asks as it was asked then.
async fn answered(node: &Program, sql: &Client, asked: &Value) -> Value {
    if let Some(request) = asked.get("request") {
        let headers = request["headers"].as_object().unwrap();
        let headers: Vec<(&str, &str)> =
            headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
        let body = request.get("body").map(Value::to_string).unwrap_or_default();
        let (method, path) = (request["method"].as_str().unwrap(), request["path"].as_str().unwrap());
        let answer = ask(node.address(), method, path, &headers, &body).await;
        let body = serde_json::from_str(&answer.body).unwrap_or_else(|_| Value::String(answer.body.clone()));
        return json!({"status": answer.status, "body": body});
    }
    if let Some(question) = asked.get("sql").and_then(Value::as_str) {
        let question = format!("select coalesce(jsonb_agg(to_jsonb(q)), '[]') from ({question}) as q");
        return sql
            .query_one(&question, &[])
            .await
            .unwrap_or_else(|error| panic!("{question}: {error:?}"))
            .get(0);
    }
    let mut line = Line::open(&format!("ws://{}/ws", node.address())).await;
    line.send(&asked["hello"].to_string()).await;
    line.next("welcome").await;
    line.send(&asked["join"].to_string()).await;
    loop {
        let heard: Value = serde_json::from_str(&line.next("an answer to the join").await).unwrap();
        if ["joined", "error"].contains(&heard["type"].as_str().unwrap()) {
            return heard;
        }
    }
}

/// Every answer is the one that was given then.
async fn assert_same(node: &Program, sql: &Client, all: &Value, with_moments: bool) {
    for asked in all.as_array().unwrap() {
        let (then, now) = (&asked["answer"], answered(node, sql, asked).await);
        let (then, now) = (comparable(then, with_moments), comparable(&now, with_moments));
        let mut question = asked.clone();
        question.as_object_mut().unwrap().remove("answer");
        assert_eq!(then, now, "then and now, asked {question}");
    }
}

/// UP1, UP2
#[tokio::test]
async fn a_database_of_a_version_before_keeps_every_promise() {
    if tool("gzip", "gzip").is_none() {
        return;
    }
    for version in versions() {
        let database = restored(&version).await;
        let mut owner = database.client().await;
        pgcanvas::db::schema::migrate(&mut owner).await.unwrap();
        let again = pgcanvas::db::schema::migrate(&mut owner).await.unwrap();
        assert!(again.migrations.is_empty() && !again.bundle_applied, "{again:?}");
        let node = Program::start(&["--database-url", &database.url(), "--answer-days", "0"]).await;
        let answers = fs::read_to_string(version.join("answers.json")).unwrap();
        let answers: Value = serde_json::from_str(&answers).unwrap();
        assert_same(&node, &owner, &answers["asked"], true).await;
        assert_same(&node, &owner, &answers["then"], false).await;
        node.kill().await;
    }
}
