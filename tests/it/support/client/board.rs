//! A client's copy of a room, kept by the rules of the protocol and by nothing else.

use super::super::database::TestDatabase;
use super::super::server::connect;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use tokio_postgres::{Config, IsolationLevel};

/// A batch as it was told: who and when, and its changes as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) seq: i64,
    pub(crate) by: String,
    pub(crate) client: Option<String>,
    pub(crate) op_id: Option<i64>,
    pub(crate) count: usize,
    /// The changes; of a large batch a digest.
    pub(crate) changes: String,
    /// In how many frames it came.
    pub(crate) frames: usize,
}

/// The shapes a client shows. Panics on whatever the protocol rules out.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board {
    pub(crate) epoch: String,
    pub(crate) seq: i64,
    /// By id, as JSON with sorted names.
    pub(crate) shapes: BTreeMap<String, String>,
    /// Every batch that came live, in order.
    pub(crate) batches: Vec<Told>,
    /// Parts of a `changes` that goes on.
    parts: Vec<Value>,
    /// Whether replicas are merged into the room: versions are theirs then, and may leap.
    pub(super) takes_replicas: bool,
    /// Whether pages of a join are still to come.
    paging: bool,
    /// Whether those pages are a delta.
    delta: bool,
    /// Ids in the pages of the join so far: none comes twice.
    paged: std::collections::BTreeSet<String>,
}

/// JSON with sorted names, so that equal shapes are equal text.
pub(crate) fn canonical(value: &Value) -> String {
    value.to_string()
}

fn number(value: &Value) -> i64 {
    value.as_i64().unwrap_or_else(|| panic!("no number: {value}"))
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("no list: {value}"))
}

impl Board {
    /// The board as its rows are now.
    pub(crate) async fn of_table(database: &TestDatabase, room: &str) -> Self {
        Self::of_rows(database.config(), room).await
    }

    /// The same of any database.
    pub(crate) async fn of_rows(config: &Config, room: &str) -> Self {
        let mut client = connect(config).await.unwrap();
        let client =
            client.build_transaction().isolation_level(IsolationLevel::RepeatableRead).start().await.unwrap();
        let head = client
            .query_one("select epoch::text, last_seq from pgcanvas.room_state($1)", &[&room])
            .await
            .unwrap();
        let statement = "select s.id, pgcanvas.shape_json(s)::text from pgcanvas.shapes s
            join pgcanvas.rooms r on r.id = s.room_id where r.slug = $1";
        let rows = client.query(statement, &[&room]).await.unwrap();
        let shapes = rows.iter().map(|row| {
            let shape: Value = serde_json::from_str(row.get(1)).unwrap();
            (row.get(0), canonical(&shape))
        });
        Self { epoch: head.get(0), seq: head.get(1), shapes: shapes.collect(), ..Self::default() }
    }

    /// The shape of an id.
    pub(crate) fn shape(&self, id: &str) -> Option<Value> {
        self.shapes.get(id).map(|shape| serde_json::from_str(shape).unwrap())
    }

    /// Whether nothing more is announced: no page, no part.
    pub(crate) fn is_whole(&self) -> bool {
        !self.paging && self.parts.is_empty()
    }

    /// Fails with the first difference.
    pub(crate) fn assert_same(&self, other: &Self, who: &str) {
        assert_eq!((&self.epoch, self.seq), (&other.epoch, other.seq), "{who}: epoch and seq");
        for (id, shape) in &self.shapes {
            assert_eq!(Some(shape), other.shapes.get(id), "{who}: shape {id}");
        }
        let more = other.shapes.keys().find(|id| !self.shapes.contains_key(*id));
        assert_eq!(more, None, "{who}: a shape is missing");
    }

    pub(super) fn joined(&mut self, frame: &Value) {
        assert!(!self.paging, "a join within the pages of another: {frame}");
        self.parts.clear();
        self.delta = match text(&frame["mode"]) {
            "delta" => {
                assert_eq!(self.epoch, text(&frame["epoch"]), "a delta of another epoch");
                true
            }
            "snapshot" => {
                self.shapes.clear();
                false
            }
            other => panic!("mode {other}"),
        };
        text(&frame["epoch"]).clone_into(&mut self.epoch);
        self.seq = number(&frame["seq"]);
        self.paged.clear();
        self.page(frame);
    }

    /// One page of a join.
    pub(super) fn page(&mut self, frame: &Value) {
        let (added, modified, deleted) =
            (list(&frame["added"]), list(&frame["modified"]), list(&frame["deleted"]));
        assert!(self.delta || (modified.is_empty() && deleted.is_empty()), "a snapshot only adds");
        for shape in added.iter().chain(modified) {
            let id = text(&shape["id"]);
            assert!(self.paged.insert(id.to_owned()), "{id} stands twice in one join");
        }
        for shape in added {
            let old = self.shapes.insert(text(&shape["id"]).to_owned(), canonical(shape));
            assert!(old.is_none(), "added though it was there: {shape}");
        }
        for shape in modified {
            let old = self.shapes.insert(text(&shape["id"]).to_owned(), canonical(shape));
            assert!(old.is_some(), "modified though it was not there: {shape}");
        }
        for id in deleted {
            assert!(self.shapes.remove(text(id)).is_some(), "deleted though it was not there: {id}");
        }
        self.paging = frame["more"].as_bool().expect("more");
    }

    /// One frame of changes; parts wait for the last.
    pub(super) fn changes(&mut self, frame: Value) {
        assert!(!self.paging, "changes within the pages of a join");
        let (from, to) = (number(&frame["from"]), number(&frame["to"]));
        assert_eq!(from, self.seq, "the board is at {}, the changes lead from {from} to {to}", self.seq);
        if let Some(part) = self.parts.first() {
            assert_eq!(number(&part["to"]), to, "another `to` within the parts of one batch");
        }
        let more = frame["more"] == true;
        self.parts.push(frame);
        if more {
            return;
        }
        let parts = std::mem::take(&mut self.parts);
        let frames = parts.len();
        let mut batches: Vec<Value> = Vec::new();
        let whole = |mut part: Value| match part["batches"].take() {
            Value::Array(batches) => batches,
            other => panic!("no batches: {other}"),
        };
        for mut batch in parts.into_iter().flat_map(whole) {
            match batches.last_mut().filter(|last| last["seq"] == batch["seq"]) {
                Some(last) => {
                    for name in ["by", "client", "op_id", "at"] {
                        assert_eq!(last[name], batch[name], "parts of one batch differ in {name}");
                    }
                    let changes = batch["changes"].as_array_mut().unwrap();
                    last["changes"].as_array_mut().unwrap().append(changes);
                }
                None => batches.push(batch),
            }
        }
        for batch in &batches {
            assert_eq!(number(&batch["seq"]), self.seq + 1, "a gap or a repetition: {from} to {to}");
            self.apply(batch, frames);
        }
        assert_eq!(self.seq, to, "the batches do not lead to `to`");
    }

    /// One batch, however it became known.
    pub(crate) fn tell(&mut self, batch: &Value) {
        self.apply(batch, 1);
    }

    fn apply(&mut self, batch: &Value, frames: usize) {
        self.seq = number(&batch["seq"]);
        let changes = list(&batch["changes"]);
        assert!(!changes.is_empty(), "an empty batch");
        for change in changes {
            self.apply_change(batch, change);
        }
        self.batches.push(Told {
            seq: self.seq,
            by: text(&batch["by"]).to_owned(),
            client: batch["client"].as_str().map(str::to_owned),
            op_id: batch["op_id"].as_i64(),
            count: changes.len(),
            changes: digest(&batch["changes"]),
            frames,
        });
    }

    fn apply_change(&mut self, batch: &Value, change: &Value) {
        let shape = match text(&change["op"]) {
            "put" => change["shape"].clone(),
            "delete" => {
                let id = text(&change["id"]);
                assert!(self.shapes.remove(id).is_some(), "a delete of an unknown shape: {change}");
                return;
            }
            "patch" => self.changed(batch, change, patch),
            "append" => self.changed(batch, change, append),
            other => panic!("op {other}"),
        };
        self.shapes.insert(text(&shape["id"]).to_owned(), canonical(&shape));
    }

    /// A known shape after a change, with what the server stamps.
    fn changed(&self, batch: &Value, change: &Value, by: fn(&mut Map<String, Value>, &Value)) -> Value {
        let mut shape = self
            .shape(text(&change["id"]))
            .unwrap_or_else(|| panic!("a change of an unknown shape: {change}"));
        let (old, new) = (number(&shape["version"]), number(&change["version"]));
        assert!(new == old + 1 || self.takes_replicas && new >= old, "a version was skipped: {change}");
        let members = shape.as_object_mut().unwrap();
        by(members, change);
        for (name, value) in [
            ("version", &change["version"]),
            ("seq", &batch["seq"]),
            ("updated_by", &batch["by"]),
            ("updated_at", &batch["at"]),
        ] {
            members.insert(name.to_owned(), value.clone());
        }
        shape
    }
}

fn patch(shape: &mut Map<String, Value>, change: &Value) {
    for name in list(&change["unset"]).iter().map(text) {
        match name.strip_prefix("props.") {
            Some(member) => _ = shape["props"].as_object_mut().unwrap().remove(member),
            None => _ = shape.remove(name),
        }
    }
    for (name, value) in change["set"].as_object().unwrap() {
        if name == "props" {
            let props = shape.entry("props").or_insert_with(|| json!({})).as_object_mut().unwrap();
            props.extend(value.as_object().unwrap().clone());
        } else {
            shape.insert(name.clone(), value.clone());
        }
    }
}

fn append(shape: &mut Map<String, Value>, change: &Value) {
    let points = shape.entry("points").or_insert_with(|| json!([]));
    points.as_array_mut().unwrap().extend(list(&change["points"]).iter().cloned());
}

/// The changes as text; of many a hash, which is as good to compare.
fn digest(changes: &Value) -> String {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let text = canonical(changes);
    if text.len() <= 2_000 {
        return text;
    }
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    format!("{} bytes, {:016x}", text.len(), hasher.finish())
}
