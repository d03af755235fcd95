//! A database and nodes in processes of their own, with a bad network before each of them.

use super::super::support::chaos::{Chaos, Upstream};
use super::super::support::program::Program;
use super::super::support::server::{OwnCluster, connect, retried};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pgcanvas::db::embedded::Cluster;
use std::net::SocketAddr;
use std::time::Duration;
use tokio_postgres::Config;

/// The room that everybody draws in.
pub(super) const ROOM: &str = "faults";
/// How long a node may take to start once nothing is in its way.
const START_DEADLINE: Duration = Duration::from_mins(1);

/// A node with its two networks.
pub(super) struct Place {
    program: Option<Program>,
    /// Whether it was asked to stop.
    stops: bool,
    /// What the node said before it was killed.
    pub(super) logs: Vec<String>,
    /// Between the node and the database.
    pub(super) database: Chaos,
    /// Between clients and the node.
    pub(super) clients: Chaos,
}

/// All of it.
pub(super) struct Lab {
    pub(super) cluster: OwnCluster,
    pub(super) places: Vec<Place>,
    /// Processes that were stopped by a signal.
    frozen: Vec<Pid>,
}

impl Place {
    async fn new(cluster: &Cluster) -> Self {
        let socket = format!(".s.PGSQL.{}", cluster.address().port());
        let database = Chaos::before(Upstream::Unix(cluster.socket_dir().join(socket))).await;
        // Leads nowhere until the node serves.
        let clients = Chaos::before(Upstream::Tcp(SocketAddr::from(([127, 0, 0, 1], 1)))).await;
        Self { program: None, stops: false, logs: Vec::new(), database, clients }
    }

    /// Starts the node; the error is what it said.
    pub(super) async fn start(&mut self) -> Result<(), String> {
        if self.program.is_none() {
            let url = format!("postgresql://pgcanvas@{}/pgcanvas?sslmode=disable", self.database.address());
            let program = Program::try_start(&["--database-url", &url]).await?;
            self.clients.lead_to(Upstream::Tcp(program.address()));
            (self.program, self.stops) = (Some(program), false);
        }
        Ok(())
    }

    /// Kills the node.
    pub(super) async fn kill(&mut self) {
        if let Some(program) = self.program.take() {
            self.logs.push(program.kill_and_read().await);
        }
    }

    /// Asks the node to stop.
    pub(super) fn terminate(&mut self) {
        self.signal(Signal::SIGTERM);
        self.stops = self.program.is_some();
    }

    /// Waits until the node has stopped, if it was asked to; another one may stand in its place by now.
    pub(super) async fn ended(&mut self) {
        if let Some(program) = self.program.take_if(|_| self.stops) {
            let (code, log) = program.ended().await;
            assert_eq!(code, Some(0), "a node that was asked to stop said {log}");
            self.logs.push(log);
        }
    }

    /// Freezes the node, or lets it go on.
    pub(super) fn freeze(&self, frozen: bool) {
        self.signal(if frozen { Signal::SIGSTOP } else { Signal::SIGCONT });
    }

    fn signal(&self, signal: Signal) {
        if let Some(program) = &self.program {
            program.signal(signal);
        }
    }
}

/// The checker reads the whole log: what pruning takes out of it stays beside it.
pub(super) async fn keep_what_is_pruned(client: &tokio_postgres::Client) {
    let beside = "create table public.pruned (like pgcanvas.shape_changes);
        create function public.keep_pruned() returns trigger language plpgsql security definer as
            $$ begin insert into public.pruned select * from gone; return null; end $$;
        create trigger keep_pruned after delete on pgcanvas.shape_changes
            referencing old table as gone for each statement execute function public.keep_pruned();";
    client.batch_execute(beside).await.unwrap();
}

impl Lab {
    /// Starts everything; `None` where no server programs are installed.
    pub(super) async fn start(nodes: usize) -> Option<Self> {
        let cluster = OwnCluster::start().await?;
        let config = cluster.config();
        let mut client = connect(&config).await.unwrap();
        pgcanvas::db::schema::migrate(&mut client).await.unwrap();
        keep_what_is_pruned(&client).await;
        drop(client);
        super::room(&config, ROOM).await;
        let mut places = Vec::new();
        for _ in 0..nodes {
            let mut place = Place::new(&cluster).await;
            place.start().await.unwrap();
            places.push(place);
        }
        Some(Self { cluster, places, frozen: Vec::new() })
    }

    /// How to reach the database past the bad network.
    pub(super) fn config(&self) -> Config {
        self.cluster.config()
    }

    /// Where clients connect.
    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.places.iter().map(|place| place.clients.address()).collect()
    }

    /// Kills the whole database server.
    pub(super) async fn kill_postgres(&mut self) {
        self.thaw();
        self.cluster.kill().await.unwrap();
    }

    /// Starts it again, unless it runs.
    pub(super) async fn start_postgres(&mut self) {
        if self.cluster.pid().is_none() {
            // Sessions of the killed server that are frozen keep its memory.
            self.thaw();
            self.cluster.start_again().await.unwrap();
        }
    }

    /// The processes of the nodes' sessions; none when the database cannot be asked.
    pub(super) async fn backends(&self) -> Vec<Pid> {
        let asked = "select pid from pg_stat_activity where application_name like 'pgcanvas%' order by backend_start, pid";
        let config = self.config();
        let ask = async {
            let rows = connect(&config).await?.query(asked, &[]).await?;
            Ok::<_, tokio_postgres::Error>(rows.iter().map(|row| Pid::from_raw(row.get(0))).collect())
        };
        // A server that is frozen or starts up does not answer.
        tokio::time::timeout(Duration::from_secs(2), ask).await.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// What the nodes do now and then: keeps boards whole, forgets the oldest of the log. Whether the database did it.
    pub(super) async fn prune(&self, keep_changes: i64) -> bool {
        let config = self.config();
        let ask = async {
            let client = connect(&config).await?;
            client.execute("select pgcanvas.write_snapshots()", &[]).await?;
            let prune = "select pgcanvas.prune_history($1, null, $2)";
            client.execute(prune, &[&ROOM, &keep_changes]).await
        };
        // A server that is frozen or starts up does not answer.
        tokio::time::timeout(Duration::from_secs(2), ask)
            .await
            .is_ok_and(|pruned| pruned.is_ok_and(|rooms| rooms > 0))
    }

    /// Freezes processes of the database server.
    pub(super) fn freeze(&mut self, pids: &[Pid]) {
        for pid in pids {
            // It may have ended just now.
            if kill(*pid, Signal::SIGSTOP).is_ok() {
                self.frozen.push(*pid);
            }
        }
    }

    /// Lets all of them go on.
    pub(super) fn thaw(&mut self) {
        for pid in self.frozen.drain(..) {
            _ = kill(pid, Signal::SIGCONT);
        }
    }

    /// Makes everything as it should be.
    pub(super) async fn heal(&mut self) {
        self.thaw();
        self.start_postgres().await;
        for place in &mut self.places {
            place.freeze(false);
            for network in [&place.database, &place.clients] {
                network.refuse(false);
                network.delay(Duration::ZERO);
                network.stand_still(&super::super::support::chaos::Way::BOTH, false);
            }
        }
        for place in &mut self.places {
            let place = tokio::sync::Mutex::new(place);
            let started = retried(START_DEADLINE, || async { place.lock().await.start().await }).await;
            started.unwrap_or_else(|said| panic!("a node does not start: {said}"));
        }
    }

    /// Stops the nodes; gives what they said.
    pub(super) async fn stop(mut self) -> Vec<String> {
        for place in &mut self.places {
            place.kill().await;
        }
        self.places.iter_mut().flat_map(|place| std::mem::take(&mut place.logs)).collect()
    }
}

impl Drop for Lab {
    /// A frozen server could not be stopped.
    fn drop(&mut self) {
        self.thaw();
    }
}
