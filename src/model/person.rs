//! People who can sign in.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use super::limits::{MAX_LOGIN_CHARS, MIN_LOGIN_CHARS};

/// The name that a person signs in by and that the log knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login(String);

/// Not a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be 2 to 32 characters of a-z, 0-9, ., _ and -, the first a letter or digit, and not begin with guest-"
)]
pub struct NotLogin;

impl Login {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Login {
    type Err = NotLogin;

    fn from_str(text: &str) -> Result<Self, NotLogin> {
        let simple = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let fits = (MIN_LOGIN_CHARS..=MAX_LOGIN_CHARS).contains(&text.len())
            && text.bytes().next().is_some_and(simple)
            && text.bytes().all(|byte| simple(byte) || b"._-".contains(&byte));
        // Guests are called so, in the log too: nobody may sign in as one.
        let is_guest = text == "guest" || text.starts_with("guest-");
        if fits && !is_guest { Ok(Self(text.to_owned())) } else { Err(NotLogin) }
    }
}

impl fmt::Display for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The login: the author in the log.
    pub id: Arc<str>,
    /// How they are called.
    pub name: Arc<str>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_is_short_plain_and_no_guest() {
        for good in ["ann", "a1", "1a", "ann.b_c-d", &"x".repeat(32), "guests"] {
            assert!(good.parse::<Login>().is_ok(), "{good}");
        }
        for bad in [
            "",
            "a",
            "Ann",
            ".ann",
            "-ann",
            "ann b",
            "änn",
            "ann\0",
            "guest",
            "guest-1",
            "sql:ann",
            &"x".repeat(33),
        ] {
            assert_eq!(bad.parse::<Login>(), Err(NotLogin), "{bad}");
        }
    }
}
