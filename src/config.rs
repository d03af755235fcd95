//! The settings: each is a flag and a `PGCANVAS_` variable of the same name; the flag wins.
//!
//! [`Settings::from`] is a plain function of arguments and variables. The variables are turned into flags here
//! rather than by clap, so that a variable nobody knows is refused, and a bad value is told by the name it came in.

mod database_url;
mod node;
mod sentence;
mod value;

use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

pub use database_url::DatabaseUrl;
pub use node::NodeSettings;

/// What every variable of ours begins with.
const PREFIX: &str = "PGCANVAS_";
/// The name that hosts give to the database's address; ours wins over it.
const COMMON_DATABASE_URL: &str = "DATABASE_URL";
/// Where the node listens when nothing says otherwise.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";

/// Why there are no settings.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A setting is unknown or its value is bad: exit code 2.
    #[error("{0}")]
    Usage(String),
    /// Help or the version was asked for, and this is it: no error at all.
    #[error("{0}")]
    Shown(String),
}

/// Everything the program was told.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "pgcanvas",
    version,
    about = "A shared whiteboard whose every shape is a row in your PostgreSQL."
)]
#[command(args_override_self = true, disable_help_subcommand = true, infer_long_args = false)]
pub struct Settings {
    /// Address and port to serve on
    #[arg(long, global = true, value_name = "ADDRESS:PORT", default_value = DEFAULT_LISTEN, value_parser = value::listen)]
    pub listen: SocketAddr,

    /// A PostgreSQL of your own; without it, or with an empty one, a private server is run in the data folder
    /// (DATABASE_URL is read too)
    #[arg(long = "database-url", global = true, value_name = "URL", value_parser = value::database_url)]
    database: Option<value::Database>,

    /// Folder of the private server's data [default: /var/lib/pgcanvas for root, else ~/.local/share/pgcanvas]
    #[arg(long, global = true, value_name = "FOLDER", value_parser = value::path)]
    pub data_dir: Option<PathBuf>,

    /// What to log: a level, or target=level pairs with commas between
    #[arg(long, global = true, value_name = "FILTER", default_value = "info")]
    pub log: String,

    /// Folder of PostgreSQL's server programs [default: looked for]
    #[arg(long, global = true, value_name = "FOLDER", value_parser = value::path)]
    pub postgres_bin: Option<PathBuf>,

    /// Let the private server listen on this port of 127.0.0.1 too
    #[arg(long, global = true, value_name = "PORT", value_parser = value::port)]
    pub postgres_port: Option<u16>,

    /// serve: migrate a database of your own before serving (the private one always is)
    #[arg(long, global = true, value_name = "YES|NO", num_args = 0..=1, require_equals = true)]
    #[arg(default_value = "no", default_missing_value = "yes", value_parser = value::yes_or_no)]
    #[arg(action = clap::ArgAction::Set)]
    pub migrate: bool,

    /// What bounds a node.
    #[command(flatten)]
    pub node: NodeSettings,

    #[command(subcommand)]
    given: Option<Command>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq, Subcommand)]
pub enum Command {
    /// Serve boards; what is done when no command is given
    Serve,
    /// Bring the database to this program's version
    Migrate,
    /// Check settings, versions and the database's contract
    Check,
    /// Forget the oldest batches of a room, or of all
    #[command(group = clap::ArgGroup::new("what").args(["older_than_days", "keep_changes"]).required(true).multiple(true))]
    Prune {
        /// Slug or number; without it, all rooms
        room: Option<String>,
        /// Only batches older than so many days
        #[arg(long, value_name = "DAYS", value_parser = |text: &str| value::whole::<i32>(text, 0, 36_500))]
        older_than_days: Option<i32>,
        /// Keep at least so many of the newest changes of each room
        #[arg(long, value_name = "COUNT", value_parser = |text: &str| value::whole::<i64>(text, 0, i64::MAX))]
        keep_changes: Option<i64>,
    },
    /// Look for what is missing, altered or slipped in in a room's log
    Verify {
        /// Slug or number
        room: String,
    },
    /// Make a link into a room, whoever owns it
    Link {
        /// Slug or number
        room: String,
        /// What who holds it may: viewer, editor or owner
        #[arg(long, value_name = "ROLE", default_value = "owner", value_parser = ["viewer", "editor", "owner"])]
        role: String,
        /// Days until it expires; without it, it does not
        #[arg(long, value_name = "DAYS", value_parser = |text: &str| value::whole::<i32>(text, 1, 3_650))]
        days: Option<i32>,
    },
    /// Give somebody another password, read from standard input, and sign them out everywhere
    Password {
        /// Whose
        login: String,
    },
    /// Make every client of a room start anew, after the database was put back to an earlier state
    NewEpoch {
        /// Slug or number
        #[arg(required_unless_present = "all")]
        room: Option<String>,
        /// All rooms
        #[arg(long, conflicts_with = "room")]
        all: bool,
    },
    /// Open the board's database in psql
    Psql {
        /// Passed to psql
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, value_name = "PSQL ARGUMENTS")]
        args: Vec<OsString>,
    },
}

impl Settings {
    /// The settings that the arguments (the program's name first) and the environment's variables make.
    pub fn from<A, E>(args: A, env: E) -> Result<Self, ConfigError>
    where
        A: IntoIterator<Item = OsString>,
        E: IntoIterator<Item = (OsString, OsString)>,
    {
        let mut args = args.into_iter();
        let mut all = vec![args.next().unwrap_or_else(|| "pgcanvas".into())];
        all.extend(flags_from_variables(env)?);
        let given: Vec<OsString> = args.collect();
        let says_migrate = given.iter().any(|arg| arg == "--migrate" || arg == "--migrate=yes");
        all.extend(given);
        let settings = parsed(all)?;
        if says_migrate && !matches!(settings.command(), Command::Serve | Command::Psql { .. }) {
            return Err(ConfigError::Usage("--migrate belongs to serve".into()));
        }
        Ok(settings)
    }

    /// What to do.
    pub fn command(&self) -> Command {
        self.given.clone().unwrap_or(Command::Serve)
    }

    /// The database to use; none means the embedded one.
    pub fn database_url(&self) -> Option<&DatabaseUrl> {
        self.database.as_ref().and_then(value::Database::url)
    }
}

/// The command line, where every flag's help names its variable.
fn command_line() -> clap::Command {
    <Settings as CommandFactory>::command().mut_args(|arg| {
        let Some(variable) = arg.get_long().map(variable_of) else { return arg };
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        arg.help(format!("{help} [env: {variable}]"))
    })
}

fn parsed(args: Vec<OsString>) -> Result<Settings, ConfigError> {
    let matches = command_line().try_get_matches_from(args);
    matches.and_then(|matches| Settings::from_arg_matches(&matches)).map_err(|error| sentence::of(&error))
}

/// `PGCANVAS_DATA_DIR` for `data-dir`.
fn variable_of(flag: &str) -> String {
    format!("{PREFIX}{}", flag.to_uppercase().replace('-', "_"))
}

/// Each variable of ours as a flag. One that is empty counts as not set, as in every shell's `${NAME:-…}`.
fn flags_from_variables(
    env: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<Vec<OsString>, ConfigError> {
    let known: Vec<String> = <Settings as CommandFactory>::command()
        .get_arguments()
        .filter_map(|arg| Some(arg.get_long()?.to_owned()))
        .collect();
    let (mut common, mut ours) = (Vec::new(), Vec::new());
    for (name, value) in env {
        let name = name.to_string_lossy().into_owned();
        if name == COMMON_DATABASE_URL && !value.is_empty() {
            common.push(checked_flag("database-url", &name, &value)?);
        }
        if !name.starts_with(PREFIX) {
            continue;
        }
        let flag = known.iter().find(|flag| variable_of(flag) == name);
        let flag = flag.ok_or_else(|| ConfigError::Usage(sentence::unknown_variable(&name, &known)))?;
        if !value.is_empty() {
            ours.push(checked_flag(flag, &name, &value)?);
        }
    }
    Ok(common.into_iter().chain(ours).collect())
}

/// The flag for a variable; a bad value is told by the variable's name, since nobody typed the flag.
fn checked_flag(flag: &str, variable: &str, value: &OsString) -> Result<OsString, ConfigError> {
    let mut argument = OsString::from(format!("--{flag}="));
    argument.push(value);
    match parsed(vec!["pgcanvas".into(), argument.clone()]) {
        Ok(_) => Ok(argument),
        Err(ConfigError::Usage(sentence)) => {
            Err(ConfigError::Usage(sentence.replacen(&format!("--{flag}"), variable, 1)))
        }
        Err(shown) => Err(shown),
    }
}

#[cfg(test)]
mod tests;
