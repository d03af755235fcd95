//! A hosted room as others hold it, and what it is told.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::outbox::Outbox;
use crate::model::{RoomId, Seq};

/// Events that wait for a room; when it is full a bell is only noted, which costs a fetch.
const EVENTS: usize = 1_024;

/// In which words a socket is spoken to.
#[derive(Debug, Clone)]
pub enum Dialect {
    /// The protocol, with the room as the client named it.
    Native(Arc<str>),
    /// The seed dialect, with the room id as the client wrote it.
    Seed(Arc<str>),
}

/// One socket's place in a room.
#[derive(Debug)]
pub struct Subscriber {
    /// The socket.
    pub socket: u64,
    /// Where its frames go.
    pub outbox: Arc<Outbox>,
    /// Its words.
    pub dialect: Dialect,
    /// The last seq it has; none: whatever is now.
    pub seq: Option<Seq>,
    /// The history that it has; none: whatever is now.
    pub epoch: Option<Uuid>,
    /// How often the rights had changed when it was found what it may: when they change again it goes.
    pub rights: i64,
}

/// What became of a subscription.
#[derive(Debug)]
pub enum Subscribed {
    /// Live from here on.
    Live,
    /// The room is further on than can be handed over: read up to it and ask again.
    Behind {
        /// Who asked.
        subscriber: Subscriber,
        /// What the room has come to.
        cursor: Seq,
    },
}

/// What a room is told.
#[derive(Debug)]
pub enum Event {
    /// A notice, as it was rung.
    Notice(String),
    /// Bells may have been missed.
    Missed,
    /// Somebody comes.
    Subscribe(Subscriber, oneshot::Sender<Subscribed>),
    /// Somebody goes, and is told when nothing of the room is sent there any more.
    Unsubscribe(u64, oneshot::Sender<()>),
}

/// A hosted room, as others hold it.
#[derive(Debug)]
pub struct RoomHandle {
    /// Its number.
    pub id: RoomId,
    /// Its channel: a secret.
    pub channel: String,
    events: mpsc::Sender<Event>,
    missed: AtomicBool,
}

impl RoomHandle {
    /// A handle and the inbox of its task.
    pub fn new(id: RoomId, channel: String) -> (Arc<Self>, mpsc::Receiver<Event>) {
        let (events, inbox) = mpsc::channel(EVENTS);
        (Arc::new(Self { id, channel, events, missed: AtomicBool::new(false) }), inbox)
    }

    /// Passes a notice on; never blocks. When the room has too much to do the bell is noted.
    pub fn ring(&self, event: Event) {
        if self.events.try_send(event).is_err() {
            self.missed.store(true, Ordering::Release);
        }
    }

    /// Tells the room something; an error says that it has just been given up.
    pub async fn tell(&self, event: Event) -> Result<(), Event> {
        self.events.send(event).await.map_err(|refused| refused.0)
    }

    /// Whether a bell was only noted since this was last asked.
    pub fn take_missed(&self) -> bool {
        self.missed.swap(false, Ordering::AcqRel)
    }
}
