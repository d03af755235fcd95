//! Answers and their one error form.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;

use crate::db::DbError;
use crate::protocol::RejectCode;
use crate::session::spoken;

/// A whole answer.
pub(super) type Answer = Response<Full<Bytes>>;

/// An answer of some type.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    answer
}

/// A JSON answer from text that is JSON already.
pub(super) fn json_text(status: StatusCode, body: String) -> Answer {
    answer(status, "application/json", body)
}

/// The one error form.
pub(super) fn error(code: RejectCode, message: &str) -> Answer {
    json_text(status(code), json!({"error": {"code": code.as_str(), "message": message}}).to_string())
}

/// The error form of a rejected batch: with the rows concerned, JSON, as they are now.
pub(super) fn rejected(code: RejectCode, message: &str, shapes: &[String]) -> Answer {
    let said = json!(message);
    let body = format!(
        r#"{{"error":{{"code":"{}","message":{said},"shapes":[{}]}}}}"#,
        code.as_str(),
        shapes.join(",")
    );
    json_text(status(code), body)
}

fn status(code: RejectCode) -> StatusCode {
    match code {
        RejectCode::NotFound => StatusCode::NOT_FOUND,
        RejectCode::Conflict | RejectCode::NothingToUndo => StatusCode::CONFLICT,
        RejectCode::Forbidden => StatusCode::FORBIDDEN,
        RejectCode::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        RejectCode::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        RejectCode::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        _ => StatusCode::BAD_REQUEST,
    }
}

/// A database error, without its text.
pub(super) fn db_error(failure: &DbError) -> Answer {
    let (code, message) = spoken(failure);
    error(code, &message)
}
