//! The query of a request: which parameters each request knows. What it does not know is refused: a misspelt one would else change nothing,
//! and nobody would be told.

use std::borrow::Cow;

use hyper::body::Incoming;
use hyper::{Method, Request};

use super::answer::{Answer, invalid};
use super::request::percent_decoded;

/// How much of a name is told that is not known.
const TOLD_CHARS: usize = 64;
/// The parameters of a socket's address.
const OF_SOCKETS: &[&str] = &["token"];
/// The one of whatever is asked of a room.
const OF_ROOMS: &[&str] = &["link"];
/// Client libraries of before post to the address of their socket, whatever it holds. What they post must not be lost for that.
const OF_OPS: &[&str] = &["link", "token"];

/// The parameters that a request knows; none: there is no such request, or whatever is appended to its address is passed over, as it is for
/// the page, whose address people send around.
fn known(method: &Method, parts: &[&str], upgrades: bool) -> Option<&'static [&'static str]> {
    match parts {
        ["ws"] => Some(OF_SOCKETS),
        [] if upgrades => Some(OF_SOCKETS),
        ["api", "origin"] => Some(&["of"]),
        ["api", "rooms"] if method == Method::GET => Some(&["after"]),
        ["healthz" | "readyz" | "metrics"]
        | ["api", "signup" | "signin" | "signout" | "me" | "rooms"]
        | ["api", "me", "password"]
        | ["api", "files", _] => Some(&[]),
        ["api", "rooms", _, rest @ ..] => known_in_room(method, rest),
        _ => None,
    }
}

fn known_in_room(method: &Method, rest: &[&str]) -> Option<&'static [&'static str]> {
    match (method, rest) {
        (&Method::GET, ["shapes"]) => Some(&["link", "box", "kind", "after", "limit"]),
        (&Method::GET, ["at", _]) => Some(&["link", "after", "limit"]),
        (&Method::GET, ["history"]) => Some(&["link", "before", "limit"]),
        (&Method::GET, ["diff"]) => Some(&["link", "from", "to", "after", "limit"]),
        (_, ["ops"]) => Some(OF_OPS),
        (
            _,
            []
            | ["undo" | "redo" | "merge" | "restore" | "branch" | "picture.svg" | "links" | "members"]
            | ["links" | "members", _]
            | ["shapes", _, "blame"],
        ) => Some(OF_ROOMS),
        _ => None,
    }
}

/// Refuses, by name, what this request does not know, and what is given twice.
pub(super) fn check(
    method: &Method,
    parts: &[&str],
    upgrades: bool,
    request: &Request<Incoming>,
) -> Result<(), Answer> {
    let Some(known) = known(method, parts, upgrades) else { return Ok(()) };
    refusal(known, request.uri().query().unwrap_or_default()).map_or(Ok(()), |why| Err(invalid(&why)))
}

fn refusal(known: &[&str], query: &str) -> Option<String> {
    let mut given = Vec::new();
    for (name, _) in pairs(query) {
        let Some(name) = known.iter().find(|known| **known == name) else {
            let told: String = name.chars().filter(|c| !c.is_control()).take(TOLD_CHARS).collect();
            let those = if known.is_empty() { "there are none here".to_owned() } else { known.join(", ") };
            return Some(format!("{told}: there is no such parameter: {those}"));
        };
        if given.contains(&name) {
            return Some(format!("{name}: it is given twice"));
        }
        given.push(name);
    }
    None
}

/// Names, decoded, and values, as they stand there.
fn pairs(query: &str) -> impl Iterator<Item = (Cow<'_, str>, &str)> {
    query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let is_plain = !name.contains(['%', '+']);
        (if is_plain { Cow::Borrowed(name) } else { Cow::Owned(percent_decoded(name)) }, value)
    })
}

/// A query parameter, percent-decoded.
pub(super) fn parameter(request: &Request<Incoming>, name: &str) -> Option<String> {
    let (_, value) = pairs(request.uri().query()?).find(|(key, _)| key == name)?;
    Some(percent_decoded(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_unknown_or_given_twice_is_refused_by_name() {
        let known = ["box", "limit"];
        for good in ["", "&", "box=1", "limit=1&box=", "%62ox=1&", "box"] {
            assert_eq!(refusal(&known, good), None, "{good}");
        }
        for (bad, name) in [
            ("bbox=1", "bbox"),
            ("box=1&Limit=2", "Limit"),
            ("x", "x"),
            ("=1", ""),
            ("a%0Ab=1", "ab"),
            ("box=1&box=1", "box"),
            ("box=1&%62ox=2", "box"),
        ] {
            let why = refusal(&known, bad).unwrap();
            assert!(why.starts_with(&format!("{name}: ")) && !why.contains('\n'), "{bad}: {why}");
        }
        assert!(refusal(&[], &"x".repeat(1_000)).unwrap().len() < 200);
    }
}
