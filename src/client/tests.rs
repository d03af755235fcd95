//! The pure part against a model of a node, in random orders of everything that can happen.

mod node;

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

use self::node::{Node, naive};
use super::{Board, News, Op, Shape, Shapes};
use crate::protocol::Limits;

const ROOM: &str = "room";

/// What happens next.
#[derive(Debug, Clone)]
enum Step {
    Edit(Vec<Op>),
    Undo,
    Redo,
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
        1 => Just(Step::Undo),
        1 => Just(Step::Redo),
        3 => ops().prop_map(Step::Remote),
        8 => Just(Step::Hear),
        8 => Just(Step::Deliver),
        2 => Just(Step::Connect),
        1 => Just(Step::Disconnect),
        1 => prop::sample::select(vec!["invalid", "nothing_to_undo", "unavailable"]).prop_map(Step::RejectNext),
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
            Step::Undo => self.made.push(self.board.undo().unwrap()),
            Step::Redo => self.made.push(self.board.redo().unwrap()),
            Step::Remote(ops) => self.node.apply(&ops, None),
            Step::Hear => self.node.hear(self.board.client()),
            Step::Deliver => self.deliver(),
            Step::Connect if !self.connected => {
                assert_eq!(self.board.connected(Limits { max_unacknowledged: 3, ..Limits::default() }), []);
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
