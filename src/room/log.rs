//! Reading the log of a room page by page while it may be pruned.

use super::frames::has_hole;
use crate::db::calls::{self, LoggedChange};
use crate::db::{Db, DbError};
use crate::model::{RoomId, Seq};

/// Changes fetched at a time, and their bytes; one that is larger comes alone.
const PAGE: i32 = 2_000;
const PAGE_BYTES: i32 = 512 * 1024;
/// Past the last ordinal of a batch: "after the whole batch".
pub(super) const WHOLE_BATCH: i64 = i64::MAX;

/// What follows a point of the log.
#[derive(Debug)]
pub(super) struct LogPage {
    pub(super) changes: Vec<LoggedChange>,
    /// Whether nothing follows it yet.
    pub(super) is_last: bool,
}

/// A page after (seq, ordinal) of a room that is known to have come so far; none when something between was pruned meanwhile.
pub(super) async fn page_after(
    db: &Db,
    room: RoomId,
    after: (Seq, i64),
    known: Seq,
) -> Result<Option<LogPage>, DbError> {
    let changes = calls::changes_since(db, room, after, PAGE, PAGE_BYTES).await?;
    if has_hole(after.0, &changes, known) {
        return Ok(None);
    }
    // In the midst of a batch its rest may have gone without a trace. What is kept now was kept when the page was read.
    if after.1 != WHOLE_BATCH
        && calls::room_head(db, room, None).await?.is_none_or(|head| head.min_since >= after.0)
    {
        return Ok(None);
    }
    let bytes: usize = changes.iter().map(|change| change.change.len()).sum();
    let is_last = changes.len() < usize::try_from(PAGE).unwrap_or(usize::MAX)
        && bytes < usize::try_from(PAGE_BYTES).unwrap_or(usize::MAX);
    Ok(Some(LogPage { changes, is_last }))
}
