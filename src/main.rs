//! The `pgcanvas` program: reads the settings, and does what the command says.

mod psql;

use std::process::ExitCode;

use pgcanvas::{
    app::{self, AppError},
    config::{Command, ConfigError, Settings},
    log,
};

/// Exit codes: something failed; a setting is wrong.
const FAILED: u8 = 1;
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let settings = match Settings::from(std::env::args_os(), std::env::vars_os()) {
        Ok(settings) => settings,
        Err(ConfigError::Shown(text)) => {
            print!("{text}");
            return ExitCode::SUCCESS;
        }
        Err(ConfigError::Usage(sentence)) => return refused(&sentence, MISUSED),
    };
    if let Err(error) = log::init(&settings.log) {
        return refused(&error.to_string(), MISUSED);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return refused(&format!("the runtime cannot start: {error}"), FAILED),
    };
    runtime.block_on(dispatch(settings)).unwrap_or_else(|error| match error {
        AppError::Setting(sentence) => refused(&sentence, MISUSED),
        other => refused(&other.to_string(), FAILED),
    })
}

async fn dispatch(settings: Settings) -> Result<ExitCode, AppError> {
    let done = match settings.command() {
        Command::Serve => app::serve(settings).await,
        Command::Migrate => app::migrate(settings).await,
        Command::Check => app::check(settings).await,
        Command::Prune { room, older_than_days, keep_changes } => {
            app::prune(settings, room.as_deref(), older_than_days, keep_changes).await
        }
        Command::Verify { room } => app::verify(settings, &room).await,
        Command::Link { room, role, days } => app::link(settings, &room, &role, days).await,
        Command::Password { login } => app::password(settings, &login).await,
        Command::NewEpoch { room, .. } => app::new_epoch(settings, room.as_deref()).await,
        Command::Psql { args } => {
            return psql::run(&settings, &args).await.map_err(|error| AppError::Setup(error.to_string()));
        }
    };
    done.map(|()| ExitCode::SUCCESS)
}

#[expect(clippy::print_stderr, reason = "the one sentence that a person reads when the program ends")]
fn refused(sentence: &str, code: u8) -> ExitCode {
    eprintln!("pgcanvas: {sentence}");
    ExitCode::from(code)
}
