//! The writers: each has a connection of its own and its share of the rooms. While one transaction is on its way, everything that
//! arrives waits for the next; there is no timer. What fails together is tried again in parts, so that one bad batch takes nobody
//! else's with it, and a room that somebody holds waits by itself.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout, timeout_at};
use uuid::Uuid;

use super::batch::{Gathered, divide};
use super::submission::PATIENCE;
pub use super::submission::{Answer, Submission};
use crate::backoff::Backoff;
use crate::db::calls::{self, BatchAnswer, BatchCall, WriterConnection};
use crate::db::{Db, DbError};
use crate::metrics::{Metrics, count};
use crate::model::{Gesture, RoomId};
use crate::protocol::RejectCode;
use crate::protocol::encode::Outcome;

/// Batches that wait for one writer; whoever brings more waits in line, which holds back its socket.
const QUEUE: usize = 2_048;
/// How long a room that somebody holds is left alone before it is tried again.
const HELD_PAUSE: Duration = Duration::from_millis(25);
/// How long a transaction may take though a batch of it is overdue: a room that is held shows in less, and costs no connection.
const LEAST_PATIENCE: Duration = Duration::from_secs(1);
/// Current rows told with a reject, at most.
const MAX_ROWS_TOLD: usize = 32;
/// How long they may take; the writer and all its rooms wait meanwhile, so after that they are not told.
const ROWS_TOLD_WITHIN: Duration = Duration::from_secs(1);

/// The queues of the writers.
#[derive(Debug, Clone)]
pub struct Writers {
    queues: Arc<[mpsc::Sender<Submission>]>,
    metrics: Arc<Metrics>,
}

impl Writers {
    /// Starts `count` writers. They end when every handle is dropped and their queues are empty.
    pub fn spawn(db: &Db, count: usize, metrics: &Arc<Metrics>) -> (Self, Vec<JoinHandle<()>>) {
        let mut tasks = Vec::with_capacity(count);
        let queues = (0..count.max(1))
            .map(|_| {
                let (queue, inbox) = mpsc::channel(QUEUE);
                let writer = Writer {
                    db: db.clone(),
                    metrics: Arc::clone(metrics),
                    connection: None,
                    backoff: Backoff::default(),
                    held: HashMap::new(),
                    given_up: HashMap::new(),
                };
                tasks.push(tokio::spawn(writer.run(inbox)));
                queue
            })
            .collect();
        (Self { queues, metrics: Arc::clone(metrics) }, tasks)
    }

    /// Hands a batch to its room's writer; waits while that one's queue is full.
    pub async fn submit(&self, submission: Submission) {
        let share = submission.room_id.get().unsigned_abs() % self.queues.len().max(1) as u64;
        let queue = usize::try_from(share).ok().and_then(|share| self.queues.get(share));
        // A place first: whoever is broken off while waiting for one was never in the queue.
        let refused = match queue {
            Some(queue) => match queue.reserve().await {
                Ok(place) => {
                    self.metrics.writer_queue.inc();
                    place.send(submission);
                    None
                }
                Err(_) => Some(submission),
            },
            None => Some(submission),
        };
        if let Some(submission) = refused {
            (submission.reply)(unavailable());
        }
    }
}

fn unavailable() -> Answer {
    let message = "the database did not take it in time: send it again with the same op_id".to_owned();
    Answer::Reject { code: RejectCode::Unavailable, message, shapes: Vec::new() }
}

struct Writer {
    db: Db,
    metrics: Arc<Metrics>,
    connection: Option<WriterConnection>,
    backoff: Backoff,
    /// Batches of rooms that somebody holds, in order; tried by themselves, room by room.
    held: HashMap<RoomId, Vec<Submission>>,
    /// Whose batches were given up lately, and when: what had arrived from them by then is given up too.
    given_up: HashMap<(RoomId, Uuid), Instant>,
}

impl Writer {
    async fn run(mut self, mut inbox: mpsc::Receiver<Submission>) {
        let mut carried = None;
        loop {
            let first = match carried.take() {
                Some(submission) => Some(submission),
                None => self.next(&mut inbox).await,
            };
            let Some(first) = first else { break };
            let mut gathered = Gathered::default();
            let mut next = Some(first);
            while let Some(submission) = next {
                let size = submission.size();
                carried = gathered.add(submission, size);
                next = if carried.is_none() { inbox.try_recv().ok() } else { None };
            }
            self.commit_all(gathered.into_batches()).await;
        }
        while !self.held.is_empty() {
            self.try_held().await;
        }
    }

    /// The next batch; held rooms are tried while there is none.
    async fn next(&mut self, inbox: &mut mpsc::Receiver<Submission>) -> Option<Submission> {
        loop {
            if self.held.is_empty() {
                return inbox.recv().await;
            }
            tokio::select! {
                biased;
                submission = inbox.recv() => return submission,
                () = sleep(HELD_PAUSE) => self.try_held().await,
            }
        }
    }

    async fn commit_all(&mut self, batches: Vec<Submission>) {
        let mut ready = Vec::with_capacity(batches.len());
        for submission in batches {
            match self.held.get_mut(&submission.room_id) {
                Some(held) => held.push(submission),
                None => ready.push(submission),
            }
        }
        let mut parts = vec![ready];
        while let Some(part) = parts.pop() {
            if !part.is_empty() {
                // The last part is popped first: keep the order of what is divided.
                parts.extend(self.commit(part).await.into_iter().rev());
            }
        }
        if !self.held.is_empty() {
            self.try_held().await;
        }
    }

    async fn try_held(&mut self) {
        let mut held: Vec<Vec<Submission>> = std::mem::take(&mut self.held).into_values().collect();
        // Whoever waits longest first: nobody becomes overdue behind others.
        held.sort_by_key(|batches| batches.first().map(|first| first.arrived));
        for batches in held {
            let mut parts = vec![batches];
            while let Some(part) = parts.pop() {
                let again = self.commit(part).await;
                parts.extend(again.into_iter().rev());
            }
        }
    }

    /// One transaction. Gives back the parts to try apart.
    async fn commit(&mut self, batches: Vec<Submission>) -> Vec<Vec<Submission>> {
        let batches = self.give_up_overdue(batches);
        if let Some(held) = batches.first().and_then(|first| self.held.get_mut(&first.room_id)) {
            held.extend(batches); // an earlier part of the room is held: stay behind it
            return Vec::new();
        }
        if batches.is_empty() {
            return Vec::new();
        }
        if batches.len() > 1 && !batches.iter().all(Submission::is_drawing) {
            return batches.into_iter().map(|submission| vec![submission]).collect();
        }
        match self.apply(&batches).await {
            Ok(answers) => {
                for (submission, answer) in batches.into_iter().zip(answers) {
                    let answer = self.told(&submission, answer).await;
                    self.answer(submission, answer);
                }
                Vec::new()
            }
            Err(error) => self.recover(batches, error).await,
        }
    }

    /// Answers those that waited too long, and those of the same client behind them: a patch must not be applied without the put before it,
    /// which its author is about to send again.
    fn give_up_overdue(&mut self, batches: Vec<Submission>) -> Vec<Submission> {
        // Whatever arrived before such a moment is overdue by itself by then.
        self.given_up.retain(|_, at| at.elapsed() < PATIENCE);
        let mut in_time = Vec::with_capacity(batches.len());
        for submission in batches {
            let author = (submission.room_id, submission.client);
            let is_behind = self.given_up.get(&author).is_some_and(|at| submission.arrived <= *at);
            if submission.is_overdue() || is_behind {
                self.given_up.insert(author, Instant::now());
                self.answer(submission, unavailable());
            } else {
                in_time.push(submission);
            }
        }
        in_time
    }

    async fn apply(&mut self, batches: &[Submission]) -> Result<Vec<BatchAnswer>, DbError> {
        let asked = Instant::now();
        // Whoever says nothing until then has lost the connection. What it was asked may yet be committed: the repeat settles that.
        let deadline = self.due(batches).max(asked + LEAST_PATIENCE);
        let applied = timeout_at(deadline, self.attempt(batches)).await.unwrap_or(Err(DbError::Unreachable));
        if applied.is_ok() {
            self.backoff.reset();
            self.db.writing_works();
            self.metrics.commit_seconds.observe(asked.elapsed().as_secs_f64());
            self.metrics
                .batches_per_commit
                .observe(f64::from(u32::try_from(batches.len()).unwrap_or(u32::MAX)));
            let ops: usize = batches.iter().map(|batch| batch.gesture.ops().len()).sum();
            self.metrics.ops_per_commit.observe(f64::from(u32::try_from(ops).unwrap_or(u32::MAX)));
        }
        applied
    }

    /// The connection is gone if this is broken off, or fails for want of one.
    async fn attempt(&mut self, batches: &[Submission]) -> Result<Vec<BatchAnswer>, DbError> {
        let connection = match self.connection.take().filter(|connection| connection.is_current(&self.db)) {
            Some(connection) => connection,
            None => WriterConnection::open(&self.db).await?,
        };
        let applied = ask(&connection, batches, &self.metrics).await;
        if !matches!(applied, Err(DbError::Unreachable | DbError::Lacking(_))) {
            self.connection = Some(connection);
        }
        applied
    }

    /// When the first of these, or of those that are held, is overdue.
    fn due(&self, batches: &[Submission]) -> Instant {
        let all = batches.iter().chain(self.held.values().flatten());
        all.map(Submission::due).min().unwrap_or_else(Instant::now)
    }

    async fn recover(&mut self, batches: Vec<Submission>, error: DbError) -> Vec<Vec<Submission>> {
        match error {
            DbError::Unreachable | DbError::Lacking(_) => {
                self.db.writing_fails(&error);
                count(&self.metrics.retries, "unreachable");
                let batches = self.give_up_overdue(batches);
                sleep_until(self.due(&batches).min(Instant::now() + self.backoff.next_delay())).await;
                vec![batches]
            }
            DbError::Busy => {
                count(&self.metrics.retries, "busy");
                self.hold_or_divide(batches)
            }
            error if batches.len() > 1 => {
                count(&self.metrics.retries, "divided");
                tracing::debug!(%error, batches = batches.len(), "a transaction failed: trying its parts");
                divide(batches, |batch| batch.room_id)
            }
            error => {
                for submission in batches {
                    let answer = self.refusal(&submission, &error).await;
                    self.answer(submission, answer);
                }
                Vec::new()
            }
        }
    }

    fn hold_or_divide(&mut self, batches: Vec<Submission>) -> Vec<Vec<Submission>> {
        let one_room = batches.windows(2).all(|pair| matches!(pair, [a, b] if a.room_id == b.room_id));
        match batches.first() {
            Some(first) if one_room => {
                self.held.entry(first.room_id).or_default().extend(batches);
                Vec::new()
            }
            _ => divide(batches, |batch| batch.room_id),
        }
    }

    async fn refusal(&self, submission: &Submission, error: &DbError) -> Answer {
        let (code, message) = match error {
            DbError::Invalid(message) => (RejectCode::Invalid, message.clone()),
            DbError::NotFound(message) => (RejectCode::NotFound, message.clone()),
            _ => (RejectCode::Invalid, "ops: the database refused this batch".to_owned()),
        };
        Answer::Reject { code, message, shapes: self.rows_concerned(submission).await }
    }

    async fn rows_concerned(&self, submission: &Submission) -> Vec<String> {
        let ops = submission.gesture.ops().iter();
        let ids: Vec<&str> = ops.take(MAX_ROWS_TOLD).map(|op| op.id.as_str()).collect();
        if ids.is_empty() {
            return Vec::new();
        }
        let rows = timeout(ROWS_TOLD_WITHIN, calls::shapes_by_id(&self.db, submission.room_id, &ids)).await;
        let rows = rows.ok().and_then(Result::ok).unwrap_or_default();
        rows.into_iter().map(|(_, shape)| shape).collect()
    }

    async fn told(&self, submission: &Submission, answer: BatchAnswer) -> Answer {
        let (code, message) = match answer {
            BatchAnswer::Applied { seq, outcomes, left_alone } => {
                let outcomes = outcomes.iter().map(|outcome| match outcome.as_str() {
                    "applied" => Outcome::Applied,
                    "gone" => Outcome::Gone,
                    _ => Outcome::Unchanged,
                });
                return Answer::Ack { seq, outcomes: outcomes.collect(), left_alone };
            }
            BatchAnswer::Conflict => {
                (RejectCode::Conflict, "base: a shape has another version than the one the op is based on")
            }
            BatchAnswer::NothingToUndo => (RejectCode::NothingToUndo, "there is nothing to undo or redo"),
            BatchAnswer::NoRoom => (RejectCode::NotFound, "room: there is no such room"),
        };
        let shapes = match code {
            RejectCode::Conflict => self.rows_concerned(submission).await,
            _ => Vec::new(),
        };
        Answer::Reject { code, message: message.to_owned(), shapes }
    }

    fn answer(&self, submission: Submission, answer: Answer) {
        self.metrics.writer_queue.dec();
        self.metrics.answer_seconds.observe(submission.arrived.elapsed().as_secs_f64());
        match &answer {
            Answer::Ack { .. } => _ = self.metrics.ops.inc_by(submission.gesture.ops().len() as u64),
            Answer::Reject { code, .. } => count(&self.metrics.rejects, code.as_str()),
        }
        (submission.reply)(answer);
    }
}

/// Batches of ops in one call; anything else is alone.
async fn ask(
    connection: &WriterConnection,
    batches: &[Submission],
    metrics: &Metrics,
) -> Result<Vec<BatchAnswer>, DbError> {
    if let [submission] = batches {
        let call = submission.gesture_call();
        let answer = match &submission.gesture {
            Gesture::Draw(_) => return draw(connection, batches, metrics).await,
            Gesture::Undo => connection.move_gesture(&call, true).await?,
            Gesture::Redo => connection.move_gesture(&call, false).await?,
            Gesture::TakeBack(chosen) => connection.undo_changes(&call, chosen).await?,
        };
        return Ok(vec![answer]);
    }
    draw(connection, batches, metrics).await
}

async fn draw(
    connection: &WriterConnection,
    batches: &[Submission],
    metrics: &Metrics,
) -> Result<Vec<BatchAnswer>, DbError> {
    let calls: Vec<BatchCall<'_>> = batches.iter().map(Submission::call).collect();
    connection.apply_batches(&calls, |stage| count(&metrics.batches, stage.as_str())).await
}
