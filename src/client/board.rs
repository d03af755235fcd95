//! A board without a network: frames and gestures in, frames to send and news out.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use uuid::Uuid;

use super::divide::{divide, fits, frame_bytes};
use super::error::ClientError;
use super::link::{Joining, Link};
use super::news::News;
use super::op::Op;
use super::queue::{Queue, Queued, Verb};
use super::saved::{At, Saved};
use super::shape::{Shape, Shapes};
use crate::protocol::Limits;

/// The most batches kept for a node to take; beyond, a gesture is refused: a person who draws that long without a node must be told.
const MAX_QUEUED_BATCHES: usize = 20_000;

/// One room's board as one device sees it.
#[derive(Debug)]
pub struct Board {
    pub(super) client: Uuid,
    pub(super) room: String,
    next_op_id: i64,
    pub(super) at: Option<At>,
    pub(super) confirmed: Shapes,
    pub(super) queue: Queue,
    pub(super) link: Option<Link>,
    /// What the node of the last connection lets a client do.
    limits: Limits,
    /// The copy is not to be built upon: the next join asks for all.
    pub(super) doubtful: bool,
}

impl Board {
    /// An empty board.
    pub fn new(client: Uuid, room: &str) -> Self {
        Self {
            client,
            room: room.to_owned(),
            next_op_id: 1,
            at: None,
            confirmed: Shapes::new(),
            queue: Queue::default(),
            link: None,
            limits: Limits::default(),
            doubtful: false,
        }
    }

    /// The board of an earlier process, numbering on from `first_op_id`: the earlier process may have gone on for a while after this was
    /// saved, or another one may have begun with it, and no number may be used twice. The time in microseconds will do (`restart_op_id`).
    pub fn restored(saved: Saved, first_op_id: i64) -> Self {
        let queue = Queue::restored(saved.queue, &saved.shapes);
        Self {
            next_op_id: saved.next_op_id.max(first_op_id),
            at: saved.at,
            confirmed: saved.shapes,
            queue,
            ..Self::new(saved.client, &saved.room)
        }
    }

    /// What is to be kept over the end of the process.
    pub fn save(&self) -> Saved {
        Saved {
            client: self.client,
            room: self.room.clone(),
            next_op_id: self.next_op_id,
            at: self.at.filter(|_| !self.doubtful),
            shapes: self.confirmed.clone(),
            queue: self.queue.batches().clone(),
        }
    }

    /// One gesture: it is on the board at once, and in the queue until the server's board contains it. It takes as many batches as the limits ask
    /// for, each with the next number; an op with more points than one can carry is cut up. Gives the `op_id` of the first: the gesture's.
    /// The error names what cannot be cut; then nothing is drawn.
    pub fn edit(&mut self, ops: Vec<Op>) -> Result<i64, ClientError> {
        if ops.is_empty() {
            return Err(ClientError::Empty);
        }
        let parts = divide(ops, &self.limits)?;
        self.has_room_for(parts.len())?;
        let first = self.next_op_id;
        for part in parts {
            let ops = part.ops.into_iter().map(|op| self.based(op)).collect();
            let gesture = (self.next_op_id > first).then_some(first);
            self.push(Queued { ops, gesture, rest: part.rest, ..Queued::default() });
        }
        Ok(first)
    }

    /// The op with the version that its author sees: the server's, and one more for each batch that is not part of it yet.
    fn based(&self, op: Op) -> Op {
        let id = op.id();
        if self.shape(id).is_none() {
            return op;
        }
        let told = self.confirmed.get(id).and_then(|shape| shape.get("version")).and_then(Value::as_i64);
        let pending = i64::try_from(self.queue.depth(id)).unwrap_or(i64::MAX);
        op.based_on(told.unwrap_or(0).saturating_add(pending))
    }

    /// Takes this person's last gesture back, whichever it will be when the server comes to it: the change shows when the server tells it.
    /// Kept, numbered and sent again like a gesture. Gives its `op_id`.
    pub fn undo(&mut self) -> Result<i64, ClientError> {
        self.turn(Verb::Undo)
    }

    /// Does again what this person took back last; all else as [`Board::undo`].
    pub fn redo(&mut self) -> Result<i64, ClientError> {
        self.turn(Verb::Redo)
    }

    fn turn(&mut self, verb: Verb) -> Result<i64, ClientError> {
        self.has_room_for(1)?;
        Ok(self.push(Queued { verb, ..Queued::default() }))
    }

    fn has_room_for(&self, more: usize) -> Result<(), ClientError> {
        let batches = self.queue.batches().len();
        if batches + more > MAX_QUEUED_BATCHES { Err(ClientError::QueueFull { batches }) } else { Ok(()) }
    }

    fn push(&mut self, batch: Queued) -> i64 {
        let op_id = self.next_op_id;
        self.next_op_id += 1;
        self.queue.push(op_id, batch, &self.confirmed);
        op_id
    }

    /// A socket stands and was welcomed, with these limits. What was kept and no node like this can read is given up.
    pub fn connected(&mut self, limits: Limits) -> Vec<News> {
        self.limits = limits;
        self.link = Some(Link::new(limits.max_unacknowledged.max(1)));
        let unreadable = self.queue.unacknowledged().filter(|(_, batch)| !fits(&batch.ops, &limits));
        let unreadable: Vec<(i64, usize)> =
            unreadable.map(|(op_id, batch)| (op_id, frame_bytes(&batch.ops))).collect();
        unreadable.into_iter().flat_map(|(op_id, bytes)| self.unreadable(op_id, bytes)).collect()
    }

    /// The connection ended because a frame was too long for the node, or for what is in between (1009): of those without an answer the longest
    /// was. It is given up, and never sent again. To be called before [`Board::disconnected`].
    pub fn too_long(&mut self) -> Vec<News> {
        let empty = BTreeSet::new();
        let in_flight = self.link.as_ref().map_or(&empty, |link| &link.in_flight);
        let sent = self.queue.unacknowledged().filter(|(op_id, _)| in_flight.contains(op_id));
        let longest = sent.map(|(op_id, batch)| (frame_bytes(&batch.ops), op_id)).max();
        longest.map_or_else(Vec::new, |(bytes, op_id)| self.unreadable(op_id, bytes))
    }

    fn unreadable(&mut self, op_id: i64, bytes: usize) -> Vec<News> {
        let message =
            format!("ops: about {bytes} bytes, or an op of them, are more than the node reads at once");
        self.give_up(op_id, "too_large", &message, &[])
    }

    /// The socket is gone, and with it what was on its way.
    pub fn disconnected(&mut self) {
        self.link = None;
    }

    /// What is to be sent now. Each frame is given once per connection, and a join once per cause.
    pub fn outgoing(&mut self, now_ms: u64) -> Vec<Value> {
        let mut frames = Vec::new();
        let Some(mut link) = self.link.take() else { return frames };
        if matches!(link.joining, Joining::Wanted) && link.join_pause.is_over(now_ms) {
            frames.push(self.join_frame());
            link.joining = Joining::Asked;
        }
        if link.batch_pause.is_over(now_ms) {
            for (op_id, batch) in self.sendable() {
                if link.in_flight.len() >= link.window {
                    break;
                }
                if link.in_flight.insert(op_id) {
                    frames.push(self.batch_frame(op_id, batch));
                }
            }
        }
        self.link = Some(link);
        frames
    }

    /// When [`Board::outgoing`] is to be asked again though nothing happens.
    pub fn wake_at_ms(&self) -> Option<u64> {
        let link = self.link.as_ref()?;
        let join = matches!(link.joining, Joining::Wanted).then(|| link.join_pause.until_ms());
        let waits = self.sendable().any(|(op_id, _)| !link.in_flight.contains(&op_id));
        let has_room = link.in_flight.len() < link.window;
        let batch = (waits && has_room).then(|| link.batch_pause.until_ms());
        join.into_iter().chain(batch).min()
    }

    /// The batches without an answer, in order, up to one that goes on with what is not there yet: nothing overtakes it.
    fn sendable(&self) -> impl Iterator<Item = (i64, &Queued)> {
        let mut open = BTreeSet::new();
        self.queue.unacknowledged().take_while(move |(op_id, batch)| {
            let is_first = open.insert(batch.gesture_of(*op_id));
            is_first || !batch.rest
        })
    }

    fn join_frame(&self) -> Value {
        let mut frame = json!({"type": "join", "room": self.room});
        if let (Some(at), false, Value::Object(members)) = (self.at, self.doubtful, &mut frame) {
            members.insert("since".to_owned(), json!(at.seq));
            members.insert("epoch".to_owned(), json!(at.epoch));
        }
        frame
    }

    fn batch_frame(&self, op_id: i64, batch: &Queued) -> Value {
        if batch.verb.is_drawing() {
            let mut frame = json!({"type": "ops", "room": self.room, "op_id": op_id, "ops": batch.ops});
            if let (Some(gesture), Value::Object(members)) = (batch.gesture, &mut frame) {
                members.insert("gesture".to_owned(), json!(gesture));
            }
            return frame;
        }
        json!({"type": batch.verb, "room": self.room, "op_id": op_id})
    }

    /// The device.
    pub fn client(&self) -> Uuid {
        self.client
    }

    /// The room, as this device names it.
    pub fn room(&self) -> &str {
        &self.room
    }

    /// Where the confirmed board is; none before the first join was whole.
    pub fn at(&self) -> Option<At> {
        self.at
    }

    /// The server's board, as far as it was told.
    pub fn confirmed(&self) -> &Shapes {
        &self.confirmed
    }

    /// A shape as it is shown.
    pub fn shape(&self, id: &str) -> Option<&Shape> {
        self.queue.shown(id, &self.confirmed)
    }

    /// The board as it is shown.
    pub fn shapes(&self) -> BTreeMap<&str, &Shape> {
        let mut shown: BTreeMap<&str, &Shape> =
            self.confirmed.iter().map(|(id, shape)| (id.as_str(), shape)).collect();
        for (id, shape) in self.queue.layers() {
            match shape {
                Some(shape) => _ = shown.insert(id, shape),
                None => _ = shown.remove(id.as_str()),
            }
        }
        shown
    }

    /// The batches not known to be committed, in order.
    pub fn unacknowledged(&self) -> Vec<i64> {
        self.queue.unacknowledged().map(|(op_id, _)| op_id).collect()
    }

    /// Whether a socket stands and the join is whole.
    pub fn is_live(&self) -> bool {
        self.link.as_ref().is_some_and(|link| matches!(link.joining, Joining::Whole))
    }
}
