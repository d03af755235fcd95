//! The pages of a join: shapes are gathered until they fill a frame.

use tokio::time::{Instant, sleep};

use super::{HOLD, JoinError, LOOK, PAGE_BYTES, PAGE_LEASE_BYTES, resumable, room_for_page};
use crate::budget::Lease;
use crate::db::Db;
use crate::db::calls::{Difference, RoomHead};
use crate::model::{Role, RoomId, Seq};
use crate::protocol::decode::Join;
use crate::protocol::encode::{self, Joined, Mode, Page};
use crate::room::fanout::Subscriber;
use crate::room::outbox::Frame;

/// Pages of one moment.
pub(super) struct Pages<'a> {
    name: String,
    pub(super) head: RoomHead,
    pub(super) room: RoomId,
    role: Role,
    /// What the client has; none: it gets the whole board.
    pub(super) since: Option<Seq>,
    /// The last shape that was added.
    pub(super) after: String,
    subscriber: &'a Subscriber,
    added: Vec<String>,
    modified: Vec<String>,
    deleted: Vec<String>,
    bytes: usize,
    begun: bool,
    /// Room for the page that is gathered; none: it was sent, and there is no room for another yet.
    lease: Option<Lease>,
}

impl<'a> Pages<'a> {
    /// No page yet, and room for the first.
    pub(super) fn new(
        asked: &Join,
        (room, role): (RoomId, Role),
        head: RoomHead,
        subscriber: &'a Subscriber,
        lease: Lease,
    ) -> Self {
        Self {
            name: asked.room.to_string(),
            head,
            room,
            role,
            since: resumable(asked, &head),
            after: String::new(),
            subscriber,
            added: Vec::new(),
            modified: Vec::new(),
            deleted: Vec::new(),
            bytes: 0,
            begun: false,
            lease: Some(lease),
        }
    }

    /// Adds what became of a shape; sends the page when it is full.
    pub(super) async fn add(&mut self, id: String, difference: Difference) -> Result<(), JoinError> {
        let (list, text) = match difference {
            Difference::Added(text) => (&mut self.added, text),
            Difference::Modified(text) => (&mut self.modified, text),
            Difference::Deleted(id) => (&mut self.deleted, id),
            Difference::None => {
                self.after = id;
                return Ok(());
            }
        };
        let bytes = text.len();
        list.push(text);
        self.after = id;
        self.bytes += bytes;
        if self.bytes >= PAGE_BYTES { self.send(true).await } else { Ok(()) }
    }

    /// Sends what was gathered.
    pub(super) async fn send(&mut self, more: bool) -> Result<(), JoinError> {
        let lease = match self.lease.take() {
            Some(lease) => lease,
            None => room_for_page(self.subscriber).await?,
        };
        let page = Page { added: &self.added, modified: &self.modified, deleted: &self.deleted, more };
        let frame =
            if self.begun { encode::delta(&self.name, &page) } else { encode::joined(&self.joined(), &page) };
        self.subscriber.outbox.push(Frame::held(frame, lease));
        self.begun = true;
        self.bytes = 0;
        self.added.clear();
        self.modified.clear();
        self.deleted.clear();
        Ok(())
    }

    /// Whether the next page may be read at once, or soon enough for a transaction to wait.
    pub(super) async fn may_go_on(&mut self, db: &Db) -> bool {
        let until = Instant::now() + HOLD;
        loop {
            if self.lease.is_none() && !self.subscriber.outbox.is_crowded() {
                self.lease = self.subscriber.outbox.try_reserve(PAGE_LEASE_BYTES);
            }
            if self.lease.is_some() {
                return true;
            }
            if Instant::now() >= until || db.is_waited_for() || self.subscriber.outbox.is_closing() {
                return false;
            }
            sleep(LOOK).await;
        }
    }

    /// Waits until the next page may be read, and nothing is held by it meanwhile.
    pub(super) async fn until_ready(&mut self) -> Result<(), JoinError> {
        if self.lease.is_none() {
            self.lease = Some(room_for_page(self.subscriber).await?);
        }
        Ok(())
    }

    fn joined(&self) -> Joined<'_> {
        Joined {
            room: &self.name,
            room_id: self.room,
            role: self.role.as_str(),
            epoch: self.head.epoch,
            seq: self.head.last_seq,
            mode: if self.since.is_some() { Mode::Delta } else { Mode::Snapshot },
            min_since: self.head.min_since,
        }
    }
}

/// How many shapes like the last ones fill a page.
pub(super) fn likely(shapes: usize, bytes: usize) -> i32 {
    let each = (bytes / shapes.max(1)).max(1);
    i32::try_from(PAGE_BYTES / each).unwrap_or(i32::MAX).clamp(1, 1_000)
}
