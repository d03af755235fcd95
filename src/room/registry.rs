//! The rooms of this node: opened by the first who comes, given up a while after the last has left.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::fanout::{Event, Fanout, RoomHandle, Subscribed, Subscriber, Surroundings};
use super::presence::Presence;
use crate::db::DbError;
use crate::db::calls::Channel;
use crate::db::listen::Heard;
use crate::log::Seldom;
use crate::metrics::count;
use crate::model::RoomId;

/// How often a room that is just being given up is asked again.
const ATTEMPTS: usize = 5;

/// How often it is told that rooms cannot be opened for one reason.
static OPENING: Seldom = Seldom::new(Duration::from_mins(1));

#[derive(Debug, Default)]
struct Hosted {
    by_id: HashMap<RoomId, Arc<RoomHandle>>,
    by_channel: HashMap<String, Arc<RoomHandle>>,
}

/// Where notices find their rooms. Made before the listener, which calls it.
#[derive(Debug, Clone, Default)]
pub struct Switchboard {
    hosted: Arc<Mutex<Hosted>>,
}

impl Switchboard {
    fn hosted(&self) -> MutexGuard<'_, Hosted> {
        self.hosted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Passes on what the listener heard; never blocks.
    pub fn hear(&self, heard: &Heard<'_>, presence: &Presence) {
        match heard {
            Heard::Notice { channel, payload } => {
                let room = self.hosted().by_channel.get(*channel).cloned();
                if let Some(room) = room {
                    if !payload.starts_with('c') {
                        presence.hear(room.id, payload);
                    }
                    room.ring(Event::Notice((*payload).to_owned()));
                }
            }
            Heard::Echo(_) => {}
            Heard::Back => {
                let rooms: Vec<_> = self.hosted().by_id.values().cloned().collect();
                rooms.iter().for_each(|room| room.ring(Event::Missed));
            }
        }
    }
}

/// The rooms this node hosts.
#[derive(Debug, Clone)]
pub struct Rooms {
    switchboard: Switchboard,
    around: Surroundings,
    tasks: Arc<Mutex<JoinSet<()>>>,
}

impl Rooms {
    /// No rooms yet.
    pub fn new(switchboard: Switchboard, around: Surroundings) -> Self {
        Self { switchboard, around, tasks: Arc::default() }
    }

    /// How many rooms are hosted.
    pub fn count(&self) -> usize {
        self.switchboard.hosted().by_id.len()
    }

    /// Brings a subscriber into a room, hosting it if need be. `Behind` says to read further and come again.
    pub async fn subscribe(
        &self,
        room: RoomId,
        channel: &Channel,
        subscriber: Subscriber,
    ) -> Result<Subscribed, DbError> {
        let mut subscriber = subscriber;
        for _ in 0..ATTEMPTS {
            let handle = self.host(room, channel);
            let (reply, answer) = oneshot::channel();
            match handle.tell(Event::Subscribe(subscriber, reply)).await {
                Ok(()) => return answer.await.map_err(|_| DbError::Unreachable),
                Err(Event::Subscribe(refused, _)) => subscriber = refused,
                Err(_) => return Err(DbError::Unreachable),
            }
        }
        Err(DbError::Unreachable)
    }

    /// Takes a socket out of a room. What is given back ends when nothing of the room is sent to the socket any more: whoever goes on
    /// with the same socket waits for it, or a late frame could come in the midst of the next join.
    pub async fn unsubscribe(&self, room: RoomId, socket: u64) -> oneshot::Receiver<()> {
        let (gone, is_gone) = oneshot::channel();
        let handle = self.switchboard.hosted().by_id.get(&room).cloned();
        if let Some(handle) = handle {
            // A room that is gone has no subscribers; it drops its end.
            _ = handle.tell(Event::Unsubscribe(socket, gone)).await;
        }
        is_gone
    }

    /// Ends all rooms; the node stops.
    pub async fn end(&self) {
        let mut tasks = std::mem::take(&mut *self.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        tasks.shutdown().await;
    }

    fn host(&self, id: RoomId, channel: &Channel) -> Arc<RoomHandle> {
        let mut hosted = self.switchboard.hosted();
        if let Some(room) = hosted.by_id.get(&id) {
            if room.channel == channel.0 {
                return Arc::clone(room);
            }
            // That one was deleted, which has not been heard yet, and this is another under its number.
            let former = Arc::clone(room);
            hosted.by_channel.remove(&former.channel);
            self.around.metrics.rooms.dec();
            former.ring(Event::Missed);
        }
        let (room, inbox) = RoomHandle::new(id, channel.0.clone());
        hosted.by_id.insert(id, Arc::clone(&room));
        hosted.by_channel.insert(channel.0.clone(), Arc::clone(&room));
        self.around.metrics.rooms.inc();
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {} // those that have ended
        tasks.spawn(self.clone().work(Arc::clone(&room), inbox));
        room
    }

    /// The life of a room; ends with the node's runtime or after its linger.
    async fn work(self, room: Arc<RoomHandle>, inbox: mpsc::Receiver<Event>) {
        match Fanout::open(Arc::clone(&room), self.around.clone()).await {
            Ok(fanout) => fanout.run(inbox, || self.give_up(&room)).await,
            Err(error) => {
                count(&self.around.metrics.errors, "room_open");
                if let Some(untold) = OPENING.tell(&error.to_string()) {
                    tracing::warn!(room = %room.id, %error, untold, "the room cannot be opened");
                }
                self.give_up(&room); // those who wait are told by the end of the inbox
            }
        }
    }

    /// Takes a room out, so that the next who comes opens it anew.
    fn give_up(&self, room: &Arc<RoomHandle>) -> bool {
        let mut hosted = self.switchboard.hosted();
        if hosted.by_id.get(&room.id).is_some_and(|known| Arc::ptr_eq(known, room)) {
            hosted.by_id.remove(&room.id);
            hosted.by_channel.remove(&room.channel);
            self.around.metrics.rooms.dec();
        }
        true
    }
}
