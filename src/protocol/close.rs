//! Why the node closes a socket: one code and one sentence for each cause.

/// A cause for closing a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CloseCode {
    /// The node drains, or what the socket was let into has changed.
    GoingAway,
    /// A frame was longer than allowed.
    FrameTooLarge,
    /// The first frame was of no dialect that is spoken here.
    NotThisProtocol,
    /// No or bad credentials.
    Unauthenticated,
    /// The credentials do not allow it.
    Forbidden,
    /// No first frame in time, or no pong.
    TimedOut,
    /// A protocol version that is not spoken here.
    VersionNotSpoken,
    /// Over a rate limit.
    RateLimited,
    /// The client reads too slowly.
    SlowReader,
    /// The node failed.
    NodeFailed,
}

impl CloseCode {
    /// Every cause.
    pub const ALL: [Self; 10] = [
        Self::GoingAway,
        Self::FrameTooLarge,
        Self::NotThisProtocol,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::TimedOut,
        Self::VersionNotSpoken,
        Self::RateLimited,
        Self::SlowReader,
        Self::NodeFailed,
    ];

    /// The number in the close frame.
    pub const fn code(self) -> u16 {
        match self {
            Self::GoingAway => 1001,
            Self::FrameTooLarge => 1009,
            Self::NotThisProtocol => 4400,
            Self::Unauthenticated => 4401,
            Self::Forbidden => 4403,
            Self::TimedOut => 4408,
            Self::VersionNotSpoken => 4409,
            Self::RateLimited => 4429,
            Self::SlowReader => 4430,
            Self::NodeFailed => 4500,
        }
    }

    /// The number as text, for metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::GoingAway => "1001",
            Self::FrameTooLarge => "1009",
            Self::NotThisProtocol => "4400",
            Self::Unauthenticated => "4401",
            Self::Forbidden => "4403",
            Self::TimedOut => "4408",
            Self::VersionNotSpoken => "4409",
            Self::RateLimited => "4429",
            Self::SlowReader => "4430",
            Self::NodeFailed => "4500",
        }
    }

    /// The text in the close frame: what happened and what to do.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::GoingAway => "the node drains, or the room changed; reconnect at once with since",
            Self::FrameTooLarge => "a frame was longer than limits.max_frame_bytes; do not repeat it",
            Self::NotThisProtocol => {
                "a frame is broken, or the first was not hello, nor join_room or chat of the seed dialect"
            }
            Self::Unauthenticated => "the credentials do not count, or no more; sign in",
            Self::Forbidden => "this client has a key, and this is not it; take another client",
            Self::TimedOut => "no hello in 10 s, or no pong; reconnect",
            Self::VersionNotSpoken => "this node speaks protocol versions 1 to 1; upgrade",
            Self::RateLimited => "over a rate limit; wait as long as the error said",
            Self::SlowReader => "read too slowly; rejoin with since",
            Self::NodeFailed => "the node failed; reconnect and back off",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_fits_a_close_frame_and_every_code_is_its_own() {
        let codes: std::collections::BTreeSet<u16> =
            CloseCode::ALL.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes.len(), CloseCode::ALL.len());
        assert!(CloseCode::ALL.iter().all(|cause| cause.reason().len() <= 123));
    }

    #[test]
    fn the_reason_for_an_unspoken_version_names_the_range() {
        assert!(
            CloseCode::VersionNotSpoken
                .reason()
                .contains(&format!("1 to {}", crate::protocol::PROTOCOL_VERSION))
        );
    }
}
