//! What a browser is given first (HT).

use super::faults::node;
use super::support::database::TestDatabase;
use super::support::http::get;
#[cfg(feature = "board")]
use super::support::http::get_with;
#[cfg(not(feature = "board"))]
use super::support::http::post;
#[cfg(feature = "board")]
use super::support::http::send;
use pgcanvas::config::NodeSettings;
use pgcanvas::node::RunningNode;
#[cfg(not(feature = "board"))]
use serde_json::json;

async fn serving() -> (TestDatabase, RunningNode) {
    let database = TestDatabase::create().await;
    let node = node(database.config(), &NodeSettings::default()).await;
    (database, node)
}

/// HT7
#[cfg(not(feature = "board"))]
#[tokio::test]
async fn the_start_page_lists_the_open_rooms_and_nothing_in_it_can_be_markup() {
    let (database, node) = serving().await;
    let address = node.address();
    let empty = get(address, "/").await;
    assert!(
        empty.status == 200
            && empty.body.contains("No rooms yet")
            && empty.body.contains("without the board")
    );
    assert!(empty.headers["content-security-policy"].contains("default-src 'none'"));
    for body in [json!({"slug": "plain-room"}), json!({"slug": "hidden-room", "visibility": "private"})] {
        assert_eq!(post(address, "/api/rooms", &body).await.status, 201);
    }
    let page = get(address, "/").await.body;
    assert!(page.contains("/plain-room") && !page.contains("hidden-room") && !page.contains("{{"), "{page}");
    // By SQL neither: the page writes slugs as they are.
    let make = "select pgcanvas.create_room('<script>alert(1)</script>', 'open', null)";
    assert!(database.client().await.batch_execute(make).await.is_err());
    let insert = "insert into pgcanvas.rooms (slug) values ('<b>')";
    assert!(database.client().await.batch_execute(insert).await.is_err());
    node.stop().await;
}

/// HT8
#[cfg(feature = "board")]
#[tokio::test]
async fn the_board_s_page_names_its_files_and_they_are_sent_once() {
    let (_database, node) = serving().await;
    let address = node.address();
    let page = get(address, "/r/any-room").await;
    assert_eq!((page.status, page.headers["content-type"].as_str()), (200, "text/html; charset=utf-8"));
    assert_eq!(get(address, "/").await.body, page.body);
    let policy = &page.headers["content-security-policy"];
    assert!(
        policy.contains("default-src 'none'") && policy.contains("script-src 'self' 'wasm-unsafe-eval';"),
        "{policy}"
    );
    let again = get_with(address, "/", &[("if-none-match", &page.headers["etag"])]).await;
    assert_eq!((again.status, again.body.as_str()), (304, ""));
    let scripts: Vec<&str> = page.body.split('"').filter(|part| part.starts_with("/assets/")).collect();
    assert!(scripts.iter().any(|path| path.ends_with(".js")), "{}", page.body);
    for path in scripts {
        let plain = get(address, path).await;
        assert_eq!(plain.status, 200, "{path}");
        assert_eq!(plain.headers["cache-control"], "public, max-age=31536000, immutable");
        assert!(!plain.headers.contains_key("content-encoding"));
        for (accepted, sent) in [("gzip, deflate", "gzip"), ("gzip, br", "br"), ("br;q=0, gzip", "gzip")] {
            let packed = get_with(address, path, &[("accept-encoding", accepted)]).await;
            let encoding = packed.headers.get("content-encoding").map(String::as_str);
            assert!(encoding == Some(sent) || path.ends_with(".svg"), "{path} for {accepted}: {encoding:?}");
        }
    }
    for path in ["/assets/nothing.js", "/assets/../index.html", "/assets/", "/r", "/r/a/b"] {
        assert_eq!(get(address, path).await.status, 404, "{path}");
    }
    assert_eq!(send(address, "POST", "/r/any-room", "").await.status, 405);
    node.stop().await;
}

/// HT8
#[cfg(feature = "board")]
#[tokio::test]
async fn the_files_of_the_page_can_come_from_a_cdn() {
    let database = TestDatabase::create().await;
    let settings =
        NodeSettings { asset_base: Some("https://cdn.example.org/board".into()), ..NodeSettings::default() };
    let node = node(database.config(), &settings).await;
    let page = get(node.address(), "/").await;
    assert!(
        page.body.contains("\"https://cdn.example.org/board/assets/") && !page.body.contains("\"/assets/")
    );
    let policy = &page.headers["content-security-policy"];
    assert!(policy.contains("script-src 'self' https://cdn.example.org "), "{policy}");
    node.stop().await;
}
