//! Telling when the server is ready: by really connecting to it.
use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::Path,
    time::Duration,
};

use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{Config, NoTls, error::SqlState};

use super::{EmbeddedError, NAME, address::Address, server::Server};

/// How long a server may be silent, and how long it may go on saying that it recovers.
const SILENCE_DEADLINE: Duration = Duration::from_mins(1);
const RECOVERY_DEADLINE: Duration = Duration::from_mins(15);
/// One try to connect and to speak.
const TRY_DEADLINE: Duration = Duration::from_secs(10);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);
/// How much of the server's log is shown when it fails.
const TAIL_LINES: usize = 12;
const TAIL_BYTES: u64 = 16 << 10;

/// What the server says to a new connection.
enum Answer {
    Ready,
    /// It runs, but the board's database is not made yet.
    NoDatabase,
    /// It runs, and will take connections later.
    Later,
    Silence,
}

/// Waits until the server takes connections to the board's database, which is made if need be.
pub(super) async fn wait_until_ready(
    server: &mut Server,
    address: &Address,
    log: (&Path, u64),
) -> Result<(), EmbeddedError> {
    let start = Instant::now();
    let mut limit = SILENCE_DEADLINE;
    while start.elapsed() < limit {
        match ask(address).await? {
            Answer::Ready => return Ok(()),
            Answer::NoDatabase => create_database(address).await?,
            Answer::Later => limit = RECOVERY_DEADLINE,
            Answer::Silence if server.has_ended() => {
                return Err(EmbeddedError::Ended { log: log.0.to_path_buf(), tail: tail(log) });
            }
            Answer::Silence => {}
        }
        sleep(PAUSE).await;
    }
    Err(EmbeddedError::TooSlow { seconds: limit.as_secs(), log: log.0.to_path_buf(), tail: tail(log) })
}

async fn ask(address: &Address) -> Result<Answer, EmbeddedError> {
    let error = match run(&address.config(), "select").await {
        Some(Ok(())) => return Ok(Answer::Ready),
        Some(Err(error)) => error,
        None => return Ok(Answer::Silence),
    };
    match error.code() {
        Some(code) if *code == SqlState::UNDEFINED_DATABASE => Ok(Answer::NoDatabase),
        Some(code) if *code == SqlState::CANNOT_CONNECT_NOW => Ok(Answer::Later),
        // A server that was left running may have its places taken for a while.
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => Ok(Answer::Later),
        Some(_) => Err(EmbeddedError::Refused { what: "a connection", source: error }),
        None => Ok(Answer::Silence),
    }
}

async fn create_database(address: &Address) -> Result<(), EmbeddedError> {
    let mut config = address.config();
    config.dbname("postgres");
    match run(&config, &format!("create database {NAME}")).await {
        Some(Err(source)) if source.code() != Some(&SqlState::DUPLICATE_DATABASE) => {
            Err(EmbeddedError::Refused { what: "the board's database", source })
        }
        _ => Ok(()),
    }
}

/// Lets the superuser in by TCP, with this password.
pub(super) async fn set_password(address: &Address, password: &str) -> Result<(), EmbeddedError> {
    // The password is made by us of letters and digits.
    match run(&address.config(), &format!("alter role {NAME} password '{password}'")).await {
        Some(Err(source)) => Err(EmbeddedError::Refused { what: "a password", source }),
        _ => Ok(()),
    }
}

/// Runs one statement on a connection of its own; none when it took too long.
async fn run(config: &Config, sql: &str) -> Option<Result<(), tokio_postgres::Error>> {
    let whole = async {
        let (client, connection) = config.connect(NoTls).await?;
        let carrier = tokio::spawn(connection);
        let outcome = client.batch_execute(sql).await;
        drop(client);
        // The connection's own end adds nothing to what the statement said.
        let _ = carrier.await;
        outcome
    };
    timeout(TRY_DEADLINE, whole).await.ok()
}

/// The last lines of a log that were written after its first so many bytes.
fn tail((log, from): (&Path, u64)) -> String {
    let text = read_from(log, from).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let start = lines.len().saturating_sub(TAIL_LINES);
    lines.get(start..).unwrap_or_default().join("\n")
}

fn read_from(log: &Path, from: u64) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(from.max(length.saturating_sub(TAIL_BYTES))))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_holds_the_last_lines_of_this_start_only() {
        let temp = tempfile::tempdir().unwrap();
        let log = temp.path().join("server.log");
        let lines: Vec<String> = (0..30).map(|number| format!("line {number}")).collect();
        std::fs::write(&log, format!("old\n{}\n", lines.join("\n"))).unwrap();
        assert_eq!(tail((&log, 4)), lines[18..].join("\n"));
        std::fs::write(&log, "old\nnew\n").unwrap();
        assert_eq!(tail((&log, 4)), "new");
        assert_eq!(tail((&temp.path().join("none"), 0)), "");
    }
}
