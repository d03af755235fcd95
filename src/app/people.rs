//! The sub-commands for people who are locked out: link, password. Whoever may run them owns the database.

use std::io::Read;

use super::upkeep::opened;
use super::{AppError, tell};
use crate::config::Settings;
use crate::db::calls::upkeep;
use crate::model::limits::{MAX_PASSWORD_CHARS, MIN_PASSWORD_CHARS};
use crate::model::{Login, Role};
use crate::secrets::{self, Busy, Passwords};

/// More than this of standard input is not read.
const MAX_INPUT_BYTES: u64 = 16 * 1024;

/// Makes a link into a room, and prints its address below that of a node.
pub async fn link(settings: Settings, room: &str, role: &str, days: Option<i32>) -> Result<(), AppError> {
    let role: Role = role.parse().map_err(|rule| AppError::Setting(format!("role: {rule}")))?;
    let token = secrets::link_token().map_err(busy)?;
    let (client, database) = opened(&settings).await?;
    let made = upkeep::make_link(&client, room, role, &token.hash(), days).await;
    database.close().await?;
    tell(&format!("/r/{}#link={}", made?, token.reveal()));
    Ok(())
}

/// Gives somebody the password that is read from standard input, and signs them out everywhere.
pub async fn password(settings: Settings, login: &str) -> Result<(), AppError> {
    let login: Login = login.parse().map_err(|rule| AppError::Setting(format!("login: {rule}")))?;
    let password = read_password()?;
    let hash = Passwords::default().place().map_err(busy)?.hash(password).await.map_err(busy)?;
    let (client, database) = opened(&settings).await?;
    let found = upkeep::set_password(&client, login.as_str(), &hash).await;
    database.close().await?;
    if !found? {
        return Err(AppError::Setup(format!("login: there is nobody called {login}")));
    }
    tell(&format!("{login} has another password, and is signed out everywhere"));
    Ok(())
}

/// One line, without its end.
fn read_password() -> Result<String, AppError> {
    let mut input = String::new();
    let read = std::io::stdin().take(MAX_INPUT_BYTES).read_to_string(&mut input);
    read.map_err(|error| AppError::Setup(format!("password: it cannot be read: {error}")))?;
    let password = input.strip_suffix('\n').unwrap_or(&input);
    let password = password.strip_suffix('\r').unwrap_or(password);
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&password.chars().count()) {
        let rule = format!("password: must be {MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters");
        return Err(AppError::Setup(rule));
    }
    Ok(password.to_owned())
}

fn busy(busy: Busy) -> AppError {
    AppError::Setup(busy.to_string())
}
