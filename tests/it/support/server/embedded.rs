//! A server of our own, on the PostgreSQL programs of this machine.

use super::{Running, Watchdog, say, variable};
use pgcanvas::db::embedded::{Cluster, ClusterOptions, EmbeddedError};
use std::env;
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;

/// The variable that names the folder of the server programs.
const PROGRAMS_VARIABLE: &str = "PGCANVAS_POSTGRES_BIN";

/// Stops the server in the data folder `$1`, if one runs, and removes the folder.
///
/// The pid file may outlive its server, and may even name another process since: only a `postgres` is stopped.
const REMOVE: &str = r#"
pid_file=$1/cluster/postmaster.pid
pid=$(head -n 1 "$pid_file") &&
    case $(cat "/proc/$pid/comm" || ps -o comm= -p "$pid") in *postgres*) kill -QUIT "$pid" ;; *) rm "$pid_file" ;; esac
tries=0
while [ -e "$pid_file" ] && [ "$tries" -lt 100 ]; do
    sleep 0.1
    tries=$((tries + 1))
done
rm -rf "$1"
"#;

/// An embedded server for one test, which may stop, kill and start it as it likes: see [`Cluster`].
///
/// Its data folder goes with it.
pub(crate) struct OwnCluster {
    // In this order: the server ends before its folder goes.
    cluster: Cluster,
    watchdog: Watchdog,
}

impl OwnCluster {
    /// Starts it; `None`, and a printed line, where no server programs are installed.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_on(None).await
    }

    /// The same, listening on this port of 127.0.0.1 too.
    pub(crate) async fn start_on(tcp_port: Option<u16>) -> Option<Self> {
        match Self::try_start(tcp_port).await {
            Ok(own) => Some(own),
            Err(error @ EmbeddedError::NoPrograms { .. }) => {
                say(&format!("a test is skipped, for it needs a server of its own: {error}"));
                None
            }
            Err(error) => panic!("the test has no server of its own: {error}"),
        }
    }

    async fn try_start(tcp_port: Option<u16>) -> Result<Self, EmbeddedError> {
        let options = ClusterOptions {
            data_dir: fresh_folder(),
            bin_dir: variable(PROGRAMS_VARIABLE).map(PathBuf::from),
            tcp_port,
            fsync: false,
        };
        let watchdog = Watchdog::promise(REMOVE, &[options.data_dir.as_ref()]).expect("a shell");
        let cluster = Cluster::start(&options).await?;
        Ok(Self { cluster, watchdog })
    }
}

impl Deref for OwnCluster {
    type Target = Cluster;

    fn deref(&self) -> &Cluster {
        &self.cluster
    }
}

impl DerefMut for OwnCluster {
    fn deref_mut(&mut self) -> &mut Cluster {
        &mut self.cluster
    }
}

/// The embedded server that all tests share.
pub(super) async fn start_shared() -> Result<Running, String> {
    let OwnCluster { cluster, watchdog } =
        OwnCluster::try_start(None).await.map_err(|error| error.to_string())?;
    let config = cluster.config();
    // From here on the server is the watchdog's to stop.
    std::mem::forget(cluster);
    Ok(Running { config, place: "embedded".to_owned(), watchdog: Some(watchdog) })
}

/// A name that nobody else has; the cluster makes the folder.
fn fresh_folder() -> PathBuf {
    env::temp_dir().join(format!("pgcanvas-test-{}-{:08x}", std::process::id(), rand::random::<u32>()))
}
