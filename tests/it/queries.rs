//! What a request may say beside its path (HT).

use super::faults::{node, room};
use super::support::database::TestDatabase;
use super::support::http::{Response, get, post, send};
use pgcanvas::config::NodeSettings;
use serde_json::json;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use uuid::Uuid;

/// HT11
#[tokio::test]
async fn a_parameter_that_is_not_known_or_given_twice_is_refused_by_name() {
    let database = TestDatabase::create().await;
    room(database.config(), "r").await;
    let node = node(database.config(), &NodeSettings::default()).await;
    let address = node.address();
    let refused = async |method: &str, path: &str, name: &str| {
        let answer = send(address, method, path, "").await;
        assert_eq!(answer.refusal(), (400, "invalid".to_owned()), "{method} {path}");
        let body = answer.json();
        let message = body["error"]["message"].as_str().unwrap_or_default();
        assert!(message.starts_with(&format!("{name}: ")), "{method} {path}: {message}");
    };
    let file = format!("/api/files/{}", "0".repeat(64));
    for (method, path) in [
        ("GET", "/api/rooms/r/shapes"),
        ("GET", "/api/rooms/r/at/0"),
        ("GET", "/api/rooms/r/history"),
        ("GET", "/api/rooms/r/diff"),
        ("GET", "/api/rooms/r/shapes/a/blame"),
        ("GET", "/api/rooms/r/picture.svg"),
        ("GET", "/api/rooms/r/links"),
        ("GET", "/api/rooms/r/members"),
        ("GET", "/api/rooms/r"),
        ("PATCH", "/api/rooms/r"),
        ("DELETE", "/api/rooms/r"),
        ("POST", "/api/rooms/r/ops"),
        ("POST", "/api/rooms/r/undo"),
        ("POST", "/api/rooms/r/redo"),
        ("POST", "/api/rooms/r/merge"),
        ("POST", "/api/rooms/r/restore"),
        ("POST", "/api/rooms/r/branch"),
        ("POST", "/api/rooms/r/links"),
        ("DELETE", "/api/rooms/r/links/1"),
        ("PUT", "/api/rooms/r/members/a"),
        ("GET", "/api/rooms"),
        ("POST", "/api/rooms"),
        ("GET", "/api/me"),
        ("POST", "/api/me/password"),
        ("POST", "/api/signup"),
        ("POST", "/api/signin"),
        ("POST", "/api/signout"),
        ("GET", "/api/origin"),
        ("GET", file.as_str()),
        ("PUT", file.as_str()),
        ("GET", "/ws"),
        ("GET", "/healthz"),
        ("GET", "/readyz"),
        ("GET", "/metrics"),
    ] {
        refused(method, &format!("{path}?bbox=NaN,0,9,9"), "bbox").await;
        refused(method, &format!("{path}?x%0d%0ay"), "xy").await;
    }
    refused("GET", "/api/rooms/r/shapes?limit=1&limit=1", "limit").await;
    refused("GET", "/api/rooms/r/shapes?limit=1&%6cimit=2", "limit").await;
    refused("GET", "/api/rooms?after=a&after=b", "after").await;
    refused("GET", "/api/rooms/r/shapes?limit", "limit").await;
    refused("POST", "/api/rooms?after=a", "after").await;
    let rooms = get(address, "/api/rooms").await.json()["rooms"].as_array().map(Vec::len);
    assert_eq!(rooms, Some(1), "nothing was made or deleted");
    for (path, status) in [("/?utm=x&utm=y", 200), ("/nothing?x=1", 404), ("/api/rooms/r/nothing?x=1", 404)] {
        assert_eq!(get(address, path).await.status, status, "{path}");
    }
    for (query, status) in [("tokn=a", 400), ("token=a&token=b", 400), ("token=a", 101)] {
        for path in ["/ws", "/"] {
            let opened = connect_async(format!("ws://{address}{path}?{query}")).await;
            let told = match opened {
                Ok((_, answer)) => answer.status(),
                Err(Error::Http(answer)) => answer.status(),
                Err(error) => panic!("{path}?{query}: {error}"),
            };
            assert_eq!(told.as_u16(), status, "{path}?{query}");
        }
    }
    node.stop().await;
}

/// HT12
#[tokio::test]
async fn a_box_the_wrong_way_round_is_refused_by_name_wherever_it_is_said() {
    let database = TestDatabase::create().await;
    room(database.config(), "r").await;
    let node = node(database.config(), &NodeSettings::default()).await;
    let address = node.address();
    let told = |answer: &Response| answer.json()["error"]["message"].as_str().unwrap_or_default().to_owned();
    for area in [[9, 0, 0, 9], [0, 9, 9, 0]] {
        let text = area.map(|number| number.to_string()).join(",");
        let shapes = get(address, &format!("/api/rooms/r/shapes?box={text}")).await;
        let restored = post(address, "/api/rooms/r/restore", &json!({"seq": 1, "box": area})).await;
        let undo = json!({"client": Uuid::new_v4(), "op_id": 1, "box": area});
        let undone = post(address, "/api/rooms/r/undo", &undo).await;
        for answer in [shapes, restored, undone] {
            assert_eq!(answer.refusal(), (400, "invalid".to_owned()), "{area:?}: {answer:?}");
            assert_eq!(told(&answer), "box: must have x0 at most x1, and y0 at most y1");
        }
    }
    assert_eq!(get(address, "/api/rooms/r/shapes?box=1,1,1,1").await.status, 200, "a point is a box");
    node.stop().await;
}
