//! The whole board.

use super::JoinError;
use super::PAGE_BYTES;
use super::pages::{Pages, likely};
use crate::db::Db;
use crate::db::calls::past::room_at;
use crate::db::calls::{Difference, RoomReading};

/// Shapes read at a time, at most, and at first when they come out of the log.
const SHAPES: i32 = 1_000;
const FIRST_SHAPES: i32 = 100;

/// Sends it within the transaction while the reader keeps up; false when it does not.
pub(super) async fn send_at_once(
    db: &Db,
    reading: &RoomReading<'_>,
    pages: &mut Pages<'_>,
) -> Result<bool, JoinError> {
    let bytes = i32::try_from(PAGE_BYTES).unwrap_or(i32::MAX);
    while pages.may_go_on(db).await {
        let rows = reading.room_snapshot(&pages.after, SHAPES, bytes).await?;
        let read: usize = rows.iter().map(|(_, shape)| shape.len()).sum();
        let is_last = rows.len() < usize::try_from(SHAPES).unwrap_or(usize::MAX) && read < PAGE_BYTES;
        for (id, shape) in rows {
            pages.add(id, Difference::Added(shape)).await?;
        }
        if is_last {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Sends the rest, as it was at the moment of the beginning.
pub(super) async fn send_later(db: &Db, pages: &mut Pages<'_>) -> Result<(), JoinError> {
    let bytes = i64::try_from(PAGE_BYTES).unwrap_or(i64::MAX);
    let mut limit = FIRST_SHAPES;
    loop {
        pages.until_ready().await?;
        let rows = room_at(db, pages.room, pages.head.last_seq, &pages.after, (limit, bytes)).await?;
        let read = rows.iter().map(|(_, shape)| shape.len()).sum();
        let is_last = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX) && read < PAGE_BYTES;
        limit = likely(rows.len(), read);
        for (id, shape) in rows {
            pages.add(id, Difference::Added(shape)).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}
