//! Who is in a room and where their cursor is. Never stored, may be dropped or merged, never ahead of changes: a state waits until the
//! ops its author sent before it are answered. A node rings the states of all its rooms at once, some twenty times a second at most.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::outbox::Frame;
use crate::db::Db;
use crate::db::calls;
use crate::model::RoomId;
use crate::protocol::encode::{self, Peer};

/// How long states are gathered.
const GATHER: Duration = Duration::from_millis(40);
/// How often a node tells that its peers are still there.
const STILL_HERE: Duration = Duration::from_secs(10);
/// A peer this long silent is gone.
const SILENCE: Duration = Duration::from_secs(30);
/// A peer whose socket closed may come back for this long without having left.
const GRACE: Duration = Duration::from_secs(5);
/// A session that another node told of this lately is there: a node tells of each that often, and then some.
const ELSEWHERE: Duration = Duration::from_secs(15);
/// Most bytes of a notice's payload that presence fills; 7,999 is PostgreSQL's limit.
const PAYLOAD_BYTES: usize = 7_900;

/// A peer as it goes over the bell: one line of JSON.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Line {
    session: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    user: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    color: String,
    /// None: the peer left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    state: Option<Box<RawValue>>,
}

/// The peers that a room knows of, from all nodes.
#[derive(Debug, Default)]
pub struct Peers {
    known: BTreeMap<String, (Line, Instant)>,
}

/// What changed among the peers.
#[derive(Debug, Default)]
pub struct News {
    peers: Vec<Line>,
    left: Vec<String>,
}

impl News {
    /// The `presence` frame, or none when there is nothing to tell.
    pub fn frame(&self, room: &str) -> Option<Frame> {
        if self.peers.is_empty() && self.left.is_empty() {
            return None;
        }
        let peers: Vec<Peer<'_>> = self.peers.iter().map(told).collect();
        Some(encode::presence(room, &peers, &self.left).into())
    }
}

fn told(line: &Line) -> Peer<'_> {
    let state_json = line.state.as_ref().map_or("{}", |state| state.get());
    Peer { session: &line.session, user: &line.user, name: &line.name, color: &line.color, state_json }
}

impl Peers {
    /// Takes the lines of a notice; gives what is new. A line that only says that a peer is still there is no news.
    pub fn hear(&mut self, lines: &str, now: Instant) -> News {
        let mut news = News::default();
        for line in lines.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            if line.state.is_none() {
                if self.known.remove(&line.session).is_some() {
                    news.left.push(line.session);
                }
                continue;
            }
            let old = self.known.insert(line.session.clone(), (line.clone(), now));
            let same = |old: &Line| {
                old.name == line.name
                    && old.state.as_ref().map(|s| s.get()) == line.state.as_ref().map(|s| s.get())
            };
            if !old.is_some_and(|(old, _)| same(&old)) {
                news.peers.push(line);
            }
        }
        news
    }

    /// Forgets the silent.
    pub fn expire(&mut self, now: Instant) -> News {
        let silent = |seen: &Instant| now.duration_since(*seen) > SILENCE;
        let left: Vec<String> =
            self.known.iter().filter(|(_, (_, seen))| silent(seen)).map(|(id, _)| id.clone()).collect();
        left.iter().for_each(|session| _ = self.known.remove(session));
        News { peers: Vec::new(), left }
    }

    /// Everyone, for a newcomer.
    pub fn everyone(&self, room: &str) -> Option<Frame> {
        let news =
            News { peers: self.known.values().map(|(line, _)| line.clone()).collect(), left: Vec::new() };
        news.frame(room)
    }
}

/// Counts a socket's batches in a room: how many it sent, how many were answered.
#[derive(Debug, Default)]
pub struct Progress {
    sent: AtomicU64,
    answered: AtomicU64,
}

impl Progress {
    /// A batch was sent.
    pub fn send(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// A batch was answered; answers come in the order of sending.
    pub fn answer(&self) {
        self.answered.fetch_add(1, Ordering::Release);
    }

    fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    fn has_answered(&self, count: u64) -> bool {
        self.answered.load(Ordering::Acquire) >= count
    }
}

/// Who a socket is to the others.
#[derive(Debug, Clone)]
pub struct Identity {
    /// The session, the same for a client on every node.
    pub session: Arc<str>,
    /// The user.
    pub user: Arc<str>,
    /// The name shown.
    pub name: Arc<str>,
    /// The colour shown.
    pub color: &'static str,
}

#[derive(Debug)]
struct Waiting {
    state: Box<RawValue>,
    /// Batches that must be answered first.
    after: u64,
}

#[derive(Debug)]
struct Local {
    identity: Identity,
    progress: Arc<Progress>,
    /// The state rung last.
    told: Box<RawValue>,
    /// The oldest state not rung yet, and the newest: with a storm of batches the oldest gets its turn.
    held: Option<Waiting>,
    latest: Option<Waiting>,
    /// When its socket closed.
    gone_since: Option<Instant>,
    /// When another node told that the session is there: it may have come back there before its end here was noticed.
    elsewhere: Option<Instant>,
    dirty: bool,
}

impl Local {
    fn offer(&mut self, waiting: Waiting) {
        if self.held.is_none() {
            self.held = Some(waiting);
        } else {
            self.latest = Some(waiting);
        }
    }

    /// Moves on to the newest state whose batches are answered.
    fn advance(&mut self) {
        while let Some(held) = self.held.take() {
            if !self.progress.has_answered(held.after) {
                self.held = Some(held);
                return;
            }
            self.told = held.state;
            self.dirty = true;
            self.held = self.latest.take();
        }
    }

    fn line(&self, here: bool) -> Line {
        Line {
            session: self.identity.session.to_string(),
            user: self.identity.user.to_string(),
            name: self.identity.name.to_string(),
            color: self.identity.color.to_owned(),
            state: here.then(|| self.told.clone()),
        }
    }
}

type LocalPeers = HashMap<(RoomId, Arc<str>), Local>;

/// The presence of this node's own sockets.
#[derive(Debug, Clone)]
pub struct Presence {
    locals: Arc<Mutex<LocalPeers>>,
    wake: Arc<Notify>,
    /// The first line of what this node rings.
    head: Arc<str>,
}

impl Default for Presence {
    fn default() -> Self {
        let head = Arc::from(format!("p {}", uuid::Uuid::new_v4().simple()));
        Self { locals: Arc::default(), wake: Arc::default(), head }
    }
}

impl Presence {
    fn locals(&self) -> MutexGuard<'_, LocalPeers> {
        self.locals.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket is in a room.
    pub fn enter(&self, room: RoomId, identity: Identity, progress: Arc<Progress>) {
        let key = (room, Arc::clone(&identity.session));
        let mut locals = self.locals();
        let told = locals.remove(&key).map_or_else(nothing, |old| old.told); // back within the grace
        let local = Local {
            identity,
            progress,
            told,
            held: None,
            latest: None,
            gone_since: None,
            elsewhere: None,
            dirty: true,
        };
        locals.insert(key, local);
        drop(locals);
        self.wake.notify_one();
    }

    /// A socket's new state.
    pub fn update(&self, room: RoomId, session: &Arc<str>, state: Box<RawValue>) {
        if let Some(local) = self.locals().get_mut(&(room, Arc::clone(session))) {
            local.offer(Waiting { state, after: local.progress.sent() });
        }
        self.wake.notify_one();
    }

    /// A socket left a room: at once when it said so, else after the grace.
    pub fn leave(&self, room: RoomId, session: &Arc<str>, progress: &Arc<Progress>, at_once: bool) {
        if let Some(local) = self.locals().get_mut(&(room, Arc::clone(session)))
            && Arc::ptr_eq(&local.progress, progress)
        {
            let now = Instant::now();
            local.gone_since = Some(if at_once { now.checked_sub(GRACE).unwrap_or(now) } else { now });
        }
        self.wake.notify_one();
    }

    /// Hears every notice of a hosted room: another node asks who is here (`q`), or tells of a session (`p`): if that one left here, or
    /// leaves soon, it has come back there; if it left there, it is still here.
    pub fn hear(&self, room: RoomId, payload: &str) {
        let mut locals = self.locals();
        if payload == "q" {
            locals.iter_mut().filter(|((of, _), _)| *of == room).for_each(|(_, local)| local.dirty = true);
            self.wake.notify_one();
            return;
        }
        if !payload.starts_with('p') || payload.starts_with(&*self.head) || locals.is_empty() {
            return;
        }
        for line in payload.lines().skip(1).filter_map(|line| serde_json::from_str::<Line>(line).ok()) {
            let key = (room, Arc::from(line.session.as_str()));
            let Some(local) = locals.get_mut(&key) else { continue };
            match (line.state.is_some(), local.gone_since.is_some()) {
                (true, true) => _ = locals.remove(&key),
                (true, false) => local.elsewhere = Some(Instant::now()),
                (false, gone) => {
                    local.elsewhere = None;
                    local.dirty |= !gone;
                    self.wake.notify_one();
                }
            }
        }
    }

    /// Rings what is new until the node ends. A failed ring is lost; presence may be.
    pub async fn run(self, db: Db) {
        let mut still_here = interval(STILL_HERE);
        still_here.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep(GRACE), if self.someone_waits() => {}
                _ = still_here.tick() => self.locals().values_mut().for_each(|local| local.dirty = true),
            }
            sleep(GATHER).await;
            let (rooms, payloads) = self.gather(Instant::now());
            if !rooms.is_empty()
                && let Err(error) = calls::ring(&db, &rooms, &payloads).await
            {
                tracing::debug!(%error, "presence was not rung");
            }
            if self.someone_is_held() {
                self.wake.notify_one();
            }
        }
    }

    fn someone_waits(&self) -> bool {
        self.locals().values().any(|local| local.gone_since.is_some())
    }

    fn someone_is_held(&self) -> bool {
        self.locals().values().any(|local| local.held.is_some())
    }

    /// What is new, as payloads; forgets those who have left.
    fn gather(&self, now: Instant) -> (Vec<i64>, Vec<String>) {
        let mut lines: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
        self.locals().retain(|(room, _), local| {
            let gone = local.gone_since.is_some_and(|since| now.duration_since(since) >= GRACE);
            local.advance();
            let moved = local.elsewhere.is_some_and(|told| now.duration_since(told) < ELSEWHERE);
            if gone && moved {
                return false;
            }
            if gone || std::mem::take(&mut local.dirty) {
                lines.entry(room.get()).or_default().push(local.line(!gone));
            }
            !gone
        });
        let mut rung = (Vec::new(), Vec::new());
        for (room, lines) in lines {
            for payload in payloads(&self.head, &lines) {
                rung.0.push(room);
                rung.1.push(payload);
            }
        }
        rung
    }
}

fn nothing() -> Box<RawValue> {
    RawValue::from_string("{}".to_owned()).unwrap_or_default()
}

/// As many payloads as the limit of a notice asks for.
fn payloads(head: &str, lines: &[Line]) -> Vec<String> {
    let mut payloads = Vec::new();
    let mut payload = head.to_owned();
    for line in lines {
        let Ok(text) = serde_json::to_string(line) else { continue };
        if payload.len() + text.len() + 1 > PAYLOAD_BYTES && payload.len() > head.len() {
            payloads.push(std::mem::replace(&mut payload, head.to_owned()));
        }
        payload.push('\n');
        payload.push_str(&text);
    }
    payloads.push(payload);
    payloads
}
