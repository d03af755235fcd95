//! What differs from what a client has.

use std::pin::pin;

use futures_util::StreamExt;

use super::JoinError;
use super::pages::{Pages, likely};
use crate::db::Db;
use crate::db::calls::{Difference, RoomReading, room_delta_at};
use crate::model::Seq;

/// Shapes read at first when they come out of the log.
const FIRST_SHAPES: i32 = 20;

/// Sends it within the transaction while the reader keeps up; false when it does not.
pub(super) async fn send_at_once(
    db: &Db,
    reading: &RoomReading<'_>,
    since: Seq,
    pages: &mut Pages<'_>,
) -> Result<bool, JoinError> {
    let mut rows = pin!(reading.room_delta(since).await?);
    while pages.may_go_on(db).await {
        let Some(row) = rows.next().await else { return Ok(true) };
        let (id, difference) = row?;
        pages.add(id, difference).await?;
    }
    Ok(false)
}

/// Sends the rest, as it was at the moment of the beginning.
pub(super) async fn send_later(db: &Db, since: Seq, pages: &mut Pages<'_>) -> Result<(), JoinError> {
    let mut limit = FIRST_SHAPES;
    loop {
        pages.until_ready().await?;
        let points = (since, pages.head.last_seq);
        let rows = room_delta_at(db, pages.room, points, &pages.after, limit).await?;
        let is_last = rows.len() < usize::try_from(limit).unwrap_or(usize::MAX);
        limit = likely(rows.len(), rows.iter().map(|(_, row)| length(row)).sum());
        for (id, difference) in rows {
            pages.add(id, difference).await?;
        }
        if is_last {
            return Ok(());
        }
    }
}

fn length(difference: &Difference) -> usize {
    match difference {
        Difference::Added(text) | Difference::Modified(text) | Difference::Deleted(text) => text.len(),
        Difference::None => 0,
    }
}
