//! What a node takes on, and what it says beyond (LM).

use super::faults::{metric, node, room};
use super::support::database::TestDatabase;
use super::support::http;
use super::support::server::retried;
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
