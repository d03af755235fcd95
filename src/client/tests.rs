//! The pure part against a model of a node, in random orders of everything that can happen.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use proptest::prelude::*;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Board, News, Op, Shape, Shapes};

const ROOM: &str = "room";

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Edit(Vec<Op>),
    Remote(Vec<Op>),
    /// The node reads a frame of the client.
    Hear,
    /// A frame of the node reaches the client.
    Deliver,
    Connect,
    Disconnect,
    /// The node refuses the next batch that it reads.
    RejectNext(&'static str),
    Restart,
    /// The log before here is gone.
    Prune,
    Wait,
}

/// A node and its database, as simple as can be.
struct Node {
    epoch: Uuid,
    rows: Shapes,
    /// The board at each seq.
    past: Vec<Shapes>,
    min_since: usize,
    answers: BTreeMap<i64, Value>,
    heard: VecDeque<Value>,
    told: VecDeque<Value>,
    joined: bool,
    reject_next: Option<&'static str>,
    applied: Vec<i64>,
    rejected: BTreeSet<i64>,
}

impl Node {
    fn new() -> Self {
        Self {
            epoch: Uuid::nil(),
            rows: Shapes::new(),
            past: vec![Shapes::new()],
            min_since: 0,
            answers: BTreeMap::new(),
            heard: VecDeque::new(),
            told: VecDeque::new(),
            joined: false,
            reject_next: None,
            applied: Vec::new(),
            rejected: BTreeSet::new(),
        }
    }

    fn seq(&self) -> usize {
        self.past.len() - 1
    }

    fn hear(&mut self, client: Uuid) {
        let Some(frame) = self.heard.pop_front() else { return };
        match frame["type"].as_str().unwrap() {
            "join" => self.join(&frame),
            "ops" => self.ops(&frame, client),
            other => panic!("{other}"),
        }
    }

    fn join(&mut self, frame: &Value) {
        let since = frame["since"].as_u64().and_then(|since| usize::try_from(since).ok());
        let known = since.filter(|since| *since <= self.seq() && *since >= self.min_since);
        let empty = Shapes::new();
        let before = known.map_or(&empty, |since| &self.past[since]);
        let mode = if known.is_some() { "delta" } else { "snapshot" };
        let list = |wanted: &dyn Fn(&String, &Shape) -> bool| -> Vec<&Shape> {
            self.rows.iter().filter(|(id, shape)| wanted(id, shape)).map(|(_, shape)| shape).collect()
        };
        let added = list(&|id, _| !before.contains_key(id));
        let modified = list(&|id, shape| before.get(id).is_some_and(|old| old != shape));
        let deleted: Vec<&String> = before.keys().filter(|id| !self.rows.contains_key(*id)).collect();
        let first = json!({"type": "joined", "room": ROOM, "epoch": self.epoch, "seq": self.seq(), "mode": mode,
            "added": added, "modified": [], "deleted": [], "more": true});
        let last = json!({"type": "delta", "room": ROOM, "added": [], "modified": modified, "deleted": deleted, "more": false});
        self.told.extend([first, last]);
        self.joined = true;
    }

    fn ops(&mut self, frame: &Value, client: Uuid) {
        let op_id = frame["op_id"].as_i64().unwrap();
        if let Some(code) = self.reject_next.take()
            && !self.answers.contains_key(&op_id)
        {
            if code == "invalid" {
                self.rejected.insert(op_id);
            }
            self.told.push_back(
                json!({"type": "reject", "room": ROOM, "op_id": op_id, "code": code, "message": ""}),
            );
            return;
        }
        if !self.answers.contains_key(&op_id) {
            let ops: Vec<Op> = serde_json::from_value(frame["ops"].clone()).unwrap();
            self.apply(&ops, Some((client, op_id)));
            self.applied.push(op_id);
            let ack = json!({"type": "ack", "room": ROOM, "op_id": op_id, "seq": self.seq(), "outcomes": []});
            self.answers.insert(op_id, ack);
        }
        // The ack comes before or after the changes: one on every second batch.
        let ack = self.answers[&op_id].clone();
        let before_the_changes =
            op_id % 2 == 0 && self.told.back().is_some_and(|last| last["type"] == "changes");
        let place = self.told.len() - usize::from(before_the_changes);
        self.told.insert(place, ack);
    }

    fn apply(&mut self, ops: &[Op], of: Option<(Uuid, i64)>) {
        let before = self.rows.clone();
        for op in ops {
            naive(&mut self.rows, op);
        }
        let seq = self.past.len();
        let ids: BTreeSet<&String> = before.keys().chain(self.rows.keys()).collect();
        let ids: Vec<String> = ids.into_iter().cloned().collect();
        let changes: Vec<Value> =
            ids.iter().filter_map(|id| change(id, before.get(id), self.rows.get_mut(id), seq)).collect();
        if changes.is_empty() {
            return;
        }
        self.past.push(self.rows.clone());
        if self.joined {
            let batch = json!({"seq": seq, "by": "", "at": "", "client": of.map(|of| of.0), "op_id": of.map(|of| of.1),
                "changes": changes});
            self.told.push_back(
                json!({"type": "changes", "room": ROOM, "from": seq - 1, "to": seq, "batches": [batch]}),
            );
        }
    }
}

/// What an op does to rows, in other words than the client's.
fn naive(rows: &mut Shapes, op: &Op) {
    match op {
        Op::Put { shape } => {
            let mut row = json!({"x": 0, "y": 0, "width": 0, "height": 0, "angle": 0, "props": {}});
            row.as_object_mut().unwrap().extend(shape.clone());
            for name in ["version", "seq", "updated_by", "updated_at"] {
                if let Some(old) = rows.get(op.id()).and_then(|old| old.get(name)) {
                    row[name] = old.clone();
                }
            }
            rows.insert(op.id().to_owned(), serde_json::from_value(row).unwrap());
        }
        Op::Delete { id, .. } => _ = rows.remove(id),
        Op::Append { id, points } => {
            if let Some(row) = rows.get_mut(id) {
                let mut all = row.get("points").and_then(Value::as_array).cloned().unwrap_or_default();
                all.extend(points.clone());
                row.insert("points".into(), json!(all));
            }
        }
        Op::Patch { id, set, unset, .. } => {
            if let Some(row) = rows.get_mut(id) {
                for (name, value) in set {
                    match (name.as_str(), value.as_object()) {
                        ("props", Some(members)) => {
                            row["props"].as_object_mut().unwrap().extend(members.clone());
                        }
                        _ => _ = row.insert(name.clone(), value.clone()),
                    }
                }
                for name in unset {
                    match name.split_once('.') {
                        Some((_, member)) => _ = row["props"].as_object_mut().unwrap().remove(member),
                        None => _ = row.remove(name),
                    }
                }
            }
        }
    }
}

/// What became of a shape in a batch, which it is then stamped with.
fn change(id: &str, before: Option<&Shape>, after: Option<&mut Shape>, seq: usize) -> Option<Value> {
    let stamp = |shape: &mut Shape, version: i64| {
        let stamps = json!({"version": version, "seq": seq, "updated_by": "", "updated_at": ""});
        shape.extend(stamps.as_object().unwrap().clone());
    };
    match (before, after) {
        (None, Some(after)) => {
            stamp(after, 1);
            Some(json!({"op": "put", "shape": after}))
        }
        (Some(_), None) => Some(json!({"op": "delete", "id": id})),
        (Some(before), Some(after)) if before != after => {
            // A shape that was deleted and made again in one batch lives on as far as anybody was told.
            let version = before["version"].as_i64().unwrap() + 1;
            let lacks = |name: &&String| {
                !after.contains_key(*name)
                    && !["version", "seq", "updated_by", "updated_at"].contains(&name.as_str())
            };
            let mut unset: Vec<String> = before.keys().filter(lacks).cloned().collect();
            let (old, new) = (before["props"].as_object().unwrap(), after["props"].as_object().unwrap());
            unset.extend(
                old.keys().filter(|name| !new.contains_key(*name)).map(|name| format!("props.{name}")),
            );
            let mut set: Shape = after.clone();
            set.retain(|name, value| before.get(name) != Some(value) && name != "props");
            let props: Shape =
                new.clone().into_iter().filter(|(name, value)| old.get(name) != Some(value)).collect();
            set.insert("props".into(), json!(props));
            stamp(after, version);
            Some(json!({"op": "patch", "id": id, "version": version, "set": set, "unset": unset}))
        }
        _ => None,
    }
}

fn any_op() -> impl Strategy<Value = Op> {
    let id = prop::sample::select(vec!["a", "b", "c"]);
    let number = 0..5;
    (id, number, 0..6).prop_map(|(id, number, which)| match which {
        0 => Op::put(json!({"id": id, "kind": "line", "x": number, "props": {"p": number}})).unwrap(),
        1 => Op::set(id, json!({"x": number, "props": {"p": number}})).unwrap(),
        2 => Op::set(id, json!({"y": number, "props": {"q": {"r": number}}})).unwrap(),
        3 => Op::Patch {
            id: id.into(),
            set: Shape::new(),
            unset: vec!["text".into(), "props.p".into()],
            base: None,
        },
        4 => Op::append(id, vec![json!([number, number])]),
        _ => Op::delete(id),
    })
}

fn any_step() -> impl Strategy<Value = Step> {
    let ops = || prop::collection::vec(any_op(), 1..4);
    prop_oneof![
        4 => ops().prop_map(Step::Edit),
        3 => ops().prop_map(Step::Remote),
        8 => Just(Step::Hear),
        8 => Just(Step::Deliver),
        2 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => prop::sample::select(vec!["invalid", "unavailable"]).prop_map(Step::RejectNext),
        1 => Just(Step::Restart),
        1 => Just(Step::Prune),
        1 => Just(Step::Wait),
    ]
}

/// The client, the node, and the wire between them.
struct World {
    board: Board,
    node: Node,
    connected: bool,
    now_ms: u64,
    committed: Vec<i64>,
    rejected: BTreeSet<i64>,
    made: Vec<i64>,
}

impl World {
    fn new() -> Self {
        let board = Board::new(Uuid::from_u128(7), ROOM);
        let (committed, made) = (Vec::new(), Vec::new());
        Self {
            board,
            node: Node::new(),
            connected: false,
            now_ms: 0,
            committed,
            rejected: BTreeSet::new(),
            made,
        }
    }

    fn hang_up(&mut self) {
        self.board.disconnected();
        self.connected = false;
        self.node.joined = false;
        self.node.heard.clear();
        self.node.told.clear();
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Edit(ops) => self.made.push(self.board.edit(ops).unwrap()),
            Step::Remote(ops) => self.node.apply(&ops, None),
            Step::Hear => self.node.hear(self.board.client()),
            Step::Deliver => self.deliver(),
            Step::Connect if !self.connected => {
                self.board.connected(3);
                self.connected = true;
            }
            Step::Connect => {}
            Step::Disconnect => self.hang_up(),
            Step::RejectNext(code) => self.node.reject_next = Some(code),
            Step::Restart => {
                self.hang_up();
                let saved = serde_json::to_string(&self.board.save()).unwrap();
                self.now_ms += 1;
                let first_op_id = i64::try_from(self.now_ms).unwrap() * 1000;
                self.board = Board::restored(serde_json::from_str(&saved).unwrap(), first_op_id);
            }
            Step::Prune => self.node.min_since = self.node.seq(),
            Step::Wait => self.now_ms += 5_000,
        }
        let frames = self.board.outgoing(self.now_ms);
        assert!(self.connected || frames.is_empty());
        self.node.heard.extend(frames);
        self.check();
    }

    fn deliver(&mut self) {
        let Some(frame) = self.node.told.pop_front() else { return };
        for news in self.board.receive(&frame.to_string(), self.now_ms).unwrap() {
            match news {
                News::Committed { op_id, .. } => self.committed.push(op_id),
                News::Rejected(rejected) => assert!(self.rejected.insert(rejected.op_id)),
                News::Diverged | News::Refused { .. } => panic!("{news:?}"),
                _ => {}
            }
        }
    }

    /// What is shown is the confirmed board with the queue replayed; the confirmed board is one of the server's past.
    fn check(&self) {
        let at = self.board.at().map_or(0, |at| usize::try_from(at.seq).unwrap());
        assert_eq!(self.board.confirmed(), &self.node.past[at], "the board at {at}");
        let mut shown = self.board.confirmed().clone();
        for batch in self.board.save().queue.values() {
            batch.ops.iter().for_each(|op| naive(&mut shown, op));
        }
        let shown: BTreeMap<&str, &Shape> = shown.iter().map(|(id, shape)| (id.as_str(), shape)).collect();
        assert_eq!(self.board.shapes(), shown);
        assert!(shown.iter().all(|(id, shape)| self.board.shape(id) == Some(*shape)));
    }

    /// Lets everything come to rest; then all agree.
    fn settle(&mut self) {
        self.node.reject_next = None;
        self.step(Step::Connect);
        for _ in 0..10_000 {
            if self.board.is_live()
                && self.node.heard.is_empty()
                && self.node.told.is_empty()
                && self.board.unacknowledged().is_empty()
            {
                break;
            }
            for step in [Step::Wait, Step::Hear, Step::Deliver] {
                self.step(step);
            }
        }
        assert_eq!(self.board.confirmed(), &self.node.rows);
        let shown: Shapes =
            self.board.shapes().into_iter().map(|(id, shape)| (id.to_owned(), shape.clone())).collect();
        assert_eq!(shown, self.node.rows);
        let (mut committed, mut applied) = (self.committed.clone(), self.node.applied.clone());
        committed.sort_unstable();
        applied.sort_unstable();
        assert_eq!(committed, applied, "each committed batch was told once, and applied once");
        // A reject that is lost is not remembered: the batch is tried again.
        assert!(self.rejected.is_subset(&self.node.rejected));
        let mut all: Vec<i64> = committed.into_iter().chain(self.rejected.iter().copied()).collect();
        all.sort_unstable();
        assert_eq!(all, self.made, "each gesture was committed or rejected");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_what_is_shown_is_the_replay_and_all_agree_in_the_end(steps in prop::collection::vec(any_step(), 1..80)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.settle();
    }
}
