//! Answers and their one error form.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
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

/// The error of a value that breaks a rule.
pub(super) fn invalid(message: &str) -> Answer {
    error(RejectCode::Invalid, message)
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

/// Tells a secret, this once: nobody is to keep the answer.
pub(super) fn unkept(mut answer: Answer) -> Answer {
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}

/// 204: it is done, and there is nothing to say.
pub(super) fn nothing() -> Answer {
    answer(StatusCode::NO_CONTENT, "application/json", "")
}

/// 401: who asks has to sign in.
pub(super) fn unauthorized(message: &str) -> Answer {
    let mut answer = error(RejectCode::Unauthorized, message);
    answer.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    answer
}

/// 404: a path of nothing.
pub(super) fn nowhere() -> Answer {
    error(RejectCode::NotFound, "path: there is nothing here")
}

/// 405: not done here.
pub(super) fn not_allowed() -> Answer {
    let told = json!({"error": {"code": "invalid", "message": "method: not allowed here"}});
    json_text(StatusCode::METHOD_NOT_ALLOWED, told.to_string())
}

fn status(code: RejectCode) -> StatusCode {
    match code {
        RejectCode::NotFound => StatusCode::NOT_FOUND,
        RejectCode::Pruned => StatusCode::GONE,
        RejectCode::Conflict | RejectCode::NothingToUndo => StatusCode::CONFLICT,
        RejectCode::Unauthorized => StatusCode::UNAUTHORIZED,
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
