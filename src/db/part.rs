//! The part of the pool that large calls share, so that small ones find a connection however many large ones there are.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::error::DbError;

/// Half of the pool's connections, and one at least. Of a pool of one nothing is kept for small calls: they wait their turn.
#[derive(Debug)]
pub(super) struct LargePart {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
}

/// The right to one connection of the part; given back when it is dropped.
pub(super) type LargePermit = OwnedSemaphorePermit;

/// Counts one who waits, also when they give up.
struct Waiting<'a>(&'a AtomicUsize);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl LargePart {
    /// The part of a pool of so many connections.
    pub(super) fn of(pool_size: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new((pool_size / 2).max(1))), waiting: AtomicUsize::new(0) }
    }

    /// A permit, first come, first served; gives up after some time.
    pub(super) async fn permit(&self, patience: Duration) -> Result<LargePermit, DbError> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Ok(permit);
        }
        self.waiting.fetch_add(1, Ordering::Relaxed);
        let _waiting = Waiting(&self.waiting);
        let permit = timeout(patience, Arc::clone(&self.permits).acquire_owned()).await;
        permit.map_err(|_| DbError::Unreachable)?.map_err(|_| DbError::Unreachable)
    }

    /// Whether somebody waits for a permit.
    pub(super) fn is_waited_for(&self) -> bool {
        self.waiting.load(Ordering::Relaxed) > 0
    }

    /// Refuses those who wait or come later.
    pub(super) fn close(&self) {
        self.permits.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn half_of_a_pool_is_for_large_calls_and_one_connection_at_least() {
        for (size, large) in [(1, 1), (2, 1), (3, 1), (8, 4)] {
            let part = LargePart::of(size);
            let permits: Vec<_> = (0..large).map(|_| Arc::clone(&part.permits).try_acquire_owned()).collect();
            assert!(permits.iter().all(Result::is_ok), "{size}");
            let late = part.permit(Duration::from_secs(5));
            assert_eq!(late.await.map(|_| ()), Err(DbError::Unreachable), "{size}: no more than {large}");
            assert!(!part.is_waited_for(), "who gave up waits no more");
        }
    }

    #[tokio::test]
    async fn who_waits_is_counted_and_gets_what_is_given_back() {
        let part = Arc::new(LargePart::of(1));
        let held = part.permit(Duration::ZERO).await.unwrap();
        let waiter = Arc::clone(&part);
        let waiting = tokio::spawn(async move { waiter.permit(Duration::from_mins(1)).await.map(|_| ()) });
        while !part.is_waited_for() {
            tokio::task::yield_now().await;
        }
        drop(held);
        assert_eq!(waiting.await.unwrap(), Ok(()));
        assert!(!part.is_waited_for());
        part.close();
        assert_eq!(part.permit(Duration::from_mins(1)).await.map(|_| ()), Err(DbError::Unreachable));
    }
}
