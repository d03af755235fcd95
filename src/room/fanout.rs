//! One task per hosted room: hears its bell, asks for what follows its cursor, encodes once, and sends to everyone in the room.
//! Whatever a bell says, the cursor decides: lost, doubled, late and merged notices are harmless.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::frames::{Framer, Stretch};
pub use super::handle::{Dialect, Event, RoomHandle, Subscribed, Subscriber};
use super::log::{LogPage, WHOLE_BATCH, page_after};
use super::outbox::{Frame, Outbox, SOFT_BYTES};
use super::presence::Peers;
use super::recent::Recent;
use super::seed;
use crate::backoff::Backoff;
use crate::db::calls::{self, RoomHead};
use crate::db::listen::Listener;
use crate::db::{Db, DbError};
use crate::metrics::{Metrics, count};
use crate::model::{RoomId, Seq};
use crate::protocol::{CloseCode, encode};

/// How long a bulk waits for readers to make room before it goes on without the slow ones.
const BULK_PATIENCE: Duration = Duration::from_millis(500);
/// How often a room looks whether it is empty and who is silent.
const TICK: Duration = Duration::from_secs(1);

/// What the task of a room works with.
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// The database.
    pub db: Db,
    /// The listening connection.
    pub listener: Listener,
    /// The node's metrics.
    pub metrics: Arc<Metrics>,
    /// How long an empty room stays hosted.
    pub linger: Duration,
}

/// The task of a room.
#[derive(Debug)]
pub struct Fanout {
    room: Arc<RoomHandle>,
    around: Surroundings,
    cursor: Seq,
    head: RoomHead,
    subscribers: HashMap<u64, Subscriber>,
    recent: Recent,
    peers: Peers,
    empty_since: Instant,
    /// Whether the room was deleted: another may have its number.
    is_gone: bool,
}

impl Fanout {
    /// Listens first, then reads where the room is: nothing falls between.
    pub async fn open(room: Arc<RoomHandle>, around: Surroundings) -> Result<Self, DbError> {
        around.listener.listen(&room.channel).await?;
        let head = calls::room_head(&around.db, room.id, Some(&room.channel)).await?;
        let head = head.ok_or_else(|| DbError::NotFound("room: there is no such room".to_owned()))?;
        // Ask the other nodes who is there; a lost answer comes with their next sign of life.
        _ = calls::ring(&around.db, &[room.id.get()], &["q".to_owned()]).await;
        Ok(Self {
            room,
            around,
            cursor: head.last_seq,
            head,
            subscribers: HashMap::new(),
            recent: Recent::default(),
            peers: Peers::default(),
            empty_since: Instant::now(),
            is_gone: false,
        })
    }

    /// Works until the room has been empty for the linger; `may_end` takes it out of the registry, unless somebody is coming.
    pub async fn run(mut self, mut inbox: mpsc::Receiver<Event>, may_end: impl Fn() -> bool) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                event = inbox.recv() => {
                    let Some(event) = event else { break };
                    self.handle(event).await;
                }
                _ = tick.tick() => {
                    self.expire_peers();
                    let idle = self.subscribers.is_empty() && self.empty_since.elapsed() >= self.around.linger;
                    if idle && inbox.is_empty() && may_end() { break; }
                }
            }
            if self.room.take_missed() {
                self.catch_up().await;
            }
            if self.is_gone && may_end() {
                break;
            }
        }
        inbox.close();
        while let Some(event) = inbox.recv().await {
            if let Event::Subscribe(subscriber, reply) = event {
                // It asks the registry again.
                _ = reply.send(Subscribed::Behind { subscriber, cursor: self.cursor });
            }
        }
        self.around.listener.unlisten(&self.room.channel).await;
    }

    async fn handle(&mut self, event: Event) {
        match event {
            Event::Notice(payload) => self.hear(&payload).await,
            Event::Missed => self.catch_up().await,
            Event::Subscribe(subscriber, reply) => {
                if subscriber.epoch.is_some_and(|epoch| epoch != self.head.epoch) {
                    self.catch_up().await; // a new history may have begun without a bell
                }
                // Whoever asked may be gone; then its place is cleared by its Unsubscribe.
                _ = reply.send(self.subscribe(subscriber));
            }
            Event::Unsubscribe(socket, gone) => {
                self.subscribers.remove(&socket);
                self.empty_since = Instant::now();
                _ = gone.send(()); // whoever went need not wait for it
            }
        }
    }

    fn subscribe(&mut self, mut subscriber: Subscriber) -> Subscribed {
        let is_of_another_history = subscriber.epoch.is_some_and(|epoch| epoch != self.head.epoch);
        if subscriber.rights < self.head.rights || is_of_another_history {
            // What it may was found before it changed, or its board is of another history: it comes back and asks anew.
            subscriber.outbox.close(CloseCode::GoingAway);
            return Subscribed::Live;
        }
        let seq = *subscriber.seq.get_or_insert(self.cursor);
        if seq < self.cursor {
            let Some(missed) = self.recent.after(seq) else {
                return Subscribed::Behind { subscriber, cursor: self.cursor };
            };
            for stretch in missed {
                if let Dialect::Native(name) = &subscriber.dialect {
                    subscriber.outbox.push(encoded(name, stretch));
                }
            }
            subscriber.seq = Some(self.cursor);
        }
        if let Dialect::Native(name) = &subscriber.dialect
            && let Some(frame) = self.peers.everyone(name)
        {
            subscriber.outbox.push_droppable(frame);
        }
        self.subscribers.insert(subscriber.socket, subscriber);
        Subscribed::Live
    }

    async fn hear(&mut self, payload: &str) {
        let (line, rest) = payload.split_once('\n').unwrap_or((payload, ""));
        let mut words = line.split(' ');
        match words.next() {
            Some("c") => {
                let seq = |word: Option<&str>| word.and_then(|word| word.parse::<Seq>().ok());
                if let (Some(from), Some(to)) = (seq(words.next()), seq(words.next())) {
                    self.hear_changes(from, to, rest).await;
                }
            }
            Some("p") => {
                count(&self.around.metrics.notices, "presence");
                let news = self.peers.hear(rest, Instant::now());
                for (name, outbox) in natives(&self.subscribers) {
                    if let Some(frame) = news.frame(name) {
                        outbox.push_droppable(frame);
                    }
                }
            }
            Some("x") => self.give_up_room(),
            Some("e" | "r") => self.catch_up().await, // a new epoch, other rights: the head tells
            Some("q") => {}                           // answered by the node's presence
            _ => count(&self.around.metrics.notices, "unknown"),
        }
    }

    async fn hear_changes(&mut self, from: Seq, to: Seq, batches: &str) {
        count(&self.around.metrics.notices, if batches.is_empty() { "bell" } else { "changes" });
        if to <= self.cursor {
            return;
        }
        if from == self.cursor && !batches.is_empty() {
            let batches_json = batches.replace('\n', ",");
            self.send(Stretch { from, to, batches_json, more: false }).await;
        } else {
            self.around.metrics.seq_lag.set(to.get() - self.cursor.get());
            self.catch_up().await;
        }
    }

    /// Fetches everything after the cursor; does not rest until that has worked, so that no part is ever sent twice.
    async fn catch_up(&mut self) {
        self.around.metrics.fetches.inc();
        let (db, room) = (self.around.db.clone(), self.room.id);
        let channel = self.room.channel.as_str();
        let Some(head) = insistently(room, || calls::room_head(&db, room, Some(channel))).await else {
            return self.give_up_room();
        };
        if head.epoch != self.head.epoch || head.last_seq < self.cursor || head.min_since > self.cursor {
            return self.start_over(head);
        }
        self.let_go(head.rights);
        let cuts = self.subscribers.values().filter_map(|subscriber| subscriber.seq);
        let mut framer = Framer::new(self.cursor, cuts);
        let mut after = (self.cursor, WHOLE_BATCH);
        let mut sent_bytes = 0;
        loop {
            let page = insistently(room, || page_after(&db, room, after, head.last_seq)).await;
            let Some(LogPage { changes, is_last }) = page else {
                return self.start_over(head);
            };
            changes.iter().for_each(|change| framer.push(change));
            if let Some(last) = changes.last() {
                after = (last.seq, last.ordinal);
            }
            if is_last {
                framer.end();
            }
            for stretch in framer.take() {
                sent_bytes += stretch.batches_json.len();
                self.send(stretch).await;
                if sent_bytes > SOFT_BYTES {
                    self.pace().await;
                }
            }
            if is_last {
                return;
            }
        }
    }

    /// In a bulk, waits a little for readers to make room; those who do not are closed and come back with their `since`.
    async fn pace(&self) {
        let deadline = Instant::now() + BULK_PATIENCE;
        for subscriber in self.subscribers.values().filter(|subscriber| subscriber.outbox.is_crowded()) {
            let patience = deadline.saturating_duration_since(Instant::now());
            if !subscriber.outbox.room_for_bulk(patience).await {
                subscriber.outbox.give_up();
            }
        }
    }

    /// Sends a stretch to everyone who has what comes before it, encoded once per name of the room.
    async fn send(&mut self, stretch: Stretch) {
        let seeds =
            self.subscribers.values().any(|subscriber| matches!(subscriber.dialect, Dialect::Seed(_)));
        let seed_frames =
            if seeds { seed::translate(&self.around.db, self.room.id, &stretch).await } else { None };
        let mut encoded_as: Vec<(Arc<str>, Frame)> = Vec::with_capacity(1);
        for subscriber in self.subscribers.values_mut() {
            match subscriber.seq {
                Some(seq) if seq == stretch.from => {}
                Some(seq) if seq > stretch.from && seq < stretch.to => {
                    subscriber.outbox.close(CloseCode::GoingAway); // never seen; joining again is always right
                    continue;
                }
                _ => continue,
            }
            match &subscriber.dialect {
                Dialect::Native(name) => {
                    let known =
                        encoded_as.iter().find(|(known, _)| known == name).map(|(_, frame)| frame.clone());
                    let frame = known.unwrap_or_else(|| {
                        let frame = encoded(name, &stretch);
                        encoded_as.push((Arc::clone(name), frame.clone()));
                        frame
                    });
                    subscriber.outbox.push(frame);
                }
                Dialect::Seed(name) => match &seed_frames {
                    Some(frames) => {
                        frames.iter().for_each(|frame| _ = subscriber.outbox.push(frame.named(name)));
                    }
                    None => subscriber.outbox.give_up(),
                },
            }
            if !stretch.more {
                subscriber.seq = Some(stretch.to);
            }
        }
        self.remember(stretch);
    }

    /// Moves the cursor on and keeps the stretch for those who are just joining.
    fn remember(&mut self, stretch: Stretch) {
        if !stretch.more {
            self.cursor = stretch.to;
        }
        self.recent.keep(stretch);
    }

    /// The history was rewound or pruned past the cursor: everybody joins anew.
    fn start_over(&mut self, head: RoomHead) {
        tracing::info!(room = %self.room.id, "the room's history was rewound: its clients join anew");
        self.end_room();
        self.head = head;
        self.cursor = head.last_seq;
        self.recent = Recent::default();
    }

    /// Lets those go who were let in before the rights changed.
    fn let_go(&mut self, rights: i64) {
        self.head.rights = rights;
        self.subscribers.retain(|_, subscriber| {
            let stays = subscriber.rights >= rights;
            if !stays {
                subscriber.outbox.close(CloseCode::GoingAway);
            }
            stays
        });
    }

    fn give_up_room(&mut self) {
        self.end_room();
        self.is_gone = true;
    }

    fn end_room(&mut self) {
        for (_, subscriber) in self.subscribers.drain() {
            subscriber.outbox.close(CloseCode::GoingAway);
        }
    }

    fn expire_peers(&mut self) {
        let news = self.peers.expire(Instant::now());
        for (name, outbox) in natives(&self.subscribers) {
            if let Some(frame) = news.frame(name) {
                outbox.push_droppable(frame);
            }
        }
    }
}

fn natives(subscribers: &HashMap<u64, Subscriber>) -> impl Iterator<Item = (&Arc<str>, &Outbox)> {
    subscribers.values().filter_map(|subscriber| match &subscriber.dialect {
        Dialect::Native(name) => Some((name, &*subscriber.outbox)),
        Dialect::Seed(_) => None,
    })
}

/// Asks until the database answers.
pub(super) async fn insistently<T, F: Future<Output = Result<T, DbError>>>(
    room: RoomId,
    ask: impl Fn() -> F,
) -> T {
    let mut backoff = Backoff::default();
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(error) => {
                tracing::debug!(%room, %error, "cannot read changes yet");
                sleep(backoff.next_delay()).await;
            }
        }
    }
}

/// The `changes` frame of a stretch.
pub fn encoded(name: &str, stretch: &Stretch) -> Frame {
    encode::changes(name, stretch.from, stretch.to, &stretch.batches_json, stretch.more).into()
}
