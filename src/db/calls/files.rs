//! Pictures, by the SHA-256 of their content.

use crate::db::error::DbError;
use crate::db::pool::Db;

/// A part of a file as it is kept.
#[derive(Debug, Clone)]
pub struct FilePart {
    /// What the file is.
    pub media_type: String,
    /// The part's bytes.
    pub content: Vec<u8>,
    /// How many bytes the file has.
    pub total: i32,
}

/// Above this many bytes a file is sent on a connection of its own: buffers of the driver never shrink.
const LARGE_BYTES: usize = 256 * 1024;

/// Keeps a file unless it is kept already; whether it was new. A content of another SHA-256 is [`DbError::Invalid`].
pub async fn put_file(db: &Db, sha256: &str, media_type: &str, content: &[u8]) -> Result<bool, DbError> {
    let mut client = db.get_for_large().await?;
    let statement = client.prepare_cached("select pgcanvas.put_file($1, $2, $3)").await?;
    if content.len() > LARGE_BYTES {
        client = client.used_up();
    }
    Ok(client.query_one(&statement, &[&sha256, &media_type, &content]).await?.try_get(0)?)
}

/// So many bytes of a file, from a place on, by the SHA-256 of its content.
pub async fn read_file(db: &Db, sha256: &str, from: i32, bytes: i32) -> Result<Option<FilePart>, DbError> {
    let client = db.get_for_large().await?;
    let statement = client.prepare_cached("select * from pgcanvas.read_file($1, $2, $3)").await?;
    let row = client.query_opt(&statement, &[&sha256, &from, &bytes]).await?;
    row.map(|row| {
        Ok(FilePart {
            media_type: row.try_get("media_type")?,
            content: row.try_get("content")?,
            total: row.try_get("total")?,
        })
    })
    .transpose()
}
