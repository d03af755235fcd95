//! Any point in a room of a million changes.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio_postgres::Client;

use crate::Plan;
use crate::lab::{Lab, median_and_p99_ms};

/// Shapes on the board.
const SHAPES: i32 = 5_000;
/// Shapes that each batch changes.
const PER_BATCH: i32 = 50;
/// Batches of the whole run, and of a quick one.
const BATCHES: i32 = 19_900;
const QUICK_BATCHES: i32 = 1_900;
/// Shapes of one page.
const PAGE: i32 = 1_000;

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    let batches = if plan.quick { QUICK_BATCHES } else { BATCHES };
    println!("\n== past: {} changes of {SHAPES} shapes in one room", SHAPES + batches * PER_BATCH);
    let room = lab.rooms("past", 1).await.remove(0);
    let client = lab.connect().await;
    let begun = Instant::now();
    fill(&client, &room, batches).await;
    println!("filled by plain UPDATEs of {PER_BATCH} in {:.0} s", begun.elapsed().as_secs_f64());
    let middle = [&room as &(dyn tokio_postgres::types::ToSql + Sync), &i64::from(batches / 2)];
    let unaided = Instant::now();
    client.query(WHOLE, &middle).await.unwrap();
    println!("the point in the middle without snapshots: {:.0} ms", unaided.elapsed().as_secs_f64() * 1e3);
    write_snapshots(&client).await;
    let seed = rand::random::<u64>();
    println!("points are drawn with seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut points =
        |count| (0..count).map(|_| i64::from(random.random_range(1..=batches))).collect::<Vec<_>>();
    let whole = times(&client, &room, WHOLE, &points(plan.rounds(200))).await;
    print_times("the whole board at a point", whole);
    let page = times(&client, &room, &format!("{WHOLE_PAGE}{PAGE})"), &points(plan.rounds(200))).await;
    print_times("its first page of 1,000", page);
    let diff = times(&client, &room, DIFF, &points(plan.rounds(50))).await;
    print_times("what differs from the board a tenth before", diff);
    let blame = times(&client, &room, BLAME, &points(plan.rounds(100))).await;
    print_times("blame of a shape", blame);
    let undone = Instant::now();
    client.query("select * from pgcanvas.restore($1, $2)", &middle).await.unwrap();
    println!("restore of the whole board: {:.0} ms", undone.elapsed().as_secs_f64() * 1e3);
}

const WHOLE: &str = "select shape_id, shape from pgcanvas.room_at($1, $2::bigint)";
const WHOLE_PAGE: &str = "select shape_id, shape from pgcanvas.room_at($1, $2::bigint, '', ";
const DIFF: &str = "select change, shape_id from pgcanvas.room_diff($1, $2::bigint, $2::bigint * 9 / 10)";
const BLAME: &str = "select property, seq from pgcanvas.shape_blame($1, 's' || 1 + $2::bigint % 5000)";

async fn fill(client: &Client, room: &str, batches: i32) {
    let put = "insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, stroke_color, background_color, opacity)
        select r.id, 's' || n, 'rectangle', n, n, 100, 50, '#1e1e1e', '#a5d8ff', 100
        from pgcanvas.rooms r, generate_series(1, $2::integer) as n where r.slug = $1";
    client.execute(put, &[&room, &SHAPES]).await.unwrap();
    client.batch_execute("vacuum analyze pgcanvas.shapes").await.unwrap();
    let ids = format!(
        "array(select 's' || 1 + (n * 7919 + i * {PER_BATCH}) % {SHAPES} from generate_series(1, {PER_BATCH}) as n)"
    );
    let patch = format!(
        "do $$ begin for i in 1..{batches} loop
           update pgcanvas.shapes set x = x + i % 7 - 3, y = i, angle = i % 63 * 0.1
           where room_id = (select id from pgcanvas.rooms where slug = '{room}') and id = any ({ids});
           if i % 100 = 0 then commit; end if;
         end loop; end $$"
    );
    client.batch_execute(&patch).await.unwrap();
}

async fn write_snapshots(client: &Client) {
    let begun = Instant::now();
    let mut written = 0;
    loop {
        let some: i32 = client.query_one("select pgcanvas.write_snapshots(10)", &[]).await.unwrap().get(0);
        written += some;
        if some == 0 {
            break;
        }
    }
    let sql = "select pg_total_relation_size('pgcanvas.snapshot_shapes') / 1048576, pg_total_relation_size('pgcanvas.shape_changes') / 1048576,
        (select max(changes) from pgcanvas.snapshots)";
    let row = client.query_one(sql, &[]).await.unwrap();
    let (snapshots, log, changes): (i64, i64, i64) = (row.get(0), row.get(1), row.get(2));
    println!(
        "{written} snapshots written in {:.1} s, {:.0} us per change; {snapshots} MB beside {log} MB of log",
        begun.elapsed().as_secs_f64(),
        begun.elapsed().as_secs_f64() * 1e6 / changes.max(1) as f64
    );
}

async fn times(client: &Client, room: &str, sql: &str, points: &[i64]) -> Vec<Duration> {
    let statement = client.prepare(sql).await.unwrap();
    let mut times = Vec::new();
    for point in points {
        let asked = Instant::now();
        client.query(&statement, &[&room, point]).await.unwrap();
        times.push(asked.elapsed());
    }
    times
}

fn print_times(name: &str, times: Vec<Duration>) {
    let longest = times.iter().max().copied().unwrap_or_default().as_secs_f64() * 1e3;
    let (median, p99) = median_and_p99_ms(times);
    println!("{name}: {median:.0} ms median, {p99:.0} p99, {longest:.0} at most");
}
