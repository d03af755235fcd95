//! Shapes of a room: reading a box of them, posting a batch.

use hyper::body::Incoming;
use hyper::header::{ETAG, HeaderValue};
use hyper::{Request, StatusCode};
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::answer::{Answer, answer, error, invalid, json_text, rejected};
use super::caller::Caller;
use super::listing::{Listing, Page};
use super::query::parameter;
use super::request::{is_known, read_body};
use crate::db::calls::access::Access;
use crate::db::calls::{self, ShapeQuery};
use crate::model::Role;
use crate::model::geometry::area_fault;
use crate::node::Node;
use crate::protocol::decode::{Posted, decode_posted};
use crate::protocol::{RejectCode, encode};
use crate::room::writer::{Answer as Written, Submission};

/// Shapes told when no limit is given, and at most.
const DEFAULT_LIMIT: i32 = 1_000;
const MAX_LIMIT: i32 = 10_000;

/// `x0,y0,x1,y1`.
fn read_area(text: &str) -> Result<[f64; 4], &'static str> {
    let numbers = text.split(',').map(|number| number.trim().parse().ok()).collect::<Option<Vec<f64>>>();
    // What is no number at all is told as one that is out of bounds.
    let area = numbers.and_then(|numbers| numbers.try_into().ok()).unwrap_or([f64::NAN; 4]);
    area_fault(&area).map_or(Ok(area), Err)
}

/// `GET …/shapes?box=&kind=&limit=&after=`.
pub(super) async fn list(
    node: &Node,
    caller: &Caller,
    room: &str,
    request: &Request<Incoming>,
) -> Result<Answer, Answer> {
    let found = caller.enter(node, room, Role::Viewer).await?;
    let tag = tag(&found);
    if is_known(request, &tag) {
        return Ok(tagged(answer(StatusCode::NOT_MODIFIED, "application/json", String::new()), &tag));
    }
    let area = parameter(request, "box").as_deref().map(read_area).transpose();
    let area = area.map_err(|fault| invalid(&format!("box: {fault}")))?;
    let kind = parameter(request, "kind");
    let after = parameter(request, "after");
    let limit = parameter(request, "limit").map_or(Some(DEFAULT_LIMIT), |limit| limit.parse().ok());
    let Some(limit) = limit.filter(|limit| (1..=MAX_LIMIT).contains(limit)) else {
        return Err(invalid(&format!("limit: must be from 1 to {MAX_LIMIT}")));
    };
    let (db, room) = (node.db.clone(), found.id);
    let read = move |after: Option<String>, limit: i32, bytes: i32| {
        let (db, kind) = (db.clone(), kind.clone());
        async move {
            let query = ShapeQuery { area, kind: kind.as_deref(), after: after.as_deref(), limit, bytes };
            Ok(Page::of(calls::shapes_in_box(&db, room, &query).await?, limit, bytes))
        }
    };
    let listing = Listing::new("{\"shapes\":[".to_owned(), after, limit, read);
    Ok(tagged(listing.answer(request).await?, &tag))
}

/// Says which batch an answer shows. Read before the shapes, so that it is never newer than they are.
pub(super) fn tag(room: &Access) -> String {
    format!("\"{}-{}\"", room.epoch.simple(), room.last_seq.get())
}

fn tagged(mut answer: Answer, tag: &str) -> Answer {
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

/// `POST …/ops`, `…/undo`, `…/redo`, `…/merge`: the same answer as on a socket.
pub(super) async fn post(
    node: &Node,
    caller: &Caller,
    room: &str,
    kind: Posted,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    caller.enter(node, room, Role::Editor).await?;
    let body = read_body(request).await?;
    let posted = decode_posted(kind, &body).map_err(|violation| {
        crate::metrics::count(&node.metrics.rejects, violation.code.as_str());
        error(violation.code, &violation.message())
    })?;
    caller.claim(node, posted.client.0).await?;
    // Again: a body may take its time, and what one may can change meanwhile.
    let found = caller.enter(node, room, Role::Editor).await?;
    let (reply, written) = oneshot::channel();
    let submission = Submission {
        room_id: found.id,
        client: posted.client.0,
        op_id: posted.op_id,
        author: caller.author(Some(posted.client.0)).into(),
        role: found.role,
        seen: posted.seen,
        part_of: posted.part_of,
        gesture: posted.gesture,
        reply: Box::new(move |answer| _ = reply.send(answer)),
        arrived: Instant::now(),
    };
    node.writers.submit(submission).await;
    match written.await {
        Ok(Written::Ack { seq, outcomes, left_alone }) => {
            let ack =
                encode::ack(room, posted.op_id, seq, &outcomes, left_alone.as_deref(), &posted.warnings);
            Ok(json_text(StatusCode::OK, ack))
        }
        Ok(Written::Reject { code, message, shapes }) => Err(rejected(code, &message, &shapes)),
        Err(_) => Err(error(RejectCode::Unavailable, "the node is stopping")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_area_is_four_finite_numbers_the_right_way_round() {
        assert_eq!(read_area("0,-1,2.5, 3"), Ok([0.0, -1.0, 2.5, 3.0]));
        assert_eq!(read_area("1,1,1,1"), Ok([1.0; 4]));
        for bad in ["", "1,2,3", "1,2,3,4,5", "1,2,3,NaN", "NaN,2,3,4", "1,2,3,1e300", "a,b,c,d"] {
            assert!(read_area(bad).is_err_and(|fault| fault.contains("finite")), "{bad}");
        }
        for bad in ["2,0,1,0", "0,2,0,1"] {
            assert!(read_area(bad).is_err_and(|fault| fault.contains("at most x1")), "{bad}");
        }
    }
}
