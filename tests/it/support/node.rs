//! Nodes of this process, on a test's database.

use super::database::TestDatabase;
use pgcanvas::config::NodeSettings;
use pgcanvas::db::Target;
use pgcanvas::node::{Node, RunningNode};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A node that serves on a port of its own; dropped without a stop it ends with the test's runtime.
pub(crate) struct TestNode {
    running: RunningNode,
}

impl TestNode {
    /// A node with the settings of a fresh install.
    pub(crate) async fn start(database: &TestDatabase) -> Self {
        Self::start_with(database, &NodeSettings::default()).await
    }

    /// A node with other settings.
    pub(crate) async fn start_with(database: &TestDatabase, settings: &NodeSettings) -> Self {
        Self::start_on(database.config().clone(), settings).await
    }

    /// A node that connects in its own way.
    pub(crate) async fn start_on(config: tokio_postgres::Config, settings: &NodeSettings) -> Self {
        log_if_asked();
        let target = Target::from_config(config).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { running: RunningNode::start(&target, listener, settings).unwrap() }
    }

    /// Two nodes that know nothing of each other but the database.
    pub(crate) async fn two(database: &TestDatabase) -> [Self; 2] {
        [Self::start(database).await, Self::start(database).await]
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.running.address()
    }

    /// Its parts.
    pub(crate) fn node(&self) -> &Arc<Node> {
        self.running.node()
    }

    /// The number a metric stands at, named as in Prometheus' text; 0 when it has not been counted yet.
    pub(crate) fn metric(&self, name: &str) -> f64 {
        let text = self.node().metrics.text();
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.map_or(0.0, |number| number.parse().unwrap())
    }

    /// Stops as on SIGTERM.
    pub(crate) async fn stop(self) {
        self.running.stop().await;
    }
}

/// `RUST_LOG` shows what the nodes of failing tests said.
fn log_if_asked() {
    if std::env::var_os("RUST_LOG").is_some() {
        let filter = tracing_subscriber::EnvFilter::from_default_env();
        // Only the first node of the process finds no subscriber.
        _ = tracing_subscriber::fmt().with_env_filter(filter).with_test_writer().try_init();
    }
}
