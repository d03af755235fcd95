//! Pictures on boards: named by what they are, so that they are sent once, kept once and never change.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, StatusCode};
use serde_json::json;
use tokio::time::{Duration, timeout};

use super::answer::{Answer, answer, broken, busy, db_error, error, invalid, json_text, of};
use super::body::{Body, Broken, PIECE_BYTES, Weighed, held, read};
use super::request::{line, read_bytes};
use crate::budget::Line;
use crate::db::calls::files::{self, FilePart};
use crate::db::{Db, DbError};
use crate::node::Node;
use crate::protocol::RejectCode;

/// What a browser may do with an answer that somebody opens by itself: show it.
pub(super) const INERT: &str = "default-src 'none'; style-src 'unsafe-inline'; sandbox";

/// How long a picture waits to be stored.
const STORE_PATIENCE: Duration = Duration::from_secs(20);

/// What a file begins with, and what it then is. No SVG: it is a program that says it is a picture.
const BEGINNINGS: [(&[u8], &str); 4] = [
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
];

/// What the bytes are, whatever anybody says.
fn media_type(content: &[u8]) -> Option<&'static str> {
    if content.starts_with(b"RIFF") && content.get(8..12) == Some(b"WEBP") {
        return Some("image/webp");
    }
    BEGINNINGS.iter().find(|(beginning, _)| content.starts_with(beginning)).map(|(_, kind)| *kind)
}

fn is_sha256(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn misnamed() -> Answer {
    invalid("sha256: must be 64 lower-case hexadecimal digits")
}

/// `PUT` or `POST /api/files/{sha256}`: 201 for a new file, 200 for one that is there.
pub(super) async fn put(node: &Node, sha256: &str, request: Request<Incoming>) -> Answer {
    if !is_sha256(sha256) {
        return misnamed();
    }
    let content = match read_bytes(request, node.max_file_bytes).await {
        Ok(content) => content,
        Err(refused) => return refused,
    };
    let Some(kind) = media_type(&content) else {
        return invalid("content: must be a PNG, JPEG, GIF or WebP picture");
    };
    // The driver copies what it sends: only so many at a time. The semaphore is never closed.
    let Ok(Ok(_permit)) = timeout(STORE_PATIENCE, node.uploads.acquire()).await else {
        return busy("too many pictures come in at once: try again");
    };
    match files::put_file(&node.db, sha256, kind, &content).await {
        Ok(is_new) => {
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            let told = json!({"sha256": sha256, "media_type": kind, "bytes": content.len()});
            json_text(status, told.to_string())
        }
        Err(failure) => db_error(&failure),
    }
}

/// `GET /api/files/{sha256}`.
pub(super) async fn get(node: &Node, sha256: &str, request: &Request<Incoming>) -> Answer {
    if !is_sha256(sha256) {
        return misnamed();
    }
    let tag = format!("\"{sha256}\"");
    // The name says it all: who has it has it.
    if request.headers().get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return sent(answer(StatusCode::NOT_MODIFIED, "image/png", Bytes::new()), None, &tag);
    }
    match sending(node, sha256, request).await {
        Ok(Some((kind, body))) => {
            sent(of(StatusCode::OK, "application/octet-stream", body), Some(&kind), &tag)
        }
        Ok(None) => error(RejectCode::NotFound, "sha256: there is no such file"),
        Err(refused) => refused,
    }
}

impl Weighed for Option<FilePart> {
    fn bytes(&self) -> usize {
        self.as_ref().map_or(0, |part| part.content.len())
    }
}

/// What a file is, and its body: read and sent piece by piece at the pace of the reader.
async fn sending(
    node: &Node,
    sha256: &str,
    request: &Request<Incoming>,
) -> Result<Option<(String, Body)>, Answer> {
    let line = line(request)?;
    let first = part(&node.db, sha256, 0, &line).await.map_err(|failure| broken(&failure))?;
    let Some((kind, first, total)) = first else { return Ok(None) };
    let state = (node.db.clone(), sha256.to_owned(), line, 0, Some(first));
    let pieces = stream::try_unfold(state, move |(db, sha256, line, from, first)| async move {
        let piece = match first {
            Some(first) => first,
            None if from >= total => return Ok(None),
            // It never changes; whoever deletes it breaks it off.
            None => part(&db, &sha256, from, &line).await?.ok_or(DbError::Refused)?.1,
        };
        let from = from + piece.len();
        Ok::<_, Broken>(Some((piece, (db, sha256, line, from, None))))
    });
    Ok(Some((kind, Body::pieces(pieces, Some(total as u64)))))
}

/// A piece of a file from a place on: what the file is, the bytes, and how many there are in all.
async fn part(
    db: &Db,
    sha256: &str,
    from: usize,
    line: &Arc<Line>,
) -> Result<Option<(String, Bytes, usize)>, Broken> {
    let [from, bytes] = [from, PIECE_BYTES].map(|number| i32::try_from(number).unwrap_or(i32::MAX));
    let ask = || files::read_file(db, sha256, from, bytes);
    let (part, lease) = read(line.budget(), PIECE_BYTES, ask).await?;
    let total = |part: &FilePart| usize::try_from(part.total).unwrap_or_default();
    Ok(part
        .map(|part| (part.media_type.clone(), total(&part), part.content))
        .map(|(kind, total, content)| (kind, held(content, lease, line), total)))
}

fn sent(mut file: Answer, kind: Option<&str>, tag: &str) -> Answer {
    let mut say = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            file.headers_mut().insert(name, value);
        }
    };
    if let Some(kind) = kind {
        say(CONTENT_TYPE, kind);
    }
    say(ETAG, tag);
    say(CACHE_CONTROL, "public, max-age=31536000, immutable");
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(CONTENT_SECURITY_POLICY, INERT);
    file
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_what_it_begins_with() {
        assert_eq!(media_type(b"\x89PNG\r\n\x1a\n...."), Some("image/png"));
        assert_eq!(media_type(b"\xff\xd8\xff\xe0"), Some("image/jpeg"));
        assert_eq!(media_type(b"GIF89a.."), Some("image/gif"));
        assert_eq!(media_type(b"RIFF\0\0\0\0WEBPVP8 "), Some("image/webp"));
        for other in [&b""[..], b"<svg xmlns=", b"<?xml", b"RIFF\0\0\0\0WAVE", b"GIF88a", b"%PDF", b"\x89PNG"]
        {
            assert_eq!(media_type(other), None, "{other:?}");
        }
    }

    #[test]
    fn a_name_is_a_hash() {
        assert!(is_sha256(&"0123456789abcdef".repeat(4)));
        for bad in ["", &"A".repeat(64), &"0".repeat(63), &"g".repeat(64)] {
            assert!(!is_sha256(bad), "{bad}");
        }
    }
}
