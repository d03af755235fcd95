//! What must be true after all that went wrong.

use super::super::support::client::Board;
use super::lab::ROOM;
use super::person::{Diary, Heard, digest};
use pgcanvas::client::{Shapes, Verb};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio_postgres::{Client, Config};
use uuid::Uuid;

/// Where a batch is kept under its client and number.
type Key = (Uuid, i64);

/// A batch of the log.
#[derive(Debug)]
struct Logged {
    key: Option<Key>,
    shapes: BTreeSet<String>,
}

/// What was counted.
#[derive(Debug, Default, Clone)]
pub(super) struct Counted {
    pub(super) batches: u64,
    pub(super) acknowledged: u64,
    pub(super) rejected: u64,
    pub(super) undos: u64,
    pub(super) redos: u64,
    /// Gestures that were undone and redone when all was quiet.
    pub(super) there_and_back: u64,
    /// Joins that replaced a board that was there.
    pub(super) snapshots: u64,
    pub(super) repeated_reconnects: u64,
    pub(super) restarts: u64,
    pub(super) offline_spells: u64,
    pub(super) samples: u64,
    pub(super) joins: u64,
    pub(super) seqs: u64,
    /// All three are 0, or the round has failed.
    pub(super) lost: u64,
    pub(super) doubled: u64,
    pub(super) diverged: u64,
    /// One sentence for each.
    pub(super) wrongs: Vec<String>,
}

/// What the database says of the room.
pub(super) struct Truth {
    pub(super) table: Board,
    batches: BTreeMap<i64, Logged>,
    answers: BTreeMap<Key, (i64, Vec<String>)>,
    /// Digest of the fold of the log, at each seq that was asked for.
    folds: BTreeMap<i64, u64>,
    wrongs: Vec<String>,
}

impl Truth {
    /// Reads the log and folds it, with a look at each of these seqs.
    pub(super) async fn read(config: &Config, table: Board, looks: &BTreeSet<i64>) -> Self {
        let client = super::connect(config).await.unwrap();
        let answers = answers(&client).await;
        let mut truth =
            Self { table, batches: BTreeMap::new(), answers, folds: BTreeMap::new(), wrongs: Vec::new() };
        truth.fold(&client, looks).await;
        truth
    }

    async fn fold(&mut self, client: &Client, looks: &BTreeSet<i64>) {
        let log = "select c.seq, c.author, c.client, c.op_id, pgcanvas.iso(c.at), c.change::text
            from (table pgcanvas.shape_changes union all table public.pruned) as c join pgcanvas.rooms r on r.id = c.room_id
            where r.slug = $1 order by c.seq, c.ordinal";
        let rows = client.query(log, &[&ROOM]).await.unwrap();
        let mut board = Board::default();
        self.folds.insert(0, digest_of(&board));
        for rows in rows.chunk_by(|one, next| one.get::<_, i64>(0) == next.get::<_, i64>(0)) {
            let head = &rows[0];
            let (seq, client, op_id): (i64, Option<Uuid>, Option<i64>) =
                (head.get(0), head.get(2), head.get(3));
            if seq != board.seq + 1 {
                self.wrongs.push(format!("in the log {seq} follows {}", board.seq));
            }
            if rows.iter().any(|row| (row.get(2), row.get(3)) != (client, op_id)) {
                self.wrongs.push(format!("seq {seq} is of several batches"));
            }
            let changes: Vec<Value> =
                rows.iter().map(|row| serde_json::from_str(row.get(5)).unwrap()).collect();
            let shapes = changes.iter().map(|change| {
                let id = if change["op"] == "put" { &change["shape"]["id"] } else { &change["id"] };
                id.as_str().unwrap().to_owned()
            });
            self.batches.insert(seq, Logged { key: client.zip(op_id), shapes: shapes.collect() });
            board.tell(&json!({"seq": seq, "by": head.get::<_, String>(1), "client": client, "op_id": op_id,
                "at": head.get::<_, String>(4), "changes": changes}));
            if looks.contains(&seq) {
                self.folds.insert(seq, digest_of(&board));
            }
        }
        if (board.seq, &board.shapes) != (self.table.seq, &self.table.shapes) {
            self.wrongs
                .push(format!("the fold of the log to {} is not the table at {}", board.seq, self.table.seq));
        }
    }

    /// Holds everybody's diary, and their last boards, against it.
    pub(super) fn check(&self, diaries: &BTreeMap<Uuid, Diary>, boards: &[Shapes]) -> Counted {
        let mut counted = Counted { seqs: self.batches.len() as u64, ..Counted::default() };
        counted.wrongs.extend(self.wrongs.iter().cloned());
        for board in boards {
            let shapes: BTreeMap<String, String> =
                board.iter().map(|(id, shape)| (id.clone(), json!(shape).to_string())).collect();
            if shapes != self.table.shapes {
                counted.diverged += 1;
                counted.wrongs.push("a client's last board is not the table".to_owned());
            }
        }
        self.check_keys(diaries, &mut counted);
        for (client, diary) in diaries {
            self.check_answers(*client, diary, &mut counted);
            self.check_history(diary, &mut counted);
            counted.batches += diary.made.len() as u64;
            counted.acknowledged += diary.committed.len() as u64;
            counted.rejected += diary.rejected.len() as u64;
            let made = |verb| diary.made.values().filter(|made| made.verb == verb).count() as u64;
            counted.undos += made(Verb::Undo);
            counted.redos += made(Verb::Redo);
            counted.repeated_reconnects += diary.connections;
            counted.restarts += diary.restarts;
            counted.offline_spells += diary.offline_spells;
            counted.wrongs.extend(diary.wrongs.iter().cloned());
        }
        counted
    }

    /// In the log is what somebody made, once, and all of it.
    fn check_keys(&self, diaries: &BTreeMap<Uuid, Diary>, counted: &mut Counted) {
        let mut seen: BTreeMap<Key, i64> = BTreeMap::new();
        let mut touched: BTreeMap<Uuid, BTreeSet<String>> = BTreeMap::new();
        for (seq, batch) in &self.batches {
            let Some(key) = batch.key else { continue };
            if let Some(first) = seen.insert(key, *seq) {
                counted.doubled += 1;
                counted.wrongs.push(format!("batch {key:?} is in the log at {first} and at {seq}"));
            }
            let Some(made) = diaries.get(&key.0).and_then(|diary| diary.made.get(&key.1)) else {
                counted.wrongs.push(format!("nobody made batch {key:?}, which is at {seq}"));
                continue;
            };
            // Undo and redo change what the same person has drawn.
            let drawn = touched.entry(key.0).or_default();
            let named = if made.verb.is_drawing() { &made.named } else { &*drawn };
            if !batch.shapes.is_subset(named) {
                counted.wrongs.push(format!("batch {key:?} changed what it does not name"));
            }
            drawn.extend(batch.shapes.iter().cloned());
            if made.own.iter().flatten().any(|id| !batch.shapes.contains(id)) {
                counted.wrongs.push(format!("batch {key:?} is in the log in part"));
            }
        }
    }

    /// What was told of a batch is so.
    fn check_answers(&self, client: Uuid, diary: &Diary, counted: &mut Counted) {
        let logged: BTreeMap<i64, i64> = self
            .batches
            .iter()
            .filter_map(|(seq, batch)| batch.key.filter(|key| key.0 == client).map(|key| (key.1, *seq)))
            .collect();
        for (op_id, seq) in &diary.committed {
            let kept = self.answers.get(&(client, *op_id));
            // Then the seq is that of the batch before it.
            let is_of_another =
                *seq == 0 || self.batches.get(seq).is_some_and(|batch| batch.key != Some((client, *op_id)));
            let changed_nothing =
                !logged.contains_key(op_id) && diary.made[op_id].own.is_none() && is_of_another;
            let is_there = logged.get(op_id) == Some(seq) || changed_nothing;
            if !is_there || kept.map(|kept| kept.0) != Some(*seq) {
                counted.lost += 1;
                let place = logged.get(op_id);
                counted.wrongs.push(format!(
                    "batch {op_id} of {client}, acknowledged at {seq}, is in the log at {place:?}; its answer is {kept:?}"
                ));
            }
        }
        for (op_id, answer) in &diary.acks {
            if self.answers.get(&(client, *op_id)) != Some(answer) {
                counted
                    .wrongs
                    .push(format!("batch {op_id} of {client} was answered {answer:?}, which is not kept"));
            }
        }
        for (op_id, code) in &diary.rejected {
            let kept = self.answers.get(&(client, *op_id)).map(|(_, outcomes)| outcomes.join(" "));
            // That there was nothing to undo is kept, so that a late copy of the frame finds nothing either.
            let is_applied = logged.contains_key(op_id) || kept.is_some_and(|kept| kept != *code);
            let cause = if diary.made[op_id].verb.is_drawing() { "invalid" } else { "nothing_to_undo" };
            if is_applied || code != cause {
                counted
                    .wrongs
                    .push(format!("batch {op_id} of {client} was rejected as {code} and yet applied"));
            }
        }
    }

    /// What a client was told is the log, in order, from where its joins set it.
    fn check_history(&self, diary: &Diary, counted: &mut Counted) {
        for life in &diary.lives {
            let mut at = 0;
            for heard in life {
                match heard {
                    Heard::Joined { epoch, seq, snapshot } => {
                        counted.joins += 1;
                        counted.snapshots += u64::from(*snapshot && at > 0);
                        if *seq < at || epoch.to_string() != self.table.epoch {
                            counted.diverged += 1;
                            counted.wrongs.push(format!("at {at} a client was let in at {seq} of {epoch}"));
                        }
                        at = *seq;
                    }
                    Heard::Told { seq, client, op_id, shapes } => {
                        let batch = self.batches.get(seq);
                        let same = batch
                            .is_some_and(|batch| batch.key == client.zip(*op_id) && batch.shapes == *shapes);
                        if *seq != at + 1 || !same {
                            counted.diverged += 1;
                            counted
                                .wrongs
                                .push(format!("at {at} a client was told {seq} of {client:?} {op_id:?} with {shapes:?}; the log has {batch:?}"));
                        }
                        at = *seq;
                    }
                }
            }
        }
        for (seq, digest) in &diary.samples {
            counted.samples += 1;
            if self.folds.get(seq) != Some(digest) {
                counted.diverged += 1;
                counted
                    .wrongs
                    .push(format!("a client's board at {seq} was not the fold of the log to {seq}"));
            }
        }
    }
}

fn digest_of(board: &Board) -> u64 {
    digest(board.shapes.iter().map(|(id, shape)| (id.as_str(), shape.clone())))
}

/// The first answers that are kept.
async fn answers(client: &Client) -> BTreeMap<Key, (i64, Vec<String>)> {
    let kept = "select k.client, k.op_id, a.seq, a.outcomes from pgcanvas.rooms r
        cross join lateral (
          select a.client, a.op_id::bigint from pgcanvas.applied_ops a where a.room_id = r.id
          union select c.client, c.op_id from pgcanvas.shape_changes c where c.room_id = r.id and c.client is not null) as k
        cross join lateral pgcanvas.first_answer(r.id, k.client, k.op_id) as a where r.slug = $1";
    let rows = client.query(kept, &[&ROOM]).await.unwrap();
    rows.iter().map(|row| ((row.get(0), row.get(1)), (row.get(2), row.get(3)))).collect()
}
