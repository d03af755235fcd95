//! The codes that `reject` and `error` frames carry.

use std::fmt;

use serde::Serialize;

/// What went wrong, as clients tell it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RejectCode {
    /// The message names the field and the rule.
    Invalid,
    /// Another version was seen than the one that is.
    Conflict,
    /// No credentials, or none that count.
    Unauthorized,
    /// Not allowed.
    Forbidden,
    /// There is no such room.
    NotFound,
    /// A point of the history that is not kept any more.
    Pruned,
    /// More than a limit allows.
    TooLarge,
    /// Too often; wait.
    RateLimited,
    /// Nothing is left to undo or redo.
    NothingToUndo,
    /// The database cannot be reached; repeat with the same `op_id`.
    Unavailable,
    /// A frame that this node does not answer; in `error` frames alone.
    Unsupported,
    /// A frame out of turn; in `error` frames alone.
    Protocol,
}

impl RejectCode {
    /// Every code.
    pub const ALL: [Self; 12] = [
        Self::Invalid,
        Self::Conflict,
        Self::Unauthorized,
        Self::Forbidden,
        Self::NotFound,
        Self::Pruned,
        Self::TooLarge,
        Self::RateLimited,
        Self::NothingToUndo,
        Self::Unavailable,
        Self::Unsupported,
        Self::Protocol,
    ];

    /// The code as the wire and the metrics name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Conflict => "conflict",
            Self::Unauthorized => "unauthorized",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Pruned => "pruned",
            Self::TooLarge => "too_large",
            Self::RateLimited => "rate_limited",
            Self::NothingToUndo => "nothing_to_undo",
            Self::Unavailable => "unavailable",
            Self::Unsupported => "unsupported",
            Self::Protocol => "protocol",
        }
    }

    /// The code of that name, if there is one.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|code| code.as_str() == name)
    }
}

impl fmt::Display for RejectCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_named_alike_everywhere() {
        for code in RejectCode::ALL {
            assert_eq!(RejectCode::from_name(code.as_str()), Some(code));
            assert_eq!(serde_json::to_string(&code).unwrap(), format!("\"{code}\""));
        }
    }
}
