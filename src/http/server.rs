//! The listening socket of a node.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::routes;
use crate::node::{Node, drained};

/// How long a client may take to send its request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to leave the accept loop alone when the system is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Binds the address; the error is one sentence.
pub async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        io::ErrorKind::AddrInUse => format!("{address} is in use: choose another with --listen"),
        _ => format!("{address} cannot be listened on: {error}"),
    })
}

/// Accepts connections until the node drains.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    node: Arc<Node>,
}

impl Server {
    /// A server on a bound listener.
    pub fn new(listener: TcpListener, node: Arc<Node>) -> Self {
        Self { listener, node }
    }

    /// Serves; returns when the node drains and no connection is left.
    pub async fn run(self) {
        let mut draining = self.node.draining.clone();
        let (open, mut closed) = watch::channel(());
        loop {
            tokio::select! {
                () = drained(&mut draining) => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let connection = serve(Arc::clone(&self.node), stream, draining.clone());
                        let open = open.clone();
                        tokio::spawn(async move {
                            connection.await;
                            drop(open);
                        });
                    }
                    Err(error) => {
                        tracing::warn!(%error, "a connection was not accepted");
                        sleep(ACCEPT_PAUSE).await;
                    }
                }
            }
        }
        drop(self.listener);
        drop(open);
        // Ends with an error when the last connection has dropped its end.
        while closed.changed().await.is_ok() {}
    }
}

async fn serve(node: Arc<Node>, stream: TcpStream, mut draining: watch::Receiver<bool>) {
    // Small frames must leave at once; a socket that cannot be told so still works.
    _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let node = Arc::clone(&node);
        async move { Ok::<_, Infallible>(routes::route(&node, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client that breaks off is no news.
        _ = connection.as_mut() => {}
        () = drained(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}
