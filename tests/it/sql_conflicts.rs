//! What was done without knowing of each other (CF).

use super::support::board::{Answer, Batch, Board, apply_batches, open_room, refusal};
use super::support::person::Person;
use super::support::server::retried;
use serde_json::{Value, json};
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Error};

fn put(id: &str, x: i64) -> Value {
    json!({"op": "put", "shape": {"id": id, "kind": "rectangle", "x": x, "width": 10, "height": 10}})
}

fn patch(id: &str, x: i64, base: Option<i64>) -> Value {
    json!({"op": "patch", "id": id, "set": {"x": x}, "base": base})
}

fn delete(id: &str, base: Option<i64>) -> Value {
    json!({"op": "delete", "id": id, "base": base})
}

async fn policy(board: &Board, policy: &str) {
    board.run(&format!("select pgcanvas.set_policy({}, '{policy}')", board.room)).await;
}

/// CF1
#[tokio::test]
async fn a_strict_room_takes_only_what_is_based_on_what_is_there() {
    let board = Board::open().await;
    policy(&board, "strict").await;
    let ann = Person::at(&board, "ann").await;
    ann.draw(json!([put("a", 1), put("b", 1)])).await;
    for stale in [
        json!([patch("a", 2, None)]),
        json!([patch("a", 2, Some(7))]),
        json!([put("new", 1), delete("a", Some(0))]),
        json!([patch("b", 2, Some(1)), put("a", 3)]),
        json!([{"op": "append", "id": "a", "points": [[1, 2]]}]),
    ] {
        assert_eq!(ann.draw(stale.clone()).await.code, "conflict", "{stale}");
    }
    assert_eq!(board.last_seq().await, 1);
    assert_eq!(
        board.value::<i64>("select count(*) from pgcanvas.shapes where version = 1 and x = 1").await,
        2
    );
    // All ops of a batch are based on what was there before it.
    let sound = json!([patch("a", 2, Some(1)), {"op": "patch", "id": "a", "set": {"y": 3}, "base": 1}, delete("b", Some(1))]);
    assert_eq!(ann.draw(sound).await, Answer::new("fresh", 2, &["applied"; 3]));
    assert_eq!(
        ann.draw(json!([delete("b", Some(1)), patch("b", 1, None)])).await.outcomes.unwrap(),
        ["gone"; 2]
    );
    // A conflict is not remembered: sent again it is tried again.
    assert_eq!(ann.send(99, &json!([patch("a", 5, Some(1))]), None).await.unwrap().code, "conflict");
    assert_eq!(ann.send(99, &json!([patch("a", 5, Some(2))]), None).await.unwrap().code, "fresh");
    policy(&board, "merge").await;
    assert_eq!(ann.draw(json!([patch("a", 6, Some(1))])).await.code, "fresh");
}

/// CF2
#[tokio::test]
async fn a_conflict_harms_no_other_batch() {
    let board = Board::open().await;
    policy(&board, "strict").await;
    let other = open_room(&board.client, 2).await;
    let batch = |room, id, x: i64| Batch::anonymous(room, vec![("put", id, json!({"kind": "line", "x": x}))]);
    let client = uuid::Uuid::from_u128(1);
    let batches = [
        batch(board.room, "a", 1),
        batch(board.room, "a", 2).of(client, 1),
        batch(board.room, "a", 3).of(client, 1),
        batch(board.room, "b", 1),
        batch(other, "a", 1),
    ];
    let answers = apply_batches(&board.client, &batches).await.unwrap();
    let codes: Vec<&str> = answers.iter().map(|answer| answer.code.as_str()).collect();
    assert_eq!(codes, ["fresh", "conflict", "conflict", "fresh", "fresh"]);
    assert_eq!(board.value::<f64>("select x from pgcanvas.shapes where room_id = 1 and id = 'a'").await, 1.0);
    board.assert_gapless().await;
}

/// CF3
#[tokio::test]
async fn a_conflict_of_draw_is_raised() {
    let board = Board::open().await;
    policy(&board, "strict").await;
    let draw = |ops: Value| {
        let board = &board;
        async move { board.client.query("select outcomes from pgcanvas.draw('1', $1)", &[&ops]).await }
    };
    draw(json!([put("a", 1)])).await.unwrap();
    let (state, message) = refusal(draw(json!([patch("a", 2, Some(5))])).await);
    assert!(state == "WB009" && message.starts_with("base: "), "{state} {message}");
    draw(json!([patch("a", 2, Some(1))])).await.unwrap();
}

/// CF4
#[tokio::test]
async fn an_offset_room_moves_what_covers_another_persons_shape() {
    let board = Board::open().await;
    policy(&board, "offset").await;
    let (ann, bob, cid) =
        (Person::at(&board, "ann").await, Person::at(&board, "bob").await, Person::at(&board, "cid").await);
    let place = async |id: &str| -> Vec<f64> {
        board.value(&format!("select array[x, y] from pgcanvas.shapes where id = '{id}'")).await
    };
    ann.draw(json!([put("a", 0)])).await;
    ann.draw(json!([put("own", 0), put("twin", 0)])).await;
    assert_eq!((place("own").await, place("twin").await), (vec![0.0, 0.0], vec![0.0, 0.0]));
    bob.draw(json!([put("b", 0)])).await;
    assert_eq!(place("b").await, [20.0, 20.0]);
    cid.draw(json!([put("c", 0)])).await;
    assert_eq!(place("c").await, [40.0, 40.0]);
    // Whoever has seen what is there covers it on purpose.
    let seen = Some(board.last_seq().await);
    cid.draw_seen(json!([put("seen", 0)]), seen).await.unwrap();
    assert_eq!(place("seen").await, [0.0, 0.0]);
    // Another size, a living shape, a patch: nothing is moved.
    let wide = json!({"op": "put", "shape": {"id": "wide", "kind": "rectangle", "width": 11, "height": 10}});
    bob.draw(json!([wide, put("b", 0)])).await;
    assert_eq!((place("wide").await, place("b").await), (vec![0.0, 0.0], vec![0.0, 0.0]));
    // Batches of one call see each other.
    let batch = |id| {
        Batch::anonymous(1, vec![("put", id, json!({"kind": "line", "x": 500, "width": 5, "height": 5}))])
    };
    apply_batches(&board.client, &[batch("one"), batch("two"), batch("three")]).await.unwrap();
    assert_eq!((place("two").await, place("three").await), (vec![520.0, 20.0], vec![540.0, 40.0]));
    policy(&board, "merge").await;
    cid.draw(json!([put("d", 0)])).await;
    assert_eq!(place("d").await, [0.0, 0.0]);
}

/// CF5
#[tokio::test]
async fn an_offset_room_asks_the_spatial_index() {
    let board = Board::open().await;
    policy(&board, "offset").await;
    board
        .run(
            "insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height)
             select 1, 's' || n, 'rectangle', n * 700, n * 700, 10, 10 from generate_series(1, 20000) as n; analyze pgcanvas.shapes",
        )
        .await;
    let body: String =
        board.value("select prosrc from pg_proc where oid = 'pgcanvas.taken_by_others'::regproc").await;
    let query = body.split("exists (").nth(1).unwrap().split("and not").next().unwrap();
    let names = ["p_room_id", "v_bounds", "p_id", "p_author", "p_seen"];
    let query = (1..)
        .zip(names)
        .fold(query.to_owned(), |query, (number, name)| query.replace(name, &format!("${number}")));
    board
        .run(
            "set enable_seqscan = off; set enable_bitmapscan = off; set plan_cache_mode = force_generic_plan",
        )
        .await;
    board.run(&format!("prepare taken (bigint, box, text, text, bigint) as {query}")).await;
    let explain = "explain (costs off) execute taken (1, '(0,0),(10,10)', 'a', 'ann', 0)";
    let plan: Vec<String> =
        board.client.query(explain, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(plan.iter().any(|line| line.contains("shapes_room_id_grid_idx")), "{plan:#?}");
}

/// CF6
#[tokio::test]
async fn no_shape_lives_at_a_version_at_which_it_died() {
    let board = Board::open().await;
    let ann = Person::at(&board, "ann").await;
    let below = "select count(*) from pgcanvas.shapes s join pgcanvas.tombstones g using (room_id, id) where s.version <= g.version";
    ann.draw(json!([put("a", 1), put("b", 1), put("c", 1)])).await;
    for ops in [
        json!([delete("a", None), put("a", 9)]),
        json!([delete("b", None), put("b", 1)]), // as it was: nothing happened
        json!([delete("c", None), put("c", 2), delete("c", None)]),
        json!([put("c", 3)]),
        json!([delete("c", None), put("c", 4), patch("c", 5, None)]),
        json!([put("d", 1), delete("d", None), put("d", 2)]),
    ] {
        ann.draw(ops.clone()).await;
        assert_eq!(board.value::<i64>(below).await, 0, "{ops}");
    }
    let seq = board.last_seq().await;
    // A replica's state at the next version wins, as it would over any living shape.
    let merge = json!([{"op": "merge", "shape": {"id": "a", "kind": "line", "version": 3}}]);
    board.client.query("select * from pgcanvas.draw('1', $1)", &[&merge]).await.unwrap();
    assert_eq!(board.last_seq().await, seq + 1);
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// CF6
#[tokio::test]
async fn a_delete_wins_over_a_later_patch_and_a_put_is_a_new_life() {
    let board = Board::open().await;
    let ann = Person::at(&board, "ann").await;
    let version = async || board.value::<i64>("select version from pgcanvas.shapes where id = 'a'").await;
    ann.draw(json!([put("a", 1)])).await;
    ann.draw(json!([patch("a", 2, None), delete("a", None)])).await;
    assert_eq!(ann.draw(json!([patch("a", 3, None)])).await.outcomes.unwrap(), ["gone"]);
    ann.draw(json!([put("a", 1)])).await;
    assert_eq!(version().await, 3, "1 lived, 2 died");
    ann.draw(json!([delete("a", None), put("a", 9)])).await;
    assert_eq!(version().await, 4, "gone and back in one batch is one change");
    board.run("delete from pgcanvas.shapes").await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line')").await;
    assert_eq!(version().await, 6);
    ann.draw(json!([delete("a", None)])).await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind) values (1, 'a', 'line') on conflict (room_id, id) do update set x = 1").await;
    assert_eq!(version().await, 8);
    board.run("delete from pgcanvas.shapes").await;
    ann.draw(json!([put("a", 1)])).await;
    assert_eq!(version().await, 10);
    // What was seen in an earlier life is no base in this one.
    policy(&board, "strict").await;
    for base in 0..10 {
        assert_eq!(ann.draw(json!([patch("a", 7, Some(base))])).await.code, "conflict");
    }
    let batch = |ops| Batch::anonymous(1, ops);
    policy(&board, "merge").await;
    let calls = [
        batch(vec![("patch", "a", json!({"set": {"x": 3}})), ("delete", "a", Value::Null)]),
        batch(vec![("put", "a", json!({"kind": "line"}))]),
    ];
    apply_batches(&board.client, &calls).await.unwrap();
    assert_eq!(version().await, 12);
}

/// Waits until so many sessions of the database wait for a lock.
async fn waiting(board: &Board, count: i64) {
    let sql = "select count(distinct l.pid) from pg_locks l join pg_stat_activity a on a.pid = l.pid
        where not l.granted and a.datname = current_database()";
    let counted = || async {
        let waiting: i64 = board.client.query_one(sql, &[]).await.unwrap().get(0);
        if waiting >= count { Ok(()) } else { Err(()) }
    };
    retried(Duration::from_secs(20), counted).await.expect("sessions that wait");
}

/// As a node does: who is in the way of somebody lets go and tries again; anything else that fails fails the test.
async fn let_through<T>(mut attempt: impl AsyncFnMut() -> Result<T, Error>) -> T {
    loop {
        match attempt().await {
            Ok(done) => return done,
            Err(error) => assert_eq!(error.code(), Some(&SqlState::LOCK_NOT_AVAILABLE), "{error:?}"),
        }
    }
}

/// Commits once so many sessions wait.
async fn commit_when(board: &Board, count: i64, holder: &Client) {
    waiting(board, count).await;
    holder.batch_execute("commit").await.unwrap();
}

/// What ann does is done but not committed while bob begins; then it is committed. Gives bob's outcomes.
async fn ann_before_bob(board: &Board, ann: Value, bob: Value) -> Vec<String> {
    let (first, second) = (Person::at(board, "ann").await, Person::at(board, "bob").await);
    first.connection.batch_execute("begin").await.unwrap();
    first.draw(ann).await;
    let drawing = let_through(async || second.send(1, &bob, None).await);
    let (answer, ()) = tokio::join!(drawing, commit_when(board, 1, &first.connection));
    answer.outcomes.unwrap()
}

/// CF7
#[tokio::test]
async fn of_two_writers_of_one_shape_the_second_sees_the_first() {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "rectangle"}))]).await.unwrap();
    let other = json!([{"op": "patch", "id": "a", "set": {"y": 7}}]);
    assert_eq!(ann_before_bob(&board, json!([patch("a", 1, None)]), other).await, ["applied"]);
    assert_eq!(
        ann_before_bob(&board, json!([patch("a", 2, None)]), json!([patch("a", 3, None)])).await,
        ["applied"]
    );
    assert_eq!(
        ann_before_bob(&board, json!([patch("a", 4, None)]), json!([patch("a", 4, None)])).await,
        ["applied"]
    );
    let row: Vec<f64> = board.value("select array[x, y, version] from pgcanvas.shapes").await;
    assert_eq!(row, [4.0, 7.0, 7.0]);
    board.assert_gapless().await;
}

/// CF7
#[tokio::test]
async fn a_delete_and_a_patch_meet_in_either_order() {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "rectangle"}))]).await.unwrap();
    assert_eq!(
        ann_before_bob(&board, json!([patch("a", 1, None)]), json!([delete("a", None)])).await,
        ["applied"]
    );
    board.apply(vec![("put", "a", json!({"kind": "rectangle"}))]).await.unwrap();
    assert_eq!(
        ann_before_bob(&board, json!([delete("a", None)]), json!([patch("a", 1, None)])).await,
        ["gone"]
    );
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, 0);
    board.assert_gapless().await;
}

/// CF7
#[tokio::test]
async fn batches_in_opposite_room_order_wait_for_each_other_and_both_go_through() {
    let board = Board::open().await;
    let other = open_room(&board.client, 2).await;
    let holder = board.database.client().await;
    holder.batch_execute("begin; select from pgcanvas.rooms where id = 2 for update").await.unwrap();
    let call = async |client: Client, rooms: [i64; 2], x: i64| {
        let batches =
            rooms.map(|room| Batch::anonymous(room, vec![("put", "a", json!({"kind": "line", "x": x}))]));
        let_through(async || apply_batches(&client, &batches).await).await
    };
    let (one, two) = (board.database.client().await, board.database.client().await);
    let calls = (call(one, [1, other], 1), call(two, [other, 1], 2));
    let (one, two, ()) = tokio::join!(calls.0, calls.1, commit_when(&board, 2, &holder));
    let seqs =
        |answers: Vec<Answer>| -> Vec<i64> { answers.iter().map(|answer| answer.seq.unwrap()).collect() };
    let mut both = [seqs(one), seqs(two)];
    both.sort();
    assert_eq!(both, [[1, 1], [2, 2]], "whoever was first was first in both rooms");
}

/// CF7
#[tokio::test]
async fn an_undo_sees_a_patch_that_was_committed_while_it_waited() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    ann.draw(json!([put("a", 1)])).await;
    ann.draw(json!([{"op": "patch", "id": "a", "set": {"x": 2, "y": 2}}])).await;
    bob.connection.batch_execute("begin").await.unwrap();
    bob.draw(json!([patch("a", 3, None)])).await;
    let undo = let_through(async || ann.move_gesture(10, true).await);
    let (undone, ()) = tokio::join!(undo, commit_when(&board, 1, &bob.connection));
    assert_eq!(undone.left_alone, json!([{"id": "a", "properties": ["x"]}]));
    assert_eq!(board.value::<Vec<f64>>("select array[x, y] from pgcanvas.shapes").await, [3.0, 0.0]);
}
