//! Accounts, and who is signed in.

use crate::db::error::DbError;
use crate::db::pool::Db;
use crate::model::{Login, TokenHash, User};
use tokio_postgres::Row;
use uuid::Uuid;

/// Makes an account; a login that is taken is [`DbError::Conflict`].
pub async fn create_user(db: &Db, login: &Login, name: &str, password_hash: &str) -> Result<(), DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.create_user($1, $2, $3)").await?;
    client.execute(&statement, &[&login.as_str(), &name, &password_hash]).await?;
    Ok(())
}

/// Gives somebody another password, and signs them out everywhere but by this token.
pub async fn set_password(
    db: &Db,
    user: &str,
    password_hash: &str,
    keep: &TokenHash,
) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.set_password($1, $2, $3)").await?;
    Ok(client.query_one(&statement, &[&user, &password_hash, &keep.as_bytes()]).await?.try_get(0)?)
}

/// An account and its password's hash; none when there is none of that login.
pub async fn user_by_login(db: &Db, login: &Login) -> Result<Option<(User, String)>, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select * from pgcanvas.user_by_login($1)").await?;
    let row = client.query_opt(&statement, &[&login.as_str()]).await?;
    row.map(|row| Ok((read_user(&row)?, row.try_get("password_hash")?))).transpose()
}

/// Whether a password may be tried on a login now: 0, and it counts; else for how many seconds not.
pub async fn attempt_sign_in(db: &Db, login: &Login) -> Result<u32, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.attempt_sign_in($1)").await?;
    let seconds: i32 = client.query_one(&statement, &[&login.as_str()]).await?.try_get(0)?;
    Ok(seconds.unsigned_abs())
}

/// Signs somebody in for so many days; says until when.
pub async fn add_sign_in(db: &Db, user: &str, token: &TokenHash, days: i32) -> Result<String, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.add_sign_in($1, $2, $3)").await?;
    Ok(client.query_one(&statement, &[&user, &token.as_bytes(), &days]).await?.try_get(0)?)
}

/// Lets a token count no more.
pub async fn sign_out(db: &Db, token: &TokenHash) -> Result<bool, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.sign_out($1)").await?;
    Ok(client.query_one(&statement, &[&token.as_bytes()]).await?.try_get(0)?)
}

/// Whether somebody with this key, or none, may speak for a client.
pub async fn claim_client(db: &Db, of: Uuid, key: Option<&TokenHash>) -> Result<bool, DbError> {
    let client = db.get().await?.patient_for(super::SHORT_ANSWER);
    let statement = client.prepare_cached("select pgcanvas.claim_client($1, $2)").await?;
    Ok(client.query_one(&statement, &[&of, &key.map(TokenHash::as_bytes)]).await?.try_get(0)?)
}

/// Whose token it is; none when it does not count, or no more.
pub async fn who_is(db: &Db, token: &TokenHash) -> Result<Option<User>, DbError> {
    let client = db.get().await?.patient_for(super::SHORT_ANSWER);
    let statement = client.prepare_cached("select * from pgcanvas.who_is($1)").await?;
    client.query_opt(&statement, &[&token.as_bytes()]).await?.as_ref().map(read_user).transpose()
}

/// Those of these tokens that do not count any more.
pub async fn signed_out(db: &Db, tokens: &[TokenHash]) -> Result<Vec<TokenHash>, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select * from pgcanvas.signed_out($1)").await?;
    let hashes: Vec<&[u8]> = tokens.iter().map(TokenHash::as_bytes).collect();
    let rows = client.query(&statement, &[&hashes]).await?;
    let gone = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<Vec<u8>>, _>>()?;
    Ok(tokens.iter().filter(|token| gone.iter().any(|gone| gone == token.as_bytes())).copied().collect())
}

/// Forgets links and sign-ins that have expired; says how many links.
pub async fn forget_expired(db: &Db) -> Result<i64, DbError> {
    let client = db.get().await?;
    let statement = client.prepare_cached("select pgcanvas.forget_expired()").await?;
    Ok(client.query_one(&statement, &[]).await?.try_get(0)?)
}

fn read_user(row: &Row) -> Result<User, DbError> {
    Ok(User { id: row.try_get::<_, &str>("id")?.into(), name: row.try_get::<_, &str>("name")?.into() })
}
