//! Artists that draw on come what may: the client library reconnects them on the next node, takes up with their `since`, and repeats
//! what was not answered.

use super::server::{connect, retried};
use pgcanvas::client::{Board, Client, News, NewsReader, Op, Phase, Settings};
use serde_json::json;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_postgres::Config;
use uuid::Uuid;

/// Nothing may take longer: news while something is awaited, a node to come back, a storm to go on.
const DEADLINE: Duration = Duration::from_mins(1);
/// Shapes of one batch: a half batch would show.
const SHAPES_PER_BATCH: i64 = 2;

/// One device that draws.
pub(crate) struct Artist {
    client: Client,
    news: NewsReader,
    /// The seq that each batch is known to be committed at.
    pub(crate) acked: BTreeMap<i64, i64>,
    acks: Arc<AtomicU64>,
}

impl Artist {
    fn new(addresses: &[SocketAddr], room: &str, acks: Arc<AtomicU64>) -> Self {
        let settings = Settings::new(addresses.iter().map(|address| format!("ws://{address}/ws")));
        let (client, news) = Client::open(settings, Board::new(Uuid::new_v4(), room));
        Self { client, news, acked: BTreeMap::new(), acks }
    }

    /// Draws, `window` batches ahead of the answers, until told to stop and everything is answered.
    async fn draw(mut self, window: usize, mut stop: watch::Receiver<bool>) -> Self {
        loop {
            let stopped = *stop.borrow();
            let status = self.client.status();
            if stopped && status.unacknowledged == 0 {
                return self;
            }
            if !stopped && status.unacknowledged < window && status.phase == Phase::Live {
                self.gesture();
                continue;
            }
            tokio::select! {
                () = self.hear() => {}
                _ = stop.changed(), if !stopped => {}
            }
        }
    }

    fn gesture(&self) {
        let id = Uuid::new_v4().simple();
        let put = |part| {
            let id = format!("{id}{part}");
            Op::put(json!({"id": id, "kind": "rectangle", "width": 9, "height": 9})).expect("a shape")
        };
        self.client.edit(vec![put('a'), put('b')]).expect("a place in the queue");
    }

    /// Reads on, over as many connections as it takes, until the board has come to a seq.
    async fn reach(&mut self, seq: i64) {
        let is_there = |status: pgcanvas::client::Status| {
            status.phase == Phase::Live && status.at.is_some_and(|at| at.seq >= seq)
        };
        while !is_there(self.client.status()) {
            self.hear().await;
        }
    }

    /// Takes in the next of the news.
    async fn hear(&mut self) {
        let news = timeout(DEADLINE, self.news.recv()).await;
        match news.expect("news in time").expect("the client goes on") {
            News::Committed { op_id, seq } => {
                self.acked.insert(op_id, seq);
                self.acks.fetch_add(1, Ordering::Relaxed);
            }
            News::Ack { op_id, seq, .. } => {
                let first = self.acked.get(&op_id);
                assert!(first.is_none_or(|first| *first == seq), "a repeat is answered as the first time");
            }
            news @ (News::Rejected(_) | News::Refused { .. } | News::Diverged) => panic!("{news:?}"),
            News::Joined { .. } | News::Changed(_) | News::Told(_) => {}
        }
    }

    /// Connections it has made.
    pub(crate) fn connections(&self) -> u64 {
        self.client.status().connections
    }

    /// The last code that a socket of it was closed with.
    pub(crate) fn closed_with(&self) -> Option<u16> {
        self.client.status().closed_with
    }
}

/// Several artists in one room.
pub(crate) struct Storm {
    stop: watch::Sender<bool>,
    tasks: Vec<JoinHandle<Artist>>,
    acks: Arc<AtomicU64>,
}

impl Storm {
    /// Begins; the artists spread over the nodes.
    pub(crate) fn begin(addresses: &[SocketAddr], room: &str, artists: usize, window: usize) -> Self {
        let (stop, stopped) = watch::channel(false);
        let acks = Arc::new(AtomicU64::new(0));
        let tasks = (0..artists).map(|number| {
            let mut mine = addresses.to_vec();
            mine.rotate_left(number % addresses.len());
            tokio::spawn(Artist::new(&mine, room, Arc::clone(&acks)).draw(window, stopped.clone()))
        });
        Self { stop, tasks: tasks.collect(), acks }
    }

    /// Waits until so many batches more were acknowledged.
    pub(crate) async fn more(&self, batches: u64) {
        let goal = self.acks.load(Ordering::Relaxed) + batches;
        let look = || async {
            let acks = self.acks.load(Ordering::Relaxed);
            let broken = self.tasks.iter().any(JoinHandle::is_finished);
            if acks >= goal || broken { Ok(()) } else { Err(acks) }
        };
        let reached = retried(DEADLINE, look).await;
        assert_eq!(reached, Ok(()), "the storm does not go on to {goal}");
    }

    /// Stops when all is answered.
    pub(crate) async fn end(self) -> Vec<Artist> {
        self.stop.send_replace(true);
        let mut artists = Vec::new();
        for task in self.tasks {
            let artist = timeout(2 * DEADLINE, task).await.expect("the storm ends");
            artists.push(artist.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic())));
        }
        artists
    }
}

/// Everything acknowledged is in the log exactly once, whole, under the seq that was told; the seqs have no gap; and every artist's
/// board comes to equal the table.
pub(crate) async fn assert_nothing_lost(config: &Config, room: &str, artists: &mut [Artist]) {
    let client = connect(config).await.expect("the database");
    let head = client
        .query_one(
            "select r.last_seq, (select count(distinct c.seq) from pgcanvas.shape_changes c where c.room_id = r.id)
             from pgcanvas.room_state($1) as r",
            &[&room],
        )
        .await
        .unwrap();
    let (last_seq, seqs): (i64, i64) = (head.get(0), head.get(1));
    assert_eq!(last_seq, seqs, "seqs have no gap");
    let log = client
        .query(
            "select c.client, c.op_id, min(c.seq), max(c.seq), count(*) from pgcanvas.shape_changes c
             join pgcanvas.rooms r on r.id = c.room_id where r.slug = $1 and c.client is not null group by 1, 2",
            &[&room],
        )
        .await
        .unwrap();
    let mut logged: BTreeMap<(Uuid, i64), i64> = BTreeMap::new();
    for row in &log {
        let (first, last, count): (i64, i64, i64) = (row.get(2), row.get(3), row.get(4));
        let key: (Uuid, i64) = (row.get(0), row.get(1));
        assert!(
            first == last && count == SHAPES_PER_BATCH,
            "{key:?} stands {count} times, {first} to {last}"
        );
        logged.insert(key, first);
    }
    let rows = client
        .query(
            "select s.id, s.version from pgcanvas.shapes s join pgcanvas.rooms r on r.id = s.room_id where r.slug = $1",
            &[&room],
        )
        .await
        .unwrap();
    let table: BTreeMap<String, i64> = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
    for artist in artists {
        artist.reach(last_seq).await;
        let device = artist.client.board(Board::client);
        for (op_id, seq) in &artist.acked {
            assert_eq!(logged.get(&(device, *op_id)), Some(seq), "acknowledged batch {op_id}");
        }
        let shown: BTreeMap<String, i64> = artist.client.board(|board| {
            let version = |shape: &pgcanvas::client::Shape| shape["version"].as_i64().expect("a version");
            board.shapes().into_iter().map(|(id, shape)| (id.to_owned(), version(shape))).collect()
        });
        assert!(shown == table, "the board equals the table");
    }
}
