//! What waits to be sent to one socket. Bounded: above the soft limit presence is dropped; above the hard limit the reader is too slow
//! and is closed with 4430. Frames are shared: a frame for a thousand sockets is in memory once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::budget::{Budget, Exhausted, Kind, Lease, Place};
use crate::metrics::Metrics;
use crate::protocol::CloseCode;

/// A frame's text.
pub type Text = hyper_tungstenite::tungstenite::Utf8Bytes;

/// A frame, shared between the sockets that get it, and held in the node's budget until the last of them has sent it.
#[derive(Debug, Clone)]
pub struct Frame(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    text: Text,
    lease: OnceLock<Lease>,
    /// What it takes beyond that.
    rest: OnceLock<Lease>,
}

/// What a frame takes beside its text, about.
const FRAME_OVERHEAD: usize = 96;

impl Frame {
    /// A frame for which there is room already.
    pub fn held(mut text: String, mut lease: Lease) -> Self {
        // A string that grew may have room for as much again.
        text.shrink_to_fit();
        // One that is too large for it keeps it: given back, it would let in the next one, who is too large as well.
        _ = lease.fit(text.len() + FRAME_OVERHEAD);
        Self(Arc::new(Shared { text: text.into(), lease: lease.into(), rest: OnceLock::new() }))
    }

    /// Its text.
    pub fn text(&self) -> &Text {
        &self.0.text
    }

    fn len(&self) -> usize {
        self.0.text.len()
    }

    fn hold(&self, budget: &Budget) {
        let bytes = self.len() + FRAME_OVERHEAD;
        let held = self.0.lease.get_or_init(|| budget.hold(Kind::Frames, bytes)).bytes();
        if held < bytes {
            _ = self.0.rest.get_or_init(|| budget.hold(Kind::Frames, bytes - held));
        }
    }
}

impl<T: Into<Text>> From<T> for Frame {
    fn from(text: T) -> Self {
        Self(Arc::new(Shared { text: text.into(), lease: OnceLock::new(), rest: OnceLock::new() }))
    }
}

impl PartialEq for Frame {
    fn eq(&self, other: &Self) -> bool {
        self.0.text == other.0.text
    }
}

impl Eq for Frame {}

/// Above this many waiting bytes presence is dropped, and bulk senders wait.
pub const SOFT_BYTES: usize = 512 * 1024;
/// Above this many waiting bytes, or frames, the reader is too slow.
pub const HARD_BYTES: usize = 8 * 1024 * 1024;
/// A reader this many small frames behind is too slow too.
pub const HARD_FRAMES: usize = 65_536;

/// What a socket does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Send a frame.
    Frame(Frame),
    /// Say goodbye.
    Close(CloseCode),
    /// Nothing: the other end is gone.
    End,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Frame>,
    /// Of all that the socket has not taken yet.
    bytes: usize,
    /// Of those that are being sent.
    sending: usize,
    closing: Option<Next>,
}

/// The queue of one socket.
#[derive(Debug)]
pub struct Outbox {
    queue: Mutex<Queue>,
    /// Rung when there is something to send.
    filled: Notify,
    /// Rung when the queue falls to the soft limit.
    drained: Notify,
    metrics: Arc<Metrics>,
    budget: Arc<Budget>,
    place: Arc<Place>,
}

impl Outbox {
    /// An empty one, of a socket with this place in the node's budget.
    pub fn new(metrics: Arc<Metrics>, budget: Arc<Budget>, place: Arc<Place>) -> Self {
        let (filled, drained) = (Notify::new(), Notify::new());
        Self { queue: Mutex::default(), filled, drained, metrics, budget, place }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame that must arrive; a reader that is too far behind is closed instead. False when it is closing.
    pub fn push(&self, frame: Frame) -> bool {
        let mut queue = self.queue();
        if queue.closing.is_some() {
            return false;
        }
        // One frame always fits, however large.
        let most = self.budget.frame_allowance().min(HARD_BYTES);
        if queue.bytes > 0 && (queue.bytes + frame.len() > most || queue.frames.len() >= HARD_FRAMES) {
            self.shut(&mut queue, Next::Close(CloseCode::SlowReader));
            return false;
        }
        self.append(&mut queue, frame);
        true
    }

    /// Queues a frame that may be lost.
    pub fn push_droppable(&self, frame: Frame) {
        let mut queue = self.queue();
        let most = self.budget.frame_allowance();
        if queue.closing.is_some() || queue.bytes > SOFT_BYTES || queue.bytes + frame.len() > most {
            self.metrics.presence_drops.inc();
            return;
        }
        self.append(&mut queue, frame);
    }

    fn append(&self, queue: &mut Queue, frame: Frame) {
        let bytes = frame.len();
        frame.hold(&self.budget);
        self.place.add(Kind::Frames, bytes);
        queue.bytes += bytes;
        queue.frames.push_back(frame);
        self.metrics.outbox_bytes.inc_by(i64::try_from(bytes).unwrap_or(i64::MAX));
        self.metrics.frames.inc();
        self.metrics.sent_bytes.inc_by(bytes as u64);
        self.filled.notify_one();
    }

    /// Says goodbye after what is queued; nothing more is taken.
    pub fn close(&self, code: CloseCode) {
        let mut queue = self.queue();
        if queue.closing.is_none() {
            queue.closing = Some(Next::Close(code));
            self.filled.notify_one();
            self.drained.notify_waiters();
        }
    }

    /// The other end is gone: nothing more is sent.
    pub fn end(&self) {
        let mut queue = self.queue();
        if queue.closing.is_none() {
            self.shut(&mut queue, Next::End);
        }
    }

    /// Forgets what is queued and says goodbye: a slow reader would never reach a goodbye at the end.
    fn shut(&self, queue: &mut Queue, last: Next) {
        self.forget(queue.bytes);
        queue.frames = VecDeque::new();
        queue.bytes = 0;
        queue.sending = 0;
        queue.closing = Some(last);
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    fn forget(&self, bytes: usize) {
        self.place.remove(Kind::Frames, bytes);
        self.metrics.outbox_bytes.dec_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Closes a reader that did not make room in time.
    pub fn give_up(&self) {
        self.drop_with(CloseCode::SlowReader);
    }

    /// Drops what is queued and says goodbye.
    pub fn drop_with(&self, code: CloseCode) {
        let mut queue = self.queue();
        if !matches!(queue.closing, Some(Next::End)) {
            self.shut(&mut queue, Next::Close(code));
        }
    }

    /// Whether it is on its way out: what it says is of no account any more.
    pub fn is_closing(&self) -> bool {
        self.queue().closing.is_some()
    }

    /// Takes room in the node's budget for a frame to come; waits for it a little.
    pub async fn reserve(&self, bytes: usize) -> Result<Lease, Exhausted> {
        self.budget.take(Kind::Frames, bytes).await
    }

    /// The same, without waiting.
    pub fn try_reserve(&self, bytes: usize) -> Option<Lease> {
        self.budget.try_take(Kind::Frames, bytes)
    }

    /// Whether bulk senders must wait.
    pub fn is_crowded(&self) -> bool {
        self.queue().bytes > SOFT_BYTES
    }

    /// Whether the other end is to be heard no further until it reads.
    pub fn is_behind(&self) -> bool {
        self.queue().bytes > SOFT_BYTES.min(self.budget.frame_allowance())
    }

    /// Waits until there is room for bulk; false when there is none in time or the socket is going.
    pub async fn room_for_bulk(&self, patience: Duration) -> bool {
        let wait = async {
            loop {
                let drained = self.drained.notified();
                let (closing, crowded) = {
                    let queue = self.queue();
                    (queue.closing.is_some(), queue.bytes > SOFT_BYTES)
                };
                if closing || !crowded {
                    return !closing;
                }
                drained.await;
            }
        };
        timeout(patience, wait).await.unwrap_or(false)
    }

    /// What is to be sent now, without waiting. It counts until [`Outbox::flushed`].
    pub fn try_next(&self) -> Option<Next> {
        let mut queue = self.queue();
        if let Some(frame) = queue.frames.pop_front() {
            queue.sending += frame.len();
            if queue.frames.is_empty() && queue.frames.capacity() > 64 {
                queue.frames.shrink_to(8);
            }
            return Some(Next::Frame(frame));
        }
        queue.closing.clone()
    }

    /// The socket took all that was being sent.
    pub fn flushed(&self) {
        let mut queue = self.queue();
        let was_crowded = queue.bytes > SOFT_BYTES;
        let sent = std::mem::take(&mut queue.sending);
        queue.bytes -= sent;
        self.forget(sent);
        if was_crowded && queue.bytes <= SOFT_BYTES {
            self.drained.notify_waiters();
        }
    }

    /// What is to be sent next.
    pub async fn next(&self) -> Next {
        loop {
            let filled = self.filled.notified();
            if let Some(next) = self.try_next() {
                return next;
            }
            filled.await;
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let bytes = self.queue().bytes;
        self.forget(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Outbox {
        let budget = Budget::new(96 << 20, 0);
        let place = budget.place();
        Outbox::new(Arc::new(Metrics::default()), budget, place)
    }

    #[tokio::test]
    async fn frames_leave_in_order_and_goodbye_comes_last() {
        let outbox = outbox();
        assert!(outbox.push("a".into()) && outbox.push("b".into()));
        outbox.close(CloseCode::GoingAway);
        assert!(!outbox.push("c".into()));
        assert_eq!(outbox.next().await, Next::Frame("a".into()));
        assert_eq!(outbox.next().await, Next::Frame("b".into()));
        assert_eq!(outbox.next().await, Next::Close(CloseCode::GoingAway));
    }

    #[tokio::test]
    async fn presence_is_dropped_first_then_the_reader_is_closed() {
        let outbox = outbox();
        let large: Frame = "x".repeat(SOFT_BYTES + 1).into();
        assert!(outbox.push(large.clone()));
        outbox.push_droppable("presence".into());
        assert_eq!(outbox.metrics.presence_drops.get(), 1);
        while outbox.push(large.clone()) {}
        assert_eq!(outbox.next().await, Next::Close(CloseCode::SlowReader));
    }

    /// LM5
    #[tokio::test]
    async fn a_frame_counts_once_however_many_wait_for_it_and_each_has_its_part_when_bytes_run_out() {
        let budget = Budget::new(3 << 20, 0);
        let outboxes: Vec<_> =
            (0..8).map(|_| Outbox::new(Arc::default(), Arc::clone(&budget), budget.place())).collect();
        let shared: Frame = "x".repeat(SOFT_BYTES / 2).into();
        assert!(outboxes.iter().all(|outbox| outbox.push(shared.clone())));
        assert_eq!(budget.held(Kind::Frames), SOFT_BYTES / 2 + FRAME_OVERHEAD);
        assert!(outboxes[0].push("y".repeat(SOFT_BYTES).into()), "there is enough for one");
        assert!(!outboxes[1].push("z".repeat(SOFT_BYTES / 2).into()), "but not for all");
        assert_eq!(outboxes[1].next().await, Next::Close(CloseCode::SlowReader));
        drop((shared, outboxes));
        assert_eq!(budget.held(Kind::Frames), 0);
    }

    /// LM4
    #[tokio::test]
    async fn a_frame_larger_than_the_room_taken_for_it_keeps_that_room() {
        let budget = Budget::new(3 << 20, 0);
        let outbox = Outbox::new(Arc::default(), Arc::clone(&budget), budget.place());
        let lease = outbox.reserve(512 * 1024).await.unwrap();
        let large = 900_000;
        assert!(outbox.push(Frame::held("x".repeat(large), lease)));
        assert!(outbox.try_reserve(512 * 1024).is_none(), "nobody else is let in for it");
        assert_eq!(budget.held(Kind::Frames), large + FRAME_OVERHEAD, "and all of it counts");
        drop(outbox);
        assert_eq!(budget.held(Kind::Frames), 0);
    }

    #[tokio::test]
    async fn bulk_waits_for_room_but_not_for_ever() {
        let outbox = outbox();
        outbox.push("x".repeat(SOFT_BYTES + 1).into());
        assert!(!outbox.room_for_bulk(Duration::from_millis(1)).await);
        outbox.try_next();
        assert!(!outbox.room_for_bulk(Duration::from_millis(1)).await, "it is on its way");
        outbox.flushed();
        assert!(outbox.room_for_bulk(Duration::from_millis(1)).await);
    }
}
