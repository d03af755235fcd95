//! What the node says about its work: to stderr, so that stdout stays free for answers.
mod seldom;
mod state;

use std::io::IsTerminal;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::EnvFilter;

pub use seldom::Seldom;
pub use state::State;

/// Why there is no log.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter cannot be read.
    #[error(
        "--log: '{0}' is not a filter: write a level (off, error, warn, info, debug, trace) or target=level, \
         with commas between"
    )]
    Filter(String),
    /// Another log was begun in this process.
    #[error("the log is set up already")]
    Twice,
}

/// Begins to log what the filter lets through.
pub fn init(filter: &str) -> Result<(), LogError> {
    let filter = parsed(filter)?;
    let to_person = std::io::stderr().is_terminal();
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(to_person);
    log.try_init().map_err(|_| LogError::Twice)
}

/// Stricter than the library, which takes a misspelt level for a target.
fn parsed(filter: &str) -> Result<EnvFilter, LogError> {
    let bad = || LogError::Filter(filter.to_owned());
    let is_meant =
        |part: &str| part.contains(['=', '[']) || (!part.is_empty() && part.parse::<LevelFilter>().is_ok());
    if filter.trim().is_empty() || !filter.split(',').all(is_meant) {
        return Err(bad());
    }
    EnvFilter::builder().parse(filter).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_targets_are_understood() {
        for filter in ["info", "WARN", "off", "info,pgcanvas=debug", "pgcanvas::room=trace,warn"] {
            assert!(parsed(filter).is_ok(), "{filter}");
        }
    }

    #[test]
    fn a_misspelt_filter_is_refused_in_one_sentence() {
        for filter in ["inof", "", "info,", "pgcanvas=loud", "a=b=c"] {
            let sentence = parsed(filter).unwrap_err().to_string();
            assert!(sentence.starts_with("--log: ") && !sentence.contains('\n'), "{sentence}");
        }
    }
}
