//! Values of settings. A refusal says what was expected, so that it reads well behind the setting's name.
use std::{net::SocketAddr, path::PathBuf, str::FromStr};

use super::{DEFAULT_LISTEN, DatabaseUrl};

/// What `--database-url` says; an empty one takes back what a variable said.
#[derive(Debug, Clone)]
pub(super) enum Database {
    Embedded,
    Url(DatabaseUrl),
}

impl Database {
    pub(super) fn url(&self) -> Option<&DatabaseUrl> {
        match self {
            Self::Embedded => None,
            Self::Url(url) => Some(url),
        }
    }
}

pub(super) fn database_url(text: &str) -> Result<Database, String> {
    match text.trim() {
        "" => Ok(Database::Embedded),
        text => text.parse().map(Database::Url),
    }
}

pub(super) fn listen(text: &str) -> Result<SocketAddr, String> {
    let numeric = text.strip_prefix("localhost:").map(|port| format!("127.0.0.1:{port}"));
    let parsed = numeric.as_deref().unwrap_or(text).parse();
    parsed.map_err(|_| format!("'{text}' is not a numeric address and port like {DEFAULT_LISTEN}"))
}

pub(super) fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("the folder's name is empty".into()) } else { Ok(text.into()) }
}

/// An address that a page and its policy can name: `https://cdn.example.org/board`.
pub(super) fn asset_base(text: &str) -> Result<String, String> {
    let place = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")).unwrap_or_default();
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-._~:/[]".contains(character);
    if place.is_empty() || place.starts_with('/') || !place.chars().all(is_plain) {
        return Err(format!("'{text}' is not an address like https://cdn.example.org/board"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

pub(super) fn port(text: &str) -> Result<u16, String> {
    whole(text, 1, u16::MAX)
}

/// A whole number within bounds.
pub(super) fn whole<N>(text: &str, least: N, most: N) -> Result<N, String>
where
    N: FromStr + PartialOrd + std::fmt::Display + Copy,
{
    let number = text.parse().ok().filter(|number| (&least..=&most).contains(&number));
    number.ok_or_else(|| format!("'{text}' is not a whole number from {least} to {most}"))
}

pub(super) fn yes_or_no(text: &str) -> Result<bool, String> {
    match text.to_lowercase().as_str() {
        "yes" | "true" | "on" | "1" => Ok(true),
        "no" | "false" | "off" | "0" => Ok(false),
        _ => Err(format!("'{text}' is neither yes nor no")),
    }
}
