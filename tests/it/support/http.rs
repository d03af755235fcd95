//! A request and its answer, over a connection of its own.

use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long a node may take to answer anything.
const ANSWER_DEADLINE: Duration = Duration::from_mins(1);

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: String,
}

impl Response {
    /// The body as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error} in {self:?}"))
    }

    /// `(status, code)` of the one error form.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let body = self.json();
        let error = &body["error"];
        assert!(error["message"].as_str().is_some_and(|message| !message.contains('\n')), "{self:?}");
        (self.status, error["code"].as_str().unwrap_or_default().to_owned())
    }
}

/// `GET` of a path.
pub(crate) async fn get(address: SocketAddr, path: &str) -> Response {
    send(address, "GET", path, "").await
}

/// `GET` of a path, with headers.
pub(crate) async fn get_with(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    ask(address, "GET", path, headers, "").await
}

/// Any request, with headers.
pub(crate) async fn ask(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> Response {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    try_send_with(address, method, path, &headers, body)
        .await
        .unwrap_or_else(|error| panic!("{method} {path} on {address}: {error}"))
}

/// `POST` of JSON.
pub(crate) async fn post(address: SocketAddr, path: &str, body: &Value) -> Response {
    send(address, "POST", path, &body.to_string()).await
}

/// `PUT` of bytes.
pub(crate) async fn put_bytes(address: SocketAddr, path: &str, body: &[u8]) -> Response {
    try_send_with(address, "PUT", path, "", body)
        .await
        .unwrap_or_else(|error| panic!("PUT {path} on {address}: {error}"))
}

/// Any request.
pub(crate) async fn send(address: SocketAddr, method: &str, path: &str, body: &str) -> Response {
    try_send(address, method, path, body)
        .await
        .unwrap_or_else(|error| panic!("{method} {path} on {address}: {error}"))
}

/// Any request, to a node that may be gone.
pub(crate) async fn try_send(
    address: SocketAddr,
    method: &str,
    path: &str,
    body: &str,
) -> std::io::Result<Response> {
    try_send_with(address, method, path, "", body).await
}

async fn try_send_with(
    address: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: impl AsRef<[u8]>,
) -> std::io::Result<Response> {
    let body = body.as_ref();
    let exchange = async {
        let mut stream = TcpStream::connect(address).await?;
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        // A node that refuses a body may close before it has read all of it.
        _ = stream.write_all(body).await;
        let mut bytes = Vec::new();
        match stream.read_to_end(&mut bytes).await {
            Err(error) if bytes.is_empty() => Err(error),
            _ => Ok(bytes),
        }
    };
    let bytes = timeout(ANSWER_DEADLINE, exchange).await.map_err(|_| std::io::ErrorKind::TimedOut)??;
    parsed(&bytes).ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

fn parsed(bytes: &[u8]) -> Option<Response> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (String::from_utf8_lossy(&bytes[..end]), &bytes[end + 4..]);
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()))
        .collect();
    let is_chunked = headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked");
    let body = if is_chunked { joined(body)? } else { body.to_vec() };
    Some(Response { status, headers, body: String::from_utf8_lossy(&body).into_owned() })
}

/// A body that came in chunks; none when the last one did not.
fn joined(mut chunks: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = chunks.windows(2).position(|two| two == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&chunks[..line]).ok()?, 16).ok()?;
        chunks = &chunks[line + 2..];
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(chunks.get(..length)?);
        chunks = chunks.get(length + 2..)?;
    }
}
