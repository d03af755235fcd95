//! What lies in a box (SP).

use super::support::board::{Board, open_room};
use super::support::server::say;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Five rooms; the second holds 20,000 shapes, spread over 40,000 units each way.
async fn crowded() -> Board {
    let board = Board::open().await;
    for room in 2..=5 {
        open_room(&board.client, room).await;
    }
    board
        .run(
            "insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, angle)
             select r, 's' || n, case n % 3 when 0 then 'ellipse' else 'rectangle' end,
               (n * 7919) % 40000 - 20000, (n * 104729) % 40000 - 20000, 5 + n % 300, 5 + n % 200, n % 5
             from generate_series(1, 5) as r, generate_series(1, case r when 2 then 20000 else 4000 end) as n;
             analyze pgcanvas.shapes",
        )
        .await;
    board
}

/// The viewport query inside `shapes_in_box`, with its parameters numbered.
async fn viewport_query(board: &Board) -> String {
    let body: String =
        board.value("select prosrc from pg_proc where oid = 'pgcanvas.shapes_in_box'::regproc").await;
    let query = body.rsplit("open v_shapes for").next().unwrap().split(';').next().unwrap().to_owned();
    assert!(query.contains("p_box"));
    let names = ["p_room_id", "p_box", "p_kind", "p_after", "p_limit"];
    (1..).zip(names).fold(query, |query, (number, name)| query.replace(name, &format!("${number}")))
}

/// SP1
#[tokio::test]
async fn a_viewport_query_reads_the_spatial_index() {
    let board = crowded().await;
    let query = viewport_query(&board).await;
    board.run("set search_path = pgcanvas, pg_catalog").await;
    board.run(&format!("prepare viewport (bigint, box, text, text, integer) as {query}")).await;
    for mode in ["force_custom_plan", "force_generic_plan"] {
        board.run(&format!("set plan_cache_mode = {mode}")).await;
        let explain = "explain (costs off) execute viewport (2, '(0,0),(1600,1200)', null, null, 10000)";
        let rows = board.client.query(explain, &[]).await.unwrap();
        let plan: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        assert!(plan.iter().any(|line| line.contains("shapes_room_id_grid_idx")), "{mode}: {plan:#?}");
    }
}

/// SP2
#[tokio::test]
async fn a_viewport_query_finds_what_a_look_at_every_shape_finds() {
    let board = crowded().await;
    let seed: u64 = rand::random();
    say(&format!("boxes are drawn from seed {seed}"));
    let mut random = StdRng::seed_from_u64(seed);
    let sql = "select (select array_agg(shape_id) from pgcanvas.shapes_in_box(2, $1::text::box, $2, null, 100000)) is not distinct from
        (select array_agg(id order by id) from pgcanvas.shapes where room_id = 2 and bounds && $1::text::box and ($2 is null or kind = $2))";
    for round in 0..30 {
        let [x, y] = [0, 1].map(|_| random.random_range(-25_000.0..25_000.0f64));
        let size = random.random_range(0.0..6000.0f64);
        let area = format!("({x},{y}),({},{})", x + size, y + size / 2.0);
        let kind = (round % 2 == 0).then_some("ellipse");
        let row = board.client.query_one(sql, &[&area, &kind]).await.unwrap();
        assert!(row.get::<_, bool>(0), "{area} {kind:?}");
    }
}

/// SP3
#[tokio::test]
async fn pages_follow_one_another_without_overlap() {
    let board = crowded().await;
    for area in [None, Some("(-5000,-5000),(5000,5000)")] {
        let sql = "select shape_id from pgcanvas.shapes_in_box(2, $1::text::box, null, $2, $3)";
        let (mut found, mut after) = (Vec::new(), None::<String>);
        loop {
            let rows = board.client.query(sql, &[&area, &after, &700]).await.unwrap();
            found.extend(rows.iter().map(|row| row.get::<_, String>(0)));
            after = found.last().cloned();
            if rows.len() < 700 {
                break;
            }
        }
        let rows = board.client.query(sql, &[&area, &None::<String>, &100_000]).await.unwrap();
        assert_eq!(found, rows.iter().map(|row| row.get::<_, String>(0)).collect::<Vec<_>>());
    }
}
