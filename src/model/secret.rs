//! Tokens, and what is kept of them. Neither prints itself.

use std::fmt;

use sha2::{Digest, Sha256};

use super::limits::{MAX_TOKEN_CHARS, MIN_KEY_CHARS};

/// A credential as it travels.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// Takes a text as a credential.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Takes a text as a client's key; none when it is too short or too long to be one.
    pub fn key(text: &str) -> Option<Self> {
        (MIN_KEY_CHARS..=MAX_TOKEN_CHARS).contains(&text.chars().count()).then(|| Self(text.to_owned()))
    }

    /// The credential itself, for the one who sends or tells it.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// What is kept of it.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Sha256::digest(self.0.as_bytes()).into())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// SHA-256 of a token. The tokens hold 256 random bits: a slow hash would protect them no better.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The bytes, for the database.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print_itself() {
        let token = Token::new("open sesame".to_owned());
        let shown = format!("{token:?} {:?}", token.hash());
        assert_eq!(shown, "Token(…) TokenHash(…)");
        assert_eq!(token.hash().as_bytes().len(), 32);
        assert_ne!(token.hash(), Token::new("open sesam".to_owned()).hash());
    }
}
