//! The one connection of a node that listens. It pings, comes back by itself, listens again to every channel, and then says so:
//! what was rung in between must be fetched.

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use uuid::Uuid;

use super::connect::{Stream, Target};
use super::error::DbError;
use crate::backoff::Backoff;
use crate::log::State;

/// How often a silent connection is asked whether it is there.
const PING: Duration = Duration::from_secs(5);
/// How long it may take to answer, or to acknowledge a LISTEN.
const ANSWER: Duration = Duration::from_secs(5);
/// Requests that wait for the connection; more callers than this wait in line.
const REQUESTS: usize = 1_024;
/// Channels per LISTEN message after a reconnect.
const CHANNELS_PER_MESSAGE: usize = 512;

/// What the listener tells.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A bell rang.
    Notice {
        /// Which.
        channel: &'a str,
        /// What it said.
        payload: &'a str,
    },
    /// The connection was lost and is back: anything may have rung in between.
    Back,
    /// A bell of our own was heard, this long after it was rung.
    Echo(Duration),
}

enum Request {
    Listen(String, oneshot::Sender<()>),
    Unlisten(String),
}

/// A handle to the listening connection.
#[derive(Debug, Clone)]
pub struct Listener {
    requests: mpsc::Sender<Request>,
    connected: Arc<AtomicBool>,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Listen(..) => formatter.write_str("Listen"),
            Self::Unlisten(..) => formatter.write_str("Unlisten"),
        }
    }
}

impl Listener {
    /// Starts listening; `hear` is called for every notice, in order, and must not block. Ends when the last handle is dropped.
    pub fn spawn(
        target: &Target,
        hear: impl Fn(Heard<'_>) + Send + Sync + 'static,
    ) -> (Self, JoinHandle<()>) {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let connected = Arc::new(AtomicBool::new(false));
        let ear = Ear {
            target: target.named("pgcanvas listener"),
            hear: Arc::new(hear),
            connected: Arc::clone(&connected),
            channels: HashSet::new(),
            waiting: Vec::new(),
            own_channel: format!("pgcanvas_echo_{}", Uuid::new_v4().simple()),
            echo: Arc::new(Notify::new()),
        };
        (Self { requests, connected }, tokio::spawn(ear.run(inbox)))
    }

    /// Whether the connection stands.
    pub fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }

    /// Listens to a channel; returns when the server has acknowledged it, so that nothing rung from now on is missed.
    pub async fn listen(&self, channel: &str) -> Result<(), DbError> {
        let (acknowledge, acknowledged) = oneshot::channel();
        let request = Request::Listen(channel.to_owned(), acknowledge);
        self.requests.send(request).await.map_err(|_| DbError::Unreachable)?;
        match timeout(ANSWER, acknowledged).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(DbError::Unreachable),
        }
    }

    /// Stops listening to a channel.
    pub async fn unlisten(&self, channel: &str) {
        // The listener is gone only when the node is.
        _ = self.requests.send(Request::Unlisten(channel.to_owned())).await;
    }
}

type Hear = Arc<dyn Fn(Heard<'_>) + Send + Sync>;

struct Ear {
    target: Target,
    hear: Hear,
    connected: Arc<AtomicBool>,
    channels: HashSet<String>,
    waiting: Vec<oneshot::Sender<()>>,
    /// A channel that only this connection rings: whether it hears itself is the best sign of life.
    own_channel: String,
    echo: Arc<Notify>,
}

impl Ear {
    async fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        let mut backoff = Backoff::default();
        let mut first = true;
        let trouble = State::default();
        while !inbox.is_closed() || !inbox.is_empty() {
            match self.connect().await {
                Ok((client, driver)) => {
                    backoff.reset();
                    self.connected.store(true, Ordering::Relaxed);
                    let attempts = trouble.is_over().map_or(0, |(_, attempts)| attempts);
                    if !first {
                        tracing::info!(channels = self.channels.len(), attempts, "listening again");
                        (self.hear)(Heard::Back);
                    }
                    first = false;
                    let lost = self.attend(&client, driver, &mut inbox).await;
                    self.connected.store(false, Ordering::Relaxed);
                    if !lost {
                        return;
                    }
                    tracing::warn!("the listening connection is lost");
                }
                Err(error) => {
                    if trouble.fails(&error.to_string()) {
                        tracing::warn!(%error, "cannot listen");
                    }
                }
            }
            sleep(backoff.next_delay()).await;
        }
    }

    /// Connects and listens to every known channel.
    async fn connect(&mut self) -> Result<(Client, JoinHandle<()>), DbError> {
        let (client, connection) = self.target.open().await?;
        let own = (self.own_channel.clone(), Arc::clone(&self.echo));
        let driver = tokio::spawn(drive(connection, Arc::clone(&self.hear), own));
        timeout(ANSWER, client.batch_execute(&listen_sql(&self.own_channel)))
            .await
            .map_err(|_| DbError::Unreachable)??;
        let known: Vec<&String> = self.channels.iter().collect();
        for some in known.chunks(CHANNELS_PER_MESSAGE) {
            let sql: String = some.iter().map(|channel| listen_sql(channel)).collect();
            if timeout(ANSWER, client.batch_execute(&sql)).await.map_err(|_| DbError::Unreachable)?.is_err() {
                return Err(DbError::Unreachable);
            }
        }
        for waiting in self.waiting.drain(..) {
            _ = waiting.send(());
        }
        Ok((client, driver))
    }

    /// Serves requests until the connection is lost (true) or nobody can ask any more (false).
    async fn attend(
        &mut self,
        client: &Client,
        mut driver: JoinHandle<()>,
        inbox: &mut mpsc::Receiver<Request>,
    ) -> bool {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let lost = loop {
            tokio::select! {
                _ = &mut driver => return true,
                _ = ping.tick() => {
                    if !self.hears_itself(client).await {
                        tracing::warn!("the listening connection does not hear itself");
                        break true;
                    }
                }
                request = inbox.recv() => {
                    let Some(request) = request else { break false };
                    let served = self.serve(client, request, inbox).await;
                    if served.is_err() { break true; }
                }
            }
        };
        driver.abort();
        lost
    }

    /// Rings its own bell and waits for it.
    async fn hears_itself(&self, client: &Client) -> bool {
        let rung = Instant::now();
        let sql = format!("notify {}", self.own_channel);
        let heard = async {
            client.batch_execute(&sql).await.is_ok() && {
                self.echo.notified().await;
                true
            }
        };
        let heard = timeout(ANSWER, heard).await.unwrap_or(false);
        if heard {
            (self.hear)(Heard::Echo(rung.elapsed()));
        }
        heard
    }

    /// Serves a request and all that wait behind it in one message.
    async fn serve(
        &mut self,
        client: &Client,
        first: Request,
        inbox: &mut mpsc::Receiver<Request>,
    ) -> Result<(), DbError> {
        let mut sql = String::new();
        let mut next = Some(first);
        while let Some(request) = next {
            match request {
                Request::Listen(channel, acknowledge) => {
                    sql.push_str(&listen_sql(&channel));
                    self.channels.insert(channel);
                    self.waiting.push(acknowledge);
                }
                Request::Unlisten(channel) => {
                    sql.push_str("un");
                    sql.push_str(&listen_sql(&channel));
                    self.channels.remove(&channel);
                }
            }
            next = if self.waiting.len() < CHANNELS_PER_MESSAGE { inbox.try_recv().ok() } else { None };
        }
        match timeout(ANSWER, client.batch_execute(&sql)).await {
            Ok(Ok(())) => {}
            _ => return Err(DbError::Unreachable),
        }
        for waiting in self.waiting.drain(..) {
            _ = waiting.send(());
        }
        Ok(())
    }
}

/// Channel names are made by the database of letters, digits and underscores; quoting keeps their case.
fn listen_sql(channel: &str) -> String {
    format!("listen \"{}\";", channel.replace('"', ""))
}

/// Polls the connection; notices go straight to `hear`, in the order of their commits.
async fn drive(mut connection: Connection<Socket, Stream>, hear: Hear, own: (String, Arc<Notify>)) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notice) = message {
            if notice.channel() == own.0 {
                own.1.notify_one();
            } else {
                hear(Heard::Notice { channel: notice.channel(), payload: notice.payload() });
            }
        }
    }
}
