//! The client library's connection, against real nodes and a bad network (CL).

use super::support::chaos::{Chaos, Upstream, Way};
use super::support::client::{Board as Table, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use futures_util::{SinkExt, StreamExt};
use pgcanvas::client::{Board, Client, News, Op, Phase, Settings, Status, restart_op_id};
use serde_json::json;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::{accept_async, connect_async};
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(60);

/// Impatient, so that a test need not wait long.
pub(crate) fn settings(addresses: &[SocketAddr]) -> Settings {
    Settings {
        ping_every: Duration::from_millis(300),
        silence: Duration::from_secs(1),
        open_timeout: Duration::from_secs(2),
        ..Settings::new(addresses.iter().map(|address| format!("ws://{address}/ws")))
    }
}

fn rectangle(id: &str) -> Op {
    Op::put(json!({"id": id, "kind": "rectangle", "width": 5})).unwrap()
}

/// A client that nobody asks for news, in the room `room`.
fn client(addresses: &[SocketAddr]) -> Client {
    Client::open(settings(addresses), Board::new(Uuid::new_v4(), "room")).0
}

async fn until(client: &Client, what: &str, reached: impl FnMut(&Status) -> bool) -> Status {
    let reached = timeout(DEADLINE, client.until(reached)).await;
    reached.unwrap_or_else(|_| panic!("in vain waited for {what}: {:?}", client.status()))
}

async fn live(client: &Client) {
    until(client, "the board", |status| status.phase == Phase::Live).await;
}

async fn sent(client: &Client) {
    until(client, "every ack", |status| status.phase == Phase::Live && status.unacknowledged == 0).await;
}

/// The clients' boards come to equal the rows.
async fn assert_see_the_table(database: &TestDatabase, clients: &[&Client]) {
    let table = Table::of_table(database, "room").await;
    for client in clients {
        until(client, "the last seq", |status| status.at.is_some_and(|at| at.seq == table.seq)).await;
        client.board(|board| {
            let shown = board.shapes();
            let shown: Vec<(&str, String)> =
                shown.iter().map(|(id, shape)| (*id, json!(shape).to_string())).collect();
            let rows: Vec<(&str, String)> =
                table.shapes.iter().map(|(id, shape)| (id.as_str(), shape.clone())).collect();
            assert_eq!(shown, rows);
        });
    }
}

/// CL6
#[tokio::test]
async fn when_a_node_goes_its_client_is_at_once_on_the_other_and_goes_on() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let [first, second] = TestNode::two(&database).await;
    let addresses = [first.address(), second.address()];
    let ann = client(&addresses);
    live(&ann).await;
    ann.edit(vec![rectangle("a")]).unwrap();
    sent(&ann).await;
    let gone = Instant::now();
    first.stop().await;
    until(&ann, "the other node", |status| status.connections == 2 && status.phase == Phase::Live).await;
    assert!(gone.elapsed() < Duration::from_secs(5), "{:?}", gone.elapsed());
    ann.edit(vec![rectangle("b")]).unwrap();
    sent(&ann).await;
    assert_see_the_table(&database, &[&ann]).await;
    second.stop().await;
}

/// CL6
#[tokio::test]
async fn what_is_drawn_offline_and_over_a_restart_is_sent_when_a_node_is_there() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let (ann, ben) = (client(&[node.address()]), client(&[node.address()]));
    live(&ann).await;
    ann.set_online(false);
    until(&ann, "the end of the line", |status| status.phase == Phase::Offline).await;
    for number in 0..200 {
        ann.edit(vec![rectangle(&format!("a{number}")), rectangle("shared")]).unwrap();
    }
    ben.edit(vec![rectangle("shared"), rectangle("b")]).unwrap();
    sent(&ben).await;
    let saved = serde_json::to_string(&ann.close().await).unwrap();
    let restored = Board::restored(serde_json::from_str(&saved).unwrap(), restart_op_id());
    assert_eq!((restored.shapes().len(), restored.unacknowledged().len()), (201, 200));
    let (ann, _news) = Client::open(settings(&[node.address()]), restored);
    sent(&ann).await;
    assert_see_the_table(&database, &[&ann, &ben]).await;
    node.stop().await;
}

/// CL6
#[tokio::test]
async fn a_half_open_connection_is_given_up_and_nothing_is_lost_or_doubled() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let chaos = Chaos::before(Upstream::Tcp(node.address())).await;
    let (ann, ben) = (client(&[chaos.address()]), client(&[node.address()]));
    let mut drawn = 0;
    for ways in [&Way::BOTH[..], &[Way::ToServer], &[Way::ToClient]] {
        live(&ann).await;
        let before = ann.status().connections;
        chaos.lose(ways);
        for _ in 0..20 {
            drawn += 1;
            ann.edit(vec![rectangle(&format!("a{drawn}"))]).unwrap();
            ben.edit(vec![rectangle(&format!("b{drawn}"))]).unwrap();
        }
        until(&ann, "another connection", |status| status.connections > before).await;
        sent(&ann).await;
    }
    sent(&ben).await;
    assert_see_the_table(&database, &[&ann, &ben]).await;
    let counted = "select count(*) from pgcanvas.shape_changes where room_id = $1";
    let logged: i64 = database.client().await.query_one(counted, &[&room]).await.unwrap().get(0);
    assert_eq!(logged, 2 * drawn);
    node.stop().await;
}

/// CL6
#[tokio::test]
async fn a_node_that_does_not_speak_the_protocol_or_is_not_there_is_passed_over() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let ann = client(&[closed, silent.local_addr().unwrap(), node.address()]);
    ann.edit(vec![rectangle("a")]).unwrap();
    sent(&ann).await;
    assert_see_the_table(&database, &[&ann]).await;
    node.stop().await;
}

/// CL9, CF1
#[tokio::test]
async fn a_strict_room_takes_what_follows_on_itself_unanswered_and_refuses_what_did_not_see_the_other() {
    let database = TestDatabase::create().await;
    let room = make_room(&database, "room").await;
    let sql = database.client().await;
    sql.execute("select pgcanvas.set_policy($1, 'strict')", &[&room]).await.unwrap();
    let nodes = TestNode::two(&database).await;
    let wire = Chaos::before(Upstream::Tcp(nodes[0].address())).await;
    let (ann, ben) = (client(&[wire.address()]), client(&[nodes[1].address()]));
    live(&ann).await;
    live(&ben).await;
    ann.edit(vec![rectangle("a")]).unwrap();
    for x in 1..=50 {
        ann.edit(vec![Op::set("a", json!({"x": x})).unwrap()]).unwrap();
    }
    ann.edit(vec![Op::delete("a")]).unwrap();
    ann.edit(vec![rectangle("a"), rectangle("b")]).unwrap();
    ann.edit(vec![Op::append("a", vec![json!([1, 2])])]).unwrap();
    ann.edit(vec![Op::set("a", json!({"y": 7})).unwrap()]).unwrap();
    sent(&ann).await;
    let versions = "select string_agg(id || version || ' ' || y, ', ' order by id) from pgcanvas.shapes";
    let stored = || async { sql.query_one(versions, &[]).await.unwrap().get::<_, String>(0) };
    assert_eq!(stored().await, "a55 7, b1 0", "nothing was refused");
    assert_see_the_table(&database, &[&ann, &ben]).await;
    // He changes what she does not hear of: what she does with it meanwhile is refused, and nothing else of hers.
    wire.refuse(true);
    wire.cut();
    until(&ann, "the cut", |status| status.phase != Phase::Live).await;
    ann.edit(vec![Op::set("a", json!({"x": 1})).unwrap()]).unwrap();
    ann.edit(vec![Op::set("b", json!({"y": 2})).unwrap()]).unwrap();
    ben.edit(vec![Op::set("a", json!({"y": 1})).unwrap()]).unwrap();
    sent(&ben).await;
    wire.refuse(false);
    sent(&ann).await;
    assert_eq!(stored().await, "a56 1, b2 2");
    assert_see_the_table(&database, &[&ann, &ben]).await;
}

/// CL10
#[tokio::test]
async fn a_stroke_that_no_frame_holds_is_drawn_and_turned_as_one_gesture() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    // A node may take a while over a frame of two megabytes.
    let patient = Settings::new([format!("ws://{}/ws", node.address())]);
    let (ann, _news) = Client::open(patient, Board::new(Uuid::new_v4(), "room"));
    live(&ann).await;
    let points = |sign: f64| -> Vec<[f64; 3]> {
        (0..50_000).map(|at| [sign * (f64::from(at) + 0.123_456_789), f64::from(at) / 3.0, 0.5]).collect()
    };
    ann.edit(vec![
        rectangle("before"),
        Op::put(json!({"id": "long", "kind": "freedraw", "points": points(1.0)})).unwrap(),
    ])
    .unwrap();
    sent(&ann).await;
    assert!(ann.board(Board::unacknowledged).is_empty());
    ann.edit(vec![
        Op::set("long", json!({"points": points(-1.0)})).unwrap(),
        Op::set("before", json!({"x": 1})).unwrap(),
    ])
    .unwrap();
    ann.edit(vec![rectangle("after")]).unwrap();
    sent(&ann).await;
    assert_see_the_table(&database, &[&ann]).await;
    assert!(points_of(&ann) == points(-1.0));
    ann.undo().unwrap();
    ann.undo().unwrap();
    sent(&ann).await;
    assert_see_the_table(&database, &[&ann]).await;
    assert!(points_of(&ann) == points(1.0), "one undo takes all of it back");
    let refused = ann.edit(vec![Op::set("long", json!({"props": {"blob": "x".repeat(1_100_000)}})).unwrap()]);
    assert!(refused.is_err_and(|error| error.to_string().contains("long: is 11")));
    assert_eq!(ann.status().connections, 1);
    node.stop().await;
}

fn points_of(client: &Client) -> Vec<[f64; 3]> {
    client.board(|board| serde_json::from_value(board.shape("long").unwrap()["points"].clone()).unwrap())
}

/// CL11
#[tokio::test]
async fn a_batch_that_something_between_finds_too_long_is_given_up_and_holds_up_nothing() {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let node = TestNode::start(&database).await;
    let relay = narrow_relay(node.address(), 20_000).await;
    let (ann, mut news) = Client::open(settings(&[relay]), Board::new(Uuid::new_v4(), "room"));
    live(&ann).await;
    ann.edit(vec![rectangle("a")]).unwrap();
    ann.edit(vec![Op::put(json!({"id": "long", "kind": "text", "text": "x".repeat(30_000)})).unwrap()])
        .unwrap();
    ann.edit(vec![rectangle("b")]).unwrap();
    let rejected = async {
        loop {
            if let Some(News::Rejected(rejected)) = news.recv().await {
                return (rejected.op_id, rejected.code);
            }
        }
    };
    assert_eq!(timeout(DEADLINE, rejected).await.unwrap(), (2, "too_large".to_owned()));
    sent(&ann).await;
    assert_see_the_table(&database, &[&ann]).await;
    assert_eq!((ann.board(|board| board.shapes().len()), ann.status().closed_with), (2, Some(1009)));
    node.stop().await;
}

/// The address of what passes frames on to a node, and closes with 1009 where one is longer than that.
async fn narrow_relay(node: SocketAddr, most: usize) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(relay(stream, node, most));
        }
    });
    address
}

async fn relay(stream: TcpStream, node: SocketAddr, most: usize) {
    let mut near = accept_async(stream).await.unwrap();
    let (mut far, _) = connect_async(format!("ws://{node}/ws")).await.unwrap();
    loop {
        tokio::select! {
            said = near.next() => match said {
                Some(Ok(message)) if message.len() > most => {
                    let frame = CloseFrame { code: CloseCode::Size, reason: "".into() };
                    return near.send(Message::Close(Some(frame))).await.unwrap();
                }
                Some(Ok(message)) => far.send(message).await.unwrap(),
                _ => return,
            },
            told = far.next() => match told {
                Some(Ok(message)) => near.send(message).await.unwrap(),
                _ => return,
            },
        }
    }
}
