//! Where it is measured: a durable PostgreSQL of its own in a folder that goes with it, and nodes as processes of their own.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use pgcanvas::db::Target;
use pgcanvas::db::embedded::{Cluster, ClusterOptions, StopMode};
use tokio_postgres::Client;

use crate::Plan;
use crate::process::Usage;

/// The server and its folder; in this order, so that the server ends before its folder goes.
pub(crate) struct Lab {
    cluster: Cluster,
    _folder: Folder,
    target: Target,
}

impl Lab {
    /// Starts it, flushing to the disk as in production.
    pub(crate) async fn open(program: &Path) -> Self {
        let name = format!("pgcanvas-bench-{}-{:08x}", std::process::id(), rand::random::<u32>());
        let folder = Folder(std::env::temp_dir().join(name));
        let options = ClusterOptions::durable(Some(&folder.0)).unwrap();
        assert!(options.fsync);
        let cluster = Cluster::start(&options).await.expect("PostgreSQL's server programs");
        let target = Target::from_config(cluster.config()).unwrap();
        let url = format!("--database-url={}", cluster.url());
        let migrated = Command::new(program).args(["migrate", &url]).stdout(Stdio::null()).status();
        assert!(migrated.unwrap().success(), "{} makes the schema", program.display());
        Self { cluster, _folder: folder, target }
    }

    /// A connection without any of the node's settings.
    pub(crate) async fn connect(&self) -> Client {
        self.target.named("bench").connect().await.unwrap()
    }

    /// Where its connections go.
    pub(crate) fn config(&self) -> tokio_postgres::Config {
        self.cluster.config()
    }

    /// What it runs on, and how long one flushed commit takes here.
    pub(crate) async fn described(&self) -> String {
        let client = self.connect().await;
        let version: String = client.query_one("show server_version", &[]).await.unwrap().get(0);
        let fsync: String = client.query_one("show fsync", &[]).await.unwrap().get(0);
        client.batch_execute("create table flushed (n integer)").await.unwrap();
        let insert = client.prepare("insert into flushed values (1)").await.unwrap();
        let begun = Instant::now();
        for _ in 0..200 {
            client.execute(&insert, &[]).await.unwrap();
        }
        let each_us = begun.elapsed().as_micros() / 200;
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        format!("PostgreSQL {version}, fsync {fsync}, a one-row commit takes {each_us} us; {cores} cores")
    }

    /// What the server and all its sessions have used.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of_family(self.cluster.pid().unwrap())
    }

    /// Rooms, numbered.
    pub(crate) async fn rooms(&self, prefix: &str, count: usize) -> Vec<String> {
        let client = self.connect().await;
        let tag = rand::random::<u32>();
        let mut rooms = Vec::with_capacity(count);
        for n in 0..count {
            let slug = format!("{prefix}-{tag:08x}-{n}");
            client.execute("select pgcanvas.create_room($1, 'open', 'bench')", &[&slug]).await.unwrap();
            rooms.push(slug);
        }
        rooms
    }

    /// Writes out what earlier parts left, so that a part begins with a quiet disk.
    pub(crate) async fn settle(&self) {
        self.connect().await.batch_execute("checkpoint").await.unwrap();
    }

    /// A node as its own process on this database.
    pub(crate) fn node(&self, plan: &Plan) -> Node {
        let mut child = Command::new(&plan.program)
            .arg(format!("--database-url={}", self.cluster.url()))
            .args(["--listen=127.0.0.1:0", "--log=warn"])
            .args(&plan.node_args)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().rsplit('/').next().unwrap_or_default().to_owned();
        assert!(!address.is_empty(), "the node did not say where it serves");
        Node { child, address }
    }

    /// Stops the server.
    pub(crate) async fn close(&mut self) {
        self.cluster.stop(StopMode::Fast).await.unwrap();
    }
}

/// A folder that goes with its owner.
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A node at work; it ends when this is dropped.
pub(crate) struct Node {
    child: Child,
    /// Where it serves, `127.0.0.1:port`.
    pub(crate) address: String,
}

impl Node {
    /// Its process.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    /// What it has used.
    pub(crate) fn usage(&self) -> Usage {
        Usage::of(self.pid())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It holds nothing that can be lost.
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

/// The middle one, in milliseconds, and the one that 99 % are below.
pub(crate) fn median_and_p99_ms(mut times: Vec<std::time::Duration>) -> (f64, f64) {
    times.sort_unstable();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize].as_secs_f64() * 1e3;
    (at(0.5), at(0.99))
}
