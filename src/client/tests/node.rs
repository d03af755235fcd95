//! A node and its database, as far as a client sees them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde_json::{Value, json};
use uuid::Uuid;

use super::super::{Op, Shape, Shapes};
use super::ROOM;

/// A node and its database, as simple as can be.
pub(super) struct Node {
    pub(super) epoch: Uuid,
    pub(super) rows: Shapes,
    /// The board at each seq.
    pub(super) past: Vec<Shapes>,
    pub(super) min_since: usize,
    pub(super) answers: BTreeMap<i64, Value>,
    pub(super) heard: VecDeque<Value>,
    pub(super) told: VecDeque<Value>,
    pub(super) joined: bool,
    pub(super) reject_next: Option<&'static str>,
    pub(super) applied: Vec<i64>,
    pub(super) rejected: BTreeSet<i64>,
}

impl Node {
    pub(super) fn new() -> Self {
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

    pub(super) fn seq(&self) -> usize {
        self.past.len() - 1
    }

    pub(super) fn hear(&mut self, client: Uuid) {
        let Some(frame) = self.heard.pop_front() else { return };
        match frame["type"].as_str().unwrap() {
            "join" => self.join(&frame),
            "ops" | "undo" | "redo" => self.gesture(&frame, client),
            other => panic!("{other}"),
        }
    }

    pub(super) fn join(&mut self, frame: &Value) {
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

    pub(super) fn gesture(&mut self, frame: &Value, client: Uuid) {
        let op_id = frame["op_id"].as_i64().unwrap();
        if let Some(code) = self.reject_next.take()
            && !self.answers.contains_key(&op_id)
        {
            if code != "unavailable" {
                self.rejected.insert(op_id);
            }
            self.told.push_back(
                json!({"type": "reject", "room": ROOM, "op_id": op_id, "code": code, "message": ""}),
            );
            return;
        }
        if !self.answers.contains_key(&op_id) {
            let ops: Vec<Op> = match frame["type"].as_str() {
                Some("ops") => serde_json::from_value(frame["ops"].clone()).unwrap(),
                // Whatever it may be: the client cannot know.
                _ => vec![
                    Op::put(json!({"id": "a", "kind": "line", "x": op_id % 5})).unwrap(),
                    Op::delete("b"),
                ],
            };
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

    pub(super) fn apply(&mut self, ops: &[Op], of: Option<(Uuid, i64)>) {
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
pub(super) fn naive(rows: &mut Shapes, op: &Op) {
    match op {
        Op::Put { shape, .. } => {
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
        Op::Append { id, points, .. } => {
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
