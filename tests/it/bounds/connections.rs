//! Connections are bounded in number, for each address and in all; without descriptors the node serves whom it has (LM6, LM7).

use super::crowd::{Crowd, request};
use crate::support::client::{Client, make_room};
use crate::support::database::TestDatabase;
use crate::support::http::{get, try_send};
use crate::support::program::Program;
use crate::support::server::retried;
use nix::sys::signal::Signal;
use serde_json::json;
use std::process::Command;
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use uuid::Uuid;

const DEADLINE: Duration = Duration::from_secs(30);

async fn node(database: &TestDatabase, settings: &[&str]) -> Program {
    make_room(database, "room").await;
    Program::start(&[&["--database-url", &database.url()], settings].concat()).await
}

async fn drawing(node: &Program) -> Client {
    let mut client = Client::connect_at(node.address(), Uuid::new_v4()).await;
    client.hello("Ann").await;
    client.join("room").await;
    client
}

async fn draws(client: &mut Client, id: &str) {
    client.draw("room", json!([{"op": "put", "shape": {"id": id, "kind": "line"}}])).await;
}

/// LM6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_ask_for_nothing_make_way() {
    let database = TestDatabase::create().await;
    let node = node(&database, &["--max-connections", "50"]).await;
    let mut client = drawing(&node).await;
    // More than there is place for: those beyond are told so, or make way later.
    let silent = Crowd::gather(node.address(), 120, Vec::new(), 0).await;
    let half = Crowd::gather(node.address(), 40, b"GET / HTTP/1.1\r\nx-a: ".to_vec(), 0).await;
    assert!(silent.len() + half.len() > 50);
    let served = retried(DEADLINE, || async {
        match try_send(node.address(), "GET", "/healthz", "").await {
            Ok(answer) if answer.status == 200 => Ok(()),
            other => Err(format!("{other:?}")),
        }
    });
    assert_eq!(served.await, Ok(()), "somebody new finds a place though all were taken");
    draws(&mut client, "a").await;
    let metrics = get(node.address(), "/metrics").await.body;
    assert!(metrics.contains(r#"pgcanvas_refused_connections_total{kind="full"}"#), "{metrics}");
    drop((silent, half));
    assert_eq!(node.stop(Signal::SIGTERM).await.0, Some(0));
}

/// LM6
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_address_takes_no_more_than_its_part() {
    let database = TestDatabase::create().await;
    let node = node(&database, &["--max-connections-per-address", "5"]).await;
    let mut client = drawing(&node).await;
    let taken = Crowd::gather(node.address(), 4, request("GET", "/healthz", 0), 12).await;
    let mut refused = TcpStream::connect(node.address()).await.unwrap();
    let mut said = String::new();
    timeout(DEADLINE, refused.read_to_string(&mut said)).await.expect("an answer").unwrap();
    assert!(said.starts_with("HTTP/1.1 503 ") && said.contains("retry-after: 1"), "{said}");
    let body: serde_json::Value = serde_json::from_str(said.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    assert_eq!(body["error"]["code"], "unavailable");
    draws(&mut client, "a").await;
    drop(taken);
    let served = retried(DEADLINE, || async {
        let answer = try_send(node.address(), "GET", "/healthz", "").await.map(|answer| answer.status);
        if matches!(answer, Ok(200)) { Ok(()) } else { Err(format!("{answer:?}")) }
    });
    assert_eq!(served.await, Ok(()), "there is a place again");
    assert_eq!(node.stop(Signal::SIGTERM).await.0, Some(0));
}

/// LM7
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_descriptors_the_node_serves_whom_it_has_says_it_once_and_recovers() {
    let database = TestDatabase::create().await;
    let node = node(&database, &[]).await;
    let mut client = drawing(&node).await;
    draws(&mut client, "a").await;
    let descriptors = |soft: &str| {
        let pid = node.pid().to_string();
        let set = Command::new("prlimit").args(["--pid", &pid, &format!("--nofile={soft}:")]).status();
        assert!(set.expect("prlimit").success());
    };
    let unanswered = async || try_send(node.address(), "GET", "/healthz", "").await;
    descriptors("10");
    let waiting = Crowd::gather(node.address(), 20, request("GET", "/healthz", 0), 0).await;
    assert!(timeout(Duration::from_secs(3), unanswered()).await.is_err(), "nobody new comes in");
    for number in 0..20 {
        draws(&mut client, &format!("b{number}")).await;
    }
    descriptors("1000");
    assert_eq!(timeout(DEADLINE, unanswered()).await.expect("in time").unwrap().status, 200);
    drop(waiting);
    let (code, log) = node.stop(Signal::SIGTERM).await;
    assert_eq!(code, Some(0));
    let told = |what: &str| log.lines().filter(|line| line.contains(what)).count();
    assert_eq!((told("not accepted for now"), told("accepted again")), (1, 1), "{log}");
}
