//! The scenarios of `tests/scenarios`, run against this crate's client (CL).

use pgcanvas::client::{Board, ClientError, News, Op};
use pgcanvas::protocol::Limits;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::Path;

/// What only the server writes: compared only where it is named.
const SERVER_OWNED: [&str; 6] = ["version", "seq", "created_by", "updated_by", "created_at", "updated_at"];

/// A client under test, and what it did since it was last asked.
struct Player {
    board: Board,
    now_ms: u64,
    sends: Vec<Value>,
    rejected: Vec<Value>,
    acknowledged: Vec<Value>,
}

impl Player {
    fn new(scenario: &Value) -> Self {
        let client = scenario["client"].as_str().unwrap().parse().unwrap();
        let board = Board::new(client, scenario["room"].as_str().unwrap());
        Self { board, now_ms: 0, sends: Vec::new(), rejected: Vec::new(), acknowledged: Vec::new() }
    }

    fn step(&mut self, step: &Value) -> Result<(), String> {
        let members: Vec<(&String, &Value)> = step.as_object().unwrap().iter().collect();
        let [(what, value)] = members[..] else { return Err("a step has one member".into()) };
        match what.as_str() {
            "connect" => {
                let limits = if value.is_object() {
                    serde_json::from_value(value.clone()).map_err(|e| e.to_string())?
                } else {
                    Limits::default()
                };
                let news = self.board.connected(limits);
                news.into_iter().for_each(|item| self.note(item));
            }
            "disconnect" => {
                let news = if value == 1009 { self.board.too_long() } else { Vec::new() };
                news.into_iter().for_each(|item| self.note(item));
                self.board.disconnected();
            }
            "receive" => {
                let news = self.board.receive(&value.to_string(), self.now_ms).map_err(|e| e.to_string())?;
                news.into_iter().for_each(|item| self.note(item));
            }
            "edit" => {
                let ops: Vec<Op> = serde_json::from_value(value.clone()).map_err(|e| e.to_string())?;
                match self.board.edit(ops) {
                    Err(ClientError::TooLarge { .. }) => {
                        self.rejected.push(json!({"op_id": 0, "code": "too_large"}))
                    }
                    edited => _ = edited.map_err(|e| e.to_string())?,
                }
            }
            "undo" => _ = self.board.undo().map_err(|e| e.to_string())?,
            "redo" => _ = self.board.redo().map_err(|e| e.to_string())?,
            "wait_ms" => self.now_ms += value.as_u64().unwrap(),
            "restart" => {
                let saved = serde_json::to_string(&self.board.save()).unwrap();
                self.board = Board::restored(serde_json::from_str(&saved).unwrap(), value.as_i64().unwrap());
            }
            "expect" => self.expect(value.as_object().unwrap())?,
            other => return Err(format!("there is no step {other}")),
        }
        self.sends.extend(self.board.outgoing(self.now_ms));
        Ok(())
    }

    fn note(&mut self, news: News) {
        match news {
            News::Rejected(rejected) => {
                self.rejected.push(json!({"op_id": rejected.op_id, "code": rejected.code}));
            }
            News::Committed { op_id, .. } => self.acknowledged.push(json!(op_id)),
            _ => {}
        }
    }

    fn expect(&mut self, wanted: &Map<String, Value>) -> Result<(), String> {
        for (what, wanted) in wanted {
            let is = match what.as_str() {
                "board" => without_server_owned(json!(self.board.shapes()), wanted),
                "confirmed" => without_server_owned(json!(self.board.confirmed()), wanted),
                "have" => json!(self.board.at().map(|at| at.seq)),
                "queue" => json!(self.board.unacknowledged()),
                "live" => json!(self.board.is_live()),
                "sends" => json!(std::mem::take(&mut self.sends)),
                "rejected" => json!(std::mem::take(&mut self.rejected)),
                "acknowledged" => json!(std::mem::take(&mut self.acknowledged)),
                other => return Err(format!("nothing is known of {other}")),
            };
            if plain(&is) != plain(wanted) {
                return Err(format!("{what} is\n  {is}\nand not\n  {wanted}"));
            }
        }
        Ok(())
    }
}

/// A board without the members that only the server writes, unless they are asked for.
fn without_server_owned(mut board: Value, wanted: &Value) -> Value {
    for (id, shape) in board.as_object_mut().unwrap() {
        let shape = shape.as_object_mut().unwrap();
        shape.retain(|name, _| !SERVER_OWNED.contains(&name.as_str()) || wanted[id].get(name).is_some());
    }
    board
}

/// The same with every number a double: 1 equals 1.0.
fn plain(value: &Value) -> Value {
    match value {
        Value::Number(number) => json!(number.as_f64()),
        Value::Array(items) => items.iter().map(plain).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), plain(value))).collect(),
        other => other.clone(),
    }
}

/// CL1, CL2, CL3, CL4, CL5, CL7, CL10, CL11
#[test]
fn the_client_does_in_every_scenario_what_is_expected() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    assert!(files.len() >= 36, "{} scenarios", files.len());
    for path in files {
        let scenario: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        let mut player = Player::new(&scenario);
        for (number, step) in scenario["steps"].as_array().unwrap().iter().enumerate() {
            let outcome = player.step(step);
            assert_eq!(outcome, Ok(()), "{}, step {number}: {}", path.display(), scenario["name"]);
        }
    }
}
