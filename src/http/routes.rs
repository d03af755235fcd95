//! Which request goes where.

use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, StatusCode};

use super::answer::{Answer, answer, not_allowed, nowhere};
#[cfg(feature = "board")]
use super::board;
#[cfg(not(feature = "board"))]
use super::page;
use super::{api, origin, query, upgrade};
use crate::budget::Kind;
use crate::db::calls;
use crate::db::listen::{DEAF, Hearing};
use crate::node::Node;

/// Answers one request.
pub(super) async fn route(node: &Arc<Node>, request: Request<Incoming>) -> Answer {
    let path = request.uri().path().to_owned();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let upgrades = hyper_tungstenite::is_upgrade_request(&request);
    // A HEAD is answered like a GET; hyper leaves the body out.
    let method = if request.method() == Method::HEAD { Method::GET } else { request.method().clone() };
    if (method != Method::GET || upgrades)
        && let Err(refused) = origin::check(node, request.headers())
    {
        return refused;
    }
    if let Err(refused) = query::check(&method, &parts, upgrades, &request) {
        return refused;
    }
    match (&method, parts.as_slice()) {
        (&Method::GET, ["api", "origin"]) => origin::answer(&request),
        (_, ["api", rest @ ..]) => api::answer(node, &method, rest, request).await,
        (&Method::GET, [] | ["ws"]) if upgrades => upgrade::upgrade(node, request),
        #[cfg(not(feature = "board"))]
        (&Method::GET, []) => page::start(node).await,
        #[cfg(feature = "board")]
        (&Method::GET, [] | ["r", _]) => board::page(&request, node.asset_base.as_deref()),
        #[cfg(feature = "board")]
        (&Method::GET, ["assets", ..]) => board::asset(&path, &request),
        (&Method::GET, ["ws"]) => upgrade::upgrade_required(),
        (&Method::GET, ["healthz"]) => answer(StatusCode::OK, "text/plain", "ok\n"),
        (&Method::GET, ["readyz"]) => ready(node).await,
        (&Method::GET, ["metrics"]) => metrics(node),
        (_, [] | ["ws" | "healthz" | "readyz" | "metrics"] | ["r", _] | ["assets", ..])
            if method != Method::GET =>
        {
            not_allowed()
        }
        _ => nowhere(),
    }
}

async fn ready(node: &Node) -> Answer {
    let known =
        if *node.draining.borrow() { Some("the node is stopping") } else { node.fit.borrow().trouble() };
    let trouble = match (known, node.listener.hearing()) {
        (Some(known), _) => Some(known),
        (None, Hearing::Deaf) => Some(DEAF),
        (None, Hearing::Lost) => Some("the listening connection is down"),
        (None, Hearing::Well) => match calls::alive(&node.db).await {
            Ok(true) => None,
            Ok(false) => Some("the database takes no writes"),
            Err(_) => Some("the database cannot be reached"),
        },
    };
    match trouble {
        None => answer(StatusCode::OK, "text/plain", "ready\n"),
        Some(trouble) => answer(StatusCode::SERVICE_UNAVAILABLE, "text/plain", format!("{trouble}\n")),
    }
}

fn metrics(node: &Node) -> Answer {
    let (in_use, _) = node.db.pool_status();
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    node.metrics.pool_in_use.set(number(in_use as u64));
    for kind in Kind::ALL {
        let label = crate::metrics::Kind { kind: kind.label() };
        node.metrics.held_bytes.get_or_create(&label).set(number(node.budget.held(kind) as u64));
        node.metrics.cut_connections.get_or_create(&label).set(number(node.budget.cuts(kind)));
    }
    answer(StatusCode::OK, "application/openmetrics-text; version=1.0.0; charset=utf-8", node.metrics.text())
}
