//! A proxy that is a bad network: it cuts, delays, stands still, and loses connections without a word.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::sleep;

/// Where connections lead.
#[derive(Clone, Debug)]
pub(crate) enum Upstream {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// The network as it is now.
#[derive(Clone, Debug)]
struct Weather {
    upstream: Upstream,
    /// Connections numbered below are cut.
    cut_below: u64,
    /// Connections numbered below carry nothing any more to the server, or from it: nobody is told.
    lost_below: [u64; 2],
    /// Nothing passes for now, to the server or from it; nothing is lost.
    still: [bool; 2],
    /// Whether new connections are refused.
    refuses: bool,
    /// How much later everything comes.
    delay: Duration,
}

/// A direction.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Way {
    ToServer = 0,
    ToClient = 1,
}

impl Way {
    pub(crate) const BOTH: [Self; 2] = [Self::ToServer, Self::ToClient];
}

/// A port that leads somewhere, most of the time.
pub(crate) struct Chaos {
    address: SocketAddr,
    weather: Arc<watch::Sender<Weather>>,
    next: Arc<AtomicU64>,
    door: JoinHandle<()>,
}

impl Chaos {
    /// A fair network.
    pub(crate) async fn before(upstream: Upstream) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let fair = Weather {
            upstream,
            cut_below: 0,
            lost_below: [0; 2],
            still: [false; 2],
            refuses: false,
            delay: Duration::ZERO,
        };
        let weather = Arc::new(watch::Sender::new(fair));
        let next = Arc::new(AtomicU64::new(0));
        let (seen, numbers) = (Arc::clone(&weather), Arc::clone(&next));
        let door = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = numbers.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(carry(stream, number, seen.subscribe()));
            }
        });
        Self { address, weather, next, door }
    }

    /// Where to connect.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections lead elsewhere.
    pub(crate) fn lead_to(&self, upstream: Upstream) {
        self.weather.send_modify(|weather| weather.upstream = upstream);
    }

    /// Ends every connection there is.
    pub(crate) fn cut(&self) {
        let next = self.next.load(Ordering::Relaxed);
        self.weather.send_modify(|weather| weather.cut_below = next);
    }

    /// Loses every connection there is, one way or both: it stays open and nothing comes through.
    pub(crate) fn lose(&self, ways: &[Way]) {
        let next = self.next.load(Ordering::Relaxed);
        self.weather.send_modify(|weather| {
            for way in ways {
                weather.lost_below[*way as usize] = next;
            }
        });
    }

    /// Stands still, one way or both, or goes on.
    pub(crate) fn stand_still(&self, ways: &[Way], still: bool) {
        self.weather.send_modify(|weather| {
            for way in ways {
                weather.still[*way as usize] = still;
            }
        });
    }

    /// Refuses new connections, or takes them again.
    pub(crate) fn refuse(&self, refuses: bool) {
        self.weather.send_modify(|weather| weather.refuses = refuses);
    }

    /// Everything comes so much later.
    pub(crate) fn delay(&self, delay: Duration) {
        self.weather.send_modify(|weather| weather.delay = delay);
    }
}

impl Drop for Chaos {
    fn drop(&mut self) {
        self.door.abort();
        self.cut();
    }
}

/// One connection until either end, or the weather, ends it.
async fn carry(client: TcpStream, number: u64, mut weather: watch::Receiver<Weather>) {
    let (upstream, refuses) = {
        let now = weather.borrow();
        (now.upstream.clone(), now.refuses)
    };
    if refuses {
        return;
    }
    _ = client.set_nodelay(true);
    let (from_client, to_client) = client.into_split();
    let ways = [weather.clone(), weather.clone()];
    let both = async {
        let [up, down] = ways;
        match upstream {
            Upstream::Tcp(address) => {
                let Ok(server) = TcpStream::connect(address).await else { return };
                _ = server.set_nodelay(true);
                let (from_server, to_server) = server.into_split();
                tokio::select! {
                    _ = flow(from_client, to_server, Way::ToServer, number, up) => {}
                    _ = flow(from_server, to_client, Way::ToClient, number, down) => {}
                }
            }
            Upstream::Unix(path) => {
                let Ok(server) = UnixStream::connect(path).await else { return };
                let (from_server, to_server) = server.into_split();
                tokio::select! {
                    _ = flow(from_client, to_server, Way::ToServer, number, up) => {}
                    _ = flow(from_server, to_client, Way::ToClient, number, down) => {}
                }
            }
        }
    };
    tokio::select! {
        () = both => {}
        _ = weather.wait_for(|now| number < now.cut_below) => {}
    }
}

/// Carries bytes one way.
async fn flow(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    way: Way,
    number: u64,
    mut weather: watch::Receiver<Weather>,
) -> io::Result<()> {
    let way = way as usize;
    let mut bytes = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut bytes).await?;
        let passes = |now: &Weather| !now.still[way] && number >= now.lost_below[way];
        let delay = match weather.wait_for(passes).await {
            Ok(now) => now.delay,
            Err(_) => return Ok(()),
        };
        if read == 0 {
            return Ok(());
        }
        if !delay.is_zero() {
            sleep(delay).await;
        }
        to.write_all(&bytes[..read]).await?;
    }
}
