//! Pages, and the host that they come from (HT10).

use super::support::database::TestDatabase;
use super::support::http::{ask, get};
use super::support::program::Program;
use nix::sys::signal::Signal;
use serde_json::json;
use std::net::SocketAddr;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

/// HT10
#[tokio::test]
async fn a_page_of_another_host_is_refused_with_both_names_and_logged_once() {
    let database = TestDatabase::create().await;
    let node = Program::start(&["--database-url", &database.url()]).await;
    let upgrade = [
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="),
    ];
    let strange = ("origin", "https://board.example");
    for _ in 0..3 {
        let refused = ask(node.address(), "POST", "/api/rooms", &[strange], "{}").await;
        assert_eq!(refused.refusal(), (403, "forbidden".to_owned()));
        let names =
            ["https://board.example", &node.address().to_string(), "proxy_set_header Host $http_host;"];
        assert!(names.iter().all(|name| refused.body.contains(name)), "{}", refused.body);
        let socket = get_raw(node.address(), &[&upgrade[..], &[strange]].concat()).await;
        assert!(socket.starts_with("HTTP/1.1 403 "), "{socket}");
    }
    let told = get(node.address(), "/api/origin?of=https%3A%2F%2Fboard.example").await.json();
    assert!(told["fits"] == false && told["message"].as_str().unwrap().contains("board.example"), "{told}");
    let own = format!("/api/origin?of=http://{}", node.address());
    assert_eq!(get(node.address(), &own).await.json(), json!({"fits": true}));
    let named =
        [("x-forwarded-host", "board.example"), ("forwarded", "for=10.0.0.9;host=board.example;proto=https")];
    for by in named {
        assert_eq!(
            ask(node.address(), "POST", "/api/rooms", &[strange, by], "{}").await.status,
            201,
            "{by:?}"
        );
        let socket = get_raw(node.address(), &[&upgrade[..], &[strange, by]].concat()).await;
        assert!(socket.starts_with("HTTP/1.1 101 "), "{by:?}: {socket}");
    }
    // A preflight, by which a page could get to set those names, is not granted.
    let preflight = [
        strange,
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "x-forwarded-host"),
    ];
    let refused = ask(node.address(), "OPTIONS", "/api/rooms", &preflight, "").await;
    assert!(
        refused.status == 403 && refused.headers.keys().all(|name| !name.starts_with("access-control")),
        "{refused:?}"
    );
    let log = node.stop(Signal::SIGTERM).await.1;
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("a page was refused")).collect();
    assert!(
        lines.len() == 1 && lines[0].contains("https://board.example") && lines[0].contains("127.0.0.1:"),
        "{log}"
    );
}

/// The first line of the answer to an upgrade.
async fn get_raw(address: SocketAddr, headers: &[(&str, &str)]) -> String {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("GET /ws HTTP/1.1\r\nhost: {address}\r\nconnection: Upgrade\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut line = String::new();
    tokio::io::BufReader::new(stream).read_line(&mut line).await.unwrap();
    line
}
