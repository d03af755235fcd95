//! Where the database is, and how a connection to it begins.

use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::error::DbError;
use super::tls::{Verify, client_config};

/// How long a connection may take to come up, milliseconds.
const CONNECT_TIMEOUT_MS: u64 = 5_000;
/// How long it may take until the server greets: one that is frozen accepts and says nothing.
pub(super) const OPEN_TIMEOUT_MS: u64 = 10_000;
/// How long a connection may be idle until its other end is asked whether it is there, and then how often, seconds.
const KEEPALIVE_IDLE_SECONDS: u64 = 15;
const KEEPALIVE_INTERVAL_SECONDS: u64 = 5;
/// How often it may fail to say so.
const KEEPALIVE_RETRIES: u32 = 3;
/// How long what was sent may go without the network's acknowledgement: without this a broken network is noticed after a quarter of an hour.
const TCP_USER_TIMEOUT_SECONDS: u64 = 20;

/// The stream that TLS, or no TLS, runs on.
pub(super) type Stream = <MakeRustlsConnect as tokio_postgres::tls::MakeTlsConnect<Socket>>::Stream;

/// A database to connect to.
#[derive(Clone)]
pub struct Target {
    pub(super) config: Config,
    pub(super) tls: MakeRustlsConnect,
}

impl std::fmt::Debug for Target {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Target").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Target {
    /// Reads a URL or `key=value` pairs as libpq does, `sslmode` and `sslrootcert` included; the error is one sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (text, tls) = split_tls(text);
        let config: Config = text.parse().map_err(|error: tokio_postgres::Error| {
            let cause =
                std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
            format!("the database URL cannot be read{cause}")
        })?;
        Self::with_tls(config, &tls)
    }

    /// A target from a finished configuration (the embedded server's).
    pub fn from_config(config: Config) -> Result<Self, String> {
        Self::with_tls(config, &TlsWords::default())
    }

    fn with_tls(mut config: Config, words: &TlsWords) -> Result<Self, String> {
        let mut verify = Verify::Nothing;
        match words.mode.as_deref() {
            None => {}
            Some("disable") => _ = config.ssl_mode(SslMode::Disable),
            Some("allow" | "prefer") => _ = config.ssl_mode(SslMode::Prefer),
            Some(mode @ ("require" | "verify-ca" | "verify-full")) => {
                config.ssl_mode(SslMode::Require);
                verify = match mode {
                    "verify-full" => Verify::Host,
                    "verify-ca" => Verify::Authority,
                    // As in libpq: with a root certificate, require means verify-ca.
                    _ if words.root_file.is_some() => Verify::Authority,
                    _ => Verify::Nothing,
                };
            }
            Some(other) => return Err(format!("sslmode={other} is not a mode of libpq")),
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_millis(CONNECT_TIMEOUT_MS));
        }
        config.keepalives_idle(Duration::from_secs(KEEPALIVE_IDLE_SECONDS));
        config.keepalives_interval(Duration::from_secs(KEEPALIVE_INTERVAL_SECONDS));
        config.keepalives_retries(KEEPALIVE_RETRIES);
        config.tcp_user_timeout(Duration::from_secs(TCP_USER_TIMEOUT_SECONDS));
        let tls = MakeRustlsConnect::new(client_config(verify, words.root_file.as_deref())?);
        Ok(Self { config, tls })
    }

    /// The same server and user, under another name in `pg_stat_activity`.
    #[must_use]
    pub fn named(&self, application: &str) -> Self {
        let mut named = self.clone();
        named.config.application_name(application);
        named
    }

    /// Opens a connection; the second part must be polled for the first to work.
    pub(super) async fn open(&self) -> Result<(Client, Connection<Socket, Stream>), DbError> {
        let opened =
            timeout(Duration::from_millis(OPEN_TIMEOUT_MS), self.config.connect(self.tls.clone())).await;
        Ok(opened.map_err(|_| DbError::Unreachable)??)
    }

    /// Opens a connection that is driven by a task of its own, which ends with it.
    pub async fn connect(&self) -> Result<Client, DbError> {
        let connected = timeout(Duration::from_millis(OPEN_TIMEOUT_MS), self.connect_driven()).await;
        Ok(connected.map_err(|_| DbError::Unreachable)??)
    }

    /// Like [`Target::connect`], with a sentence for the person who named the database.
    pub async fn connect_or_say_why(&self) -> Result<Client, String> {
        let connected = timeout(Duration::from_millis(OPEN_TIMEOUT_MS), self.connect_driven()).await;
        connected.map_err(|_| "the server takes the connection and says nothing".to_owned())?.map_err(
            |error| {
                // The cause says which host or which rule; a password is in neither.
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
            },
        )
    }

    async fn connect_driven(&self) -> Result<Client, tokio_postgres::Error> {
        let (client, connection) = self.config.connect(self.tls.clone()).await?;
        tokio::spawn(async move {
            // Its end is seen by whoever uses the client.
            _ = connection.await;
        });
        Ok(client)
    }
}

/// The words about TLS that tokio-postgres does not know.
#[derive(Debug, Default, PartialEq, Eq)]
struct TlsWords {
    mode: Option<String>,
    root_file: Option<String>,
}

/// Takes `sslmode` and `sslrootcert` out of a URL's query or out of `key=value` pairs.
fn split_tls(text: &str) -> (String, TlsWords) {
    let mut words = TlsWords::default();
    let mut keep = |pair: &&str| match pair.split_once('=') {
        Some(("sslmode", mode)) => {
            words.mode = Some(mode.trim_matches('\'').to_owned());
            false
        }
        Some(("sslrootcert", file)) => {
            words.root_file = Some(file.trim_matches('\'').replace("%2F", "/").replace("%2f", "/"));
            false
        }
        _ => true,
    };
    if !text.contains("://") {
        let kept: Vec<&str> = text.split_whitespace().filter(|pair| keep(pair)).collect();
        return (kept.join(" "), words);
    }
    let Some((base, query)) = text.split_once('?') else {
        return (text.to_owned(), words);
    };
    let kept: Vec<&str> = query.split('&').filter(|pair| keep(pair)).collect();
    let text = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
    (text, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_about_tls_are_taken_out_of_a_url() {
        let (text, words) =
            split_tls("postgres://u@h/db?sslmode=verify-full&application_name=x&sslrootcert=%2Fr.pem");
        assert_eq!(text, "postgres://u@h/db?application_name=x");
        assert_eq!(words, TlsWords { mode: Some("verify-full".into()), root_file: Some("/r.pem".into()) });
    }

    #[test]
    fn words_about_tls_are_taken_out_of_pairs() {
        let (text, words) = split_tls("host=h sslmode=require dbname=d");
        assert_eq!(text, "host=h dbname=d");
        assert_eq!(words.mode.as_deref(), Some("require"));
    }

    #[test]
    fn an_unknown_mode_is_one_sentence() {
        let error = Target::parse("postgres://u@h/db?sslmode=maybe").unwrap_err();
        assert_eq!(error, "sslmode=maybe is not a mode of libpq");
    }
}
