//! What a request brings: parameters, a body, the tag of what its sender has.

use bytes::Bytes;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::Request;
use hyper::body::Incoming;
use hyper::header::IF_NONE_MATCH;
use serde::de::DeserializeOwned;
use tokio::time::{Duration, timeout};

use super::answer::{Answer, error, invalid};
use crate::model::limits::MAX_FRAME_BYTES;
use crate::protocol::RejectCode;

/// How long a client may take to send its body.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A query parameter, percent-decoded.
pub(super) fn parameter(request: &Request<Incoming>, name: &str) -> Option<String> {
    let query = request.uri().query()?;
    let pair = query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    Some(percent_decoded(pair.1))
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
pub(super) async fn read_body(request: Request<Incoming>) -> Result<String, Answer> {
    let bytes = read_bytes(request, MAX_FRAME_BYTES).await?;
    String::from_utf8(bytes.into()).map_err(|_| invalid("body: must be UTF-8"))
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

/// A body of at most so many bytes.
pub(super) async fn read_bytes(request: Request<Incoming>, most_bytes: usize) -> Result<Bytes, Answer> {
    let body = Limited::new(request.into_body(), most_bytes);
    match timeout(BODY_TIMEOUT, body.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(failure)) if failure.is::<LengthLimitError>() => {
            Err(error(RejectCode::TooLarge, &format!("body: must be at most {most_bytes} bytes")))
        }
        _ => Err(invalid("body: it did not arrive whole")),
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
