//! A node: its parts, how they start and how they stop. It holds nothing that can be lost.

mod descriptors;
mod sign_ins;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::backoff::Backoff;
use crate::budget::Budget;
use crate::config::NodeSettings;
use crate::db::listen::{Heard, Listener};
use crate::db::schema::{self, CHANNEL};
use crate::db::{Db, Target};
use crate::http::Server;
use crate::metrics::Metrics;
use crate::room::Rooms;
use crate::room::fanout::Surroundings;
use crate::room::presence::Presence;
use crate::room::registry::Switchboard;
use crate::room::writer::Writers;
use crate::secrets::Passwords;

pub use sign_ins::SignIns;

/// A node's parts, shared by its sockets and requests.
#[derive(Debug)]
pub struct Node {
    /// The database, for reading.
    pub db: Db,
    /// The ears.
    pub listener: Listener,
    /// The hands.
    pub writers: Writers,
    /// The rooms hosted here.
    pub rooms: Rooms,
    /// Who is in them.
    pub presence: Presence,
    /// What is counted.
    pub metrics: Arc<Metrics>,
    /// What may be held in memory for others.
    pub budget: Arc<Budget>,
    /// True once the node stops: sockets say goodbye, nobody new is let in.
    pub draining: watch::Receiver<bool>,
    /// A permit per socket.
    pub sockets: Arc<Semaphore>,
    /// Numbers for sockets.
    pub next_socket: AtomicU64,
    /// Whether the database's contract is still this program's.
    pub contract_holds: Arc<AtomicBool>,
    /// Where the page's files come from, if not from here.
    pub asset_base: Option<String>,
    /// The largest file that is taken in.
    pub max_file_bytes: usize,
    /// A permit per file that is being stored.
    pub uploads: Semaphore,
    /// Where passwords are hashed.
    pub passwords: Passwords,
    /// How long somebody who signs in stays so, days.
    pub sign_in_days: i32,
    /// The sockets of those who are signed in.
    pub sign_ins: SignIns,
}

/// Returns when the node drains, or is gone.
pub(crate) async fn drained(draining: &mut watch::Receiver<bool>) {
    _ = draining.wait_for(|draining| *draining).await;
}

/// Files that are stored at one time: the driver copies each whole.
const UPLOADS: usize = 2;

/// A node at work.
#[derive(Debug)]
pub struct RunningNode {
    address: SocketAddr,
    node: Arc<Node>,
    settings: NodeSettings,
    drain: watch::Sender<bool>,
    server: JoinHandle<()>,
    writers: Vec<JoinHandle<()>>,
    helpers: Vec<JoinHandle<()>>,
}

impl RunningNode {
    /// Starts a node on a bound listener; the error is one sentence.
    pub fn start(target: &Target, listener: TcpListener, settings: &NodeSettings) -> Result<Self, String> {
        let address = listener.local_addr().map_err(|error| format!("the address is not known: {error}"))?;
        let metrics = Arc::new(Metrics::default());
        let db = Db::new(target, settings.pool_size)?;
        let presence = Presence::default();
        let switchboard = Switchboard::default();
        let migrated = Arc::new(Notify::new());
        let (ears, listening) = listen(target, &switchboard, &presence, &migrated, &metrics);
        let (writers, writing) = Writers::spawn(&db, settings.writers, &metrics);
        let around = Surroundings {
            db: db.clone(),
            listener: ears.clone(),
            metrics: Arc::clone(&metrics),
            linger: settings.linger(),
        };
        let (drain, draining) = watch::channel(false);
        let contract_holds = Arc::new(AtomicBool::new(true));
        let sign_ins = SignIns::default();
        let budget = Budget::new(settings.max_held_bytes, settings.max_file_bytes);
        let helpers = vec![
            listening,
            tokio::spawn(presence.clone().run(db.clone())),
            tokio::spawn(watch_contract(db.clone(), ears.clone(), migrated, Arc::clone(&contract_holds))),
            tokio::spawn(upkeep::write_snapshots(db.clone())),
            tokio::spawn(Arc::clone(&budget).watch()),
            tokio::spawn(sign_ins.clone().watch(db.clone())),
            tokio::spawn(upkeep::forget_the_old(db.clone(), settings.history_days, settings.answer_days)),
        ];
        let node = Arc::new(Node {
            rooms: Rooms::new(switchboard, around),
            db,
            listener: ears,
            writers,
            presence,
            metrics,
            budget,
            draining,
            sockets: Arc::new(Semaphore::new(settings.max_sockets)),
            next_socket: AtomicU64::new(1),
            contract_holds,
            asset_base: settings.asset_base.clone(),
            max_file_bytes: settings.max_file_bytes,
            uploads: Semaphore::new(UPLOADS),
            passwords: Passwords::default(),
            sign_in_days: settings.sign_in_days,
            sign_ins,
        });
        let most = descriptors::for_connections(settings);
        let server =
            Server::new(listener, Arc::clone(&node), most, settings.max_connections_per_address).run();
        let server = tokio::spawn(server);
        Ok(Self { address, node, settings: settings.clone(), drain, server, writers: writing, helpers })
    }

    /// Where it serves.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its parts.
    pub fn node(&self) -> &Arc<Node> {
        &self.node
    }

    /// Refuses who comes, answers what is on its way, says goodbye (1001), and ends; all within the drain time.
    pub async fn stop(self) {
        self.drain.send_replace(true);
        let goodbyes = async {
            let all = u32::try_from(self.settings.max_sockets).unwrap_or(u32::MAX);
            // The semaphore is never closed; the server's task ends by itself.
            _ = self.node.sockets.acquire_many(all).await;
            _ = self.server.await;
        };
        if timeout(self.settings.drain(), goodbyes).await.is_err() {
            tracing::warn!("some sockets did not say goodbye in time");
        }
        self.node.rooms.end().await;
        self.node.db.close();
        for task in self.writers.iter().chain(&self.helpers) {
            task.abort();
        }
    }
}

/// The listener: notices go to the switchboard; a migration is noted.
fn listen(
    target: &Target,
    switchboard: &Switchboard,
    presence: &Presence,
    migrated: &Arc<Notify>,
    metrics: &Arc<Metrics>,
) -> (Listener, JoinHandle<()>) {
    let (switchboard, presence) = (switchboard.clone(), presence.clone());
    let (migrated, metrics) = (Arc::clone(migrated), Arc::clone(metrics));
    Listener::spawn(target, move |heard| match heard {
        Heard::Notice { channel: CHANNEL, .. } => migrated.notify_one(),
        Heard::Echo(after) => metrics.notice_seconds.observe(after.as_secs_f64()),
        heard => {
            if matches!(heard, Heard::Back) {
                metrics.listener_losses.inc();
                migrated.notify_one();
            }
            switchboard.hear(&heard, &presence);
        }
    })
}

/// Looks at the contract again whenever the database was migrated or the connection was lost; a node of another contract is not ready.
/// Who was away may also be back as it was earlier.
async fn watch_contract(db: Db, listener: Listener, migrated: Arc<Notify>, holds: Arc<AtomicBool>) {
    let mut backoff = Backoff::default();
    while listener.listen(CHANNEL).await.is_err() {
        // Refused at once when the node stops: without a wait this would spin, and hold up the end of the process.
        sleep(backoff.next_delay()).await;
    }
    loop {
        migrated.notified().await;
        let Ok(client) = db.target().connect().await else { continue };
        match schema::check_contract(&client).await {
            Ok(()) => holds.store(true, Ordering::Relaxed),
            Err(error) if error.is_about_the_contract() => {
                tracing::error!(%error, "the database was migrated under this node");
                holds.store(false, Ordering::Relaxed);
            }
            // It was not told: what held still holds, as far as is known. Asked again.
            Err(_) => {
                sleep(backoff.next_delay()).await;
                migrated.notify_one();
            }
        }
        upkeep::notice_rewind(&client).await;
    }
}
