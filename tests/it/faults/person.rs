//! People who draw at random, go away, come back, and remember all that they were told.

use super::super::support::client::Board as Table;
use super::super::support::server::retried;
use super::lab::{Lab, ROOM};
use pgcanvas::client::{
    Board, Client, ClientError, News, NewsReader, Op, Saved, Settings, Shapes, Verb, restart_op_id,
};
use pgcanvas::model::Token;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

/// Shapes that everybody draws on.
const SHARED: u32 = 12;
/// Whoever has so many batches without an answer waits: what is tested are faults, not how long a queue grows.
const PATIENCE: usize = 150;
/// How long all must have come to rest after everything was healed.
const REST: Duration = Duration::from_secs(150);

/// What a client was told, in order, from one start of it to its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Heard {
    Joined { epoch: Uuid, seq: i64, snapshot: bool },
    Told { seq: i64, client: Option<Uuid>, op_id: Option<i64>, shapes: BTreeSet<String> },
}

/// A batch as its person made it.
#[derive(Debug)]
pub(super) struct Made {
    pub(super) verb: Verb,
    /// The shapes that it names.
    pub(super) named: BTreeSet<String>,
    /// Two that only it makes.
    pub(super) own: Option<[String; 2]>,
}

/// All that one person did and was told.
#[derive(Debug, Default)]
pub(super) struct Diary {
    /// Every batch ever made.
    pub(super) made: BTreeMap<i64, Made>,
    /// The seqs and outcomes of acks.
    pub(super) acks: BTreeMap<i64, (i64, Vec<String>)>,
    pub(super) committed: BTreeMap<i64, i64>,
    pub(super) rejected: BTreeMap<i64, String>,
    /// One list per start of the client.
    pub(super) lives: Vec<Vec<Heard>>,
    /// Digests of the confirmed board at seqs.
    pub(super) samples: BTreeMap<i64, u64>,
    pub(super) wrongs: Vec<String>,
    pub(super) connections: u64,
    pub(super) restarts: u64,
    pub(super) offline_spells: u64,
}

/// One of them.
pub(super) struct Person {
    pub(super) id: Uuid,
    settings: Settings,
    random: StdRng,
    client: Client,
    reader: JoinHandle<()>,
    diary: Arc<Mutex<Diary>>,
    /// A state that was kept a while ago.
    kept: Option<Saved>,
}

/// A number for a board that differs when the boards do.
pub(super) fn digest<'a>(shapes: impl Iterator<Item = (&'a str, String)>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for (id, shape) in shapes {
        id.hash(&mut hasher);
        shape.hash(&mut hasher);
    }
    hasher.finish()
}

/// The digest of a client's board.
fn digest_of(shapes: &Shapes) -> u64 {
    digest(shapes.iter().map(|(id, shape)| (id.as_str(), json!(shape).to_string())))
}

impl Person {
    pub(super) fn new(addresses: &[SocketAddr], number: usize, mut random: StdRng) -> Self {
        let mut addresses = addresses.to_vec();
        let nodes = addresses.len();
        addresses.rotate_left(number % nodes);
        let id = Uuid::from_u128(random.random());
        let key = Some(Token::new(format!("the key of {id}")));
        let settings = Settings { key, ..super::super::connection::settings(&addresses) };
        let diary = Arc::new(Mutex::new(Diary::default()));
        let (client, reader) = begin(&settings, Board::new(id, ROOM), &diary);
        Self { id, settings, random, client, reader, diary, kept: None }
    }

    /// Draws until told to stop.
    pub(super) async fn draw(mut self, mut stop: watch::Receiver<bool>) -> Self {
        while !*stop.borrow() {
            match self.random.random_range(0..1000) {
                0..12 => self.go_offline(&mut stop).await,
                12..17 => self.restart(None).await,
                // Another process, which knows only what was kept a while ago.
                17..20 => {
                    let kept = self.kept.take();
                    self.restart(kept).await;
                }
                20..25 => self.kept = Some(self.client.save()),
                25..65 => self.sample(),
                65..165 => _ = self.turn(Verb::Undo),
                165..235 => _ = self.turn(Verb::Redo),
                _ => self.gesture(),
            }
            let pause = Duration::from_millis(self.random.random_range(0..25));
            _ = timeout(pause, stop.wait_for(|stop| *stop)).await;
            while !*stop.borrow() && self.client.status().unacknowledged > PATIENCE {
                sleep(Duration::from_millis(20)).await;
            }
        }
        self
    }

    fn note<T>(&self, write: impl FnOnce(&mut Diary) -> T) -> T {
        write(&mut self.diary.lock().unwrap())
    }

    fn gesture(&mut self) {
        let (mut ops, mut own) = (Vec::new(), None);
        for _ in 0..self.random.random_range(1..5) {
            ops.push(any_op(&mut self.random));
        }
        if self.random.random_bool(0.3) {
            let ids: [String; 2] =
                std::array::from_fn(|_| format!("own-{:016x}", self.random.random::<u64>()));
            for id in &ids {
                ops.push(Op::put(json!({"id": id, "kind": "diamond", "width": 3})).unwrap());
            }
            own = Some(ids);
        }
        if self.random.random_bool(0.02) {
            ops.push(Op::put(json!({"id": "wrong", "kind": "rectangle", "width": 1e10})).unwrap());
        }
        let named = ops.iter().map(|op| op.id().to_owned()).collect();
        self.made(self.client.edit(ops), Made { verb: Verb::Ops, named, own });
    }

    /// Undoes or redoes.
    fn turn(&self, verb: Verb) -> Option<i64> {
        let asked = if verb == Verb::Undo { self.client.undo() } else { self.client.redo() };
        self.made(asked, Made { verb, named: BTreeSet::new(), own: None })
    }

    fn made(&self, asked: Result<i64, ClientError>, made: Made) -> Option<i64> {
        match asked {
            Ok(op_id) => {
                let before = self.note(|diary| diary.made.insert(op_id, made));
                assert!(before.is_none(), "op_id {op_id} was given out twice");
                Some(op_id)
            }
            Err(error) => {
                self.note(|diary| diary.wrongs.push(error.to_string()));
                None
            }
        }
    }

    /// Undoes what there is, as far back as that, and does it again; gives how many gestures it was. Nobody else may draw meanwhile.
    pub(super) async fn there_and_back(&self, lab: &Lab, most: usize) -> Result<usize, String> {
        let before = self.rested(lab).await?;
        let undone = self.turns(Verb::Undo, most).await?;
        let between = self.rested(lab).await?;
        let redone = self.turns(Verb::Redo, undone).await?;
        let after = self.rested(lab).await?;
        if redone != undone {
            return Err(format!("of {undone} gestures that were undone {redone} could be redone"));
        }
        if after != before {
            let differs = |id: &&String| before.get(*id) != after.get(*id);
            let ids: BTreeSet<&String> = before.keys().chain(after.keys()).filter(differs).collect();
            let shapes: Vec<_> =
                ids.iter().take(3).map(|id| [&before, &between, &after].map(|b| b.get(*id))).collect();
            return Err(format!(
                "{undone} gestures of {} undone and redone left {ids:?} different: {shapes:#?}",
                self.id
            ));
        }
        Ok(undone)
    }

    /// Asks so often; gives how many times there was something.
    async fn turns(&self, verb: Verb, times: usize) -> Result<usize, String> {
        let asked: Vec<i64> = (0..times).filter_map(|_| self.turn(verb)).collect();
        self.rest().await?;
        let answered = retried(REST, || async {
            self.note(|diary| {
                let done = asked.iter().filter(|op_id| diary.committed.contains_key(op_id)).count();
                let refused = asked.iter().filter(|op_id| diary.rejected.contains_key(op_id)).count();
                if done + refused == times {
                    Ok(done)
                } else {
                    Err(format!("{done} and {refused} of {times} were answered"))
                }
            })
        });
        answered.await
    }

    /// The board without what the server adds, with nothing on its way.
    async fn rested(&self, lab: &Lab) -> Result<Shapes, String> {
        self.rest().await?;
        // Others may have drawn last.
        let seq = Table::of_rows(&lab.config(), ROOM).await.seq;
        let mut board = self.reach(seq).await?;
        for shape in board.values_mut() {
            for name in ["version", "seq", "created_by", "updated_by", "created_at", "updated_at"] {
                shape.remove(name);
            }
        }
        Ok(board)
    }

    async fn go_offline(&mut self, stop: &mut watch::Receiver<bool>) {
        self.note(|diary| diary.offline_spells += 1);
        self.client.set_online(false);
        for _ in 0..self.random.random_range(0..30) {
            self.gesture();
        }
        let spell = Duration::from_millis(self.random.random_range(20..1500));
        _ = timeout(spell, stop.wait_for(|stop| *stop)).await;
        self.client.set_online(true);
    }

    /// The process ends at once, and another begins.
    async fn restart(&mut self, kept: Option<Saved>) {
        let saved = kept.unwrap_or_else(|| self.client.save());
        let text = serde_json::to_string(&saved).unwrap();
        let board = Board::restored(serde_json::from_str(&text).unwrap(), restart_op_id());
        let (client, reader) = begin(&self.settings, board, &self.diary);
        let connections = self.client.status().connections;
        self.client = client;
        // The one before tells nothing more once its reader ends.
        _ = std::mem::replace(&mut self.reader, reader).await;
        self.note(|diary| {
            diary.restarts += 1;
            diary.connections += connections;
        });
    }

    fn sample(&self) {
        let sample = self.client.board(|board| board.at().map(|at| (at.seq, digest_of(board.confirmed()))));
        let Some((seq, digest)) = sample else { return };
        self.note(|diary| {
            if diary.samples.insert(seq, digest).is_some_and(|before| before != digest) {
                diary.wrongs.push(format!("two boards at seq {seq}"));
            }
        });
    }

    /// Waits until everything is answered.
    pub(super) async fn rest(&self) -> Result<(), String> {
        let rest = self.client.until(|status| status.unacknowledged == 0 && is_live(status));
        self.in_time(rest, "does not come to rest").await
    }

    /// Waits until the board has come to a seq; gives it.
    pub(super) async fn reach(&self, seq: i64) -> Result<Shapes, String> {
        let there = self.client.until(|status| is_live(status) && status.at.is_some_and(|at| at.seq >= seq));
        self.in_time(there, &format!("does not come to {seq}")).await?;
        self.sample();
        Ok(self.client.board(|board| {
            let shown = board.shapes().into_iter().map(|(id, shape)| (id.to_owned(), shape.clone()));
            assert_eq!(&shown.collect::<Shapes>(), board.confirmed(), "nothing is on its way");
            board.confirmed().clone()
        }))
    }

    async fn in_time<T>(&self, wait: impl Future<Output = T>, what: &str) -> Result<(), String> {
        let waited = timeout(REST, wait).await;
        let (node, status) = (&self.settings.addresses, self.client.status());
        waited.map(drop).map_err(|_| format!("a client {what} with {node:?}: {status:?}"))
    }

    /// What it did and was told.
    pub(super) async fn diary(self) -> (Uuid, Diary) {
        let connections = self.client.status().connections;
        drop(self.client);
        _ = self.reader.await;
        let mut diary = std::mem::take(&mut *self.diary.lock().unwrap());
        diary.connections += connections;
        (self.id, diary)
    }
}

fn is_live(status: &pgcanvas::client::Status) -> bool {
    status.phase == pgcanvas::client::Phase::Live
}

/// Starts a client, and whoever writes down its news.
fn begin(settings: &Settings, board: Board, diary: &Arc<Mutex<Diary>>) -> (Client, JoinHandle<()>) {
    let (client, news) = Client::open(settings.clone(), board);
    diary.lock().unwrap().lives.push(Vec::new());
    (client, tokio::spawn(write_down(news, Arc::clone(diary))))
}

async fn write_down(mut news: NewsReader, diary: Arc<Mutex<Diary>>) {
    let life = diary.lock().unwrap().lives.len() - 1;
    while let Some(news) = news.recv().await {
        let mut diary = diary.lock().unwrap();
        match news {
            News::Joined { epoch, seq, snapshot } => {
                diary.lives[life].push(Heard::Joined { epoch, seq, snapshot });
            }
            News::Told(told) => {
                let shapes = told.shapes.into_iter().collect();
                diary.lives[life].push(Heard::Told {
                    seq: told.seq,
                    client: told.client,
                    op_id: told.op_id,
                    shapes,
                });
            }
            News::Ack { op_id, seq, outcomes, .. } => {
                let answer = (seq, outcomes);
                if let Some(first) = diary.acks.insert(op_id, answer.clone())
                    && first != answer
                {
                    diary.wrongs.push(format!("batch {op_id} was answered {first:?} and then {answer:?}"));
                }
            }
            News::Committed { op_id, seq } => _ = diary.committed.insert(op_id, seq),
            News::Rejected(rejected) => _ = diary.rejected.insert(rejected.op_id, rejected.code),
            News::Diverged | News::Refused { .. } => diary.wrongs.push(format!("{news:?}")),
            News::Changed(_) => {}
        }
    }
}

/// One op on one of a few shapes, so that people meet.
fn any_op(random: &mut StdRng) -> Op {
    let id = format!("s{}", random.random_range(0..SHARED));
    let points = |random: &mut StdRng, most: usize| -> Vec<Value> {
        let count = if random.random_bool(0.01) { most } else { random.random_range(1..4) };
        (0..count).map(|n| json!([n, random.random_range(0..99)])).collect()
    };
    match random.random_range(0..10) {
        0..3 => {
            let points = points(random, 20_000);
            Op::put(
                json!({"id": id, "kind": "freedraw", "x": random.random_range(-500..500), "points": points,
                "props": {"by": random.random_range(0..9)}}),
            )
            .unwrap()
        }
        3..6 => Op::set(
            &id,
            json!({"y": random.random_range(-500..500), "mood": random.random_range(0..3),
                "props": {format!("p{}", random.random_range(0..4)): random.random_range(0..9)}}),
        )
        .unwrap(),
        6 => Op::Patch {
            id,
            set: serde_json::from_value(json!({"text": null})).unwrap(),
            unset: vec!["props.p1".into(), "mood".into()],
            base: None,
        },
        7..9 => Op::append(&id, points(random, 800)),
        _ => Op::delete(&id),
    }
}

/// As many people, each with a chance of its own.
pub(super) fn people(addresses: &[SocketAddr], count: usize, random: &mut StdRng) -> Vec<Person> {
    (0..count).map(|n| Person::new(addresses, n, StdRng::seed_from_u64(random.random()))).collect()
}
