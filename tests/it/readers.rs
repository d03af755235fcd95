//! Readers that do not read, and nodes that stop under load (FT).

use super::faults::{metric, node, room};
use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::server::retried;
use super::support::storm::{Storm, assert_nothing_lost};
use futures_util::{SinkExt, StreamExt};
use pgcanvas::config::NodeSettings;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{WebSocketStream, client_async};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_mins(1);

/// Opens a socket with a small window of its own, so that little is on its way unread.
async fn open(address: SocketAddr) -> WebSocketStream<TcpStream> {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let stream = socket.connect(address).await.unwrap();
    client_async(format!("ws://{address}/ws"), stream).await.unwrap().0
}

async fn say(socket: &mut WebSocketStream<TcpStream>, frame: Value) {
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

/// Reads up to a frame of a type.
async fn hear(socket: &mut WebSocketStream<TcpStream>, kind: &str) -> Value {
    loop {
        let message =
            timeout(DEADLINE, socket.next()).await.expect("a frame in time").expect("a frame").unwrap();
        if let Message::Text(text) = message {
            let frame: Value = serde_json::from_str(&text).unwrap();
            if frame["type"] == kind {
                return frame;
            }
            assert!(!["reject", "error"].contains(&frame["type"].as_str().unwrap()), "{frame}");
        }
    }
}

/// Says hello and joins.
async fn enter(address: SocketAddr, room: &str) -> WebSocketStream<TcpStream> {
    let mut socket = open(address).await;
    say(&mut socket, json!({"type": "hello", "protocol": 1, "client": Uuid::new_v4()})).await;
    say(&mut socket, json!({"type": "join", "room": room})).await;
    hear(&mut socket, "joined").await;
    socket
}

/// The close code at the end of whatever is still to be read.
async fn close_code(socket: &mut WebSocketStream<TcpStream>) -> Option<u16> {
    loop {
        match timeout(DEADLINE, socket.next()).await.expect("an end in time") {
            Some(Ok(Message::Close(frame))) => return frame.map(|frame| frame.code.into()),
            Some(Ok(_)) => {}
            _ => return None,
        }
    }
}

/// FT7
#[tokio::test]
async fn a_reader_that_never_reads_loses_presence_then_its_socket_and_holds_up_nobody() {
    let database = TestDatabase::create().await;
    room(database.config(), "busy").await;
    let node = node(database.config(), &NodeSettings::default()).await;
    let address = node.address();
    let mut slow = enter(address, "busy").await;
    let (mut writer, mut other) = (enter(address, "busy").await, enter(address, "busy").await);
    let text = "x".repeat(60_000);
    let (mut most_bytes, mut drops, mut rounds) = (0.0_f64, 0.0, 0);
    // Its box fills up to the hard limit, and is emptied when it is closed.
    loop {
        rounds += 1;
        assert!(rounds < 2_000, "the slow reader is never closed");
        let shape = json!({"id": format!("s{rounds}"), "kind": "text", "text": text});
        let ops = json!([{"op": "put", "shape": shape}]);
        say(&mut writer, json!({"type": "ops", "room": "busy", "op_id": rounds, "ops": ops})).await;
        say(&mut writer, json!({"type": "presence", "room": "busy", "state": {"cursor": [rounds, 0]}})).await;
        // Each change is with the one who reads before the next is sent: nobody waits for the slow one.
        let told = hear(&mut other, "changes").await;
        assert_eq!(told["to"], rounds, "in order, one by one");
        hear(&mut writer, "ack").await;
        let bytes = metric(&node, "pgcanvas_outbox_bytes");
        if most_bytes > 4e6 && bytes < 1e6 {
            break;
        }
        (most_bytes, drops) = (most_bytes.max(bytes), metric(&node, "pgcanvas_presence_drops_total"));
    }
    assert!(most_bytes < 12e6, "bounded: {most_bytes}");
    assert!(drops > 0.0, "presence was dropped before");
    assert_eq!(close_code(&mut slow).await, Some(4430));
    let emptied = retried(DEADLINE, || async {
        if metric(&node, "pgcanvas_outbox_bytes") == 0.0 { Ok(()) } else { Err(()) }
    });
    assert!(emptied.await.is_ok(), "its memory is given back");
    node.stop().await;
}

/// FT8
#[tokio::test]
async fn a_node_that_stops_under_load_loses_nothing_and_sends_its_clients_away_with_1001() {
    let database = TestDatabase::create().await;
    let config = database.config();
    room(config, "storm").await;
    let [first, second] =
        [node(config, &NodeSettings::default()).await, node(config, &NodeSettings::default()).await];
    let storm = Storm::begin(&[first.address(), second.address()], "storm", 4, 8);
    storm.more(100).await;
    timeout(Duration::from_secs(30), first.stop()).await.expect("a stop ends in its deadline");
    storm.more(100).await;
    let mut artists = storm.end().await;
    let moved: Vec<_> = artists.iter().filter(|artist| artist.connections() > 1).collect();
    assert_eq!(moved.len(), 2, "those of the other node stayed");
    for artist in moved {
        assert_eq!(artist.closed_with(), Some(1001));
    }
    assert_nothing_lost(config, "storm", &mut artists).await;
    second.stop().await;
}

/// FT9
#[tokio::test]
async fn sockets_that_break_off_in_the_midst_of_a_join_leave_nothing_behind() {
    let database = TestDatabase::create().await;
    let id = room(database.config(), "large").await;
    let fill = "insert into pgcanvas.shapes (room_id, id, kind) select $1, 's' || n, 'rectangle' from generate_series(1, 3000) n";
    database.client().await.execute(fill, &[&id]).await.unwrap();
    let settings = NodeSettings { linger_seconds: 0, ..NodeSettings::default() };
    let node = node(database.config(), &settings).await;
    for round in 0..30_u64 {
        let mut socket = open(node.address()).await;
        say(&mut socket, json!({"type": "hello", "protocol": 1, "client": Uuid::new_v4()})).await;
        say(&mut socket, json!({"type": "join", "room": "large"})).await;
        // Reads for a while, and breaks off sooner or later within the join.
        _ = timeout(Duration::from_millis(round), async { while socket.next().await.is_some() {} }).await;
        drop(socket);
    }
    let left = retried(DEADLINE, || async {
        let left = (
            metric(&node, "pgcanvas_sockets"),
            metric(&node, "pgcanvas_rooms"),
            metric(&node, "pgcanvas_outbox_bytes"),
        );
        if left == (0.0, 0.0, 0.0) { Ok(()) } else { Err(left) }
    });
    assert_eq!(left.await, Ok(()), "no socket, no room, no byte stays");
    node.stop().await;
}

/// RW1
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_still_reads_the_board_of_a_history_that_ends_is_sent_away() {
    for is_hosted in [true, false] {
        let database = TestDatabase::create().await;
        let id = make_room(&database, "room").await;
        let node = TestNode::start(&database).await;
        let sql = database.client().await;
        let fill = "insert into pgcanvas.shapes (room_id, id, kind, props)
            select $1, 's' || n, 'rectangle', jsonb_build_object('blob', repeat('x', 100000)) from generate_series(1, 200) n";
        sql.execute(fill, &[&id]).await.unwrap();
        let hosted = if is_hosted { Some(Client::joined(&node, "Ann", "room").await) } else { None };
        // It has the first page, and the node waits for it to read the next ones.
        let mut reader = enter(node.address(), "room").await;
        sql.execute("select pgcanvas.new_epoch('room')", &[]).await.unwrap();
        if let Some(mut client) = hosted {
            assert_eq!(client.line().closed().await.0, Some(1001));
        }
        assert_eq!(close_code(&mut reader).await, Some(1001), "hosted: {is_hosted}");
        node.stop().await;
    }
}
