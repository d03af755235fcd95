//! The state of replicas that were away (MG).

use super::support::board::{Board, open_room, refusal};
use super::support::server::say;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// A shape as a replica has it.
#[derive(Debug, Clone)]
struct State {
    id: &'static str,
    version: i64,
    nonce: Option<i64>,
    is_deleted: bool,
    x: i64,
    frame: Option<&'static str>,
}

impl State {
    fn op(&self) -> Value {
        let props = self.nonce.map_or_else(|| json!({}), |nonce| json!({"versionNonce": nonce}));
        let mut shape =
            json!({"id": self.id, "version": self.version, "props": props, "is_deleted": self.is_deleted});
        if !self.is_deleted {
            shape["kind"] = json!("rectangle");
            shape["x"] = json!(self.x);
        }
        if let Some(frame) = self.frame {
            shape["frame_id"] = json!(frame);
        }
        json!({"op": "merge", "shape": shape})
    }

    /// Excalidraw's order: the higher version, then the lower nonce; then, ours, death.
    fn rank(&self) -> (i64, i64, bool) {
        (self.version, -self.nonce.unwrap_or(0), self.is_deleted)
    }
}

fn state() -> impl Strategy<Value = State> {
    let id = prop::sample::select(vec!["a", "b", "c"]);
    let frame = prop::option::of(prop::sample::select(vec!["a", "b", "c"]));
    (id, 1..4i64, prop::option::of(0..3i64), prop::bool::weighted(0.3), 0..3i64, frame).prop_map(
        |(id, version, nonce, is_deleted, x, frame)| State { id, version, nonce, is_deleted, x, frame },
    )
}

/// What is said, in an order and in groups.
type Telling = (Vec<State>, Vec<usize>);

/// The same states told in two ways, the second time with repetitions.
fn tellings() -> impl Strategy<Value = (Telling, Telling)> {
    let groups = || prop::collection::vec(1..5usize, 20);
    prop::collection::vec(state(), 1..9).prop_flat_map(move |states| {
        let doubled: Vec<State> = states.iter().chain(&states).cloned().collect();
        ((Just(states).prop_shuffle(), groups()), (Just(doubled).prop_shuffle(), groups()))
    })
}

async fn draw(client: &Client, room: i64, ops: Vec<Value>) -> Vec<String> {
    let sql = "select outcomes from pgcanvas.draw($1::bigint::text, $2)";
    client.query_one(sql, &[&room, &json!(ops)]).await.unwrap().get(0)
}

/// What a room comes to: living shapes with their versions, and the tombstones of those that are dead.
async fn told(client: &Client, room: i64, (states, groups): &Telling) -> BTreeMap<String, Value> {
    let mut rest = states.as_slice();
    for size in groups.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (group, after) = rest.split_at((*size).min(rest.len()));
        draw(client, room, group.iter().map(State::op).collect()).await;
        rest = after;
    }
    let sql = "select id, json_build_array(version, pgcanvas.nonce_of(props), pgcanvas.content_of(s)) from pgcanvas.shapes s where room_id = $1
        union all
        select id, json_build_array(version, nonce, null) from pgcanvas.tombstones g
        where room_id = $1 and not exists (select from pgcanvas.shapes s where s.room_id = g.room_id and s.id = g.id)";
    client.query(sql, &[&room]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect()
}

/// MG1, MG2
#[test]
fn replicas_come_to_the_same_in_any_order_grouping_and_number() {
    let seed: u64 = std::env::var("PGCANVAS_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(rand::random);
    say(&format!("replicas are merged by seed {seed} (PGCANVAS_TEST_SEED)"));
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let board = runtime.block_on(Board::open());
    let room = std::cell::Cell::new(1);
    let outcome = runner.run(&tellings(), |(one, other)| {
        let (first, second) = runtime.block_on(async {
            let next_room = async || {
                room.set(room.get() + 1);
                open_room(&board.client, room.get()).await
            };
            let rooms = [next_room().await, next_room().await];
            (told(&board.client, rooms[0], &one).await, told(&board.client, rooms[1], &other).await)
        });
        prop_assert_eq!(&first, &second);
        for (id, came_to) in &first {
            let ranks = one.0.iter().filter(|state| state.id == id).map(State::rank);
            let (version, nonce, is_deleted) = ranks.max().unwrap();
            prop_assert_eq!((&came_to[0], &came_to[1]), (&json!(version), &json!(-nonce)));
            prop_assert_eq!(came_to[2].is_null(), is_deleted);
        }
        Ok(())
    });
    runtime.block_on(async move { drop(board) });
    outcome.unwrap_or_else(|failure| panic!("seed {seed}: {failure}"));
}

fn alive(version: i64, nonce: i64, x: i64) -> Value {
    json!({"op": "merge", "shape": {"id": "a", "kind": "line", "x": x, "version": version, "props": {"versionNonce": nonce}}})
}

/// MG2, MG3
#[tokio::test]
async fn what_wins_is_logged_as_what_it_changes_and_what_loses_changes_nothing() {
    let board = Board::open().await;
    let merge = |op: Value| draw(&board.client, 1, vec![op]);
    assert_eq!(merge(alive(5, 7, 1)).await, ["applied"]);
    assert_eq!(merge(alive(5, 7, 1)).await, ["unchanged"]);
    assert_eq!(merge(alive(4, 0, 2)).await, ["unchanged"]);
    assert_eq!(merge(alive(5, 9, 2)).await, ["unchanged"]);
    assert_eq!(board.last_seq().await, 1);
    assert_eq!(merge(alive(5, 3, 2)).await, ["applied"]);
    let row: Vec<f64> = board.value("select array[x, version, seq] from pgcanvas.shapes").await;
    assert_eq!(row, [2.0, 5.0, 2.0]);
    let change: Value = board.value("select change from pgcanvas.shape_changes where seq = 2").await;
    assert_eq!(change["set"], json!({"x": 2, "props": {"versionNonce": 3}}));
    assert_eq!(
        merge(json!({"op": "merge", "shape": {"id": "a", "version": 8, "is_deleted": true}})).await,
        ["applied"]
    );
    assert_eq!(merge(alive(7, 0, 1)).await, ["unchanged"]);
    assert_eq!(merge(json!({"op": "put", "shape": {"id": "a", "kind": "line"}})).await, ["applied"]);
    assert_eq!(board.value::<i64>("select version from pgcanvas.shapes").await, 9);
    assert_eq!(merge(alive(8, 0, 1)).await, ["unchanged"]);
    assert_eq!(
        merge(json!({"op": "merge", "shape": {"id": "never", "version": 3, "is_deleted": true}})).await,
        ["applied"]
    );
    assert_eq!(
        merge(json!({"op": "merge", "shape": {"id": "never", "version": 3, "kind": "line"}})).await,
        ["unchanged"]
    );
    board.assert_gapless().await;
}

/// MG3
#[tokio::test]
async fn a_version_that_is_none_is_refused() {
    let board = Board::open().await;
    for version in [json!(null), json!(0), json!(1.5), json!("2"), json!(9_007_199_254_740_992_i64)] {
        let ops = json!([{"op": "merge", "shape": {"id": "a", "kind": "line", "version": version}}]);
        let (state, message) = refusal(board.client.query("select pgcanvas.draw('1', $1)", &[&ops]).await);
        assert!(state == "WB001" && message.starts_with("version: "), "{version}: {state} {message}");
    }
    assert_eq!(board.last_seq().await, 0);
}
