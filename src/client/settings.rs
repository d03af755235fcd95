//! How a client connects, and how it says where it is.

use std::time::Duration;

use super::saved::At;
use crate::model::Token;

/// Where to, and how patiently.
#[derive(Debug, Clone)]
pub struct Settings {
    /// WebSocket addresses of nodes of one database, any of which will do: after each failure the next is tried.
    pub addresses: Vec<String>,
    /// How this client is called in presence.
    pub name: Option<String>,
    /// The token of somebody who is signed in. Where it counts no more the client stops, with 4401.
    pub token: Option<Token>,
    /// What only this device knows. A client that ever named one is nobody else's: whoever has seen its id cannot speak for it.
    pub key: Option<Token>,
    /// The token of a link into the room.
    pub link: Option<Token>,
    /// How long opening a socket may take, the welcome included.
    pub open_timeout: Duration,
    /// How often the node is asked for a sign of life.
    pub ping_every: Duration,
    /// After so long without any sign the connection is given up: it may be half open. After thrice as long without an answer to a ping
    /// it is, too, though other frames come: then the way there is closed.
    pub silence: Duration,
}

impl Settings {
    /// The usual patience, these addresses.
    pub fn new<A: Into<String>>(addresses: impl IntoIterator<Item = A>) -> Self {
        Self {
            addresses: addresses.into_iter().map(Into::into).collect(),
            name: None,
            token: None,
            key: None,
            link: None,
            open_timeout: Duration::from_secs(10),
            ping_every: Duration::from_secs(10),
            silence: Duration::from_secs(25),
        }
    }
}

/// Where a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// The application asked for it; gestures are kept.
    Offline,
    /// No socket stands: the next attempt is on its way or waits for its time; gestures are kept.
    Reconnecting,
    /// A socket stands, and the board is being brought to the present.
    Joining,
    /// What others draw comes as they draw it.
    Live,
    /// A node said with this close code that coming back is of no use; only a new client may try.
    Stopped(u16),
}

/// Where a client is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Of its connection.
    pub phase: Phase,
    /// Of its confirmed board.
    pub at: Option<At>,
    /// How many batches are not known to be committed.
    pub unacknowledged: usize,
    /// How many sockets were opened so far.
    pub connections: u64,
    /// The last code that a node closed a socket with.
    pub closed_with: Option<u16>,
}
