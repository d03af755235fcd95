//! A board with a connection that comes back by itself.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::{Notify, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout};

use super::attend::{Connection, End, tell};
use super::board::Board;
use super::error::ClientError;
use super::news::News;
use super::op::Op;
use super::saved::Saved;
use super::settings::{Phase, Settings, Status};
use crate::backoff::Backoff;
use crate::model::limits::MAX_SAFE_INTEGER;

/// News that the application has not read. When they are so many the connection reads no further until it does: then the node may find
/// this client slow and close, and it comes back with its `since`. Nothing is lost.
const UNREAD_NEWS: usize = 1_024;
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// A board that is kept up to date by a task of its own, and that can be drawn on whether or not a node is there. Dropping it ends the task.
#[derive(Debug)]
pub struct Client {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// The news of a client, in order. Whoever does not want them drops it.
pub type NewsReader = mpsc::Receiver<News>;

/// A number above every `op_id` that a client of the past may have used: the time in microseconds, which fits the protocol's integers until
/// the year 2255.
pub fn restart_op_id() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).map_or(MAX_SAFE_INTEGER, |us| us.min(MAX_SAFE_INTEGER))
}

/// What the application and the task both hold.
#[derive(Debug)]
pub(super) struct Shared {
    board: Mutex<Board>,
    /// There is something to send.
    pub(super) drawn: Notify,
    pub(super) online: watch::Sender<bool>,
    status: watch::Sender<Status>,
    begun: Instant,
}

impl Client {
    /// Starts the task; the board may be new or restored.
    pub fn open(settings: Settings, board: Board) -> (Self, NewsReader) {
        let status = Status {
            phase: Phase::Reconnecting,
            at: board.at(),
            unacknowledged: board.unacknowledged().len(),
            connections: 0,
            closed_with: None,
        };
        let shared = Arc::new(Shared {
            board: Mutex::new(board),
            drawn: Notify::new(),
            online: watch::Sender::new(true),
            status: watch::Sender::new(status),
            begun: Instant::now(),
        });
        let (tell, news) = mpsc::channel(UNREAD_NEWS);
        let task = tokio::spawn(run(Arc::clone(&shared), settings, tell));
        (Self { shared, task }, news)
    }

    /// One gesture: on the board at once, sent as soon as it can be. Gives its number, the `op_id` of its first batch: see [`Board::edit`].
    pub fn edit(&self, ops: Vec<Op>) -> Result<i64, ClientError> {
        self.take(|board| board.edit(ops))
    }

    /// Takes this person's last gesture back, when the server comes to it: see [`Board::undo`]. Gives its `op_id`.
    pub fn undo(&self) -> Result<i64, ClientError> {
        self.take(Board::undo)
    }

    /// Does again what this person took back last. Gives its `op_id`.
    pub fn redo(&self) -> Result<i64, ClientError> {
        self.take(Board::redo)
    }

    fn take(&self, gesture: impl FnOnce(&mut Board) -> Result<i64, ClientError>) -> Result<i64, ClientError> {
        let op_id = gesture(&mut self.shared.board())?;
        self.shared.say(|_| {});
        self.shared.drawn.notify_one();
        Ok(op_id)
    }

    /// Looks at the board. The connection waits meanwhile.
    pub fn board<T>(&self, look: impl FnOnce(&Board) -> T) -> T {
        look(&self.shared.board())
    }

    /// Where it is.
    pub fn status(&self) -> Status {
        self.shared.status.borrow().clone()
    }

    /// Waits until this is true of it. There is no deadline: a client waits for its node as long as it takes.
    pub async fn until(&self, reached: impl FnMut(&Status) -> bool) -> Status {
        let mut status = self.shared.status.subscribe();
        match status.wait_for(reached).await {
            Ok(status) => status.clone(),
            // The sender is in our own hands.
            Err(_) => self.status(),
        }
    }

    /// Goes offline, or comes back.
    pub fn set_online(&self, online: bool) {
        self.shared.online.send_replace(online);
    }

    /// What is to be kept over the end of the process. To lose nothing, keep it after every gesture.
    pub fn save(&self) -> Saved {
        self.shared.board().save()
    }

    /// Says goodbye; gives what is to be kept.
    pub async fn close(mut self) -> Saved {
        self.set_online(false);
        let offline = self.until(|status| matches!(status.phase, Phase::Offline | Phase::Stopped(_)));
        // An application that reads no news holds up the goodbye, too.
        _ = timeout(2 * GOODBYE, offline).await;
        self.task.abort();
        // It was aborted.
        _ = (&mut self.task).await;
        self.save()
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// The board. Whoever panicked with it in hand was no part of this library: every function here leaves it whole.
    pub(super) fn board(&self) -> MutexGuard<'_, Board> {
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Since the client began, milliseconds.
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The moment of such a time.
    pub(super) fn moment(&self, at_ms: u64) -> Instant {
        self.begun + Duration::from_millis(at_ms)
    }

    /// Changes the status, and brings it up to date with the board.
    pub(super) fn say(&self, change: impl FnOnce(&mut Status)) {
        let (at, unacknowledged, live) = {
            let board = self.board();
            (board.at(), board.unacknowledged().len(), board.is_live())
        };
        self.status.send_if_modified(|status| {
            let before = status.clone();
            change(status);
            (status.at, status.unacknowledged) = (at, unacknowledged);
            match status.phase {
                Phase::Joining if live => status.phase = Phase::Live,
                Phase::Live if !live => status.phase = Phase::Joining,
                _ => {}
            }
            before != *status
        });
    }

    /// Returns when the application wants (or does not want) a connection.
    pub(super) async fn until_online(&self, wanted: bool) {
        // The sender is in our own hands.
        _ = self.online.subscribe().wait_for(|online| *online == wanted).await;
    }
}

/// Connects, attends, and comes back, for as long as the client is there.
async fn run(shared: Arc<Shared>, settings: Settings, news: mpsc::Sender<News>) {
    let mut backoff = Backoff::default();
    for turn in 0.. {
        if !*shared.online.borrow() {
            shared.say(|status| status.phase = Phase::Offline);
            shared.until_online(true).await;
        }
        shared.say(|status| status.phase = Phase::Reconnecting);
        let Some(address) = settings.addresses.get(turn % settings.addresses.len().max(1)) else { return };
        match visit(&shared, &settings, address, &news, &mut backoff).await {
            End::Stop(code) => return shared.say(|status| status.phase = Phase::Stopped(code)),
            End::Moved | End::Unwanted => {}
            End::Lost => {
                let pause = backoff.next_delay();
                tokio::select! { () = sleep(pause) => {}, () = shared.until_online(false) => {} }
            }
        }
    }
}

/// One connection from its first byte to its last.
async fn visit(
    shared: &Shared,
    settings: &Settings,
    address: &str,
    news: &mpsc::Sender<News>,
    backoff: &mut Backoff,
) -> End {
    let opened = Connection::open(shared, settings, address);
    let opened = tokio::select! {
        opened = timeout(settings.open_timeout, opened) => opened.unwrap_or(Err(None)),
        () = shared.until_online(false) => return End::Unwanted,
    };
    let end = match opened {
        Ok((mut connection, limits)) => {
            let given_up = shared.board().connected(limits);
            shared.say(|status| {
                status.phase = Phase::Joining;
                status.connections += 1;
            });
            tell(news, given_up).await;
            let end = connection.attend(news).await;
            if end == End::Unwanted {
                _ = timeout(GOODBYE, connection.goodbye()).await;
            }
            let was_live = shared.board().is_live();
            if was_live {
                backoff.reset();
            }
            match end {
                // A room that sends everybody away at once is not asked again at once.
                End::Moved if !was_live => End::Lost,
                end => end,
            }
        }
        Err(code) => End::of(code),
    };
    shared.board().disconnected();
    end
}
