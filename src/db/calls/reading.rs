//! Reading a room at one moment, page by page or row by row.

use futures_util::{Stream, TryStreamExt, stream};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, IsolationLevel, Transaction};

use super::super::error::DbError;
use super::super::pool::Db;
use super::super::pooled::{Pooled, Watch};
use super::{Difference, RoomHead, read_difference, read_head};
use crate::model::{RoomId, Seq};

/// A reading of one room at one moment: the head and the rows agree, however long the reading takes.
pub struct RoomReading<'a> {
    transaction: Transaction<'a>,
    watch: &'a Watch,
    room: RoomId,
}

impl RoomReading<'_> {
    /// Shapes by id after a given one (`""` begins), at most `limit`: id and JSON. The one that brings them to so many bytes is the last.
    pub async fn room_snapshot(
        &self,
        after: &str,
        limit: i32,
        bytes: i32,
    ) -> Result<Vec<(String, String)>, DbError> {
        let sql = "select * from pgcanvas.room_snapshot($1, $2, $3, $4)";
        let room = self.room.get();
        let with: [&(dyn ToSql + Sync); 4] = [&room, &after, &limit, &bytes];
        let rows = self.watch.answer(self.transaction.query(sql, &with)).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// What differs from a seq; rows come as they are read.
    pub async fn room_delta(
        &self,
        since: Seq,
    ) -> Result<impl Stream<Item = Result<(String, Difference), DbError>> + use<'_>, DbError> {
        let sql = "select * from pgcanvas.room_delta($1, $2) order by shape_id collate \"C\"";
        let asked = self.transaction.query_raw(sql, [self.room.get(), since.get()]);
        let watch = self.watch;
        let rows = Box::pin(watch.answer(asked).await?);
        Ok(stream::try_unfold(rows, move |mut rows| async move {
            let row = watch.answer(rows.try_next()).await?;
            row.map(|row| Ok(((row.try_get("shape_id")?, read_difference(&row)?), rows))).transpose()
        }))
    }

    /// Ends the reading.
    pub async fn end(self) -> Result<(), DbError> {
        self.watch.answer(self.transaction.commit()).await
    }
}

/// What differed between two seqs, by id after a given one, at most `limit`; nothing is held open between pages.
pub async fn room_delta_at(
    db: &Db,
    room: RoomId,
    (since, at): (Seq, Seq),
    after: &str,
    limit: i32,
) -> Result<Vec<(String, Difference)>, DbError> {
    let client = db.get_for_large().await?;
    let statement = client.prepare_cached("select * from pgcanvas.room_delta_at($1, $2, $3, $4, $5)").await?;
    let rows = client.query(&statement, &[&room.get(), &since.get(), &at.get(), &after, &limit]).await?;
    rows.iter().map(|row| Ok((row.try_get("shape_id")?, read_difference(row)?))).collect()
}

/// A connection of the pool for a [`RoomReading`].
pub async fn reader(db: &Db) -> Result<Reader, DbError> {
    Ok(Reader(db.get_for_large().await?))
}

/// A connection that reads a room at one moment.
#[derive(Debug)]
pub struct Reader(Pooled);

impl Reader {
    /// Ends the connection: nobody is to wait for what the server still has to say.
    pub fn give_up(self) {
        drop(self.0.used_up());
    }

    /// Begins; gives the room's head at that moment, or none when there is no such room.
    pub async fn begin(&mut self, room: RoomId) -> Result<Option<(RoomReading<'_>, RoomHead)>, DbError> {
        let (client, watch) = self.0.parts()?;
        let client: &mut Client = client;
        let isolation = IsolationLevel::RepeatableRead;
        let started = client.build_transaction().isolation_level(isolation).read_only(true).start();
        let transaction = watch.answer(started).await?;
        let asked = "select * from pgcanvas.room_head($1)";
        let head = watch.answer(transaction.query_opt(asked, &[&room.get()])).await?;
        let head = head.map(|row| read_head(&row)).transpose()?;
        Ok(head.map(|head| (RoomReading { transaction, watch, room }, head)))
    }
}
