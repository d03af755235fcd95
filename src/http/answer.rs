//! Answers and their one error form.

use std::sync::Arc;

use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use hyper::{Response, StatusCode};
use serde_json::json;

use super::body::{Body, Broken};
use crate::budget::Line;
use crate::db::DbError;
use crate::protocol::RejectCode;
use crate::session::spoken;

/// An answer.
pub(super) type Answer = Response<Body>;

/// An answer of some type.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: impl Into<Bytes>) -> Answer {
    of(status, kind, Body::whole(body))
}

/// An answer of some type, perhaps in pieces.
pub(super) fn of(status: StatusCode, kind: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
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

/// 503, to be asked again soon.
pub(super) fn busy(message: &str) -> Answer {
    let mut busy = error(RejectCode::Unavailable, message);
    busy.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
    busy
}

/// The error of an answer that broke off before it began.
pub(super) fn broken(failure: &Broken) -> Answer {
    match failure {
        Broken::Db(failure) => db_error(failure),
        other => busy(&other.to_string()),
    }
}

/// Takes an answer into the node's budget until it is sent; where there is no room for it, who asked is told.
pub(super) async fn held_for(answer: Answer, line: &Arc<Line>) -> Answer {
    let (head, body) = answer.into_parts();
    match body.hold(line).await {
        Ok(body) => Response::from_parts(head, body),
        Err(exhausted) => {
            let mut busy = busy(&exhausted.to_string());
            busy.body_mut().belong_to(line);
            busy
        }
    }
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
