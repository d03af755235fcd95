//! Plain requests (HT).

use super::faults::{node, room};
use super::support::client::Client;
use super::support::database::TestDatabase;
use super::support::http::{get, post, send};
use super::support::node::TestNode;
use super::support::server::{retried, say};
use pgcanvas::config::NodeSettings;
use pgcanvas::node::RunningNode;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;
use uuid::Uuid;

async fn serving() -> (TestDatabase, RunningNode) {
    let database = TestDatabase::create().await;
    let node = node(database.config(), &NodeSettings::default()).await;
    (database, node)
}

fn invalid() -> (u16, String) {
    (400, "invalid".to_owned())
}

/// HT1
#[tokio::test]
async fn rooms_are_made_listed_and_told() {
    let (_database, node) = serving().await;
    let address = node.address();
    let made = post(address, "/api/rooms", &json!({"slug": "team-1"})).await;
    assert_eq!((made.status, made.headers["content-type"].as_str()), (201, "application/json"));
    let mut made = made.json();
    assert_eq!(made["link"]["role"], "owner", "a guest owns by a link, told once");
    made.as_object_mut().unwrap().remove("link");
    made["role"] = json!("editor"); // for whoever does not hold it
    assert_eq!(
        (&made["slug"], &made["seq"], &made["policy"]),
        (&json!("team-1"), &json!(0), &json!("merge"))
    );
    for name in ["team-1".to_owned(), made["id"].to_string()] {
        assert_eq!(get(address, &format!("/api/rooms/{name}")).await.json(), made);
    }
    let nameless = send(address, "POST", "/api/rooms", "").await;
    assert_eq!(nameless.status, 201);
    assert!(!nameless.json()["slug"].as_str().unwrap().is_empty());
    let secret = post(address, "/api/rooms", &json!({"slug": "secret", "visibility": "private"})).await;
    assert_eq!(secret.status, 201);
    let listed = |answer: Value| -> Vec<String> {
        answer["rooms"]
            .as_array()
            .unwrap()
            .iter()
            .map(|room| room["slug"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = listed(get(address, "/api/rooms").await.json());
    assert!(all.len() == 2 && all.contains(&"team-1".to_owned()), "a private room is not listed: {all:?}");
    assert_eq!(listed(get(address, &format!("/api/rooms?after={}", all[0])).await.json()), all[1..]);

    assert_eq!(
        post(address, "/api/rooms", &json!({"slug": "team-1"})).await.refusal(),
        (409, "conflict".to_owned())
    );
    let long = "x".repeat(65);
    for body in [
        json!({"slug": ""}),
        json!({"slug": "a b"}),
        json!({"slug": "<b>"}),
        json!({"slug": "7"}),
        json!({"slug": long}),
        json!({"slug": 7}),
        json!({"slug": "ok", "visibility": "secret"}),
        json!({"slug": "ok", "policy": "chaos"}),
        json!({"slug": "ok", "colour": "red"}),
        json!([]),
        json!(["ok", "open", "merge"]),
    ] {
        assert_eq!(post(address, "/api/rooms", &body).await.refusal(), invalid(), "{body}");
    }
    assert_eq!(send(address, "POST", "/api/rooms", "{").await.refusal(), invalid());
    for name in ["nobody", "4711", "%3Cb%3E", "99999999999999999999"] {
        let refused = get(address, &format!("/api/rooms/{name}")).await.refusal();
        assert_eq!(refused, (404, "not_found".to_owned()), "{name}");
    }
    node.stop().await;
}

/// A room of 400 shapes of several kinds, sizes and angles.
async fn strewn(database: &TestDatabase) {
    let id = room(database.config(), "strewn").await;
    let seed = rand::random::<u64>();
    say(&format!("shapes strewn with seed {seed}"));
    let mut random = StdRng::seed_from_u64(seed);
    let client = database.client().await;
    for number in 0..400 {
        let kind = ["rectangle", "ellipse", "diamond"][random.random_range(0..3)];
        let mut place = || random.random_range(-1000.0..1000.0_f64);
        let (x, y, width, height, angle) =
            (place(), place(), place().abs() / 5.0, place().abs() / 5.0, place());
        let statement = "insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, angle)
            values ($1, $2, $3, $4, $5, $6, $7, $8)";
        client
            .execute(statement, &[&id, &format!("s{number:03}"), &kind, &x, &y, &width, &height, &angle])
            .await
            .unwrap();
    }
}

fn ids(answer: &Value) -> Vec<String> {
    answer["shapes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|shape| shape["id"].as_str().unwrap().to_owned())
        .collect()
}

/// Every page of a query, joined.
async fn pages(address: SocketAddr, query: &str, limit: usize) -> Vec<String> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/rooms/strewn/shapes?{query}&limit={limit}{after}");
        let page = get(address, &path).await.json();
        let here = ids(&page);
        assert!(here.len() <= limit, "{path}");
        all.extend(here);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return all,
        }
    }
}

/// HT2
#[tokio::test]
async fn a_box_holds_exactly_the_shapes_whose_bounds_touch_it() {
    let (database, node) = serving().await;
    let address = node.address();
    strewn(&database).await;
    let rows = database
        .client()
        .await
        .query(
            "select id, kind, (bounds[1])[0], (bounds[1])[1], (bounds[0])[0], (bounds[0])[1]
             from pgcanvas.shapes order by id collate \"C\"",
            &[],
        )
        .await
        .unwrap();
    let in_box = |area: [f64; 4], kind: Option<&str>| -> Vec<String> {
        let touches = |row: &&tokio_postgres::Row| {
            let bound = |column: usize| row.get::<_, f64>(column);
            bound(2) <= area[2] && bound(4) >= area[0] && bound(3) <= area[3] && bound(5) >= area[1]
        };
        let of_kind = |row: &&tokio_postgres::Row| kind.is_none_or(|kind| row.get::<_, &str>(1) == kind);
        rows.iter().filter(touches).filter(of_kind).map(|row| row.get(0)).collect()
    };
    for area in [
        [-200.0, -200.0, 200.0, 200.0],
        [0.0, 0.0, 0.0, 0.0],
        [-1e9, -1e9, 1e9, 1e9],
        [900.5, -1e3, 1e3, 1e3],
    ] {
        let asked = format!("box={},{},{},{}", area[0], area[1], area[2], area[3]);
        assert_eq!(pages(address, &asked, 10_000).await, in_box(area, None), "{asked}");
        assert_eq!(pages(address, &asked, 7).await, in_box(area, None), "{asked} in pages");
        let kind = format!("{asked}&kind=ellipse");
        assert_eq!(pages(address, &kind, 10).await, in_box(area, Some("ellipse")), "{kind}");
    }
    assert_eq!(pages(address, "kind=diamond", 50).await, in_box([-1e9, -1e9, 1e9, 1e9], Some("diamond")));
    for query in [
        "box=1,2,3",
        "box=",
        "box=a,b,c,d",
        "box=0,0,NaN,1",
        "box=0,0,1e300,1",
        "limit=0",
        "limit=10001",
        "limit=x",
        "limit=-1",
    ] {
        assert_eq!(
            get(address, &format!("/api/rooms/strewn/shapes?{query}")).await.refusal(),
            invalid(),
            "{query}"
        );
    }
    assert_eq!(get(address, "/api/rooms/nobody/shapes").await.refusal().0, 404);
    node.stop().await;
}

/// HT3, HT6
#[tokio::test]
async fn a_posted_batch_is_answered_as_on_a_socket() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    room(database.config(), "r").await;
    let mut ann = Client::connect(&node).await;
    ann.hello("Ann").await;
    ann.join("r").await;
    let put = |x: i32| json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "x": x}}]);
    let client = Uuid::new_v4();
    let batch = |op_id: Value, ops: Value| json!({"client": client, "op_id": op_id, "ops": ops});
    let first = post(address, "/api/rooms/r/ops", &batch(json!(1), put(1))).await;
    let expected = json!({"type": "ack", "room": "r", "op_id": 1, "seq": 1, "outcomes": ["applied"]});
    assert_eq!((first.status, first.json()), (200, expected.clone()));
    assert_eq!(
        post(address, "/api/rooms/r/ops", &batch(json!(1), put(2))).await.json(),
        expected,
        "a repeat"
    );
    let ops = json!([{"op": "delete", "id": "b"}, {"op": "patch", "id": "a", "set": {"x": 5}}]);
    let second = post(address, "/api/rooms/r/ops", &batch(json!(2), ops)).await.json();
    assert_eq!((&second["seq"], &second["outcomes"]), (&json!(2), &json!(["gone", "applied"])));
    assert_eq!(ann.reach("r", 2).await.shape("a").unwrap()["x"], 5);
    let bad = [
        batch(json!(0), put(1)),
        batch(json!("3"), put(1)),
        batch(json!(3), json!([])),
        batch(json!(3), json!([{"op": "paint"}])),
        batch(json!(3), json!([{"op": "put", "shape": {"id": "c", "kind": "rectangle", "x": 1e10}}])),
        json!({"op_id": 3, "ops": put(1)}),
        json!([]),
        json!(["ok", "open", "merge"]),
    ];
    for body in &bad {
        assert_eq!(post(address, "/api/rooms/r/ops", body).await.refusal(), invalid(), "{body}");
    }
    let counted = node.metric("pgcanvas_rejects_total{kind=\"invalid\"}");
    assert!(counted >= 7, "every rejection is counted: {counted}");
    let nowhere = post(address, "/api/rooms/nobody/ops", &batch(json!(3), put(1))).await;
    assert_eq!(nowhere.refusal(), (404, "not_found".to_owned()));
    let large = "x".repeat(2 * 1024 * 1024 + 1);
    let refused = send(address, "POST", "/api/rooms/r/ops", &large).await.refusal();
    assert_eq!(refused, (413, "too_large".to_owned()));
    assert_eq!(get(address, "/api/rooms/r").await.json()["seq"], 2, "nothing of these was applied");
    node.stop().await;
}

/// HT4
#[tokio::test]
async fn what_is_not_there_and_what_is_not_done_there_have_the_one_error_form() {
    let (_database, node) = serving().await;
    let address = node.address();
    for path in ["/nothing", "/api", "/api/room", "/api/rooms/r/nothing", "/healthz/x", "/..%2f"] {
        assert_eq!(get(address, path).await.refusal(), (404, "not_found".to_owned()), "{path}");
    }
    for (method, path) in [
        ("DELETE", "/healthz"),
        ("POST", "/"),
        ("PUT", "/api/rooms"),
        ("GET", "/api/rooms/r/ops"),
        ("POST", "/metrics"),
        ("DELETE", "/api/rooms/r/shapes"),
    ] {
        assert_eq!(send(address, method, path, "").await.refusal().0, 405, "{method} {path}");
    }
    let plain = get(address, "/ws").await;
    assert_eq!((plain.status, plain.headers["upgrade"].as_str()), (426, "websocket"));
    node.stop().await;
}

/// HT5
#[tokio::test]
async fn a_node_is_ready_while_the_database_is_the_one_it_was_made_for() {
    let (database, node) = serving().await;
    let address = node.address();
    let becomes = |status: u16| {
        retried(Duration::from_secs(20), move || async move {
            let answer = get(address, "/readyz").await;
            if answer.status == status { Ok(()) } else { Err(answer.body) }
        })
    };
    assert_eq!(get(address, "/healthz").await.body, "ok\n");
    assert_eq!(becomes(200).await, Ok(()));
    let client = database.client().await;
    let ring = "notify pgcanvas_schema";
    for (contract, status) in [(999, 503), (pgcanvas::db::schema::CONTRACT, 200)] {
        let update = format!("update pgcanvas.meta set contract = {contract}; {ring}");
        client.batch_execute(&update).await.unwrap();
        assert_eq!(becomes(status).await, Ok(()), "contract {contract}");
    }
    assert_eq!(get(address, "/healthz").await.status, 200);
    node.stop().await;
}

/// The names in the first column of the README's table of metrics.
fn documented() -> BTreeSet<String> {
    let readme = include_str!("../../README.md");
    let rows =
        readme.split("## Metrics").nth(1).unwrap_or_default().split("\n## ").next().unwrap_or_default();
    let names = rows.lines().filter(|line| line.starts_with('|')).filter_map(|line| line.split('|').nth(1));
    names
        .flat_map(|cell| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>())
        .map(|name| format!("pgcanvas_{name}"))
        .collect()
}

/// HT6
#[tokio::test]
async fn the_metrics_can_be_read_and_are_those_that_are_documented() {
    let (_database, node) = serving().await;
    let answer = get(node.address(), "/metrics").await;
    assert!(
        answer.status == 200 && answer.headers["content-type"].starts_with("application/openmetrics-text")
    );
    let mut families = BTreeSet::new();
    assert!(answer.body.ends_with("# EOF\n"));
    for line in answer.body.lines() {
        if let Some(comment) = line.strip_prefix("# ") {
            let words: Vec<&str> = comment.splitn(3, ' ').collect();
            if words[0] == "TYPE" {
                assert!(["counter", "gauge", "histogram"].contains(&words[2]), "{line}");
                families.insert(words[1].to_owned());
            }
            continue;
        }
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        assert!(value.parse::<f64>().is_ok() && name.starts_with("pgcanvas_"), "{line}");
        let labels = name.split_once('{').map_or("", |(_, labels)| labels);
        assert!(labels.is_empty() || labels.ends_with("\"}"), "{line}");
    }
    assert!(families.len() > 15, "{families:?}");
    let documented = documented();
    assert!(documented.len() > 15, "{documented:?}");
    let family =
        |name: &str| name.split('{').next().unwrap_or_default().trim_end_matches("_total").to_owned();
    // What is told by kind is there from the first of a kind on.
    for name in documented.iter().filter(|name| !name.contains('{')) {
        assert!(families.contains(&family(name)), "{name} is documented and not there");
    }
    let known: BTreeSet<String> = documented.iter().map(|name| family(name)).collect();
    let unknown: Vec<_> = families.difference(&known).collect();
    assert!(unknown.is_empty(), "not documented: {unknown:?}");
    node.stop().await;
}

/// LM9
#[tokio::test]
async fn a_board_of_large_shapes_is_told_whole_in_answers_that_end_early() {
    let database = TestDatabase::create().await;
    let id = room(database.config(), "room").await;
    let fill = "insert into pgcanvas.shapes (room_id, id, kind, props)
        select $1, 's' || n, 'rectangle', jsonb_build_object('blob', repeat('x', 700000)) from generate_series(1, 20) n";
    database.client().await.execute(fill, &[&id]).await.unwrap();
    let node = TestNode::start(&database).await;
    let mut wanted: Vec<String> = (1..=20).map(|number| format!("s{number}")).collect();
    wanted.sort();
    for path in ["shapes?limit=1000", "at/1?limit=1000", "diff?from=0&to=1&limit=1000"] {
        let (mut ids, mut pages, mut after) = (Vec::new(), 0, String::new());
        loop {
            let answer = get(node.address(), &format!("/api/rooms/room/{path}{after}")).await;
            assert!(answer.status == 200 && answer.body.len() < 9_500_000, "{path}: {}", answer.body.len());
            let told = answer.json();
            let shapes = told["shapes"].as_array().or(told["added"].as_array()).unwrap();
            ids.extend(shapes.iter().map(|shape| shape["id"].as_str().unwrap().to_owned()));
            pages += 1;
            let Some(next) = told["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(ids, wanted, "{path}");
        assert!(pages > 1, "{path} in one answer");
    }
    node.stop().await;
}
