//! The page itself: small, asked for each time, and naming the files that it needs.

use hyper::body::Incoming;
use hyper::header::{
    CONTENT_SECURITY_POLICY, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Request, StatusCode};
use uuid::Uuid;

use super::files::find;
use crate::http::answer::{Answer, answer};

/// How the built page names its own files.
const BUILT_BASE: &str = "\"./assets/";

/// `GET /` and `GET /r/{room}`: one page, which reads from its address what to show.
pub(in crate::http) fn page(request: &Request<Incoming>, asset_base: Option<&str>) -> Answer {
    let built = find("index.html").map_or("", |file| std::str::from_utf8(file.plain).unwrap_or_default());
    let base = asset_base.unwrap_or_default();
    let body = built.replace(BUILT_BASE, &format!("\"{base}/assets/"));
    let tag = format!("\"{}\"", Uuid::new_v5(&Uuid::NAMESPACE_URL, body.as_bytes()).simple());
    let known = request.headers().get_all(IF_NONE_MATCH).iter().any(|value| names(value, &tag));
    let (status, body) =
        if known { (StatusCode::NOT_MODIFIED, String::new()) } else { (StatusCode::OK, body) };
    let mut page = answer(status, "text/html; charset=utf-8", body);
    let mut say = |name: HeaderName, text: &str| {
        // A base that no header can hold was refused with the settings.
        if let Ok(value) = HeaderValue::from_str(text) {
            page.headers_mut().insert(name, value);
        }
    };
    say(ETAG, &tag);
    say(CONTENT_SECURITY_POLICY, &policy(base));
    say(REFERRER_POLICY, "same-origin");
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    page
}

/// Whether an `If-None-Match` names the tag.
fn names(value: &HeaderValue, tag: &str) -> bool {
    value.to_str().is_ok_and(|text| text.split(',').any(|known| known.trim().trim_start_matches("W/") == tag))
}

/// What the page may do: run and load its own files, talk to its own node.
///
/// - `style-src` with inline styles: the component writes `style` elements for its dialogs and its text editor.
/// - `worker-src` with `blob:`: it makes pictures smaller in workers of its own making.
/// - `wasm-unsafe-eval`: it cuts fonts to size in WebAssembly when it makes an SVG.
/// - `frame-src`: what a person embeds on a board, of the sites that the component lets in.
fn policy(base: &str) -> String {
    let origin = origin_of(base);
    [
        "default-src 'none'".to_owned(),
        format!("script-src 'self'{origin} 'wasm-unsafe-eval'"),
        format!("style-src 'self'{origin} 'unsafe-inline'"),
        format!("font-src 'self'{origin} data:"),
        format!("img-src 'self'{origin} data: blob:"),
        format!("connect-src 'self'{origin}"),
        format!("worker-src 'self'{origin} blob:"),
        "frame-src https:".to_owned(),
        "base-uri 'none'".to_owned(),
        "form-action 'self'".to_owned(),
        "frame-ancestors 'self'".to_owned(),
    ]
    .join("; ")
}

/// The origin of an asset base as an entry of a policy; nothing for this node.
fn origin_of(base: &str) -> String {
    let Some((scheme, rest)) = base.split_once("://") else { return String::new() };
    let place = rest.split('/').next().unwrap_or_default();
    format!(" {scheme}://{place}")
}
