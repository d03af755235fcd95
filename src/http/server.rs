//! The listening socket of a node.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use super::answer::held_for;
use super::door::{Door, turn_away};
use super::routes;
use super::wire::Wire;
use crate::budget::Line;
use crate::log::State;
use crate::node::{Node, drained};

/// How long a client may take to send its request's head, the first or the next one.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);
/// How long to leave the accept loop alone when the system is out of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How much the system takes of what cannot be sent yet: the rest waits where it is counted.
#[cfg(target_os = "linux")]
const UNSENT_BYTES: u32 = 128 * 1024;

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
    door: Arc<Door>,
    accepting: State,
}

impl Server {
    /// A server on a bound listener, for so many connections in all and from one address (0: as many as in all).
    pub fn new(
        listener: TcpListener,
        node: Arc<Node>,
        most_connections: usize,
        most_per_address: usize,
    ) -> Self {
        let door = Door::new(most_connections, most_per_address, &node.metrics);
        Self { listener, node, door, accepting: State::default() }
    }

    /// Serves; returns when the node drains and no connection is left.
    pub async fn run(self) {
        let mut draining = self.node.draining.clone();
        let (open, mut closed) = watch::channel(());
        loop {
            tokio::select! {
                () = drained(&mut draining) => break,
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, peer)) => self.let_in(stream, peer.ip(), &open),
                    Err(error) => self.failed(&error).await,
                }
            }
        }
        drop(self.listener);
        drop(open);
        // Ends with an error when the last connection has dropped its end.
        while closed.changed().await.is_ok() {}
    }

    fn let_in(&self, stream: TcpStream, address: IpAddr, open: &watch::Sender<()>) {
        if let Some((lasted, attempts)) = self.accepting.is_over() {
            tracing::info!(?lasted, attempts, "connections are accepted again");
        }
        let line = Line::new(&self.node.budget);
        let Some(pass) = self.door.admit(address, &line) else { return turn_away(&stream) };
        // Small frames must leave at once; a socket that cannot be told so still works.
        _ = stream.set_nodelay(true);
        #[cfg(target_os = "linux")]
        {
            _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT_BYTES);
        }
        let wire = Wire::new(stream, Arc::clone(&line), pass);
        let connection = serve(Arc::clone(&self.node), wire, line, self.node.draining.clone());
        let open = open.clone();
        tokio::spawn(async move {
            connection.await;
            drop(open);
        });
    }

    /// Whoever knocks waits meanwhile; those who are inside are served.
    async fn failed(&self, error: &io::Error) {
        if self.accepting.fails(&error.kind().to_string()) {
            tracing::warn!(%error, "connections are not accepted for now");
        }
        sleep(ACCEPT_PAUSE).await;
    }
}

async fn serve(node: Arc<Node>, wire: Wire, line: Arc<Line>, mut draining: watch::Receiver<bool>) {
    let of_requests = Arc::clone(&line);
    let service = service_fn(move |mut request| {
        let (node, line) = (Arc::clone(&node), Arc::clone(&of_requests));
        async move {
            // Whoever asks and asks, and takes no answer, is answered no more.
            line.until_taken().await;
            line.begin();
            request.extensions_mut().insert(Arc::clone(&line));
            let answer = routes::route(&node, request).await;
            Ok::<_, Infallible>(held_for(answer, &line).await)
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(16 * 1024)
        .serve_connection(TokioIo::new(wire), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // A client that breaks off is no news.
        _ = connection.as_mut() => {}
        _ = line.place().until_let_go() => {}
        () = drained(&mut draining) => {
            connection.as_mut().graceful_shutdown();
            _ = connection.await;
        }
    }
}
