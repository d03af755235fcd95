//! What waits to be sent to one socket. Bounded: above the soft limit presence is dropped; above the hard limit the reader is too slow
//! and is closed with 4430. Frames are shared: a frame for a thousand sockets is in memory once.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::timeout;

use crate::metrics::Metrics;
use crate::protocol::CloseCode;

/// A frame's text, shared between the sockets that get it.
pub type Text = hyper_tungstenite::tungstenite::Utf8Bytes;

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
    Frame(Text),
    /// Say goodbye.
    Close(CloseCode),
    /// Nothing: the other end is gone.
    End,
}

#[derive(Debug, Default)]
struct Queue {
    frames: VecDeque<Text>,
    bytes: usize,
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
}

impl Outbox {
    /// An empty one.
    pub fn new(metrics: Arc<Metrics>) -> Self {
        Self { queue: Mutex::default(), filled: Notify::new(), drained: Notify::new(), metrics }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Queues a frame that must arrive; a reader that is too far behind is closed instead. False when it is closing.
    pub fn push(&self, frame: Text) -> bool {
        let mut queue = self.queue();
        if queue.closing.is_some() {
            return false;
        }
        // One frame always fits, however large.
        if !queue.frames.is_empty()
            && (queue.bytes + frame.len() > HARD_BYTES || queue.frames.len() >= HARD_FRAMES)
        {
            self.shut(&mut queue, Next::Close(CloseCode::SlowReader));
            return false;
        }
        self.append(&mut queue, frame);
        true
    }

    /// Queues a frame that may be lost.
    pub fn push_droppable(&self, frame: Text) {
        let mut queue = self.queue();
        if queue.closing.is_some() || queue.bytes > SOFT_BYTES {
            self.metrics.presence_drops.inc();
            return;
        }
        self.append(&mut queue, frame);
    }

    fn append(&self, queue: &mut Queue, frame: Text) {
        let bytes = frame.len();
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
        self.metrics.outbox_bytes.dec_by(i64::try_from(queue.bytes).unwrap_or(i64::MAX));
        queue.frames = VecDeque::new();
        queue.bytes = 0;
        queue.closing = Some(last);
        self.filled.notify_one();
        self.drained.notify_waiters();
    }

    /// Closes a reader that did not make room in time.
    pub fn give_up(&self) {
        let mut queue = self.queue();
        if queue.closing.is_none() {
            self.shut(&mut queue, Next::Close(CloseCode::SlowReader));
        }
    }

    /// Whether it is on its way out: what it says is of no account any more.
    pub fn is_closing(&self) -> bool {
        self.queue().closing.is_some()
    }

    /// Whether bulk senders must wait.
    pub fn is_crowded(&self) -> bool {
        self.queue().bytes > SOFT_BYTES
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

    /// What is to be sent now, without waiting.
    pub fn try_next(&self) -> Option<Next> {
        let mut queue = self.queue();
        if let Some(frame) = queue.frames.pop_front() {
            let was_crowded = queue.bytes > SOFT_BYTES;
            queue.bytes -= frame.len();
            self.metrics.outbox_bytes.dec_by(i64::try_from(frame.len()).unwrap_or(i64::MAX));
            if was_crowded && queue.bytes <= SOFT_BYTES {
                self.drained.notify_waiters();
            }
            if queue.frames.is_empty() && queue.frames.capacity() > 64 {
                queue.frames.shrink_to(8);
            }
            return Some(Next::Frame(frame));
        }
        queue.closing.clone()
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
        self.metrics.outbox_bytes.dec_by(i64::try_from(bytes).unwrap_or(i64::MAX));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outbox() -> Outbox {
        Outbox::new(Arc::new(Metrics::default()))
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
        let large: Text = "x".repeat(SOFT_BYTES + 1).into();
        assert!(outbox.push(large.clone()));
        outbox.push_droppable("presence".into());
        assert_eq!(outbox.metrics.presence_drops.get(), 1);
        while outbox.push(large.clone()) {}
        assert_eq!(outbox.next().await, Next::Close(CloseCode::SlowReader));
    }

    #[tokio::test]
    async fn bulk_waits_for_room_but_not_for_ever() {
        let outbox = outbox();
        outbox.push("x".repeat(SOFT_BYTES + 1).into());
        assert!(!outbox.room_for_bulk(Duration::from_millis(1)).await);
        outbox.try_next();
        assert!(outbox.room_for_bulk(Duration::from_millis(1)).await);
    }
}
