//! Whether who asks is a page of this host. A browser names the page's own address in `Origin`, and nobody else can set that for it; what the
//! node is called there it is told by `Host`, or by a proxy before it. Programs name no origin.

use hyper::body::Incoming;
use hyper::header::{HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::{Request, StatusCode};
use serde_json::json;

use super::answer::{Answer, error, json_text};
use super::query::parameter;
use crate::node::Node;
use crate::protocol::RejectCode;

/// Where proxies put the host that they were asked for, where they do not pass `Host` on. A page of another host can set none of them: a form
/// and a WebSocket set no headers, and `fetch` only after a preflight, which no node grants.
const FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
const FORWARDED: HeaderName = HeaderName::from_static("forwarded");
/// How much of a name is told.
const TOLD_CHARS: usize = 200;

/// A page whose address is none of those by which the node was asked.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Misfit {
    origin: String,
    host: String,
}

impl Misfit {
    /// What is wrong, and what to set.
    fn message(&self) -> String {
        let Self { origin, host } = self;
        format!(
            "origin: this page is at {origin}, but the node is asked as {host}: the proxy before it has to pass the host on \
             (nginx: proxy_set_header Host $http_host;)"
        )
    }
}

/// Lets a request pass that may write: it comes from no page, or from a page of the same host. Else any page in the browser of somebody who
/// reaches the node could draw. What does not fit is logged once.
pub(super) fn check(node: &Node, headers: &HeaderMap<HeaderValue>) -> Result<(), Answer> {
    let Some(origin) = headers.get(ORIGIN) else { return Ok(()) };
    let Some(misfit) = misfit(origin.to_str().unwrap_or("an unreadable origin"), headers) else {
        return Ok(());
    };
    if node.strangers.is_new(&misfit.origin, &misfit.host) {
        let Misfit { origin, host } = &misfit;
        tracing::warn!(
            ?origin,
            ?host,
            "a page was refused: its origin is not the host that the node is asked as"
        );
    }
    Err(error(RejectCode::Forbidden, &misfit.message()))
}

/// `GET /api/origin?of=`: whether a page of this origin may write. A browser tells a page nothing of why a WebSocket was refused.
pub(super) fn answer(request: &Request<Incoming>) -> Answer {
    let misfit = misfit(&parameter(request, "of").unwrap_or_default(), request.headers());
    let told = match misfit {
        None => json!({"fits": true}),
        Some(misfit) => json!({"fits": false, "message": misfit.message()}),
    };
    json_text(StatusCode::OK, told.to_string())
}

fn misfit(origin: &str, headers: &HeaderMap<HeaderValue>) -> Option<Misfit> {
    let hosts = hosts(headers);
    let fits = origin.split_once("://").is_some_and(|(scheme, place)| {
        hosts.iter().any(|host| bare(scheme, host) == bare(scheme, place) && !place.is_empty())
    });
    let told = |text: &str| text.chars().take(TOLD_CHARS).collect::<String>();
    (!fits).then(|| Misfit { origin: told(origin), host: told(&hosts.join(", ")) })
}

/// All names by which the node was asked: its own, and those that proxies were asked by.
fn hosts(headers: &HeaderMap<HeaderValue>) -> Vec<String> {
    let all = |name: &HeaderName| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).map(|one| one.trim().to_owned()).collect::<Vec<_>>()
    };
    let named: Vec<String> = all(&FORWARDED_HOST)
        .into_iter()
        .chain(all(&FORWARDED).iter().filter_map(|hop| by_host(hop)))
        .collect();
    let ports = all(&FORWARDED_PORT);
    let with_ports = named.iter().flat_map(|host| ports.iter().map(move |port| format!("{host}:{port}")));
    let with_ports: Vec<String> = with_ports.collect();
    let own = headers.get(HOST).and_then(|host| host.to_str().ok()).map(str::to_owned);
    own.into_iter().chain(named).chain(with_ports).filter(|host| !host.is_empty()).collect()
}

/// The host of a hop in `Forwarded: for=…;host=…;proto=…`.
fn by_host(hop: &str) -> Option<String> {
    let pairs = hop.split(';').filter_map(|pair| pair.trim().split_once('='));
    let mut hosts = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("host"));
    hosts.next().map(|(_, host)| host.trim_matches('"').to_owned())
}

/// A host in small letters, without the port that its scheme has anyway.
fn bare(scheme: &str, host: &str) -> String {
    let port = if scheme.eq_ignore_ascii_case("https") { ":443" } else { ":80" };
    let host = host.to_ascii_lowercase();
    host.strip_suffix(port).map_or_else(|| host.clone(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(origin: &str, told: &[(&'static str, &str)]) -> bool {
        let named = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        misfit(origin, &told.iter().map(named).collect()).is_none()
    }

    #[test]
    fn a_page_fits_by_host_or_by_what_a_proxy_was_asked_as() {
        assert!(fits("http://a.example:8080", &[("host", "a.example:8080")]));
        assert!(fits("https://A.example", &[("host", "a.EXAMPLE:443")]));
        assert!(fits("https://a.example", &[("host", "node"), ("x-forwarded-host", "a.example, inner")]));
        assert!(fits(
            "https://a.example:8443",
            &[("host", "node"), ("x-forwarded-host", "a.example"), ("x-forwarded-port", "8443")]
        ));
        assert!(fits(
            "https://a.example",
            &[("host", "node"), ("forwarded", "for=1.2.3.4;Host=\"a.example\";proto=https, for=::1")]
        ));
        assert!(fits("http://[::1]:8080", &[("host", "[::1]:8080")]));
    }

    #[test]
    fn another_page_does_not_fit() {
        assert!(!fits("http://evil.example", &[("host", "a.example")]));
        assert!(!fits("null", &[("host", "null")]));
        assert!(!fits("", &[("host", "a.example")]));
        assert!(!fits("http://", &[]));
        assert!(!fits("http://a.example:8080", &[("host", "a.example")]), "another port is another origin");
        assert!(!fits("http://a.example", &[("host", "a.example.evil"), ("x-forwarded-host", "")]));
        assert!(!fits("http://a.example:443", &[("host", "a.example")]));
    }
}
