//! What a request brings: parameters, a body, the tag of what its sender has.

use std::ops::Deref;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::IF_NONE_MATCH;
use serde::de::DeserializeOwned;
use tokio::time::{Duration, Instant, timeout_at};

use super::answer::{Answer, busy, error, invalid};
use crate::budget::{FREE_BYTES, Kind, Lease, Line};
use crate::model::limits::MAX_FRAME_BYTES;
use crate::protocol::RejectCode;

/// How long a client may take to send its body, and a second more for each so many bytes that have come.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
const BYTES_PER_SECOND: usize = 16 * 1024;
/// How much of a body is let in at a time.
const STEP_BYTES: usize = 64 * 1024;

/// A body that came whole. It is held in the node's budget until it is dropped.
#[derive(Debug, Default)]
pub(super) struct Received<T> {
    content: T,
    leases: Vec<Lease>,
}

impl<T> Deref for Received<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.content
    }
}

/// Text of a query, `+` and `%xx` decoded.
pub(super) fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match (first, hex.and_then(|hex| u8::from_str_radix(hex, 16).ok())) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = after;
            }
            _ => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Whether who asks has what the tag says.
pub(super) fn is_known(request: &Request<Incoming>, tag: &str) -> bool {
    let known =
        request.headers().get(IF_NONE_MATCH).and_then(|known| known.to_str().ok()).unwrap_or_default();
    known.split(',').any(|known| known.trim().trim_start_matches("W/") == tag)
}

/// A body of at most the size of a frame, as text.
pub(super) async fn read_body(request: Request<Incoming>) -> Result<Received<String>, Answer> {
    let Received { content, leases } = read_bytes(request, MAX_FRAME_BYTES).await?;
    let content = String::from_utf8(content).map_err(|_| invalid("body: must be UTF-8"))?;
    Ok(Received { content, leases })
}

/// A body that is a JSON object.
pub(super) async fn read_object<T: DeserializeOwned>(request: Request<Incoming>) -> Result<T, Answer> {
    object(&read_body(request).await?)
}

/// A body that is a JSON object, or nothing, which says nothing.
pub(super) async fn read_object_or_nothing<T: DeserializeOwned + Default>(
    request: Request<Incoming>,
) -> Result<T, Answer> {
    let body = read_body(request).await?;
    if body.trim().is_empty() { Ok(T::default()) } else { object(&body) }
}

fn object<T: DeserializeOwned>(body: &str) -> Result<T, Answer> {
    // A list would do for serde: its values by the order of the fields.
    if !body.trim_start().starts_with('{') {
        return Err(invalid("body: must be a JSON object"));
    }
    serde_json::from_str(body).map_err(|failure| invalid(&format!("body: {failure}")))
}

/// The connection that a request came by.
pub(super) fn line(request: &Request<Incoming>) -> Result<Arc<Line>, Answer> {
    let line = request.extensions().get::<Arc<Line>>();
    line.cloned().ok_or_else(|| error(RejectCode::Unavailable, "the node is stopping"))
}

/// A body of at most so many bytes, as fast as a slow network brings it.
pub(super) async fn read_bytes(
    request: Request<Incoming>,
    most_bytes: usize,
) -> Result<Received<Vec<u8>>, Answer> {
    let line = line(&request)?;
    let mut body = request.into_body();
    let mut received = Received::<Vec<u8>>::default();
    let begun = Instant::now();
    loop {
        let extra = Duration::from_secs((received.len() / BYTES_PER_SECOND) as u64);
        let frame = match timeout_at(begun + BODY_TIMEOUT + extra, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => frame,
            Ok(Some(Err(_))) | Err(_) => return Err(invalid("body: it did not arrive whole")),
        };
        let Ok(data) = frame.into_data() else { continue };
        let bytes = received.len() + data.len();
        if bytes > most_bytes {
            return Err(error(RejectCode::TooLarge, &format!("body: must be at most {most_bytes} bytes")));
        }
        received.make_room(bytes, &line).await?;
        received.content.extend_from_slice(&data);
    }
    received.leases.iter_mut().for_each(Lease::discharge);
    Ok(received)
}

impl Received<Vec<u8>> {
    /// Room for so many bytes. A little of each body is not counted.
    async fn make_room(&mut self, bytes: usize, line: &Line) -> Result<(), Answer> {
        let held = FREE_BYTES + self.leases.iter().map(Lease::bytes).sum::<usize>();
        if bytes > held {
            let step = STEP_BYTES.max(bytes - held);
            let lease = line.budget().take_bulk(Kind::Requests, step).await;
            let mut lease = lease.map_err(|exhausted| busy(&exhausted.to_string()))?;
            lease.charge(line.place());
            self.leases.push(lease);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_percent_decoded() {
        assert_eq!(percent_decoded("a%20b+c%zz%"), "a b c%zz%");
    }
}
