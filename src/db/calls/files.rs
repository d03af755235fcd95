//! Pictures, by the SHA-256 of their content.

use crate::db::error::DbError;
use crate::db::pool::Db;

/// A file as it is kept.
#[derive(Debug, Clone)]
pub struct StoredFile {
    /// What it is.
    pub media_type: String,
    /// Its bytes.
    pub content: Vec<u8>,
}

/// Keeps a file unless it is kept already; whether it was new. A content of another SHA-256 is [`DbError::Invalid`].
pub async fn put_file(db: &Db, sha256: &str, media_type: &str, content: &[u8]) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.put_file($1, $2, $3)").await?;
    Ok(client.query_one(&statement, &[&sha256, &media_type, &content]).await?.try_get(0)?)
}

/// A file by the SHA-256 of its content.
pub async fn read_file(db: &Db, sha256: &str) -> Result<Option<StoredFile>, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select * from pgcanvas.read_file($1)").await?;
    let row = client.query_opt(&statement, &[&sha256]).await?;
    row.map(|row| Ok(StoredFile { media_type: row.try_get("media_type")?, content: row.try_get("content")? }))
        .transpose()
}
