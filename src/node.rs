//! A node: its parts, how they start and how they stop. It holds nothing that can be lost.

mod descriptors;
mod fit;
mod sign_ins;
mod strangers;
mod upkeep;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::net::TcpListener;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::budget::Budget;
use crate::config::NodeSettings;
use crate::db::listen::{Heard, Listener};
use crate::db::schema::CHANNEL;
use crate::db::{Db, Target};
use crate::http::Server;
use crate::metrics::Metrics;
use crate::room::Rooms;
use crate::room::fanout::Surroundings;
use crate::room::presence::Presence;
use crate::room::registry::Switchboard;
use crate::room::writer::Writers;
use crate::secrets::Passwords;

pub use fit::Fit;
pub use sign_ins::SignIns;
pub use strangers::Strangers;

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
    /// Whether the database is the one that this node was made for.
    pub fit: watch::Receiver<Fit>,
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
    /// Pages of other hosts that were told of.
    pub strangers: Strangers,
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
        let (ears, listening) = listen(&db, &switchboard, &presence, &migrated, &metrics);
        let (writers, writing) = Writers::spawn(&db, settings.writers, &metrics);
        let around = Surroundings {
            db: db.clone(),
            listener: ears.clone(),
            metrics: Arc::clone(&metrics),
            linger: settings.linger(),
        };
        let (drain, draining) = watch::channel(false);
        let (fitting, fit) = watch::channel(Fit::Fits);
        let fitting =
            fit::Fitting { db: db.clone(), listener: ears.clone(), changed: migrated, fit: fitting };
        let (hosted, present) = (switchboard.clone(), presence.clone());
        let sign_ins = SignIns::default();
        let budget = Budget::new(settings.max_held_bytes, settings.max_file_bytes);
        let helpers = vec![
            listening,
            tokio::spawn(presence.clone().run(db.clone())),
            tokio::spawn(fitting.run(move || hosted.hear(&Heard::Back, &present))),
            tokio::spawn(upkeep::write_snapshots(db.clone())),
            tokio::spawn(Arc::clone(&budget).watch()),
            tokio::spawn(sign_ins.clone().watch(db.clone())),
            tokio::spawn(upkeep::remove_remains(db.clone())),
            tokio::spawn(upkeep::forget_the_old(db.clone(), settings.clone())),
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
            fit,
            asset_base: settings.asset_base.clone(),
            max_file_bytes: settings.max_file_bytes,
            uploads: Semaphore::new(UPLOADS),
            passwords: Passwords::default(),
            sign_in_days: settings.sign_in_days,
            sign_ins,
            strangers: Strangers::default(),
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
    db: &Db,
    switchboard: &Switchboard,
    presence: &Presence,
    migrated: &Arc<Notify>,
    metrics: &Arc<Metrics>,
) -> (Listener, JoinHandle<()>) {
    let (switchboard, presence) = (switchboard.clone(), presence.clone());
    let (migrated, metrics) = (Arc::clone(migrated), Arc::clone(metrics));
    Listener::spawn(db, move |heard| match heard {
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
