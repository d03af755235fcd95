//! Passwords and tokens: made, hashed, tried. Nothing here knows whose they are.

use std::fmt::Write;
use std::time::Duration;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Algorithm, Argon2, Params, PasswordHasher, PasswordVerifier, Version};
use rand::TryRngCore;
use rand::rngs::OsRng;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;

use crate::log::Seldom;
use crate::model::Token;

/// What argon2id takes for one password: 19 MiB, two passes, one lane. This is the first choice of OWASP's Password Storage Cheat Sheet
/// (<https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id>).
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;
/// Passwords hashed at one time: each takes a core, and its memory.
const AT_ONCE: usize = 2;
/// Passwords that are hashed or wait for it; whoever comes then is told to come again.
const IN_LINE: usize = 32;
/// How a token of somebody who is signed in begins, and one of a link: so that whoever finds one knows what it is.
const SIGN_IN_PREFIX: &str = "pgcs_";
const LINK_PREFIX: &str = "pgcl_";

/// Too many passwords at one time, or no random numbers: try again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many are signing in at this moment: try again")]
pub struct Busy;

/// A token for somebody who signs in.
pub fn sign_in_token() -> Result<Token, Busy> {
    new_token(SIGN_IN_PREFIX)
}

/// A token for a link.
pub fn link_token() -> Result<Token, Busy> {
    new_token(LINK_PREFIX)
}

/// Whether a text can be a token of somebody who signed in here: clients of the older system bring others.
pub fn is_sign_in_token(token: &Token) -> bool {
    token.reveal().starts_with(SIGN_IN_PREFIX)
}

fn new_token(prefix: &str) -> Result<Token, Busy> {
    let mut text = prefix.to_owned();
    for byte in random::<32>()? {
        // Writing to a String does not fail.
        _ = write!(text, "{byte:02x}");
    }
    Ok(Token::new(text))
}

/// How often it is told that there are none.
static NO_RANDOM: Seldom = Seldom::new(Duration::from_mins(1));

fn random<const BYTES: usize>() -> Result<[u8; BYTES], Busy> {
    let mut bytes = [0; BYTES];
    OsRng.try_fill_bytes(&mut bytes).map_err(|error| {
        if let Some(untold) = NO_RANDOM.tell("") {
            tracing::error!(%error, untold, "the system gives no random numbers");
        }
        Busy
    })?;
    Ok(bytes)
}

/// The one place where passwords are hashed: off the threads that serve sockets, and only so many at once.
#[derive(Debug)]
pub struct Passwords {
    at_once: Semaphore,
    in_line: Semaphore,
}

impl Default for Passwords {
    fn default() -> Self {
        Self { at_once: Semaphore::new(AT_ONCE), in_line: Semaphore::new(IN_LINE) }
    }
}

/// A place in the line before the passwords: who has none gets no further, and costs nothing.
#[derive(Debug)]
pub struct Place<'a> {
    passwords: &'a Passwords,
    _permit: SemaphorePermit<'a>,
}

impl Passwords {
    /// A place in line, if there is one.
    pub fn place(&self) -> Result<Place<'_>, Busy> {
        let permit = self.in_line.try_acquire().map_err(|_| Busy)?;
        Ok(Place { passwords: self, _permit: permit })
    }
}

impl Place<'_> {
    /// The hash to keep of a new password, in argon2's usual text form.
    pub async fn hash(self, password: String) -> Result<String, Busy> {
        let salt = random::<16>()?;
        self.work(move || hashed(&password, &salt)).await?.ok_or(Busy)
    }

    /// Whether a password is the one that was hashed. Without a hash, because there is no such person, it takes as long and is not.
    pub async fn is_right(self, password: String, hash: Option<String>) -> Result<bool, Busy> {
        let tried = move || match hash {
            Some(hash) => PasswordHash::new(&hash).is_ok_and(|hash| {
                hasher().is_some_and(|by| by.verify_password(password.as_bytes(), &hash).is_ok())
            }),
            None => hashed(&password, &[0; 16]).is_none(),
        };
        self.work(tried).await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Busy> {
        let _turn = self.passwords.at_once.acquire().await.map_err(|_| Busy)?;
        spawn_blocking(work).await.map_err(|_| Busy)
    }
}

fn hasher() -> Option<Argon2<'static>> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).ok()?;
    Some(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

fn hashed(password: &str, salt: &[u8]) -> Option<String> {
    let hash: PasswordHash = hasher()?.hash_password_with_salt(password.as_bytes(), salt).ok()?;
    Some(hash.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_no_other_is() {
        let passwords = Passwords::default();
        let hash = passwords.place().unwrap().hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        for (password, hash, right) in [
            ("correct horse", Some(hash.clone()), true),
            ("correct horsf", Some(hash), false),
            ("correct horse", None, false),
            ("x", Some("no hash".to_owned()), false),
        ] {
            let place = passwords.place().unwrap();
            assert_eq!(place.is_right(password.to_owned(), hash).await, Ok(right), "{password}");
        }
    }

    #[test]
    fn a_line_that_is_full_turns_away() {
        let passwords = Passwords { in_line: Semaphore::new(1), ..Passwords::default() };
        let place = passwords.place().unwrap();
        assert_eq!(passwords.place().err(), Some(Busy));
        drop(place);
        assert!(passwords.place().is_ok());
    }

    #[test]
    fn tokens_are_long_and_never_alike() {
        let (one, other) = (sign_in_token().unwrap(), sign_in_token().unwrap());
        assert_eq!((one.reveal().len(), one == other), (5 + 64, false));
        assert!(is_sign_in_token(&one) && !is_sign_in_token(&link_token().unwrap()));
    }
}
