//! Undo and redo against a model (UN).

use super::sql_undo::{Shapes, patch, put, shapes};
use super::support::board::Board;
use super::support::person::Person;
use super::support::server::say;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What a batch changed of one shape: its content before and after.
type Change = (Option<Map<String, Value>>, Option<Map<String, Value>>);

#[derive(Clone)]
struct Gesture {
    batch: Option<usize>,
    idle: bool,
}

/// What the server must do, told in another way: whole contents, and two stacks for each person.
#[derive(Default)]
struct Model {
    shapes: Shapes,
    /// Each batch: who, and what it changed.
    log: Vec<(usize, BTreeMap<String, Change>)>,
    done: [Vec<Gesture>; 3],
    undone: [Vec<Gesture>; 3],
}

impl Model {
    /// Takes a batch into the log; nothing when it changes nothing. What was `said` of a shape is logged though it was so.
    fn commit(&mut self, person: usize, after: Shapes, said: &BTreeSet<String>) -> Option<usize> {
        let ids = self.shapes.keys().chain(after.keys()).cloned().collect::<BTreeSet<_>>();
        let changes: BTreeMap<String, Change> = ids
            .into_iter()
            .map(|id| (id.clone(), (self.shapes.get(&id).cloned(), after.get(&id).cloned())))
            .filter(|(id, (old, new))| old != new || said.contains(id) && new.is_some())
            .collect();
        self.shapes = after;
        if changes.is_empty() {
            return None;
        }
        self.log.push((person, changes));
        Some(self.log.len() - 1)
    }

    fn draw(&mut self, person: usize, ops: &[Value]) {
        let mut after = self.shapes.clone();
        let mut touched: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for op in ops {
            let id = op.get("id").or_else(|| op.pointer("/shape/id")).unwrap().as_str().unwrap().to_owned();
            let before = after.get(&id).cloned();
            let verb = op["op"].as_str().unwrap();
            match (verb, after.get_mut(&id)) {
                ("put", _) => {
                    let mut shape = op["shape"].as_object().unwrap().clone();
                    shape.remove("id");
                    for name in ["x", "y", "width", "height", "angle"] {
                        shape.entry(name).or_insert(json!(0));
                    }
                    after.insert(id.clone(), shape);
                }
                ("patch", Some(shape)) => {
                    for (name, value) in op["set"].as_object().unwrap() {
                        if name == "props" {
                            let props = shape["props"].as_object_mut().unwrap();
                            props.extend(value.as_object().unwrap().clone());
                        } else {
                            shape.insert(name.clone(), value.clone());
                        }
                    }
                }
                ("delete", _) => _ = after.remove(&id),
                _ => {}
            }
            if after.get(&id) != before.as_ref() || verb == "patch" && before.is_some() {
                touched.entry(id).or_default().push(verb);
            }
        }
        let said = touched.into_iter().filter(|(_, verbs)| *verbs == ["patch"]).map(|(id, _)| id).collect();
        if let Some(batch) = self.commit(person, after, &said) {
            self.done[person].push(Gesture { batch: Some(batch), idle: false });
            self.undone[person].clear();
        }
    }

    fn move_gesture(&mut self, person: usize, undo: bool) -> bool {
        let stack = if undo { &mut self.done } else { &mut self.undone };
        let Some(mut gesture) = stack[person].pop() else { return false };
        let batch = gesture.batch.filter(|_| !gesture.idle).and_then(|batch| self.take_back(person, batch));
        // A redo that finds nothing to do is the end of the gesture.
        gesture.batch = batch.or(if undo || gesture.idle { gesture.batch } else { None });
        gesture.idle = undo && batch.is_none() && gesture.batch.is_some();
        let stack = if undo { &mut self.undone } else { &mut self.done };
        stack[person].push(gesture);
        true
    }

    fn take_back(&mut self, person: usize, batch: usize) -> Option<usize> {
        let (author, changes) = self.log[batch].clone();
        let mut after = self.shapes.clone();
        for (id, (old, new)) in changes {
            match (old, new) {
                (None, _) => {
                    let later = &self.log[batch + 1..];
                    if !later.iter().any(|(by, changes)| *by != author && changes.contains_key(&id)) {
                        after.remove(&id);
                    }
                }
                (Some(old), None) => _ = after.entry(id).or_insert(old),
                (Some(old), Some(new)) => {
                    if let Some(shape) = after.get_mut(&id) {
                        restore(shape, &old, &new);
                        let inner = |shape: &Map<String, Value>| shape["props"].as_object().unwrap().clone();
                        restore(shape["props"].as_object_mut().unwrap(), &inner(&old), &inner(&new));
                    }
                }
            }
        }
        self.commit(person, after, &BTreeSet::new())
    }
}

/// Gives every property that still is as `new` has it the value of `old`.
fn restore(shape: &mut Map<String, Value>, old: &Map<String, Value>, new: &Map<String, Value>) {
    for name in old.keys().chain(new.keys()).filter(|name| *name != "props") {
        if old.get(name) != new.get(name) && shape.get(name) == new.get(name) {
            match old.get(name) {
                Some(value) => _ = shape.insert(name.clone(), value.clone()),
                None => _ = shape.remove(name),
            }
        }
    }
}

fn random_op(random: &mut StdRng) -> Value {
    let id = ["a", "b", "c", "d"][random.random_range(0..4)];
    let number: i64 = random.random_range(0..3);
    let (color, name) = if number == 1 { ("red", "p") } else { ("blue", "q") };
    match random.random_range(0..10) {
        0..3 => put(id, number),
        3..5 => patch(id, &json!({"x": number})),
        5 => patch(id, &json!({"y": number, "stroke_color": color})),
        6..8 => patch(id, &json!({"props": {name: number}})),
        8 => patch(id, &json!({"x": number, "y": number, "props": {"p": number}})),
        _ => json!({"op": "delete", "id": id}),
    }
}

fn seed() -> u64 {
    std::env::var("PGCANVAS_TEST_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or_else(rand::random)
}

/// UN9
#[tokio::test]
async fn three_people_who_draw_undo_and_redo_agree_with_a_model() {
    let seed = seed();
    say(&format!("three people undo by seed {seed} (PGCANVAS_TEST_SEED)"));
    interleave(seed, 600).await;
}

/// UN3, UN9: a gesture whose undo had found nothing to do was left behind by its redo, and tried again.
#[tokio::test]
async fn seed_12856662011535771317_a_redo_that_was_tried_again() {
    interleave(12_856_662_011_535_771_317, 600).await;
}

async fn interleave(seed: u64, rounds: usize) {
    let mut random = StdRng::seed_from_u64(seed);
    let board = Board::open().await;
    let mut people = Vec::new();
    for name in ["ann", "bob", "cid"] {
        people.push(Person::at(&board, name).await);
    }
    let mut model = Model::default();
    let mut moves = [0; 2];
    for round in 0..rounds {
        let who = random.random_range(0..3);
        let what = random.random_range(0..10);
        if what < 5 {
            let ops: Vec<Value> = (0..random.random_range(1..=3)).map(|_| random_op(&mut random)).collect();
            people[who].draw(json!(ops)).await;
            model.draw(who, &ops);
        } else {
            let undo = what < 8;
            let answer = if undo { people[who].undo().await } else { people[who].redo().await };
            assert_eq!(
                answer.moved(),
                model.move_gesture(who, undo),
                "seed {seed}, round {round}: {answer:?}"
            );
            moves[usize::from(undo)] += usize::from(answer.moved());
        }
        assert_eq!(shapes(&board).await, model.shapes, "seed {seed}, round {round}");
        assert_eq!(board.last_seq().await, model.log.len() as i64, "seed {seed}, round {round}");
    }
    assert!(moves.iter().all(|count| *count > rounds / 30), "{moves:?}");
    // With nobody else drawing: all of it back, and forth again.
    for (who, person) in people.iter().enumerate() {
        while person.redo().await.moved() {
            model.move_gesture(who, false);
        }
        let before = shapes(&board).await;
        let mut undone = 0;
        while person.undo().await.moved() {
            undone += 1;
            model.move_gesture(who, true);
        }
        assert_eq!(shapes(&board).await, model.shapes, "seed {seed}: all of {who} back");
        for _ in 0..undone {
            assert!(person.redo().await.moved());
        }
        assert!(!person.redo().await.moved());
        assert_eq!(shapes(&board).await, before, "seed {seed}: all of {who} back and forth");
        while model.move_gesture(who, false) {}
    }
    board.assert_gapless().await;
}
