//! What a node holds in memory for others, bounded in bytes: answers that wait for their readers, requests and frames that come in, frames
//! that wait for sockets. Each kind has a share. Who needs bytes waits for them a little and is refused then; where a share runs out, those
//! go for whom bytes are held and who do not move.

mod line;
mod place;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

pub use line::{FREE_BYTES, Line};
pub use place::Place;

/// Who asks for no more than this finds a quarter of each share reserved: small things go on while large ones wait.
const SMALL_BYTES: usize = 64 * 1024;
/// How long somebody waits for bytes before being refused.
const PATIENCE: Duration = Duration::from_secs(5);
/// Who has not moved for so long is let go where a share runs out.
const STALE: Duration = Duration::from_secs(2);
/// How often it is looked whether a share runs out.
const LOOK: Duration = Duration::from_millis(250);
/// What a frame may take of its share when that is full, however many sockets there are.
const LEAST_ALLOWANCE: usize = 16 * 1024;

/// What bytes are held for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Answers that wait for their readers.
    Answers,
    /// Bodies, frames that are not whole yet, batches that wait for the database.
    Requests,
    /// Frames that wait for sockets.
    Frames,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Answers, Self::Requests, Self::Frames];

    /// Its name in metrics.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Answers => "answers",
            Self::Requests => "requests",
            Self::Frames => "frames",
        }
    }
}

/// The bytes asked for did not come free in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the node holds as much as it may: try again")]
pub struct Exhausted;

/// One kind's share: permits are bytes.
#[derive(Debug)]
struct Share {
    small: Arc<Semaphore>,
    bulk: Arc<Semaphore>,
    small_bytes: usize,
    bulk_bytes: usize,
    /// What was held beyond it, where nobody can wait.
    beyond: Arc<AtomicUsize>,
    cuts: AtomicU64,
}

impl Share {
    fn new(bytes: usize, largest_bytes: usize) -> Self {
        let small_bytes = (bytes / 4).max(SMALL_BYTES);
        let bulk_bytes = (bytes - bytes / 4).max(largest_bytes + largest_bytes / 4).min(u32::MAX as usize);
        Self {
            small: Arc::new(Semaphore::new(small_bytes)),
            bulk: Arc::new(Semaphore::new(bulk_bytes)),
            small_bytes,
            bulk_bytes,
            beyond: Arc::default(),
            cuts: AtomicU64::new(0),
        }
    }

    fn held(&self) -> usize {
        let free = self.small.available_permits() + self.bulk.available_permits();
        (self.small_bytes + self.bulk_bytes).saturating_sub(free) + self.beyond.load(Ordering::Relaxed)
    }

    /// Whether less than a quarter is left, of either part.
    fn runs_out(&self) -> bool {
        self.bulk.available_permits() < self.bulk_bytes / 4
            || self.small.available_permits() < self.small_bytes / 4
            || self.beyond.load(Ordering::Relaxed) > 0
    }

    /// The part that serves so many bytes, and how many of its permits that takes: whatever is larger than all of it takes all.
    fn part(&self, bytes: usize, is_bulk: bool) -> (&Arc<Semaphore>, u32) {
        let (part, most) = if is_bulk || bytes > SMALL_BYTES {
            (&self.bulk, self.bulk_bytes)
        } else {
            (&self.small, self.small_bytes)
        };
        (part, u32::try_from(bytes.min(most)).unwrap_or(u32::MAX))
    }
}

/// The bytes that a node may hold for others.
#[derive(Debug)]
pub struct Budget {
    shares: [Share; 3],
    places: Mutex<HashMap<u64, Weak<Place>>>,
    place_count: AtomicUsize,
    next_place: AtomicU64,
    began: Instant,
}

impl Budget {
    /// So many bytes in all, a third for each kind, but room for the largest single thing in any case.
    pub fn new(bytes: usize, largest_bytes: usize) -> Arc<Self> {
        let share = bytes / Kind::ALL.len();
        Arc::new(Self {
            shares: Kind::ALL.map(|_| Share::new(share, largest_bytes)),
            places: Mutex::default(),
            place_count: AtomicUsize::new(0),
            next_place: AtomicU64::new(1),
            began: Instant::now(),
        })
    }

    fn share(&self, kind: Kind) -> &Share {
        let [answers, requests, frames] = &self.shares;
        match kind {
            Kind::Answers => answers,
            Kind::Requests => requests,
            Kind::Frames => frames,
        }
    }

    fn places(&self) -> MutexGuard<'_, HashMap<u64, Weak<Place>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Takes bytes; waits for them a little.
    pub async fn take(self: &Arc<Self>, kind: Kind, bytes: usize) -> Result<Lease, Exhausted> {
        self.taken(kind, bytes, false).await
    }

    /// Takes a part of something large, however small the part is.
    pub async fn take_bulk(self: &Arc<Self>, kind: Kind, bytes: usize) -> Result<Lease, Exhausted> {
        self.taken(kind, bytes, true).await
    }

    async fn taken(self: &Arc<Self>, kind: Kind, bytes: usize, is_bulk: bool) -> Result<Lease, Exhausted> {
        let (part, permits) = self.share(kind).part(bytes, is_bulk);
        let permit = timeout(PATIENCE, Arc::clone(part).acquire_many_owned(permits)).await;
        let permit = permit.map_err(|_| Exhausted)?.map_err(|_| Exhausted)?;
        Ok(Lease { kind, bytes, permit: Some(permit), beyond: None, place: None })
    }

    /// Takes bytes that are there; none otherwise.
    pub fn try_take(&self, kind: Kind, bytes: usize) -> Option<Lease> {
        let (part, permits) = self.share(kind).part(bytes, false);
        let permit = Arc::clone(part).try_acquire_many_owned(permits).ok()?;
        Some(Lease { kind, bytes, permit: Some(permit), beyond: None, place: None })
    }

    /// Holds bytes that are there already, beyond the share if need be.
    pub fn hold(&self, kind: Kind, bytes: usize) -> Lease {
        self.try_take(kind, bytes).unwrap_or_else(|| {
            let beyond = Arc::clone(&self.share(kind).beyond);
            beyond.fetch_add(bytes, Ordering::Relaxed);
            Lease { kind, bytes, permit: None, beyond: Some(beyond), place: None }
        })
    }

    /// What may wait for one socket now: any amount while there is enough, else each one's fair part.
    pub fn frame_allowance(&self) -> usize {
        let share = self.share(Kind::Frames);
        if !share.runs_out() {
            return usize::MAX;
        }
        let sockets = self.place_count.load(Ordering::Relaxed).max(1);
        (share.bulk_bytes / sockets).max(LEAST_ALLOWANCE)
    }

    /// Bytes held of a kind.
    pub fn held(&self, kind: Kind) -> usize {
        self.share(kind).held()
    }

    /// Connections let go so far because they did not move while their kind's share ran out.
    pub fn cuts(&self, kind: Kind) -> u64 {
        self.share(kind).cuts.load(Ordering::Relaxed)
    }

    /// Looks now and then whether a share runs out, without end.
    pub async fn watch(self: Arc<Self>) {
        loop {
            sleep(LOOK).await;
            Kind::ALL
                .iter()
                .filter(|kind| self.share(**kind).runs_out())
                .for_each(|kind| self.make_room(*kind));
        }
    }

    /// Lets go who has not moved, the longest first, until half of the share would be free.
    fn make_room(&self, kind: Kind) {
        let share = self.share(kind);
        let now = self.now_ms();
        let places: Vec<Arc<Place>> = self.places().values().filter_map(Weak::upgrade).collect();
        let mut stale: Vec<_> = places
            .into_iter()
            .filter(|place| place.held(kind) > 0 && now.saturating_sub(place.moved_at(kind)) >= millis(STALE))
            .collect();
        stale.sort_by_key(|place| place.moved_at(kind));
        let enough = share.held().saturating_sub(usize::midpoint(share.small_bytes, share.bulk_bytes));
        let mut given_back = 0;
        for place in stale {
            if given_back >= enough {
                break;
            }
            given_back += place.held(kind);
            if place.let_go(kind) {
                share.cuts.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Bytes that are held; given back when it is dropped.
#[derive(Debug)]
pub struct Lease {
    kind: Kind,
    bytes: usize,
    permit: Option<OwnedSemaphorePermit>,
    beyond: Option<Arc<AtomicUsize>>,
    place: Option<Arc<Place>>,
}

impl Lease {
    /// How many.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it so many: gives back what is too much, takes what is there for the rest. False when there is not enough.
    pub fn fit(&mut self, bytes: usize) -> bool {
        let Some(permit) = &mut self.permit else { return false };
        let less = permit.num_permits().saturating_sub(bytes);
        let more = bytes.saturating_sub(permit.num_permits());
        if less > 0 {
            drop(permit.split(less));
        } else if more > 0 {
            let semaphore = Arc::clone(permit.semaphore());
            let Ok(more) = u32::try_from(more) else { return false };
            let Ok(added) = semaphore.try_acquire_many_owned(more) else { return false };
            permit.merge(added);
        }
        self.bytes = bytes;
        true
    }

    /// Says for whom they are held: from now on that one has to move.
    pub fn charge(&mut self, place: &Arc<Place>) {
        place.add(self.kind, self.bytes);
        self.place = Some(Arc::clone(place));
    }

    /// Says that nobody is waited for but the node itself.
    pub fn discharge(&mut self) {
        if let Some(place) = self.place.take() {
            place.remove(self.kind, self.bytes);
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.discharge();
        if let Some(beyond) = &self.beyond {
            beyond.fetch_sub(self.bytes, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1024 * 1024;

    #[tokio::test(start_paused = true)]
    async fn who_finds_nothing_left_is_refused_and_small_things_go_on() {
        let budget = Budget::new(12 * MIB, 0);
        let all = budget.take(Kind::Answers, 3 * MIB).await.unwrap();
        assert_eq!(budget.take(Kind::Answers, MIB).await.unwrap_err(), Exhausted);
        let small = budget.take(Kind::Answers, 1024).await.unwrap();
        let other = budget.take(Kind::Requests, 3 * MIB).await.unwrap();
        assert_eq!(budget.held(Kind::Answers), 3 * MIB + 1024);
        drop((all, small, other));
        assert_eq!(Kind::ALL.map(|kind| budget.held(kind)), [0, 0, 0]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_fits_what_was_read() {
        let budget = Budget::new(12 * MIB, 0);
        let mut lease = budget.take(Kind::Answers, MIB).await.unwrap();
        assert!(lease.fit(2 * MIB) && lease.fit(1000));
        assert_eq!(budget.held(Kind::Answers), 1000);
        assert!(!lease.fit(4 * MIB), "more than there is");
        assert!(budget.take(Kind::Answers, 100 * MIB).await.is_err(), "all of it, which is not free");
        drop(lease);
        assert!(budget.take(Kind::Answers, 100 * MIB).await.is_ok(), "what is larger than all goes alone");
    }

    #[tokio::test(start_paused = true)]
    async fn who_does_not_move_is_let_go_when_a_share_runs_out() {
        let budget = Budget::new(12 * MIB, 0);
        let (still, moving) = (budget.place(), budget.place());
        let mut leases = [
            budget.take(Kind::Answers, 5 * MIB / 2).await.unwrap(),
            budget.take(Kind::Answers, MIB / 2).await.unwrap(),
        ];
        leases[0].charge(&still);
        leases[1].charge(&moving);
        tokio::time::advance(STALE).await;
        moving.moved_out(100_000);
        budget.make_room(Kind::Answers);
        assert!(still.is_let_go() && !moving.is_let_go());
        assert_eq!(budget.cuts(Kind::Answers), 1);
    }

    #[tokio::test]
    async fn what_is_there_already_is_held_beyond_the_share() {
        let budget = Budget::new(3 * MIB, 0);
        assert_eq!(budget.frame_allowance(), usize::MAX);
        let held = budget.hold(Kind::Frames, 5 * MIB);
        let beyond = budget.hold(Kind::Frames, MIB);
        assert_eq!(budget.held(Kind::Frames), 3 * MIB / 4 + MIB);
        assert!(budget.frame_allowance() <= 3 * MIB / 4);
        drop((held, beyond));
        assert_eq!((budget.held(Kind::Frames), budget.frame_allowance()), (0, usize::MAX));
    }
}
