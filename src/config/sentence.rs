//! One sentence for whatever is wrong with the settings.
//!
//! Not clap's own text: that shows the value, which may be a password, and has several lines.
use std::error::Error as _;

use clap::error::{ContextKind, ContextValue, Error, ErrorKind};

use super::{ConfigError, command_line, variable_of};

/// The sentence for an error of clap's.
pub(super) fn of(error: &Error) -> ConfigError {
    let said = |kind| error.get(kind).map(text).unwrap_or_default();
    let argument = said(ContextKind::InvalidArg);
    let flag = argument.split([' ', '=', '[']).next().unwrap_or_default();
    let sentence = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return ConfigError::Shown(error.to_string()),
        ErrorKind::ValueValidation => {
            format!("{flag}: {}", error.source().map_or_else(|| "bad value".to_owned(), ToString::to_string))
        }
        ErrorKind::InvalidValue => match said(ContextKind::InvalidValue).as_str() {
            "" => format!("{flag} needs a value"),
            _ => format!("{flag}: must be one of {}", all(error, ContextKind::ValidValue)),
        },
        ErrorKind::MissingRequiredArgument => {
            format!("what is missing: {}", all(error, ContextKind::InvalidArg))
        }
        ErrorKind::ArgumentConflict => {
            format!("{argument} does not go with {}", all(error, ContextKind::PriorArg))
        }
        ErrorKind::InvalidUtf8 => "a setting is not UTF-8 text".to_owned(),
        ErrorKind::UnknownArgument => {
            format!("unknown setting {flag}{}", meant(&said(ContextKind::SuggestedArg)))
        }
        ErrorKind::InvalidSubcommand => format!(
            "unknown command {}{}: the commands are {}",
            said(ContextKind::InvalidSubcommand),
            meant(&said(ContextKind::SuggestedSubcommand)),
            command_line().get_subcommands().map(clap::Command::get_name).collect::<Vec<_>>().join(", ")
        ),
        _ => format!("the settings cannot be read ({}): see --help", error.kind()),
    };
    ConfigError::Usage(sentence)
}

/// The sentence for a variable of ours that no setting has.
pub(super) fn unknown_variable(name: &str, known: &[String]) -> String {
    let all: Vec<String> = known.iter().map(|flag| variable_of(flag)).collect();
    format!("unknown setting {name}: the variables are {}", all.join(", "))
}

fn meant(suggestion: &str) -> String {
    if suggestion.is_empty() { String::new() } else { format!(" (did you mean {suggestion}?)") }
}

/// All that clap names, after one another.
fn all(error: &Error, kind: ContextKind) -> String {
    match error.get(kind) {
        Some(ContextValue::Strings(all)) => all.join(", "),
        value => value.map(text).unwrap_or_default(),
    }
}

fn text(value: &ContextValue) -> String {
    match value {
        ContextValue::Strings(all) => all.first().cloned().unwrap_or_default(),
        other => other.to_string(),
    }
}
