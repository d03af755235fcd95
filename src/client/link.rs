//! What is true of one connection alone, and forgotten with it.

use std::collections::BTreeSet;

use super::frame::Changes;
use super::join::Incoming;

/// The first pause before something is sent again, milliseconds.
const FIRST_PAUSE_MS: u64 = 250;
/// The longest pause, milliseconds.
const LONGEST_PAUSE_MS: u64 = 4_000;

/// Where the join of a connection is.
#[derive(Debug)]
pub(super) enum Joining {
    /// To be sent.
    Wanted,
    /// Sent; changes are of no account until it is answered.
    Asked,
    /// Pages have come, more follow.
    Paging(Incoming),
    /// Whole: changes follow on it.
    Whole,
    /// The room does not let this client in.
    Refused,
}

/// One connection.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) joining: Joining,
    /// The parts so far of a batch that goes on.
    pub(super) parts: Option<Changes>,
    /// Sent on this connection and not answered.
    pub(super) in_flight: BTreeSet<i64>,
    /// As many batches may be in flight.
    pub(super) window: usize,
    pub(super) join_pause: Pause,
    pub(super) batch_pause: Pause,
}

impl Link {
    pub(super) fn new(window: usize) -> Self {
        Self {
            joining: Joining::Wanted,
            parts: None,
            in_flight: BTreeSet::new(),
            window,
            join_pause: Pause::default(),
            batch_pause: Pause::default(),
        }
    }

    /// Asks for the room anew; what was gathered is dropped.
    pub(super) fn rejoin(&mut self) {
        self.parts = None;
        self.joining = Joining::Wanted;
    }
}

/// A time until which nothing is sent, longer with every failure in a row.
#[derive(Debug, Default)]
pub(super) struct Pause {
    until_ms: u64,
    failures: u32,
}

impl Pause {
    /// It failed; the node may have said for how long.
    pub(super) fn begin(&mut self, now_ms: u64, retry_after_ms: Option<u64>) {
        let doubled = FIRST_PAUSE_MS.saturating_mul(1 << self.failures.min(16)).min(LONGEST_PAUSE_MS);
        self.failures = self.failures.saturating_add(1);
        self.until_ms = now_ms.saturating_add(retry_after_ms.unwrap_or(doubled));
    }

    /// It worked. A pause that has begun goes on: it is another batch's.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Whether it is over.
    pub(super) fn is_over(&self, now_ms: u64) -> bool {
        now_ms >= self.until_ms
    }

    /// When it is over.
    pub(super) fn until_ms(&self) -> u64 {
        self.until_ms
    }
}
