//! What a node takes on, and what it says beyond (LM).

use super::faults::{metric, node, room};
use super::support::client::Client;
use super::support::database::TestDatabase;
use super::support::http::{self, Response};
use super::support::node::TestNode;
use super::support::server::{connect, retried};
use futures_util::{SinkExt, StreamExt};
use pgcanvas::config::NodeSettings;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};
use uuid::Uuid;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn greeted(address: SocketAddr) -> (Socket, Value) {
    let (mut socket, _) = connect_async(format!("ws://{address}/ws")).await.unwrap();
    let hello = json!({"type": "hello", "protocol": 1, "client": Uuid::new_v4()});
    socket.send(Message::text(hello.to_string())).await.unwrap();
    let welcome = next(&mut socket).await;
    (socket, welcome)
}

async fn next(socket: &mut Socket) -> Value {
    loop {
        let message = timeout(Duration::from_secs(30), socket.next()).await.expect("a frame in time");
        if let Message::Text(text) = message.expect("a frame").unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

/// LM1
#[tokio::test]
async fn more_batches_than_may_be_unanswered_are_all_answered_in_order() {
    let database = TestDatabase::create().await;
    room(database.config(), "r").await;
    let node = node(database.config(), &NodeSettings::default()).await;
    let (mut socket, welcome) = greeted(node.address()).await;
    let allowed = welcome["limits"]["max_unacknowledged"].as_u64().unwrap();
    let sent = allowed * 5;
    for op_id in 1..=sent {
        let ops = json!([{"op": "put", "shape": {"id": "one", "kind": "rectangle", "x": op_id}}]);
        let frame = json!({"type": "ops", "room": "r", "op_id": op_id, "ops": ops});
        socket.feed(Message::text(frame.to_string())).await.unwrap();
    }
    socket.flush().await.unwrap();
    let mut last_seq = 0;
    for op_id in 1..=sent {
        let ack = next(&mut socket).await;
        assert!(ack["type"] == "ack" && ack["op_id"] == op_id, "{ack}");
        let seq = ack["seq"].as_i64().unwrap();
        assert_eq!(seq, last_seq + 1);
        last_seq = seq;
    }
    assert!(metric(&node, "pgcanvas_writer_queue") == 0.0);
    node.stop().await;
}

/// LM2
#[tokio::test]
async fn a_socket_joins_as_many_rooms_as_it_was_told_and_no_more() {
    let database = TestDatabase::create().await;
    let node = node(database.config(), &NodeSettings::default()).await;
    let (mut socket, welcome) = greeted(node.address()).await;
    let allowed = welcome["limits"]["max_rooms_per_socket"].as_u64().unwrap();
    let client = database.client().await;
    let make = "select pgcanvas.create_room('r' || n, 'open', null) from generate_series(1, $1::integer) n";
    client.execute(make, &[&i32::try_from(allowed + 1).unwrap()]).await.unwrap();
    let mut answers = Vec::new();
    for number in 1..=allowed + 1 {
        let join = json!({"type": "join", "room": format!("r{number}")});
        socket.send(Message::text(join.to_string())).await.unwrap();
        let mut answer = next(&mut socket).await;
        while answer["type"] == "presence" {
            answer = next(&mut socket).await;
        }
        answers.push(answer);
    }
    let refused = answers.pop().unwrap();
    assert!(answers.iter().all(|answer| answer["type"] == "joined"), "{answers:?}");
    assert!(refused["type"] == "error" && refused["code"] == "too_large", "{refused}");
    // One that is left makes room for another; one that is joined may be joined again.
    for (frame, kind) in [
        (json!({"type": "join", "room": "r1"}), "joined"),
        (json!({"type": "leave", "room": "r1"}), "left"),
        (json!({"type": "join", "room": format!("r{}", allowed + 1)}), "joined"),
    ] {
        socket.send(Message::text(frame.to_string())).await.unwrap();
        let mut answer = next(&mut socket).await;
        while answer["type"] == "presence" {
            answer = next(&mut socket).await;
        }
        assert_eq!(answer["type"], kind, "{answer}");
    }
    node.stop().await;
}

/// LM2
#[tokio::test]
async fn a_socket_of_the_seed_dialect_joins_no_more_rooms_than_others() {
    let database = TestDatabase::create().await;
    let node = node(database.config(), &NodeSettings::default()).await;
    let allowed = greeted(node.address()).await.1["limits"]["max_rooms_per_socket"].as_u64().unwrap();
    let (mut socket, _) = connect_async(format!("ws://{}/ws", node.address())).await.unwrap();
    let join = |kind: &str, room: u64| Message::text(json!({"type": kind, "roomId": room}).to_string());
    for room in 1..=allowed + 1 {
        socket.send(join("join_room", room)).await.unwrap();
    }
    let refused = next(&mut socket).await;
    let too_many = (allowed + 1).to_string();
    assert!(refused["code"] == "too_large" && refused["room"] == too_many.as_str(), "{refused}");
    let rooms = "select count(*) from pgcanvas.rooms";
    let opened: i64 = database.client().await.query_one(rooms, &[]).await.unwrap().get(0);
    assert_eq!(u64::try_from(opened).unwrap(), allowed, "the one too many is not opened");
    // One that is joined is no further one, and one that is left makes room for another.
    socket.send(join("join_room", 1)).await.unwrap();
    socket.send(join("leave_room", 1)).await.unwrap();
    socket.send(join("join_room", allowed + 1)).await.unwrap();
    socket.send(Message::text(r#"{"type":"ping","t":1}"#)).await.unwrap();
    assert_eq!(next(&mut socket).await["type"], "pong");
    node.stop().await;
}

/// LM3
#[tokio::test]
async fn one_socket_too_many_is_told_503_and_finds_a_place_when_another_leaves() {
    let database = TestDatabase::create().await;
    let settings = NodeSettings { max_sockets: 2, ..NodeSettings::default() };
    let node = node(database.config(), &settings).await;
    let address = node.address();
    let (first, _) = greeted(address).await;
    let (_second, _) = greeted(address).await;
    match connect_async(format!("ws://{address}/ws")).await {
        Err(Error::Http(answer)) => {
            assert_eq!(answer.status(), 503);
            assert!(answer.headers().contains_key("retry-after"));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(http::get(address, "/healthz").await.status, 200, "requests are no sockets");
    drop(first);
    let again = retried(Duration::from_secs(10), || connect_async(format!("ws://{address}/ws"))).await;
    assert!(again.is_ok());
    drop(again);
    node.stop().await;
}

/// One large thing that a stranger may ask for of a room, or a picture.
async fn ask_for(address: SocketAddr, what: &'static str) -> Response {
    match what {
        "restore" => http::post(address, "/api/rooms/busy/restore", &json!({"seq": 1})).await,
        "branch" => http::post(address, "/api/rooms/busy/branch", &json!({"seq": 1})).await,
        path => http::get(address, path).await,
    }
}

/// Lets a table be read by nobody, and asks for something more often than there are connections, until somebody has to wait; whoever waits for
/// the table holds a connection.
async fn with_large_reads<T>(
    (database, node): (&TestDatabase, &TestNode),
    (table, what): (&str, &'static str),
    then: impl AsyncFnOnce() -> T,
) -> (T, Vec<Response>) {
    let mut holder = connect(database.config()).await.unwrap();
    let hold = holder.transaction().await.unwrap();
    hold.batch_execute(&format!("lock table pgcanvas.{table} in access exclusive mode")).await.unwrap();
    let address = node.address();
    let asked: Vec<_> = (0..6).map(|_| tokio::spawn(ask_for(address, what))).collect();
    let db = &node.node().db;
    let waiting = retried(Duration::from_secs(10), || async {
        if db.is_waited_for() && db.pool_status().0 >= 2 { Ok(()) } else { Err(()) }
    });
    assert!(waiting.await.is_ok(), "{what}: some are read, others wait");
    let answer = then().await;
    let half =
        retried(Duration::from_secs(10), || async { if db.pool_status().0 == 2 { Ok(()) } else { Err(()) } });
    assert!(half.await.is_ok(), "{what}: they take half of the connections");
    hold.rollback().await.unwrap();
    let mut answers = Vec::new();
    for task in asked {
        answers.push(timeout(Duration::from_secs(30), task).await.expect("an answer in time").unwrap());
    }
    (answer, answers)
}

/// LM11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_reads_leave_connections_for_small_calls() {
    let database = TestDatabase::create().await;
    room(database.config(), "busy").await;
    room(database.config(), "free").await;
    let settings = NodeSettings { pool_size: 4, ..NodeSettings::default() };
    let node = TestNode::start_with(&database, &settings).await;
    let address = node.address();
    let put = async |room: &str| {
        let ops = json!([{"op": "put", "shape": {"id": "s1", "kind": "rectangle"}}]);
        let body = json!({"client": Uuid::new_v4(), "op_id": 1, "ops": ops});
        http::post(address, &format!("/api/rooms/{room}/ops"), &body).await.status
    };
    assert_eq!(put("busy").await, 200);
    let file = "/api/files/0000000000000000000000000000000000000000000000000000000000000000";
    let tag = http::get(address, "/api/rooms/busy/shapes").await.headers["etag"].clone();
    for (table, what) in [
        ("shapes", "/api/rooms"),
        ("shapes", "/api/rooms/busy/shapes"),
        ("shapes", "/api/rooms/busy/picture.svg"),
        ("shapes", "/api/rooms/busy/shapes/s1/blame"),
        ("snapshots", "/api/rooms/busy/at/1"),
        ("snapshots", "/api/rooms/busy/diff?from=0&to=1"),
        ("snapshots", "restore"),
        ("snapshots", "branch"),
        ("files", file),
    ] {
        let small_calls = async || {
            assert_eq!(http::get(address, "/readyz").await.status, 200, "{what}");
            assert_eq!(http::get(address, "/api/rooms/x").await.status, 404, "{what}");
            if table == "shapes" {
                // Asks what one may, and where the room is.
                let known = [("if-none-match", &*tag)];
                let told = http::get_with(address, "/api/rooms/busy/shapes", &known).await;
                assert_eq!(told.status, 304, "{what}");
            } else {
                assert_eq!(http::get(address, "/api/rooms/busy").await.status, 200, "{what}");
                assert_eq!(put("free").await, 200, "{what}");
            }
        };
        let ((), answers) = with_large_reads((&database, &node), (table, what), small_calls).await;
        assert!(answers.iter().any(|answer| answer.status < 500), "{what}: {answers:?}");
    }
    node.stop().await;
}

/// LM11
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_reads_beyond_their_part_are_told_so_and_joins_are_such_reads() {
    let database = TestDatabase::create().await;
    room(database.config(), "busy").await;
    let settings = NodeSettings { pool_size: 4, ..NodeSettings::default() };
    let node = TestNode::start_with(&database, &settings).await;
    let address = node.address();
    let mut ann = Client::connect_at(address, Uuid::new_v4()).await;
    ann.hello("Ann").await;
    let shapes = ("shapes", "/api/rooms/busy/shapes");
    let (refused, answers) = with_large_reads((&database, &node), shapes, async || {
        ann.send(&json!({"type": "join", "room": "busy"})).await;
        ann.error().await
    })
    .await;
    assert_eq!(refused["code"], "unavailable", "{refused}");
    let told: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    // Who came late may still have waited.
    assert!(told.contains(&200) && told.contains(&503), "{told:?}");
    assert!(told.iter().all(|status| [200, 503].contains(status)), "{told:?}");
    ann.join("busy").await;
    node.stop().await;
}
