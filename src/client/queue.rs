//! Batches that the confirmed board does not contain yet, and what the board looks like with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::op::Op;
use super::shape::{Shape, Shapes, replay};

/// What kind of a gesture it is, by the name of its frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Draws.
    #[default]
    Ops,
    /// Takes the person's last gesture back.
    Undo,
    /// Does again what was taken back last.
    Redo,
}

impl Verb {
    /// Whether it draws: then it shows at once.
    pub fn is_drawing(&self) -> bool {
        *self == Self::Ops
    }
}

/// A gesture on its way. Undo and redo are numbered and repeated as a drawing is, but only the server knows what they change: they show
/// when it tells.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Queued {
    /// What kind of a gesture it is.
    #[serde(default, skip_serializing_if = "Verb::is_drawing")]
    pub verb: Verb,
    /// What it draws.
    #[serde(default)]
    pub ops: Vec<Op>,
    /// The `op_id` of the gesture's first batch, when it took several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gesture: Option<i64>,
    /// Whether it goes on with an op that the batch before it in the gesture began: it is sent when that one is acknowledged, and given up with
    /// it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rest: bool,
    /// The seq that its `ack` told; it is replayed until the confirmed board has come to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub committed: Option<i64>,
}

impl Queued {
    /// The gesture that it belongs to, by its own number.
    pub(super) fn gesture_of(&self, op_id: i64) -> i64 {
        self.gesture.unwrap_or(op_id)
    }
}

/// One shape as it is shown, and the batches that make it so.
#[derive(Debug, Clone, Default)]
struct Layer {
    op_ids: BTreeSet<i64>,
    shape: Option<Shape>,
}

/// The batches by `op_id`, and every shape that they touch.
#[derive(Debug, Clone, Default)]
pub(super) struct Queue {
    batches: BTreeMap<i64, Queued>,
    layers: BTreeMap<String, Layer>,
}

impl Queue {
    /// The batches of an earlier process, over the board that it had.
    pub(super) fn restored(batches: BTreeMap<i64, Queued>, confirmed: &Shapes) -> Self {
        let mut queue = Self::default();
        for (op_id, batch) in batches {
            queue.push(op_id, batch, confirmed);
        }
        queue
    }

    /// Adds a batch at the end: its `op_id` is the highest.
    pub(super) fn push(&mut self, op_id: i64, batch: Queued, confirmed: &Shapes) {
        for op in &batch.ops {
            let fresh = || Layer { op_ids: BTreeSet::new(), shape: confirmed.get(op.id()).cloned() };
            let layer = self.layers.entry(op.id().to_owned()).or_insert_with(fresh);
            layer.shape = replay(op, layer.shape.take());
            layer.op_ids.insert(op_id);
        }
        self.batches.insert(op_id, batch);
    }

    /// Takes a batch out; the shapes that it touched are as they are without it.
    pub(super) fn remove(&mut self, op_id: i64, confirmed: &Shapes) -> Option<Queued> {
        let batch = self.batches.remove(&op_id)?;
        let touched: BTreeSet<&str> = batch.ops.iter().map(Op::id).collect();
        for id in touched {
            if let Some(layer) = self.layers.get_mut(id) {
                layer.op_ids.remove(&op_id);
            }
            self.rebase(id, confirmed);
        }
        Some(batch)
    }

    /// Replays what concerns one shape over what the server told of it.
    pub(super) fn rebase(&mut self, id: &str, confirmed: &Shapes) {
        let Some(layer) = self.layers.get_mut(id) else { return };
        if layer.op_ids.is_empty() {
            self.layers.remove(id);
            return;
        }
        let batches = layer.op_ids.iter().filter_map(|op_id| self.batches.get(op_id));
        let ops = batches.flat_map(|batch| &batch.ops).filter(|op| op.id() == id);
        layer.shape = ops.fold(confirmed.get(id).cloned(), |shape, op| replay(op, shape));
    }

    /// Replays everything, over another board.
    pub(super) fn rebase_all(&mut self, confirmed: &Shapes) {
        let ids: Vec<String> = self.layers.keys().cloned().collect();
        for id in ids {
            self.rebase(&id, confirmed);
        }
    }

    /// The batches that go on with an op that this one began, in order.
    pub(super) fn rest_of(&self, op_id: i64) -> Vec<i64> {
        let Some(gesture) = self.batches.get(&op_id).map(|batch| batch.gesture_of(op_id)) else {
            return Vec::new();
        };
        let later = self.batches.range(op_id + 1..);
        let same = later.filter(|(later, batch)| batch.gesture_of(**later) == gesture);
        let rest = same.take_while(|(_, batch)| batch.rest);
        rest.filter(|(_, batch)| batch.committed.is_none()).map(|(op_id, _)| *op_id).collect()
    }

    /// Notes that a batch is committed; whether that was news.
    pub(super) fn commit(&mut self, op_id: i64, seq: i64) -> bool {
        match self.batches.get_mut(&op_id) {
            Some(batch) => batch.committed.replace(seq).is_none(),
            None => false,
        }
    }

    /// The batches that are known to be committed at a seq of which this is true.
    pub(super) fn committed(&self, at: impl Fn(i64) -> bool) -> Vec<i64> {
        let committed = self.batches.iter().filter(|(_, batch)| batch.committed.is_some_and(&at));
        committed.map(|(op_id, _)| *op_id).collect()
    }

    /// The batches not known to be committed, in order.
    pub(super) fn unacknowledged(&self) -> impl Iterator<Item = (i64, &Queued)> {
        self.batches
            .iter()
            .filter(|(_, batch)| batch.committed.is_none())
            .map(|(op_id, batch)| (*op_id, batch))
    }

    /// All of them.
    pub(super) fn batches(&self) -> &BTreeMap<i64, Queued> {
        &self.batches
    }

    /// How many batches touch a shape.
    pub(super) fn depth(&self, id: &str) -> usize {
        self.layers.get(id).map_or(0, |layer| layer.op_ids.len())
    }

    /// The shape as it is shown: as the server told it, unless a batch touches it.
    pub(super) fn shown<'a>(&'a self, id: &str, confirmed: &'a Shapes) -> Option<&'a Shape> {
        self.layers.get(id).map_or_else(|| confirmed.get(id), |layer| layer.shape.as_ref())
    }

    /// Every shape that a batch touches, as it is shown.
    pub(super) fn layers(&self) -> impl Iterator<Item = (&String, Option<&Shape>)> {
        self.layers.iter().map(|(id, layer)| (id, layer.shape.as_ref()))
    }
}
