//! Where the embedded server answers.
use std::{
    fmt::Write,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::NAME;

/// The port that names the socket file when no TCP port was asked for.
pub(super) const DEFAULT_PORT: u16 = 5432;

/// The server's Unix socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    pub(super) socket_dir: PathBuf,
    pub(super) port: u16,
}

impl Address {
    /// The folder of the socket.
    pub fn socket_dir(&self) -> &Path {
        &self.socket_dir
    }

    /// The port that is part of the socket's file name.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// How tokio-postgres connects to the board's database.
    pub fn config(&self) -> tokio_postgres::Config {
        let mut config = tokio_postgres::Config::new();
        config.host_path(&self.socket_dir).port(self.port).user(NAME).dbname(NAME);
        config
    }

    /// A connection URL that psql and tokio-postgres understand alike.
    pub fn url(&self) -> String {
        format!("postgresql://{NAME}@{}:{}/{NAME}", percent_encoded(&self.socket_dir), self.port)
    }

    /// The command a person pastes to open the same database.
    pub fn psql_command(&self) -> String {
        let port = if self.port == DEFAULT_PORT { String::new() } else { format!(" -p {}", self.port) };
        format!("psql -h {}{port} -U {NAME} {NAME}", shell_quoted(&self.socket_dir.to_string_lossy()))
    }
}

fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._".contains(&byte)
}

fn percent_encoded(path: &Path) -> String {
    path.as_os_str().as_bytes().iter().fold(String::new(), |mut text, &byte| {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

fn shell_quoted(word: &str) -> String {
    if word.bytes().all(|byte| is_plain(byte) || byte == b'/') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(folder: &str, port: u16) -> Address {
        Address { socket_dir: folder.into(), port }
    }

    #[test]
    fn the_url_of_a_folder_with_odd_characters_parses_back_to_it() {
        let odd = address("/tmp/a b%c/ü?@:'x", 5433);
        let parsed: tokio_postgres::Config = odd.url().parse().unwrap();
        assert_eq!(parsed.get_hosts(), odd.config().get_hosts());
        assert_eq!((parsed.get_ports(), parsed.get_user()), (&[5433][..], Some("pgcanvas")));
    }

    #[test]
    fn the_psql_command_is_short_when_it_can_be() {
        assert_eq!(address("/d/socket", 5432).psql_command(), "psql -h /d/socket -U pgcanvas pgcanvas");
        let quoted = address("/d'x/a b", 6000).psql_command();
        assert_eq!(quoted, r"psql -h '/d'\''x/a b' -p 6000 -U pgcanvas pgcanvas");
    }
}
