//! Names and counters, each its own type, checked where they enter.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use uuid::Uuid;

use super::limits::{MAX_ID_CHARS, MAX_SAFE_INTEGER, MAX_SLUG_CHARS};

/// Why something is no id; each message is the rule that it broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A room id or operation id out of range.
    #[error("must be an integer from 1 to 9007199254740991")]
    NotPositive,
    /// A sequence number out of range.
    #[error("must be an integer from 0 to 9007199254740991")]
    NotSeq,
    /// A shape id of the wrong length or with U+0000.
    #[error("must be text of 1 to 128 characters without U+0000")]
    NotShapeId,
    /// A room slug of the wrong length or alphabet.
    #[error("must be 1 to 64 characters of A-Z, a-z, 0-9, _ and -, not digits alone")]
    NotSlug,
    /// Neither a slug nor a room id.
    #[error("must be a room's slug (1 to 64 characters of A-Z, a-z, 0-9, _ and -) or its number")]
    NotRoomName,
    /// Not a UUID.
    #[error("must be a UUID")]
    NotUuid,
}

macro_rules! counter {
    ($(#[$doc:meta])* $name:ident, $min:literal, $error:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(i64);

        impl $name {
            /// Checks the range.
            pub const fn new(value: i64) -> Result<Self, IdError> {
                if value >= $min && value <= MAX_SAFE_INTEGER { Ok(Self(value)) } else { Err(IdError::$error) }
            }

            /// The number itself.
            pub const fn get(self) -> i64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                text.parse().map_err(|_| IdError::$error).and_then(Self::new)
            }
        }
    };
}

counter!(
    /// A room's number.
    RoomId, 1, NotPositive
);
counter!(
    /// A room's counter of committed batches; 0 before the first.
    Seq, 0, NotSeq
);
counter!(
    /// A client's own counter of the batches that it sent.
    OpId, 1, NotPositive
);

/// A client: one tab or device, kept over reconnects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ClientId(pub Uuid);

impl FromStr for ClientId {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        Uuid::parse_str(text).map(Self).map_err(|_| IdError::NotUuid)
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A shape's name within its room, chosen by whoever drew it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct ShapeId(String);

impl ShapeId {
    /// Checks length and characters.
    pub fn new(text: String) -> Result<Self, IdError> {
        if is_id(&text) { Ok(Self(text)) } else { Err(IdError::NotShapeId) }
    }

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ShapeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text may name a shape, group, frame or container.
pub fn is_id(text: &str) -> bool {
    // Most have not even as many bytes.
    let is_short = text.len() <= MAX_ID_CHARS || text.chars().nth(MAX_ID_CHARS).is_none();
    is_short && !text.is_empty() && !text.contains('\0')
}

/// A room's readable name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(transparent)]
pub struct Slug(String);

impl Slug {
    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let alphabet = text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        // Digits alone are a room's number, so a slug of digits could never be reached.
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        if alphabet && !digits && text.len() <= MAX_SLUG_CHARS {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::NotSlug)
        }
    }
}

/// A room as a client names it: by slug, or by number written as a number or as digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RoomName {
    /// By its readable name.
    Slug(Slug),
    /// By its number.
    Id(RoomId),
}

impl FromStr for RoomName {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        // Without the length test a thousand leading noughts would be a number; without the sign test, "+1".
        let digits =
            !text.is_empty() && text.len() <= MAX_SLUG_CHARS && text.bytes().all(|b| b.is_ascii_digit());
        let name = if digits { text.parse().map(Self::Id) } else { text.parse().map(Self::Slug) };
        name.map_err(|_| IdError::NotRoomName)
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slug(slug) => f.write_str(slug.as_str()),
            Self::Id(id) => id.fmt(f),
        }
    }
}

impl Serialize for RoomName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_room_is_named_by_slug_or_number() {
        assert_eq!("design-1".parse::<RoomName>().unwrap().to_string(), "design-1");
        assert_eq!("42".parse(), Ok(RoomName::Id(RoomId::new(42).unwrap())));
        for wrong in ["", "0", "-1 ", "a b", "9007199254740992", "é", &"a".repeat(65), &"0".repeat(65)] {
            assert_eq!(wrong.parse::<RoomName>(), Err(IdError::NotRoomName), "{wrong}");
        }
    }

    #[test]
    fn counters_keep_to_the_integers_that_browsers_keep() {
        assert!(Seq::new(0).is_ok() && Seq::new(-1).is_err());
        assert!(OpId::new(0).is_err() && OpId::new(MAX_SAFE_INTEGER).is_ok());
        assert!(RoomId::new(MAX_SAFE_INTEGER + 1).is_err());
    }

    #[test]
    fn a_shape_id_is_counted_in_characters_and_holds_no_nul() {
        assert!(ShapeId::new("é".repeat(128)).is_ok());
        for wrong in [String::new(), "é".repeat(129), "a\0b".to_owned()] {
            assert!(ShapeId::new(wrong).is_err());
        }
    }
}
