//! What the sub-commands do.
use crate::config::Settings;

/// Why a sub-command failed.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The sub-command is not written yet.
    #[error("{0} is not wired yet")]
    NotWired(&'static str),
}

/// Serves boards until told to stop.
#[expect(clippy::unused_async, reason = "a placeholder with the final signature")]
pub async fn serve(_settings: Settings) -> Result<(), AppError> {
    Err(AppError::NotWired("serve"))
}

/// Brings the database to this program's contract.
#[expect(clippy::unused_async, reason = "a placeholder with the final signature")]
pub async fn migrate(_settings: Settings) -> Result<(), AppError> {
    Err(AppError::NotWired("migrate"))
}

/// Says whether settings, versions and contract fit.
#[expect(clippy::unused_async, reason = "a placeholder with the final signature")]
pub async fn check(_settings: Settings) -> Result<(), AppError> {
    Err(AppError::NotWired("check"))
}
