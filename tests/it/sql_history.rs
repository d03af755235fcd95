//! A room's past, by SQL (HI).

use super::support::board::{Board, code};
use super::sync::{any_ops, random};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A board: its shapes by id.
pub(crate) type Shapes = BTreeMap<String, Value>;

pub(crate) async fn shapes(board: &Board, sql: &str) -> Shapes {
    let sql = format!("select t.shape_id, t.shape::text from ({sql}) as t");
    let rows = board.client.query(&sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    rows.iter().map(|row| (row.get(0), serde_json::from_str(row.get(1)).unwrap())).collect()
}

pub(crate) async fn now(board: &Board) -> Shapes {
    shapes(board, "select * from pgcanvas.room_snapshot(1, '', 100000)").await
}

pub(crate) async fn at(board: &Board, seq: i64) -> Shapes {
    shapes(board, &format!("select * from pgcanvas.room_at('1', {seq})")).await
}

/// Shapes without what the server adds.
pub(crate) fn content(shapes: &Shapes) -> Shapes {
    let stamps = ["version", "seq", "created_by", "updated_by", "created_at", "updated_at"];
    let plain = |shape: &Value| {
        let mut shape = shape.clone();
        shape.as_object_mut().unwrap().retain(|name, _| !stamps.contains(&name.as_str()));
        shape
    };
    shapes.iter().map(|(id, shape)| (id.clone(), plain(shape))).collect()
}

/// One batch or a few, by any road.
pub(crate) async fn draw(board: &Board, random: &mut StdRng) {
    let sql = match random.random_range(0..10) {
        0 => "update pgcanvas.shapes set x = x + 1, text = null where ctid in (select ctid from pgcanvas.shapes order by random() limit 3)",
        1 => "delete from pgcanvas.shapes where ctid in (select ctid from pgcanvas.shapes order by random() limit 1)",
        2 => "insert into pgcanvas.shapes (room_id, id, kind, x, extra) select 1, 's' || n, 'text', n, '{\"a\":null,\"link\":null}'
                from generate_series(1, 9, 2) as n on conflict (room_id, id) do update set x = excluded.x + 7, props = '{\"k\":{\"v\":1}}'",
        3 => "update pgcanvas.shapes set props = props || jsonb_build_object('n', x) - 'k', extra = null where id > 's'",
        4 => "begin; update pgcanvas.shapes set y = y + 1; savepoint a; delete from pgcanvas.shapes; rollback to a;
              update pgcanvas.shapes set angle = angle + 0.25 where id < 's5'; commit",
        _ => return drawn(board, &any_ops(random)).await,
    };
    board.run(sql).await;
}

pub(crate) async fn drawn(board: &Board, ops: &Value) {
    board.client.query("select * from pgcanvas.draw('1', $1)", &[ops]).await.unwrap();
}

/// A board on which much happened, and what it was after each batch that ended a step.
pub(crate) async fn lived_in(random: &mut StdRng, steps: usize) -> (Board, BTreeMap<i64, Shapes>) {
    let board = Board::open().await;
    let mut past = BTreeMap::from([(0, Shapes::new())]);
    for step in 0..steps {
        draw(&board, random).await;
        past.insert(board.last_seq().await, now(&board).await);
        if step % 40 == 20 {
            board.run("select pgcanvas.write_snapshots(100)").await;
        }
    }
    (board, past)
}

pub(crate) async fn narrow_spacing(board: &Board) {
    board.run("create or replace function pgcanvas.snapshot_spacing() returns bigint language sql immutable parallel safe return 25").await;
}

/// HI1
#[tokio::test]
async fn a_room_at_every_point_is_the_board_as_it_was_with_snapshots_and_without() {
    let mut random = random();
    let (board, past) = lived_in(&mut random, 160).await;
    let none: i64 = board.value("select count(*) from pgcanvas.snapshots").await;
    for (seq, shapes) in &past {
        assert_eq!(&at(&board, *seq).await, shapes, "at {seq} without snapshots");
    }
    narrow_spacing(&board).await;
    while board.value::<i32>("select pgcanvas.write_snapshots(2)").await == 2 {}
    let some: i64 = board.value("select count(*) from pgcanvas.snapshots").await;
    assert!(none == 0 && some > 3, "{some} snapshots");
    for (seq, shapes) in &past {
        assert_eq!(&at(&board, *seq).await, shapes, "at {seq} with snapshots");
    }
    assert_eq!(board.value::<i32>("select pgcanvas.write_snapshots(2)").await, 0);
    let dense = "select count(*) from (select changes - lag(changes, 1, 0::bigint) over (order by seq) as c, lag(shapes) over (order by seq) as s
                 from pgcanvas.snapshots) as g where g.c <= greatest(25, g.s)";
    assert_eq!(board.value::<i64>(dense).await, 0, "snapshots are as far apart as the board is large");
}

/// HI1
#[tokio::test]
async fn pages_of_a_point_follow_one_another_without_hole_or_overlap() {
    let (board, past) = lived_in(&mut random(), 80).await;
    narrow_spacing(&board).await;
    board.run("select pgcanvas.write_snapshots(100)").await;
    for (seq, whole) in past.iter().filter(|(seq, _)| **seq % 5 == 0) {
        let (mut pages, mut after) = (Shapes::new(), String::new());
        loop {
            let page =
                shapes(&board, &format!("select * from pgcanvas.room_at('1', {seq}, '{after}', 2)")).await;
            let Some((last, _)) = page.last_key_value() else { break };
            after.clone_from(last);
            assert!(page.keys().all(|id| !pages.contains_key(id)));
            pages.extend(page);
        }
        assert_eq!(&pages, whole, "at {seq}");
    }
}

/// HI2
#[tokio::test]
async fn a_moment_is_the_seq_the_room_was_at() {
    let board = Board::open().await;
    let mut moments = vec![board.value::<String>("select clock_timestamp()::text").await];
    for x in 0..6 {
        drawn(&board, &json!([{"op": "put", "shape": {"id": "a", "kind": "text", "x": x}}])).await;
        moments.push(board.value::<String>("select clock_timestamp()::text").await);
    }
    for (seq, moment) in (0..).zip(&moments) {
        let sql = format!("select pgcanvas.seq_at('1', '{moment}'::timestamptz)");
        assert_eq!(board.value::<i64>(&sql).await, seq);
        let by_moment =
            shapes(&board, &format!("select * from pgcanvas.room_at('1', '{moment}'::timestamptz)")).await;
        assert_eq!(by_moment, at(&board, seq).await);
    }
    board.run("select pgcanvas.prune_history('1', null, 2)").await;
    let pruned = format!("select pgcanvas.seq_at('1', '{}'::timestamptz)", moments[2]);
    assert_eq!(code(board.client.batch_execute(&pruned).await), "WB005");
    assert_eq!(
        board.value::<i64>(&format!("select pgcanvas.seq_at('1', '{}'::timestamptz)", moments[5])).await,
        5
    );
}

/// HI3
#[tokio::test]
async fn history_tells_of_every_batch_who_and_how_many() {
    let board = Board::open().await;
    board
        .apply(vec![
            ("put", "a", json!({"kind": "line", "points": [[0, 0]]})),
            ("put", "b", json!({"kind": "text"})),
        ])
        .await
        .unwrap();
    board
        .apply(vec![("append", "a", json!({"points": [[1, 1]]})), ("patch", "b", json!({"set": {"x": 1}}))])
        .await
        .unwrap();
    board.run("insert into pgcanvas.shapes (room_id, id, kind) select 1, 'n' || n, 'text' from generate_series(1, 50) as n").await;
    board.run("delete from pgcanvas.shapes where id = 'a'").await;
    let sql = "select seq, author, puts, patches, appends, deletes, cardinality(shape_ids), db_role = session_user, xid is not null
               from pgcanvas.room_history('1', $1, $2)";
    let rows = board.client.query(sql, &[&None::<i64>, &3]).await.unwrap();
    let told: Vec<(i64, [i64; 4], i32)> =
        rows.iter().map(|row| (row.get(0), [2, 3, 4, 5].map(|n| row.get(n)), row.get(6))).collect();
    assert_eq!(told, [(4, [0, 0, 0, 1], 1), (3, [50, 0, 0, 0], 20), (2, [0, 1, 1, 0], 2)]);
    assert!(rows.iter().all(|row| row.get(7) && row.get(8)));
    assert!(rows[0].get::<_, String>(1).starts_with("sql:") && rows[2].get::<_, &str>(1) == "author 1");
    let rows = board.client.query(sql, &[&Some(2i64), &3]).await.unwrap();
    assert_eq!(rows.iter().map(|row| row.get::<_, i64>(0)).collect::<Vec<_>>(), [1]);
}

/// HI4
#[tokio::test]
async fn a_difference_is_what_the_two_boards_say() {
    let mut random = random();
    let (board, past) = lived_in(&mut random, 60).await;
    let seqs: Vec<i64> = past.keys().copied().collect();
    for _ in 0..25 {
        let (from, to) = (seqs[random.random_range(0..seqs.len())], seqs[random.random_range(0..seqs.len())]);
        let sql = "select change, shape_id, before::text, after::text from pgcanvas.room_diff('1', $1, $2)";
        let mut told: Vec<(String, String)> = Vec::new();
        for row in board.client.query(sql, &[&from, &to]).await.unwrap() {
            let parsed = |n: usize| {
                row.get::<_, Option<&str>>(n).map(|text| serde_json::from_str::<Value>(text).unwrap())
            };
            let id: String = row.get(1);
            assert_eq!((parsed(2).as_ref(), parsed(3).as_ref()), (past[&from].get(&id), past[&to].get(&id)));
            told.push((id, row.get(0)));
        }
        let (was, is) = (content(&past[&from]), content(&past[&to]));
        let ids: std::collections::BTreeSet<&String> = was.keys().chain(is.keys()).collect();
        let expected: Vec<(String, String)> = ids
            .into_iter()
            .filter_map(|id| {
                let change = match (was.get(id), is.get(id)) {
                    (None, _) => "added",
                    (_, None) => "deleted",
                    (before, after) if before != after => "modified",
                    _ => return None,
                };
                Some((id.clone(), change.to_owned()))
            })
            .collect();
        assert_eq!(told, expected, "{from} to {to}");
    }
}

/// HI5
#[tokio::test]
async fn blame_names_the_batch_after_which_each_property_was_as_it_is() {
    let (board, past) = lived_in(&mut random(), 120).await;
    narrow_spacing(&board).await;
    board.run("select pgcanvas.write_snapshots(100)").await;
    for (id, shape) in now(&board).await {
        let rows = board
            .client
            .query("select property, seq from pgcanvas.shape_blame('1', $1)", &[&id])
            .await
            .unwrap();
        for row in rows {
            let (property, seq): (String, i64) = (row.get(0), row.get(1));
            let path = format!("/{}", property.replacen("props.", "props/", 1));
            for (point, board) in past.range(seq..) {
                let then =
                    board.get(&id).unwrap_or_else(|| panic!("{id} is not there at {point}, after {seq}"));
                assert_eq!(
                    then.pointer(&path),
                    shape.pointer(&path),
                    "{property} of {id} since {seq}, at {point}"
                );
            }
        }
    }
    drawn(&board, &json!([{"op": "put", "shape": {"id": "old", "kind": "text", "x": 1}}])).await;
    board.run("select pgcanvas.prune_history('1', null, 0)").await;
    drawn(&board, &json!([{"op": "patch", "id": "old", "set": {"x": 2}}])).await;
    let origins = "select property, seq is not null from pgcanvas.shape_blame('1', 'old') where property in ('x', 'kind') order by 1";
    let rows = board.client.query(origins, &[]).await.unwrap();
    assert_eq!(
        rows.iter().map(|row| row.get::<_, bool>(1)).collect::<Vec<_>>(),
        [false, true],
        "kind was set before what is kept"
    );
    assert_eq!(
        code(board.client.batch_execute("select * from pgcanvas.shape_blame('1', 'nobody')").await),
        "WB004"
    );
}
