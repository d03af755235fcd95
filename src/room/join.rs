//! Joining: the board as of one moment goes out page by page as it is read, at the pace of the reader, and is never whole in memory;
//! then whatever came meanwhile; then the room, live.

mod delta;
mod pages;
mod snapshot;

use std::time::Duration;

use uuid::Uuid;

use super::fanout::{Dialect, Subscribed, Subscriber, encoded};
use super::frames::Framer;
use super::log::{LogPage, WHOLE_BATCH, page_after};
use super::registry::Rooms;
use crate::budget::{Exhausted, Lease};
use crate::db::calls::{self, Channel, RoomHead};
use crate::db::{Db, DbError};
use crate::model::limits::MAX_SHAPE_BYTES;
use crate::model::{Role, RoomId, Seq};
use crate::protocol::decode::Join;
use pages::Pages;

/// How much of the board goes into one frame, bytes.
const PAGE_BYTES: usize = 256 * 1024;
/// How long a join waits for a slow reader at each page.
const PATIENCE: Duration = Duration::from_secs(20);
/// What is held for a page while it is read: the row that fills it may be as large as a shape may be.
const PAGE_LEASE_BYTES: usize = PAGE_BYTES + MAX_SHAPE_BYTES;
/// How long a transaction waits for a reader, unless somebody else waits for its connection.
const HOLD: Duration = Duration::from_secs(1);
/// How often it is looked whether somebody does.
const LOOK: Duration = Duration::from_millis(10);

/// Why a join did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The node holds as much as it may.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The reader took too long, or is gone.
    #[error("the reader is too slow")]
    Reader,
}

/// Brings a native client into a room: pages, then the room. The subscriber's `seq` and `epoch` are set on the way.
pub async fn join(
    db: &Db,
    rooms: &Rooms,
    asked: &Join,
    room: &(RoomId, Channel),
    role: Role,
    mut subscriber: Subscriber,
) -> Result<(), JoinError> {
    let (mut reached, epoch) = send_board(db, asked, (room.0, role), &subscriber).await?;
    subscriber.epoch = Some(epoch);
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

/// Sends the board, or what differs from `since`; gives the seq and the epoch it brings the client to.
///
/// While the reader keeps up, it is read in one transaction. A reader that does not is sent the same moment out of the log, page by page:
/// nobody holds a connection of the pool while waiting for somebody.
async fn send_board(
    db: &Db,
    asked: &Join,
    (room, role): (RoomId, Role),
    subscriber: &Subscriber,
) -> Result<(Seq, Uuid), JoinError> {
    let ready = room_for_page(subscriber).await?;
    let mut reader = calls::reader(db).await?;
    let Some((reading, head)) = reader.begin(room).await? else {
        return Err(DbError::NotFound("room: there is no such room".to_owned()).into());
    };
    let mut pages = Pages::new(asked, (room, role), head, subscriber, ready);
    let is_whole = match pages.since {
        None => snapshot::send_at_once(db, &reading, &mut pages).await?,
        Some(since) => delta::send_at_once(db, &reading, since, &mut pages).await?,
    };
    if is_whole {
        reading.end().await?;
        drop(reader);
    } else {
        drop(reading);
        // What is still on its way is thrown away with the connection, not waited for.
        reader.give_up();
        match pages.since {
            None => snapshot::send_later(db, &mut pages).await?,
            Some(since) => delta::send_later(db, since, &mut pages).await?,
        }
    }
    pages.send(false).await?;
    Ok((head.last_seq, head.epoch))
}

/// Waits until the reader has taken enough of what waits for it, and the node has room for another page.
async fn room_for_page(subscriber: &Subscriber) -> Result<Lease, JoinError> {
    if !subscriber.outbox.room_for_bulk(PATIENCE).await {
        subscriber.outbox.give_up();
        return Err(JoinError::Reader);
    }
    Ok(subscriber.outbox.reserve(PAGE_LEASE_BYTES).await?)
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
