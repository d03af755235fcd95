//! Pictures: those that people put on boards, and those of the boards (FI).

use super::faults::node;
use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::http::{get, get_with, put_bytes, send};
use super::support::node::TestNode;
use pgcanvas::config::NodeSettings;
use serde_json::json;

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n\0\xff\xfe not much of a picture";

async fn sha256(database: &TestDatabase, content: &[u8]) -> String {
    let sql = "select encode(sha256($1::bytea), 'hex')";
    database.client().await.query_one(sql, &[&content]).await.unwrap().get(0)
}

async fn kept(database: &TestDatabase) -> i64 {
    database.client().await.query_one("select count(*) from pgcanvas.files", &[]).await.unwrap().get(0)
}

/// FI1
#[tokio::test]
async fn a_picture_is_kept_once_and_comes_back_as_it_was_from_any_node() {
    let database = TestDatabase::create().await;
    let (one, other) = (TestNode::start(&database).await, TestNode::start(&database).await);
    let name = sha256(&database, PNG).await;
    let path = format!("/api/files/{name}");
    let first = put_bytes(one.address(), &path, PNG).await;
    let told = json!({"sha256": name, "media_type": "image/png", "bytes": PNG.len()});
    assert_eq!((first.status, first.json()), (201, told.clone()));
    let again = put_bytes(other.address(), &path, PNG).await;
    assert_eq!((again.status, again.json(), kept(&database).await), (200, told, 1));

    let sent = get(other.address(), &path).await;
    assert_eq!((sent.status, sent.body), (200, String::from_utf8_lossy(PNG).into_owned()));
    assert_eq!(sent.headers["content-length"], PNG.len().to_string());
    assert_eq!(sent.headers["content-type"], "image/png");
    assert_eq!(sent.headers["cache-control"], "public, max-age=31536000, immutable");
    assert_eq!(sent.headers["x-content-type-options"], "nosniff");
    let policy = &sent.headers["content-security-policy"];
    assert!(policy.contains("default-src 'none'") && policy.contains("sandbox"), "{policy}");
    let known = get_with(one.address(), &path, &[("if-none-match", &sent.headers["etag"])]).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
}

/// FI2
#[tokio::test]
async fn what_is_no_picture_or_not_what_it_says_is_not_kept() {
    let database = TestDatabase::create().await;
    let settings = NodeSettings { max_file_bytes: 1024, ..NodeSettings::default() };
    let node = node(database.config(), &settings).await;
    let address = node.address();
    let large = [PNG, &[7; 1024]].concat();
    for (content, status, code) in [
        (&b"<svg xmlns=\"http://www.w3.org/2000/svg\"><script>alert(1)</script></svg>"[..], 400, "invalid"),
        (b"<html>", 400, "invalid"),
        (b"", 400, "invalid"),
        (&large, 413, "too_large"),
    ] {
        let path = format!("/api/files/{}", sha256(&database, content).await);
        let refused = put_bytes(address, &path, content).await;
        assert_eq!(refused.refusal(), (status, code.to_owned()));
    }
    let another = format!("/api/files/{}", sha256(&database, b"another").await);
    assert_eq!(put_bytes(address, &another, PNG).await.refusal(), (400, "invalid".to_owned()));
    assert_eq!(get(address, &another).await.refusal(), (404, "not_found".to_owned()));
    for name in ["x", &"A".repeat(64), &"0".repeat(65), "..%2f"] {
        let path = format!("/api/files/{name}");
        assert_eq!(get(address, &path).await.refusal(), (400, "invalid".to_owned()), "{path}");
        assert_eq!(put_bytes(address, &path, PNG).await.refusal(), (400, "invalid".to_owned()), "{path}");
    }
    assert_eq!(send(address, "DELETE", &another, "").await.status, 405);
    assert_eq!(kept(&database).await, 0);
    node.stop().await;
}

/// FI3
#[tokio::test]
async fn the_database_refuses_a_file_that_is_not_what_its_name_says() {
    let database = TestDatabase::create().await;
    let client = database.client().await;
    let name = sha256(&database, b"another").await;
    let call = client.query("select pgcanvas.put_file($1, 'image/png', $2)", &[&name, &PNG]).await;
    assert_eq!(call.unwrap_err().code().map(|state| state.code()), Some("WB001"));
    let insert = "insert into pgcanvas.files (sha256, media_type, content) values ($1, 'image/png', $2)";
    assert!(client.execute(insert, &[&name, &PNG]).await.is_err());
    let own = sha256(&database, PNG).await;
    let kind = client.query("select pgcanvas.put_file($1, 'image/svg+xml', $2)", &[&own, &PNG]).await;
    assert!(kind.is_err());
    assert_eq!(kept(&database).await, 0);
}

/// FI4
#[tokio::test]
async fn a_room_has_a_picture_which_changes_when_it_does() {
    let database = TestDatabase::create().await;
    make_room(&database, "seen").await;
    let node = TestNode::start(&database).await;
    let mut ann = Client::joined(&node, "Ann", "seen").await;
    let put = |id: &str, kind: &str, more: serde_json::Value| {
        let mut shape = json!({"id": id, "kind": kind, "x": 10, "y": 20, "width": 100, "height": 50});
        shape.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"op": "put", "shape": shape})
    };
    let path = "/api/rooms/seen/picture.svg";
    let empty = get(node.address(), path).await;
    assert!(
        empty.status == 200 && empty.body.starts_with("<svg ") && !empty.body.contains("<g"),
        "{empty:?}"
    );
    ann.draw(
        "seen",
        json!([
            put("a", "text", json!({"index": "a3", "text": "a < b\n& c", "stroke_color": "#e03131"})),
            put("b", "ellipse", json!({"index": "a1", "background_color": "#ffec99"})),
            put("c", "diamond", json!({"index": "a2", "angle": 1.5})),
            put("d", "freedraw", json!({"points": [[0, 0, 0.5], [5, 5, 0.5]]})),
            put("e", "no-such-kind", json!({"stroke_color": "\"><script>"})),
        ]),
    )
    .await;
    ann.reach("seen", 1).await;
    let picture = get(node.address(), path).await;
    assert_eq!(picture.headers["content-type"], "image/svg+xml");
    assert!(picture.headers["content-security-policy"].contains("sandbox"));
    let place = |what: &str| picture.body.find(what).unwrap_or_else(|| panic!("{what} in {}", picture.body));
    assert!(
        place("<ellipse fill=\"#ffec99\"") < place("rotate(85.94")
            && place("rotate(85.94") < place("a &lt; b")
    );
    assert!(place("&amp; c") < place("M10.0 20.0 L15.0 25.0") && place("L15.0 25.0") < place("<rect "));
    assert!(!picture.body.contains("<script"));
    let etag = picture.headers["etag"].clone();
    let known = get_with(node.address(), path, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    ann.draw("seen", json!([{"op": "delete", "id": "e"}])).await;
    ann.reach("seen", 2).await;
    let changed = get_with(node.address(), path, &[("if-none-match", &etag)]).await;
    assert!(changed.status == 200 && changed.headers["etag"] != etag);
    assert_eq!(
        get(node.address(), "/api/rooms/nowhere/picture.svg").await.refusal(),
        (404, "not_found".into())
    );
    let listed = get(node.address(), "/api/rooms/seen").await.json();
    assert!(listed["touched_by"].as_str().unwrap().starts_with("guest-"), "{listed}");
}
