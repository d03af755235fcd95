//! Signing up, in and out.

use hyper::body::Incoming;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, db_error, error, invalid, json_text, nothing, unauthorized, unkept};
use super::caller::Caller;
use super::request::read_bytes;
use crate::db::calls::people;
use crate::metrics::count;
use crate::model::limits::{MAX_NAME_CHARS, MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS};
use crate::model::{Login, User};
use crate::node::Node;
use crate::protocol::RejectCode;
use crate::secrets::{self, Busy};

/// The longest body: whoever sends more means no good.
const MAX_BODY_BYTES: usize = 16 * 1024;

/// A password as it was sent; it does not print itself.
#[derive(Deserialize)]
#[serde(transparent)]
struct Password(String);

/// What is posted to sign up.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignUp {
    login: String,
    password: Password,
    name: Option<String>,
}

/// What is posted to sign in.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    login: String,
    password: Password,
}

/// What is posted to change a password.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPassword {
    password: Password,
    new_password: Password,
}

/// `POST /api/signup` `{login, password, name?}`.
pub(super) async fn sign_up(node: &Node, request: Request<Incoming>) -> Result<Answer, Answer> {
    let asked: SignUp = read(request, "{login, password, name?}").await?;
    let login: Login = asked.login.parse().map_err(|rule| invalid(&format!("login: {rule}")))?;
    let name = checked_name(asked.name, &login)?;
    check_password("password", &asked.password)?;
    let place = node.passwords.place().map_err(busy)?;
    let hash = place.hash(asked.password.0).await.map_err(busy)?;
    let made = people::create_user(&node.db, &login, &name, &hash).await;
    made.map_err(|failure| db_error(&failure))?;
    let user = User { id: login.as_str().into(), name: name.as_str().into() };
    signed_in(node, StatusCode::CREATED, &user).await
}

fn checked_name(name: Option<String>, login: &Login) -> Result<String, Answer> {
    let name = name.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| login.to_string());
    let fits = name.chars().count() <= MAX_NAME_CHARS && !name.chars().any(char::is_control);
    let rule =
        || invalid(&format!("name: must be at most {MAX_NAME_CHARS} characters, none of them a control"));
    if fits { Ok(name) } else { Err(rule()) }
}

fn check_password(field: &str, password: &Password) -> Result<(), Answer> {
    let fits = (MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&password.0.chars().count());
    let rule =
        || invalid(&format!("{field}: must be {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters"));
    if fits { Ok(()) } else { Err(rule()) }
}

/// `POST /api/signin` `{login, password}`. A wrong login and a wrong password are told alike, and take as long.
pub(super) async fn sign_in(node: &Node, request: Request<Incoming>) -> Result<Answer, Answer> {
    let asked: SignIn = read(request, "{login, password}").await?;
    let login: Login = asked.login.parse().map_err(|_| wrong())?;
    let user = prove(node, &login, asked.password).await?;
    signed_in(node, StatusCode::OK, &user).await
}

/// Whose login and password these are.
async fn prove(node: &Node, login: &Login, password: Password) -> Result<User, Answer> {
    if password.0.chars().count() > MAX_PASSWORD_CHARS {
        return Err(wrong());
    }
    // Before anything is written: what comes in is bounded by what can be hashed.
    let place = node.passwords.place().map_err(busy)?;
    let wait = people::attempt_sign_in(&node.db, login).await.map_err(|failure| db_error(&failure))?;
    if wait > 0 {
        count(&node.metrics.sign_ins, "slowed");
        return Err(too_often(wait));
    }
    let found = people::user_by_login(&node.db, login).await.map_err(|failure| db_error(&failure))?;
    let (user, hash) = found.unzip();
    let is_right = place.is_right(password.0, hash).await.map_err(busy)?;
    count(&node.metrics.sign_ins, if is_right { "right" } else { "wrong" });
    user.filter(|_| is_right).ok_or_else(wrong)
}

/// `POST /api/me/password` `{password, new_password}`: other devices are signed out. A token alone does not do it: it may be found.
pub(super) async fn change_password(
    node: &Node,
    caller: &Caller,
    request: Request<Incoming>,
) -> Result<Answer, Answer> {
    let (user, token) = caller.user.as_ref().zip(caller.token.as_ref()).ok_or_else(no_one)?;
    let asked: NewPassword = read(request, "{password, new_password}").await?;
    check_password("new_password", &asked.new_password)?;
    let login: Login = user.id.parse().map_err(|_| wrong())?;
    prove(node, &login, asked.password).await?;
    let place = node.passwords.place().map_err(busy)?;
    let hash = place.hash(asked.new_password.0).await.map_err(busy)?;
    let changed = people::set_password(&node.db, &user.id, &hash, token).await;
    if changed.map_err(|failure| db_error(&failure))? { Ok(nothing()) } else { Err(no_one()) }
}

/// `POST /api/signout`.
pub(super) async fn sign_out(node: &Node, caller: &Caller) -> Result<Answer, Answer> {
    let token = caller.token.as_ref().ok_or_else(no_one)?;
    people::sign_out(&node.db, token).await.map_err(|failure| db_error(&failure))?;
    Ok(nothing())
}

/// `GET /api/me`.
pub(super) fn me(caller: &Caller) -> Result<Answer, Answer> {
    let user = caller.user.as_ref().ok_or_else(no_one)?;
    Ok(json_text(StatusCode::OK, json!({"user": told(user)}).to_string()))
}

/// Gives somebody a token: the only time that it is told.
async fn signed_in(node: &Node, status: StatusCode, user: &User) -> Result<Answer, Answer> {
    let token = secrets::sign_in_token().map_err(busy)?;
    let until = people::add_sign_in(&node.db, &user.id, &token.hash(), node.sign_in_days).await;
    let until = until.map_err(|failure| db_error(&failure))?;
    let body = json!({"token": token.reveal(), "expires_at": until, "user": told(user)});
    Ok(unkept(json_text(status, body.to_string())))
}

fn told(user: &User) -> Value {
    json!({"id": &*user.id, "name": &*user.name})
}

/// Reads a body that may hold a password: what is wrong with it is told without any of it.
async fn read<T: serde::de::DeserializeOwned>(request: Request<Incoming>, form: &str) -> Result<T, Answer> {
    let body = read_bytes(request, MAX_BODY_BYTES).await?;
    let read =
        if body.trim_ascii_start().starts_with(b"{") { serde_json::from_slice(&body).ok() } else { None };
    read.ok_or_else(|| invalid(&format!("body: must be {form}, all text")))
}

fn wrong() -> Answer {
    unauthorized("login: it and the password do not go together")
}

fn no_one() -> Answer {
    unauthorized("token: is required: sign in")
}

fn too_often(seconds: u32) -> Answer {
    let message = format!("login: was tried too often; try again in {seconds} s");
    later(error(RejectCode::RateLimited, &message), seconds)
}

fn busy(busy: Busy) -> Answer {
    later(error(RejectCode::Unavailable, &busy.to_string()), 1)
}

fn later(mut answer: Answer, seconds: u32) -> Answer {
    answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    answer
}
