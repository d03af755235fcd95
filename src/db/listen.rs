//! The one connection of a node that listens. It pings, comes back by itself, listens again to every channel, and then says so:
//! what was rung in between must be fetched.

mod probe;

use std::collections::HashSet;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout, timeout_at};
use tokio_postgres::{AsyncMessage, Client, Connection, Socket};

use uuid::Uuid;

use super::connect::{Stream, Target};
use super::error::DbError;
use super::pool::Db;
use crate::backoff::Backoff;
use crate::log::State;

pub use probe::hears_others;

/// How often a silent connection is asked whether it is there.
const PING: Duration = Duration::from_secs(5);
/// How long it may take to answer, or to acknowledge a LISTEN.
const ANSWER: Duration = Duration::from_secs(5);
/// Of that, how long another connection may take to ring, and how long one that hears nothing may take to say that it stands.
const RING: Duration = Duration::from_secs(2);
const STANDS: Duration = Duration::from_secs(1);
/// Requests that wait for the connection; more callers than this wait in line.
const REQUESTS: usize = 1_024;
/// Channels per LISTEN message after a reconnect.
const CHANNELS_PER_MESSAGE: usize = 512;

/// What it means that a connection stands and does not hear.
pub const DEAF: &str = "what other connections notify is not heard: a pooler that shares connections (transaction mode) stands before the \
     database; name the server itself, or a pooler in session mode";

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

/// How it is with the listening connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hearing {
    /// It hears.
    Well,
    /// It is down.
    Lost,
    /// It stands, and does not hear what others ring.
    Deaf,
}

/// A handle to the listening connection.
#[derive(Debug, Clone)]
pub struct Listener {
    requests: mpsc::Sender<Request>,
    hearing: Arc<AtomicU8>,
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
    pub fn spawn(db: &Db, hear: impl Fn(Heard<'_>) + Send + Sync + 'static) -> (Self, JoinHandle<()>) {
        let (requests, inbox) = mpsc::channel(REQUESTS);
        let hearing = Arc::new(AtomicU8::new(Hearing::Lost as u8));
        let ear = Ear {
            target: db.target().named("pgcanvas listener"),
            db: db.clone(),
            hear: Arc::new(hear),
            hearing: Arc::clone(&hearing),
            channels: HashSet::new(),
            waiting: Vec::new(),
            own_channel: format!("pgcanvas_echo_{}", Uuid::new_v4().simple()),
            echo: Arc::new(watch::Sender::new(0)),
        };
        (Self { requests, hearing }, tokio::spawn(ear.run(inbox)))
    }

    /// How it is with the connection.
    pub fn hearing(&self) -> Hearing {
        match self.hearing.load(Ordering::Relaxed) {
            hears if hears == Hearing::Well as u8 => Hearing::Well,
            deaf if deaf == Hearing::Deaf as u8 => Hearing::Deaf,
            _ => Hearing::Lost,
        }
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
    /// Where others are asked to ring.
    db: Db,
    hear: Hear,
    hearing: Arc<AtomicU8>,
    channels: HashSet<String>,
    waiting: Vec<oneshot::Sender<()>>,
    /// A channel that only this node rings: whether the connection hears it is the best sign of life.
    own_channel: String,
    /// The number of the last of its bells that was heard.
    echo: Arc<watch::Sender<u64>>,
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
                    self.now(Hearing::Well);
                    let attempts = trouble.is_over().map_or(0, |(_, attempts)| attempts);
                    if !first {
                        tracing::info!(channels = self.channels.len(), attempts, "listening again");
                        (self.hear)(Heard::Back);
                    }
                    first = false;
                    let lost = self.attend(&client, driver, &mut inbox).await;
                    self.now(lost.unwrap_or(Hearing::Lost));
                    if lost.is_none() {
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

    /// Notes how it is; says it once when nothing is heard though the connection stands, since no metric tells why.
    fn now(&self, hearing: Hearing) {
        let before = self.hearing.swap(hearing as u8, Ordering::Relaxed);
        if hearing == Hearing::Deaf && before != Hearing::Deaf as u8 {
            tracing::error!("{DEAF}");
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
        if self.heard(&client).await != Hearing::Well {
            driver.abort();
            return Err(DbError::Unreachable);
        }
        for waiting in self.waiting.drain(..) {
            _ = waiting.send(());
        }
        Ok((client, driver))
    }

    /// Serves requests until the connection hears no more, and says how it is then; none: nobody can ask any more.
    async fn attend(
        &mut self,
        client: &Client,
        mut driver: JoinHandle<()>,
        inbox: &mut mpsc::Receiver<Request>,
    ) -> Option<Hearing> {
        let mut ping = interval(PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ping.tick().await; // the first is at once, and it has just been heard
        let lost = loop {
            tokio::select! {
                _ = &mut driver => return Some(Hearing::Lost),
                _ = ping.tick() => {
                    let hearing = self.heard(client).await;
                    if hearing != Hearing::Well {
                        tracing::warn!("the listening connection does not hear its own bell");
                        break Some(hearing);
                    }
                }
                request = inbox.recv() => {
                    let Some(request) = request else { break None };
                    let served = self.serve(client, request, inbox).await;
                    if served.is_err() { break Some(Hearing::Lost); }
                }
            }
        };
        driver.abort();
        lost
    }

    /// Has its own bell rung and waits for it; notes it where the connection stands and hears nothing.
    async fn heard(&self, client: &Client) -> Hearing {
        let due = Instant::now() + ANSWER;
        let number = *self.echo.borrow() + 1;
        let Ok(rung) = timeout_at(due, self.rung(client, number)).await.unwrap_or(Err(DbError::Unreachable))
        else {
            return Hearing::Lost;
        };
        let mut echo = self.echo.subscribe();
        if timeout_at(due - STANDS, echo.wait_for(|heard| *heard >= number)).await.is_ok() {
            (self.hear)(Heard::Echo(rung.elapsed()));
            return Hearing::Well;
        }
        let stands = timeout(STANDS, client.batch_execute("")).await;
        let hearing = if matches!(stands, Ok(Ok(()))) { Hearing::Deaf } else { Hearing::Lost };
        self.now(hearing);
        hearing
    }

    /// Rings, from a connection of the pool: what a connection rings itself it hears even where a pooler lends it to others in between. With
    /// none free it rings itself, which shows at least that it lives. Gives the moment.
    async fn rung(&self, client: &Client, number: u64) -> Result<Instant, DbError> {
        let sql = format!("notify {}, '{number}'", self.own_channel);
        let by_another = async {
            let mut pooled = self.db.get_at_once().await?;
            let (client, watch) = pooled.parts()?;
            let at = Instant::now();
            watch.answer(client.batch_execute(&sql)).await?;
            Ok::<_, DbError>(at)
        };
        if let Ok(Ok(at)) = timeout(RING, by_another).await {
            return Ok(at);
        }
        let at = Instant::now();
        client.batch_execute(&sql).await?;
        Ok(at)
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
async fn drive(
    mut connection: Connection<Socket, Stream>,
    hear: Hear,
    own: (String, Arc<watch::Sender<u64>>),
) {
    while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
        if let AsyncMessage::Notification(notice) = message {
            if notice.channel() == own.0 {
                own.1.send_replace(notice.payload().parse().unwrap_or_default());
            } else {
                hear(Heard::Notice { channel: notice.channel(), payload: notice.payload() });
            }
        }
    }
}
