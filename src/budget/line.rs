//! One connection to the node: its place in the budget, whether it has anything to do, and what of a message has come in.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;

use super::{Budget, Lease, Place, millis};

/// What each connection may have brought of something that is not whole yet before it counts.
pub const FREE_BYTES: usize = 8 * 1024;
/// No moment.
const NEVER: u64 = u64::MAX;

/// One connection.
#[derive(Debug)]
pub struct Line {
    budget: Arc<Budget>,
    place: Arc<Place>,
    is_socket: AtomicBool,
    /// Bytes of a message that is not whole yet, and since when they come.
    arrived: AtomicUsize,
    arriving_since_ms: AtomicU64,
    leases: Mutex<Vec<Lease>>,
    /// Since when it asks for nothing.
    idle_since_ms: AtomicU64,
    /// Whether it takes nothing at the moment.
    is_stuck: AtomicBool,
    unstuck: Notify,
}

impl Line {
    /// A connection that has just come.
    pub fn new(budget: &Arc<Budget>) -> Arc<Self> {
        Arc::new(Self {
            budget: Arc::clone(budget),
            place: budget.place(),
            is_socket: AtomicBool::new(false),
            arrived: AtomicUsize::new(0),
            arriving_since_ms: AtomicU64::new(NEVER),
            leases: Mutex::default(),
            idle_since_ms: AtomicU64::new(budget.now_ms()),
            is_stuck: AtomicBool::new(false),
            unstuck: Notify::new(),
        })
    }

    /// The node's budget.
    pub fn budget(&self) -> &Arc<Budget> {
        &self.budget
    }

    /// Its place in it.
    pub fn place(&self) -> &Arc<Place> {
        &self.place
    }

    /// It speaks WebSocket from now on.
    pub fn become_socket(&self) {
        self.is_socket.store(true, Ordering::Relaxed);
    }

    /// It asks for something.
    pub fn begin(&self) {
        self.idle_since_ms.store(NEVER, Ordering::Relaxed);
    }

    /// It was answered.
    pub fn end(&self) {
        if !self.is_socket.load(Ordering::Relaxed) {
            self.idle_since_ms.store(self.budget.now_ms(), Ordering::Relaxed);
        }
    }

    /// For how long it has asked for nothing; none while it does, and for sockets.
    pub fn idle(&self) -> Option<Duration> {
        let since = self.idle_since_ms.load(Ordering::Relaxed);
        (since != NEVER).then(|| Duration::from_millis(self.budget.now_ms().saturating_sub(since)))
    }

    /// Bytes came in.
    pub fn received(&self, bytes: usize) {
        self.place.moved_in(bytes);
        if self.is_socket.load(Ordering::Relaxed) && self.arrived.fetch_add(bytes, Ordering::Relaxed) == 0 {
            self.arriving_since_ms.store(self.budget.now_ms(), Ordering::Relaxed);
        }
    }

    /// Whether more of a message may be read.
    pub fn may_receive(&self) -> bool {
        let arrived = self.arrived.load(Ordering::Relaxed);
        arrived < FREE_BYTES || arrived < FREE_BYTES + self.leased()
    }

    fn leases(&self) -> MutexGuard<'_, Vec<Lease>> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn leased(&self) -> usize {
        self.leases().iter().map(Lease::bytes).sum()
    }

    /// Lets more of a message in.
    pub fn let_in(&self, mut lease: Lease) {
        lease.charge(&self.place);
        self.leases().push(lease);
    }

    /// A message is whole: what was held for it while it came in.
    pub fn take_message(&self) -> Vec<Lease> {
        self.arrived.store(0, Ordering::Relaxed);
        self.arriving_since_ms.store(NEVER, Ordering::Relaxed);
        std::mem::take(&mut *self.leases())
    }

    /// A control frame came in the midst of a message, or alone: it is no part of one.
    pub fn pass_over(&self, bytes: usize) {
        let before = self.arrived.load(Ordering::Relaxed);
        let left = before.saturating_sub(bytes);
        self.arrived.store(left, Ordering::Relaxed);
        if left == 0 {
            self.arriving_since_ms.store(NEVER, Ordering::Relaxed);
        }
    }

    /// For how long a message has been coming in that is not whole yet.
    pub fn arriving(&self) -> Option<Duration> {
        let since = self.arriving_since_ms.load(Ordering::Relaxed);
        (since != NEVER).then(|| Duration::from_millis(self.budget.now_ms().saturating_sub(since)))
    }

    /// Whether a message has been coming in for longer than that.
    pub fn is_slow(&self, patience: Duration) -> bool {
        self.arriving().is_some_and(|arriving| millis(arriving) >= millis(patience))
    }

    /// It took bytes, perhaps not all that there were.
    pub fn sent(&self, bytes: usize, all: bool) {
        self.place.moved_out(bytes);
        if all && self.is_stuck.swap(false, Ordering::Relaxed) {
            self.unstuck.notify_waiters();
        }
    }

    /// It takes nothing.
    pub fn stick(&self) {
        self.is_stuck.store(true, Ordering::Relaxed);
    }

    /// Returns when it takes what it is sent: nobody is answered who has not taken the answer before.
    pub async fn until_taken(&self) {
        loop {
            let unstuck = self.unstuck.notified();
            if !self.is_stuck.load(Ordering::Relaxed) {
                return;
            }
            unstuck.await;
        }
    }
}
