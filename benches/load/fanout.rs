//! One change to two hundred sockets of a room, against a bare tokio-tungstenite server, a process of its own too, that sends the
//! same bytes to everyone.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use futures_util::{SinkExt, StreamExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_tungstenite::accept_async;
use tokio_tungstenite::tungstenite::Message;

use crate::Plan;
use crate::lab::{Lab, median_and_p99_ms};
use crate::process::Usage;
use crate::socket::{Rectangle, Socket};

/// The argument that makes this program the bare server.
pub(crate) const SERVE: &str = "--serve-broadcast";
/// Sockets in the room.
const SOCKETS: usize = 200;
/// Changes on their way when it is measured how many a second arrive.
const WINDOW: usize = 8;

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    println!("\n== fan-out: one change to {SOCKETS} sockets in a room");
    lab.settle().await;
    let bare = BareServer::start();
    let node = lab.node(plan);
    let room = lab.rooms("fanout", 1).await.remove(0);
    let frame = sample_frame(&node.address, &room).await;
    println!("a frame has {} bytes", frame.len());
    let mut ours = Crowd::gather(&node.address, Some(&room)).await;
    let mut theirs = Crowd::gather(&bare.address, None).await;
    let rounds = plan.rounds(500);
    let (mut all_ours, mut all_theirs) = (Spans::default(), Spans::default());
    for block in 0..10 {
        for round in 0..rounds.div_ceil(10) {
            let op = Rectangle::new(0, round % 64, block).put();
            all_ours.note(ours.round(&Said::Op(&room, &op)).await);
            all_theirs.note(theirs.round(&Said::Frame(&frame)).await);
        }
    }
    let (ours_ms, theirs_ms) = (all_ours.medians_ms(), all_theirs.medians_ms());
    println!(
        "bare: sent -> last has it {:.2} ms; first -> last {:.2} ms (medians)",
        theirs_ms.0, theirs_ms.1
    );
    println!("ours: sent -> last has it {:.2} ms; first -> last {:.2} ms (medians)", ours_ms.0, ours_ms.1);
    println!(
        "  ratio from first to last {:.2} (target 0.70); with the commit before it {:.2}",
        theirs_ms.1 / ours_ms.1,
        theirs_ms.0 / ours_ms.0
    );
    let sum = plan.rounds(2_000);
    let (server, node_before) = (Usage::of(bare.pid()), node.usage());
    let theirs_rate = theirs.flow(sum, &Said::Frame(&frame)).await;
    let bare_used = (Usage::of(bare.pid()) - server).0;
    let op = Rectangle::new(0, 3, 0);
    let ours_rate = ours.flow_ops(sum, &room, &op).await;
    let node_used = (node.usage() - node_before).0;
    let deliveries = (sum * SOCKETS) as f64;
    println!(
        "flow, {WINDOW} on their way: bare {:.0} deliveries/s ({:.2} us of its CPU each), ours {:.0} ({:.2} us), ratio {:.2}",
        theirs_rate * SOCKETS as f64,
        bare_used * 1e6 / deliveries,
        ours_rate * SOCKETS as f64,
        node_used * 1e6 / deliveries,
        ours_rate / theirs_rate
    );
}

/// A `changes` frame as the node sends it.
async fn sample_frame(address: &str, room: &str) -> String {
    let mut socket = Socket::join(address, room).await;
    for step in 0..2 {
        socket.send_ops(room, &Rectangle::new(0, 0, step).put()).await;
        let frame = socket.until(r#"{"type":"changes""#).await;
        if step == 1 {
            return frame.to_string();
        }
    }
    unreachable!("two steps")
}

/// What the author says.
enum Said<'a> {
    Op(&'a str, &'a str),
    Frame(&'a str),
}

/// An author and those who watch, each a task that tells when and how many changes came.
struct Crowd {
    author: Socket,
    arrivals: mpsc::UnboundedReceiver<(Instant, usize)>,
    /// They end with the crowd, before the server does.
    _viewers: JoinSet<()>,
}

impl Crowd {
    async fn gather(address: &str, room: Option<&str>) -> Self {
        let open = || async {
            match room {
                Some(room) => Socket::join(address, room).await,
                None => Socket::connect(address).await,
            }
        };
        // The author watches nothing in the bare room: it is its first socket, which gets nothing.
        let author = open().await;
        let mut viewers = Vec::new();
        for _ in 0..SOCKETS / 20 {
            viewers.extend(join_all((0..20).map(|_| open())).await);
        }
        let (tell, arrivals) = mpsc::unbounded_channel();
        let mut watching = JoinSet::new();
        for mut viewer in viewers {
            let tell = tell.clone();
            watching.spawn(async move {
                loop {
                    let frame = viewer.until(r#"{"type":"changes""#).await;
                    // Small batches may share a frame: each of them is a delivery.
                    let batches = frame.matches(r#"{"seq":"#).count();
                    if tell.send((Instant::now(), batches)).is_err() {
                        return;
                    }
                }
            });
        }
        Self { author, arrivals, _viewers: watching }
    }

    async fn say(&mut self, said: &Said<'_>) {
        match said {
            Said::Op(room, op) => self.author.send_ops(room, op).await,
            Said::Frame(frame) => self.author.send((*frame).to_owned()).await,
        }
    }

    /// One change: until the last has it, and from the first who has it to the last.
    async fn round(&mut self, said: &Said<'_>) -> (Duration, Duration) {
        let sent = Instant::now();
        self.say(said).await;
        let mut first = None;
        let mut last = sent;
        for _ in 0..SOCKETS {
            let (at, batches) = self.arrivals.recv().await.unwrap();
            assert_eq!(batches, 1);
            first.get_or_insert(at);
            last = last.max(at);
        }
        (last - sent, last - first.unwrap_or(sent))
    }

    /// Changes a second that reach everyone.
    async fn flow(&mut self, count: usize, said: &Said<'_>) -> f64 {
        let begun = Instant::now();
        let (mut sent, mut arrived) = (0, 0);
        while arrived < count * SOCKETS {
            while sent < count && sent * SOCKETS < arrived + WINDOW * SOCKETS {
                self.say(said).await;
                sent += 1;
            }
            arrived += self.arrivals.recv().await.unwrap().1;
        }
        count as f64 / begun.elapsed().as_secs_f64()
    }

    async fn flow_ops(&mut self, count: usize, room: &str, shape: &Rectangle) -> f64 {
        let begun = Instant::now();
        let (mut sent, mut arrived) = (0, 0);
        while arrived < count * SOCKETS {
            while sent < count && sent * SOCKETS < arrived + WINDOW * SOCKETS {
                let op = Rectangle { x: sent as f64, ..shape.clone() }.put();
                self.say(&Said::Op(room, &op)).await;
                sent += 1;
            }
            arrived += self.arrivals.recv().await.unwrap().1;
        }
        count as f64 / begun.elapsed().as_secs_f64()
    }
}

/// Times of many rounds.
#[derive(Default)]
struct Spans {
    whole: Vec<Duration>,
    spread: Vec<Duration>,
}

impl Spans {
    fn note(&mut self, (whole, spread): (Duration, Duration)) {
        self.whole.push(whole);
        self.spread.push(spread);
    }

    fn medians_ms(self) -> (f64, f64) {
        (median_and_p99_ms(self.whole).0, median_and_p99_ms(self.spread).0)
    }
}

/// The bare server as a process.
struct BareServer {
    child: Child,
    address: String,
}

impl BareServer {
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([SERVE, "here"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut address = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { child, address: address.trim().to_owned() }
    }

    fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

type Everyone = Arc<Mutex<Vec<mpsc::UnboundedSender<Message>>>>;

/// Sends every frame of the first socket to all others.
pub(crate) async fn serve_bare() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    let everyone: Everyone = Arc::default();
    let mut is_author = true;
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (mut sink, mut frames) = accept_async(stream).await.unwrap().split();
        if std::mem::take(&mut is_author) {
            let everyone = Arc::clone(&everyone);
            tokio::spawn(async move {
                while let Some(Ok(frame)) = frames.next().await {
                    everyone.lock().unwrap().iter().for_each(|socket| _ = socket.send(frame.clone()));
                }
                drop(sink);
            });
            continue;
        }
        let (socket, mut queue) = mpsc::unbounded_channel();
        everyone.lock().unwrap().push(socket);
        tokio::spawn(async move {
            while let Some(frame) = queue.recv().await {
                sink.send(frame).await.unwrap();
            }
        });
        tokio::spawn(async move { while let Some(Ok(_)) = frames.next().await {} });
    }
}
