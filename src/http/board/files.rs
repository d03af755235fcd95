//! Files whose names change with their content: sent once to a browser, and never asked for again.

use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{
    ACCEPT_ENCODING, ACCESS_CONTROL_ALLOW_ORIGIN, CACHE_CONTROL, CONTENT_ENCODING, HeaderValue, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, StatusCode};

use crate::http::answer::{Answer, answer, error};
use crate::protocol::RejectCode;

/// A file of the page.
#[derive(Debug)]
pub(super) struct File {
    /// Below the page's folder.
    path: &'static str,
    /// As it is.
    pub(super) plain: &'static [u8],
    /// Compressed for every browser; none where it would gain nothing.
    gzip: Option<&'static [u8]>,
    /// Compressed better, for those that ask, which browsers do on secure pages only.
    brotli: Option<&'static [u8]>,
}

include!(concat!(env!("OUT_DIR"), "/board.rs"));

/// The file of that path.
pub(super) fn find(path: &str) -> Option<&'static File> {
    let at = FILES.binary_search_by(|file| file.path.cmp(path)).ok()?;
    FILES.get(at)
}

/// `GET /assets/…`.
pub(in crate::http) fn asset(path: &str, request: &Request<Incoming>) -> Answer {
    let Some(file) = find(path.trim_start_matches('/')) else {
        return error(RejectCode::NotFound, "path: there is no such file");
    };
    let (encoding, body) = file.for_whom(accepted(request));
    let mut sent = answer(StatusCode::OK, kind(path), Bytes::from_static(body));
    let headers = sent.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // Where a CDN serves them, the page that asks is elsewhere. There is nothing in them that is not public.
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    sent
}

fn accepted(request: &Request<Incoming>) -> &str {
    request.headers().get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default()
}

impl File {
    /// The smallest form that is accepted.
    fn for_whom(&self, accepted: &str) -> (Option<&'static str>, &'static [u8]) {
        let takes = |name: &str| {
            accepted.split(',').any(|offer| {
                let mut parts = offer.split(';').map(str::trim);
                parts.next() == Some(name)
                    && !parts.any(|part| matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
            })
        };
        match (self.brotli, self.gzip) {
            (Some(body), _) if takes("br") => (Some("br"), body),
            (_, Some(body)) if takes("gzip") => (Some("gzip"), body),
            _ => (None, self.plain),
        }
    }
}

/// What a file is, by the end of its name.
fn kind(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        Some("wasm") => "application/wasm",
        Some("json") => "application/json",
        Some("png") => "image/png",
        _ => "application/octet-stream",
    }
}
