//! Which field broke which rule.

use std::borrow::Cow;

use crate::model::IdError;
use crate::protocol::reject::RejectCode;

/// Names in messages are cut here, so that no client can make the node send a long name back.
const MAX_SHOWN_CHARS: usize = 40;

/// A broken rule, found deep inside a frame; each level on the way out puts its own name before the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// What kind of rule it was.
    pub code: RejectCode,
    path: String,
    rule: Cow<'static, str>,
}

impl Violation {
    /// A rule that the value itself broke.
    pub(crate) fn new(rule: impl Into<Cow<'static, str>>) -> Self {
        Self { code: RejectCode::Invalid, path: String::new(), rule: rule.into() }
    }

    /// A limit that the value itself passed.
    pub(crate) fn too_large(rule: impl Into<Cow<'static, str>>) -> Self {
        Self { code: RejectCode::TooLarge, ..Self::new(rule) }
    }

    /// A field that should be there.
    pub(crate) fn missing(name: &str) -> Self {
        Self::new("is required").within(name)
    }

    /// The same, seen from the object whose member this is.
    pub(crate) fn within(self, name: &str) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        Self { path: format!("{}{dot}{}", shown(name), self.path), ..self }
    }

    /// The same, seen from the array whose item this is.
    pub(crate) fn at(self, position: usize) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self { path: format!("[{position}]{dot}{}", self.path), ..self }
    }

    /// One sentence: the field, then the rule.
    pub fn message(&self) -> String {
        let path = if self.path.is_empty() { "frame" } else { &self.path };
        format!("{path}: {}", self.rule)
    }
}

impl From<IdError> for Violation {
    fn from(error: IdError) -> Self {
        Self::new(error.to_string())
    }
}

/// A client's own name, short enough and without control characters.
pub(crate) fn shown(name: &str) -> String {
    if name.is_empty() {
        return String::from("\"\"");
    }
    let mut kept: String = name.chars().take(MAX_SHOWN_CHARS).filter(|c| !c.is_control()).collect();
    if name.chars().nth(MAX_SHOWN_CHARS).is_some() {
        kept.push('…');
    }
    kept
}
