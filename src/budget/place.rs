//! Somebody for whom bytes are held: what, and when they last moved.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};

use tokio::sync::Notify;

use super::{Budget, Kind};

/// So many bytes count as a move; a drop now and then does not.
const MOVE_BYTES: usize = 16 * 1024;

/// One way of a connection.
#[derive(Debug, Default)]
struct Way {
    moved_at_ms: AtomicU64,
    since_then: AtomicUsize,
}

/// One connection.
#[derive(Debug)]
pub struct Place {
    id: u64,
    budget: Arc<Budget>,
    held: [AtomicUsize; 3],
    inwards: Way,
    outwards: Way,
    /// For which kind it is let go, counted from 1.
    let_go: AtomicU8,
    told: Notify,
}

impl Budget {
    /// A place for somebody who comes.
    pub fn place(self: &Arc<Self>) -> Arc<Place> {
        let place = Arc::new(Place {
            id: self.next_place.fetch_add(1, Ordering::Relaxed),
            budget: Arc::clone(self),
            held: Default::default(),
            inwards: Way::default(),
            outwards: Way::default(),
            let_go: AtomicU8::new(0),
            told: Notify::new(),
        });
        self.places().insert(place.id, Arc::downgrade(&place));
        self.place_count.fetch_add(1, Ordering::Relaxed);
        place
    }
}

impl Place {
    fn count(&self, kind: Kind) -> &AtomicUsize {
        let [answers, requests, frames] = &self.held;
        match kind {
            Kind::Answers => answers,
            Kind::Requests => requests,
            Kind::Frames => frames,
        }
    }

    /// What is held for it.
    pub fn held(&self, kind: Kind) -> usize {
        self.count(kind).load(Ordering::Relaxed)
    }

    /// More is held for it. Whoever had nothing begins to move now.
    pub fn add(&self, kind: Kind, bytes: usize) {
        if self.count(kind).fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.mark(kind);
        }
    }

    /// Less is held for it.
    pub fn remove(&self, kind: Kind, bytes: usize) {
        self.count(kind).fetch_sub(bytes, Ordering::Relaxed);
    }

    fn way(&self, kind: Kind) -> &Way {
        if kind == Kind::Requests { &self.inwards } else { &self.outwards }
    }

    fn mark(&self, kind: Kind) {
        self.way(kind).since_then.store(0, Ordering::Relaxed);
        self.way(kind).moved_at_ms.store(self.budget.now_ms(), Ordering::Relaxed);
    }

    pub(super) fn moved_at(&self, kind: Kind) -> u64 {
        self.way(kind).moved_at_ms.load(Ordering::Relaxed)
    }

    /// It took so many bytes.
    pub fn moved_out(&self, bytes: usize) {
        self.moved(Kind::Frames, bytes);
    }

    /// It sent so many bytes.
    pub fn moved_in(&self, bytes: usize) {
        self.moved(Kind::Requests, bytes);
    }

    fn moved(&self, kind: Kind, bytes: usize) {
        if self.way(kind).since_then.fetch_add(bytes, Ordering::Relaxed) + bytes >= MOVE_BYTES {
            self.mark(kind);
        }
    }

    /// Tells it to go; false when it was told already.
    pub(super) fn let_go(&self, kind: Kind) -> bool {
        let number = Kind::ALL.iter().position(|known| *known == kind).unwrap_or_default();
        let is_first = self.let_go.swap(u8::try_from(number + 1).unwrap_or(u8::MAX), Ordering::AcqRel) == 0;
        self.told.notify_waiters();
        is_first
    }

    /// Tells it to go for the good of those who come: nothing is held for it.
    pub fn make_way(&self) {
        self.let_go(Kind::Requests);
    }

    /// Whether it was told to go.
    pub fn is_let_go(&self) -> bool {
        self.let_go.load(Ordering::Acquire) != 0
    }

    /// Returns when it has to go, and for which kind.
    pub async fn until_let_go(&self) -> Kind {
        loop {
            let told = self.told.notified();
            let number = usize::from(self.let_go.load(Ordering::Acquire));
            if let Some(kind) = number.checked_sub(1).and_then(|number| Kind::ALL.get(number)) {
                return *kind;
            }
            told.await;
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.budget.places().remove(&self.id);
        self.budget.place_count.fetch_sub(1, Ordering::Relaxed);
    }
}
