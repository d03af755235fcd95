//! Where a shape is, in SQL as in the nodes (GE).

use super::support::board::{Board, code};
use super::support::server::say;
use pgcanvas::model::geometry::{ShapeGeometry, bounds, grid_box};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

const KINDS: [&str; 11] = [
    "rectangle",
    "diamond",
    "ellipse",
    "line",
    "arrow",
    "freedraw",
    "text",
    "image",
    "frame",
    "embeddable",
    "hologram",
];

const BOUNDS_OF_ALL: &str = "
    select (b[1])[0], (b[1])[1], (b[0])[0], (b[0])[1], (g[1])[0], (g[1])[1], (g[0])[0], (g[0])[1]
    from rows from (jsonb_to_recordset($1) as (kind text, x double precision, y double precision, width double precision,
      height double precision, angle double precision, points double precision[], stroke_width double precision))
      with ordinality as s (kind, x, y, width, height, angle, points, stroke_width, n)
    cross join lateral pgcanvas.shape_bounds(s.kind, s.x, s.y, s.width, s.height, s.angle, s.points, s.stroke_width) as b
    cross join lateral pgcanvas.grid_box(b) as g order by s.n";

fn any_shape(random: &mut StdRng) -> ShapeGeometry {
    let reach = *[1.0, 1e3, 1e6, 1e9].choose(random).unwrap();
    let mut number = |reach: f64| random.random_range(-reach..=reach);
    let [x, y, width, height] = [number(reach), number(reach), number(reach), number(reach)];
    let turn = number(7.0);
    let points = (0..random.random_range(0..12))
        .map(|_| [random.random_range(-1e3..1e3), random.random_range(-1e3..1e3)]);
    let points: Vec<[f64; 2]> = points.collect();
    let kind = (*KINDS.choose(random).unwrap()).to_owned();
    let angle = if random.random_bool(0.3) { 0.0 } else { turn };
    let stroke_width = random.random_bool(0.5).then(|| random.random_range(0.0..100.0));
    let points = if random.random_bool(0.5) { vec![] } else { points };
    ShapeGeometry { kind, x, y, width, height, angle, points, stroke_width }
}

fn row(shape: &ShapeGeometry) -> Value {
    json!({"kind": shape.kind, "x": shape.x, "y": shape.y, "width": shape.width, "height": shape.height,
           "angle": shape.angle, "points": shape.points, "stroke_width": shape.stroke_width})
}

fn near(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-6 * one.abs().max(other.abs()).max(1.0)
}

/// GE1
#[tokio::test]
async fn sql_and_the_nodes_agree_on_any_shape() {
    let board = Board::open().await;
    let seed: u64 = rand::random();
    say(&format!("shapes are drawn from seed {seed}"));
    let mut random = StdRng::seed_from_u64(seed);
    let shapes: Vec<ShapeGeometry> = (0..3000).map(|_| any_shape(&mut random)).collect();
    let all = Value::Array(shapes.iter().map(row).collect());
    let rows = board.client.query(BOUNDS_OF_ALL, &[&all]).await.unwrap();
    assert_eq!(rows.len(), shapes.len());
    for (shape, row) in shapes.iter().zip(&rows) {
        let wanted = bounds(shape);
        let edges = [wanted.min().x, wanted.min().y, wanted.max().x, wanted.max().y];
        let found = [0, 1, 2, 3].map(|column| row.get::<_, f64>(column));
        assert!(edges.iter().zip(found).all(|(a, b)| near(*a, b)), "{shape:?}: {edges:?} {found:?}");
        let exact = edges.map(f64::to_bits) == found.map(f64::to_bits);
        // A rounding on a cell's very edge may tell the two apart; then the bounds differ too, and only then.
        let cells = grid_box(wanted);
        let cells = [cells.min().x, cells.min().y, cells.max().x, cells.max().y];
        let found_cells = [4, 5, 6, 7].map(|column| row.get::<_, f64>(column));
        let same_cells = cells.iter().zip(found_cells).all(|(a, b)| near(*a, b));
        assert!(same_cells || !exact, "{shape:?}: {cells:?} {found_cells:?}");
    }
}

/// GE2
#[tokio::test]
async fn numbers_that_are_no_place_are_refused() {
    let board = Board::open().await;
    for (column, value) in [
        ("x", "'NaN'"),
        ("x", "null"),
        ("y", "'infinity'"),
        ("width", "1e308"),
        ("angle", "'-infinity'"),
        ("stroke_width", "'NaN'"),
        ("points", "array[array[0, 'NaN'::float8]]"),
        ("points", "array[array[0, 'infinity'::float8]]"),
        ("points", "array[array[0, null::float8]]"),
        ("points", "array[array[0, 2e9::float8]]"),
        ("points", "array[1, 2]::float8[]"),
        ("points", "array[array[1, 2, 3, 4]]::float8[]"),
    ] {
        let sql = format!(
            "insert into pgcanvas.shapes (room_id, id, kind, {column}) values (1, 'a', 'line', {value})"
        );
        let code = code(board.client.batch_execute(&sql).await);
        assert!(["WB001", "23514", "23502", "22003"].contains(&code.as_str()), "{code}: {sql}");
    }
    assert_eq!(board.last_seq().await, 0);
}

/// GE3
#[tokio::test]
async fn bounds_follow_every_change_of_place() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, width, height) values (1, 'a', 'rectangle', 10, 20)").await;
    board.run("update pgcanvas.shapes set x = 100, stroke_width = 4").await;
    assert!(board.value::<bool>("select bounds ~= box '(98,-2),(112,22)' from pgcanvas.shapes").await);
    assert!(board.value::<bool>("select grid ~= box '(0,-512),(512,512)' from pgcanvas.shapes").await);
}

/// GE4
#[tokio::test]
async fn a_grid_box_is_kept_while_it_does() {
    let board = Board::open().await;
    board.run("insert into pgcanvas.shapes (room_id, id, kind, x, width, height) values (1, 'a', 'rectangle', 10, 20, 20)").await;
    for (set, grid) in [
        ("x = 400, y = 400", "(0,0),(512,512)"),
        ("x = 500", "(0,0),(1024,512)"),
        ("x = 470", "(0,0),(1024,512)"), // back over the edge
        ("x = 900", "(0,0),(1024,512)"),
        ("x = 1200", "(1024,0),(1536,512)"),
        ("width = 5000", "(1024,0),(6656,512)"),
        ("width = 4700, y = 450", "(1024,0),(6656,512)"),
        ("width = 4600", "(1024,0),(6144,512)"), // the old one is too wide by now
        ("y = -20, height = 10", "(1024,-512),(6144,0)"),
    ] {
        board.run(&format!("update pgcanvas.shapes set {set}")).await;
        let found: String = board.value("select grid::text from pgcanvas.shapes").await;
        let is_so = board.value::<bool>(&format!("select grid ~= box '{grid}' from pgcanvas.shapes")).await;
        assert!(is_so, "{set}: {found}, not {grid}");
    }
}
