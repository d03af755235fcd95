//! Undo and redo in the database (UN).

use super::support::board::{Board, code, refusal};
use super::support::person::{Person, Undone};
use super::support::plans::watched;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

pub(crate) type Shapes = BTreeMap<String, Map<String, Value>>;

const STAMPED: [&str; 7] = ["id", "version", "seq", "created_by", "updated_by", "created_at", "updated_at"];

/// What clients set of every shape.
pub(crate) async fn shapes(board: &Board) -> Shapes {
    let sql = "select id, pgcanvas.shape_json(s) from pgcanvas.shapes s where room_id = $1";
    let rows = board.client.query(sql, &[&board.room]).await.unwrap();
    let content = |shape: Value| {
        let Value::Object(mut shape) = shape else { panic!("no object") };
        shape.retain(|name, _| !STAMPED.contains(&name.as_str()));
        shape
    };
    rows.iter().map(|row| (row.get(0), content(row.get(1)))).collect()
}

pub(crate) fn put(id: &str, x: i64) -> Value {
    json!({"op": "put", "shape": {"id": id, "kind": "rectangle", "x": x, "props": {}}})
}

pub(crate) fn patch(id: &str, set: &Value) -> Value {
    json!({"op": "patch", "id": id, "set": set})
}

fn left(id: &str, properties: &[&str]) -> Value {
    json!([{"id": id, "properties": properties}])
}

/// UN1, UN2
#[tokio::test]
async fn the_last_gesture_goes_first_and_comes_back_first() {
    let board = Board::open().await;
    let ann = Person::at(&board, "ann").await;
    assert_eq!(ann.undo().await.code, "nothing_to_undo");
    let mut states = vec![shapes(&board).await];
    let gestures = [
        json!([put("a", 1), put("b", 2)]),
        json!([patch("a", &json!({"x": 5, "stroke_color": "red", "props": {"tag": 1}}))]),
        json!([{"op": "put", "shape": {"id": "l", "kind": "line", "points": [[0, 0]]}}]),
        json!([{"op": "append", "id": "l", "points": [[1, 1], [2, 2]]}, {"op": "append", "id": "l", "points": [[3, 3]]}]),
        json!([{"op": "patch", "id": "a", "set": {"props": {"tag": 2, "more": null}}, "unset": ["stroke_color"]}]),
        json!([{"op": "delete", "id": "a"}, patch("b", &json!({"locked": true})), put("c", 3)]),
    ];
    for ops in gestures {
        ann.draw(ops).await;
        states.push(shapes(&board).await);
    }
    for round in 0..2 {
        for state in states.iter().rev().skip(1) {
            assert!(ann.undo().await.moved());
            assert_eq!(&shapes(&board).await, state, "undo of round {round}");
        }
        assert_eq!(ann.undo().await.code, "nothing_to_undo");
        for state in states.iter().skip(1) {
            assert!(ann.redo().await.moved());
            assert_eq!(&shapes(&board).await, state, "redo of round {round}");
        }
        assert_eq!(ann.redo().await.code, "nothing_to_undo");
    }
    board.assert_gapless().await;
    let undoes: Vec<Option<i64>> = board
        .value("select array_agg(distinct undoes order by undoes) from pgcanvas.shape_changes where seq = 7")
        .await;
    assert_eq!(undoes, [Some(6)]);
}

/// UN2
#[tokio::test]
async fn new_drawing_ends_the_way_forward() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    ann.draw(json!([put("a", 1)])).await;
    ann.draw(json!([put("b", 1)])).await;
    ann.undo().await;
    bob.draw(json!([put("c", 1)])).await;
    assert!(ann.redo().await.moved(), "what others draw does not matter");
    ann.undo().await;
    ann.draw(json!([put("d", 1)])).await;
    assert_eq!(ann.redo().await.code, "nothing_to_undo");
    assert!(ann.undo().await.moved() && ann.undo().await.moved());
    assert_eq!(shapes(&board).await.keys().collect::<Vec<_>>(), ["c"]);
}

/// UN3, UN4
#[tokio::test]
async fn what_others_changed_since_is_left_alone_and_told_in_every_repeat() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    ann.draw(json!([put("a", 1), put("mine", 1)])).await;
    ann.draw(json!([patch("a", &json!({"x": 5, "y": 6}))])).await;
    bob.draw(json!([patch("a", &json!({"x": 9}))])).await;
    let undone = ann.undo().await;
    assert_eq!(undone.left_alone, left("a", &["x"]));
    let now = shapes(&board).await;
    assert_eq!((&now["a"]["x"], &now["a"]["y"]), (&json!(9), &json!(0)));
    let again = ann.repeat(true).await;
    assert_eq!(again, Undone { code: "repeat".into(), ..undone });
    assert_eq!(shapes(&board).await, now);
    // Bob touched it: Ann's undo does not take it from him.
    let undone = ann.undo().await;
    assert_eq!(undone.left_alone, left("a", &["*"]));
    assert_eq!(shapes(&board).await.keys().collect::<Vec<_>>(), ["a"]);
    bob.draw(json!([{"op": "delete", "id": "a"}])).await;
    assert!(ann.redo().await.moved());
    assert_eq!(shapes(&board).await.keys().collect::<Vec<_>>(), ["mine"]);
    assert_eq!(ann.redo().await.left_alone, left("a", &["*"]));
}

/// UN1, UN3
#[tokio::test]
async fn a_gesture_that_ended_where_it_began_is_undone_and_done_again_without_touching_anybody_s_work() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    bob.draw(json!([put("b", 0)])).await;
    let device = Uuid::new_v4();
    let draw = async |op_id: i64, gesture: Option<i64>, op: (&str, Value)| {
        let sql = "select code from pgcanvas.typed_ops(array[$4], '{a}', array[$5::jsonb]) as t, pgcanvas.apply_batches(array[1], array[$1::uuid],
            array[$2::bigint], '{ann}', array[null]::bigint[], array[$3::bigint], '{editor}', array[1], array[$4], '{a}', array[null]::bigint[],
            t.rows, t.extras, t.said)";
        let row = board.client.query_one(sql, &[&device, &op_id, &gesture, &op.0, &op.1]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), "fresh");
    };
    let x = |x: i64| ("patch", json!({"set": {"x": x}, "unset": []}));
    draw(1, None, ("put", json!({"id": "a", "kind": "line"}))).await;
    draw(2, None, x(1)).await;
    draw(3, Some(2), x(0)).await;
    bob.draw(json!([patch("b", &json!({"x": 77, "text": "bob's"}))])).await;
    let before = shapes(&board).await;
    assert!(ann.undo().await.seq.is_some());
    ann.redo().await;
    assert_eq!(shapes(&board).await, before);
    // Then the gesture before it is taken back, and both come again.
    ann.undo().await;
    ann.undo().await;
    assert_eq!(shapes(&board).await.keys().collect::<Vec<_>>(), ["b"]);
    ann.redo().await;
    ann.redo().await;
    assert_eq!(shapes(&board).await, before);
}

/// UN3
#[tokio::test]
async fn what_is_left_alone_of_several_changes_is_told_once() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    bob.draw(json!([put("a", 1), put("b", 1)])).await;
    let drag = |x: i64| json!([patch("a", &json!({"x": x, "y": x})), patch("b", &json!({"x": x}))]);
    ann.draw(drag(5)).await;
    ann.draw(drag(6)).await;
    bob.draw(drag(9)).await;
    let sql = "select left_alone from pgcanvas.undo('1', p_by => 'ann')";
    let told = json!([{"id": "a", "properties": ["x", "y"]}, {"id": "b", "properties": ["x"]}]);
    assert_eq!(board.value::<Value>(sql).await, told);
}

/// UN3
#[tokio::test]
async fn an_undo_with_nothing_left_to_do_is_tried_again_after_its_redo() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    ann.draw(json!([put("a", 1)])).await;
    ann.draw(json!([patch("a", &json!({"x": 5}))])).await;
    bob.draw(json!([patch("a", &json!({"x": 9}))])).await;
    assert_eq!(ann.undo().await.outcomes, Vec::<String>::new());
    assert_eq!(ann.redo().await.outcomes, Vec::<String>::new());
    bob.undo().await;
    assert_eq!(ann.undo().await.outcomes, ["applied"]);
    assert_eq!(shapes(&board).await["a"]["x"], json!(1));
}

/// UN5
#[tokio::test]
async fn any_choice_of_changes_is_taken_back() {
    let board = Board::open().await;
    let (ann, mallory) = (Person::at(&board, "ann").await, Person::at(&board, "mallory").await);
    ann.draw(json!([put("a", 0), put("b", 1000), put("c", 0)])).await;
    let kept = shapes(&board).await;
    mallory.draw(json!([patch("a", &json!({"x": 5000})), patch("b", &json!({"stroke_color": "red"}))])).await;
    mallory.draw(json!([{"op": "delete", "id": "c"}, put("scribble", 0), put("far", 1000)])).await;
    mallory.draw(json!([{"op": "delete", "id": "scribble"}])).await;
    let undo = |choice: &'static str| {
        let board = &board;
        async move {
            let sql = format!("select outcomes, left_alone from pgcanvas.undo('1', {choice})");
            let rows = board.client.query(&sql, &[]).await.unwrap();
            rows.iter().map(|row| row.get::<_, Vec<String>>(0).len()).collect::<Vec<_>>()
        }
    };
    // Here: what lies there, what was dragged off, what was deleted; not what was made and deleted again, nor what is elsewhere.
    assert_eq!(
        undo("p_by => 'mallory', p_since => now() - interval '5 minutes', p_box => '(-10,-10),(10,10)'")
            .await,
        [2]
    );
    let now = shapes(&board).await;
    assert_eq!((&now["a"], &now["c"]), (&kept["a"], &kept["c"]));
    assert_eq!((&now["b"]["stroke_color"], now.contains_key("far")), (&json!("red"), true));
    assert_eq!(undo("p_by => 'mallory'").await, [4], "the scribble comes and goes");
    let mut now = shapes(&board).await;
    assert_eq!(now.remove("scribble"), None);
    assert_eq!(now, kept);
    assert_eq!(undo("p_by => 'nobody'").await, [0usize; 0]);
    ann.draw(json!([put("d", 0)])).await;
    ann.draw(json!([put("e", 0)])).await;
    let last = board.last_seq().await;
    let sql = format!("select seq from pgcanvas.undo('1', p_from => {}, p_to => {last})", last - 1);
    assert_eq!(board.value::<i64>(&sql).await, last + 1);
    let sql = format!("select seq from pgcanvas.undo('1', p_batch => {})", last + 1);
    assert_eq!(board.value::<i64>(&sql).await, last + 2);
    assert!(shapes(&board).await.contains_key("e"));
    assert_eq!(refusal(board.client.query("select pgcanvas.undo('1')", &[]).await).0, "WB001");
    assert_eq!(
        refusal(board.client.query("select pgcanvas.undo('none', p_by => 'x')", &[]).await).0,
        "WB004"
    );
    let analyst = board.client_as("pgcanvas_analyst").await;
    assert_eq!(code(analyst.query("select pgcanvas.undo('1', p_by => 'ann')", &[]).await), "42501");
    let writer = board.client_as("pgcanvas_writer").await;
    assert_eq!(writer.query("select pgcanvas.undo('1', p_by => 'ann')", &[]).await.unwrap().len(), 1);
}

/// UN5
#[tokio::test]
async fn a_choice_that_was_taken_back_is_a_gesture_of_its_own() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    ann.draw(json!([put("a", 1)])).await;
    let sql = "select code from pgcanvas.undo_changes(1, $1, 1, 'bob', null, 'ann', null, null, null, null)";
    let answer = bob.connection.query_one(sql, &[&uuid::Uuid::new_v4()]).await.unwrap();
    assert_eq!(answer.get::<_, &str>(0), "fresh");
    assert!(shapes(&board).await.is_empty());
    assert!(bob.undo().await.moved());
    assert!(shapes(&board).await.contains_key("a"));
}

/// UN6
#[tokio::test]
async fn no_setting_forges_what_a_batch_takes_back() {
    let board = Board::open().await;
    board.run("set pgcanvas.undoes = '77'; select pgcanvas.draw('1', '[{\"op\":\"put\",\"shape\":{\"id\":\"a\",\"kind\":\"line\"}}]')").await;
    assert_eq!(board.value::<Option<i64>>("select undoes from pgcanvas.shape_changes").await, None);
}

/// UN7
#[tokio::test]
async fn an_undo_needs_no_base_and_is_moved_by_nothing() {
    let board = Board::open().await;
    let (ann, bob) = (Person::at(&board, "ann").await, Person::at(&board, "bob").await);
    for policy in ["strict", "offset"] {
        board.run(&format!("select pgcanvas.set_policy(1, '{policy}')")).await;
        ann.draw(json!([put(policy, 1)])).await;
        ann.draw(json!([{"op": "delete", "id": policy, "base": 1}])).await;
        bob.draw(json!([put(&format!("bob's {policy}"), 1)])).await;
        assert!(ann.undo().await.moved());
        assert_eq!(shapes(&board).await[policy]["x"], json!(1));
        ann.redo().await;
        let sql = format!(
            "select seq from pgcanvas.undo('1', p_by => 'ann', p_from => {})",
            board.last_seq().await
        );
        board.value::<i64>(&sql).await;
        assert_eq!(shapes(&board).await[policy]["x"], json!(1));
        board.run("delete from pgcanvas.shapes").await;
    }
}

/// UN8
#[tokio::test]
async fn a_batch_of_5000_is_taken_back_in_as_many_steps() {
    let board = Board::open().await;
    let mut ann = Person::at(&board, "ann").await;
    let ops: Vec<Value> = (0..5000).map(|n| put(&format!("s{n}"), n)).collect();
    ann.draw(json!(ops)).await;
    let (client, mut plans) = watched(board.database.config()).await;
    ann.connection = client;
    for (undo, shapes) in [(true, 0), (false, 5000i64)] {
        assert!(if undo { ann.undo().await } else { ann.redo().await }.moved());
        // A quadratic plan looks at 5,000 for each.
        assert_eq!(plans.rows().beyond(5000.0 * 300.0), None, "undo {undo}");
        assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, shapes);
    }
}
