//! Joining: the board as of one moment goes out page by page as it is read, at the pace of the reader, and is never whole in memory;
//! then whatever came meanwhile; then the room, live.

use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;

use super::fanout::{Dialect, Subscribed, Subscriber, encoded};
use super::frames::Framer;
use super::log::{LogPage, WHOLE_BATCH, page_after};
use super::registry::Rooms;
use crate::db::calls::{self, Channel, Difference, RoomHead, RoomReading};
use crate::db::{Db, DbError};
use crate::model::{Role, RoomId, Seq};
use crate::protocol::decode::Join;
use crate::protocol::encode::{self, Joined, Mode, Page};

/// How much of the board goes into one frame, bytes.
const PAGE_BYTES: usize = 256 * 1024;
/// How long a join waits for a slow reader at each page.
const PATIENCE: Duration = Duration::from_secs(20);
/// Shapes read at a time.
const SHAPES: i32 = 1_000;

/// Why a join did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The reader took too long, or is gone.
    #[error("the reader is too slow")]
    Reader,
}

/// Brings a native client into a room: pages, then the room. The subscriber's `seq` is set on the way.
pub async fn join(
    db: &Db,
    rooms: &Rooms,
    asked: &Join,
    room: &(RoomId, Channel),
    role: Role,
    mut subscriber: Subscriber,
) -> Result<(), JoinError> {
    let mut reached = send_board(db, asked, (room.0, role), &subscriber).await?;
    loop {
        subscriber.seq = Some(reached);
        match rooms.subscribe(room.0, &room.1, subscriber).await? {
            Subscribed::Live => return Ok(()),
            Subscribed::Behind { subscriber: back, cursor } => {
                subscriber = back;
                reached = send_changes(db, room.0, reached, cursor, &subscriber).await?;
            }
        }
    }
}

/// Pages of one moment, gathered until they fill a frame.
struct Pages<'a> {
    name: String,
    head: RoomHead,
    room: RoomId,
    role: Role,
    mode: Mode,
    subscriber: &'a Subscriber,
    added: Vec<String>,
    modified: Vec<String>,
    deleted: Vec<String>,
    bytes: usize,
    begun: bool,
}

impl Pages<'_> {
    async fn add(&mut self, difference: Difference) -> Result<(), JoinError> {
        let (list, text) = match difference {
            Difference::Added(text) => (&mut self.added, text),
            Difference::Modified(text) => (&mut self.modified, text),
            Difference::Deleted(id) => (&mut self.deleted, id),
        };
        let bytes = text.len();
        list.push(text);
        self.bytes += bytes;
        if self.bytes >= PAGE_BYTES { self.send(true).await } else { Ok(()) }
    }

    async fn send(&mut self, more: bool) -> Result<(), JoinError> {
        if !self.subscriber.outbox.room_for_bulk(PATIENCE).await {
            self.subscriber.outbox.give_up();
            return Err(JoinError::Reader);
        }
        let page = Page { added: &self.added, modified: &self.modified, deleted: &self.deleted, more };
        let frame =
            if self.begun { encode::delta(&self.name, &page) } else { encode::joined(&self.joined(), &page) };
        self.subscriber.outbox.push(frame.into());
        self.begun = true;
        self.bytes = 0;
        self.added.clear();
        self.modified.clear();
        self.deleted.clear();
        Ok(())
    }

    fn joined(&self) -> Joined<'_> {
        Joined {
            room: &self.name,
            room_id: self.room,
            role: self.role.as_str(),
            epoch: self.head.epoch,
            seq: self.head.last_seq,
            mode: self.mode,
            min_since: self.head.min_since,
        }
    }
}

/// Sends the board, or what differs from `since`; gives the seq it brings the client to.
async fn send_board(
    db: &Db,
    asked: &Join,
    (room, role): (RoomId, Role),
    subscriber: &Subscriber,
) -> Result<Seq, JoinError> {
    let mut reader = calls::reader(db).await?;
    let Some((reading, head)) = reader.begin(room).await? else {
        return Err(DbError::NotFound("room: there is no such room".to_owned()).into());
    };
    let since = resumable(asked, &head);
    let mode = if since.is_some() { Mode::Delta } else { Mode::Snapshot };
    let mut pages = Pages {
        name: asked.room.to_string(),
        head,
        room,
        role,
        mode,
        subscriber,
        added: Vec::new(),
        modified: Vec::new(),
        deleted: Vec::new(),
        bytes: 0,
        begun: false,
    };
    match since {
        None => send_snapshot(&reading, &mut pages).await?,
        Some(since) => {
            let mut rows = pin!(reading.room_delta(since).await?);
            while let Some(difference) = rows.next().await {
                pages.add(difference?).await?;
            }
        }
    }
    pages.send(false).await?;
    reading.end().await?;
    Ok(head.last_seq)
}

async fn send_snapshot(reading: &RoomReading<'_>, pages: &mut Pages<'_>) -> Result<(), JoinError> {
    let mut after = String::new();
    loop {
        let rows = reading.room_snapshot(&after, SHAPES).await?;
        let is_last = rows.len() < usize::try_from(SHAPES).unwrap_or(usize::MAX);
        for (id, shape) in rows {
            after = id;
            pages.add(Difference::Added(shape)).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

/// The `since` that the log can answer: of this history, not from the future, not pruned.
fn resumable(asked: &Join, head: &RoomHead) -> Option<Seq> {
    let same_history = asked.epoch.is_none_or(|epoch| epoch == head.epoch);
    asked.since.filter(|since| same_history && (head.min_since..=head.last_seq).contains(since))
}

/// Sends what came after a seq, in a room that has come to another one at least; gives the seq it brings the client to.
async fn send_changes(
    db: &Db,
    room: RoomId,
    from: Seq,
    known: Seq,
    subscriber: &Subscriber,
) -> Result<Seq, JoinError> {
    let mut framer = Framer::new(from, []);
    let mut after = (from, WHOLE_BATCH);
    let mut reached = from;
    loop {
        let Some(LogPage { changes, is_last }) = page_after(db, room, after, known).await? else {
            return Err(DbError::Busy.into()); // it joins anew
        };
        changes.iter().for_each(|change| framer.push(change));
        if let Some(last) = changes.last() {
            after = (last.seq, last.ordinal);
        }
        if is_last {
            framer.end();
        }
        for stretch in framer.take() {
            if !subscriber.outbox.room_for_bulk(PATIENCE).await {
                subscriber.outbox.give_up();
                return Err(JoinError::Reader);
            }
            if let Dialect::Native(name) = &subscriber.dialect {
                subscriber.outbox.push(encoded(name, &stretch));
            }
            reached = stretch.to;
        }
        if is_last {
            return Ok(reached);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn only_a_since_the_log_can_answer_gives_a_delta() {
        let seq = |number| Seq::new(number).unwrap();
        let epoch = Uuid::from_u128(7);
        let head = RoomHead { epoch, last_seq: seq(9), min_since: seq(3), rights: 0 };
        let asked = |since: i64, epoch: Option<Uuid>| Join {
            room: "a".parse().unwrap(),
            since: Some(seq(since)),
            epoch,
            viewport: None,
            name: None,
            link: None,
        };
        assert_eq!(resumable(&asked(3, Some(epoch)), &head), Some(seq(3)));
        assert_eq!(resumable(&asked(9, Some(epoch)), &head), Some(seq(9)));
        assert_eq!(resumable(&asked(10, Some(epoch)), &head), None);
        assert_eq!(resumable(&asked(2, Some(epoch)), &head), None);
        assert_eq!(resumable(&asked(5, None), &head), Some(seq(5)));
        assert_eq!(resumable(&asked(5, Some(Uuid::nil())), &head), None);
    }
}
