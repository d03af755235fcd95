//! A room of a hundred thousand shapes: what lies in a viewport, and joining.

use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_postgres::types::ToSql;

use crate::Plan;
use crate::lab::{Lab, median_and_p99_ms};
use crate::process::{forget_peak, memory_mb};
use crate::socket::Socket;

/// Shapes on the board, one about every hundred units each way.
const SHAPES: i32 = 100_000;
/// Shapes written at a time.
const PART: i32 = 10_000;
/// The side of the board.
const SIDE: f64 = 31_600.0;
/// What a screen shows.
const VIEWPORT: (f64, f64) = (1_600.0, 1_000.0);

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    println!("\n== board: {SHAPES} shapes in one room");
    let node = lab.node(plan);
    let room = lab.rooms("board", 1).await.remove(0);
    fill(lab, &room).await;
    let seed = rand::random::<u64>();
    println!("viewports are drawn with seed {seed}");
    let mut boxes = Boxes(StdRng::seed_from_u64(seed));
    let indexed = queries(plan.rounds(200), lab, &room, &mut boxes, INDEXED, true).await;
    let filtered = queries(plan.rounds(30), lab, &room, &mut boxes, FILTERED, false).await;
    print_queries("viewport in SQL", &indexed);
    print_queries("sequential filter", &filtered);
    let http = over_http(plan.rounds(200), &node.address, &room, &mut boxes).await;
    print_queries("viewport over HTTP", &http);
    println!(
        "  viewport {:.2} ms in SQL, {:.2} over HTTP (target below 5); the filter takes {:.0} times as long",
        indexed.0.0,
        http.0.0,
        filtered.0.0 / indexed.0.0
    );
    for _ in 0..2 {
        join(&node.address, node.pid(), &room).await;
    }
}

const INDEXED: &str = "select shape_id, shape from pgcanvas.shapes_in_box($1, box(point($2, $3), point($4, $5)), null, null, 5000)";
const FILTERED: &str = "select s.id, pgcanvas.shape_json(s)::text from pgcanvas.shapes s
    where s.room_id = $1 and s.bounds && box(point($2, $3), point($4, $5)) order by s.id limit 5000";

async fn fill(lab: &Lab, room: &str) {
    let client = lab.connect().await;
    let sql = "insert into pgcanvas.shapes (room_id, id, kind, x, y, width, height, stroke_color, background_color, fill_style, stroke_width, opacity)
        select r.id, 'shape-' || n, 'rectangle', random() * $4, random() * $4, 20 + random() * 160, 20 + random() * 100,
               '#1e1e1e', '#a5d8ff', 'solid', 2, 100
        from pgcanvas.rooms r, generate_series($2::integer, $3::integer) as n where r.slug = $1";
    let begun = Instant::now();
    for first in (1..=SHAPES).step_by(PART as usize) {
        client.execute(sql, &[&room, &first, &(first + PART - 1), &SIDE]).await.unwrap();
    }
    println!("filled by plain INSERTs of {PART} in {:.1} s", begun.elapsed().as_secs_f64());
    client.batch_execute("vacuum analyze pgcanvas.shapes").await.unwrap();
}

struct Boxes(StdRng);

impl Boxes {
    fn next(&mut self) -> [f64; 4] {
        let x = self.0.random_range(0.0..SIDE - VIEWPORT.0).floor();
        let y = self.0.random_range(0.0..SIDE - VIEWPORT.1).floor();
        [x, y, x + VIEWPORT.0, y + VIEWPORT.1]
    }
}

/// Median and p99 in milliseconds, and shapes found on average.
type Queried = ((f64, f64), f64);

fn print_queries(name: &str, ((median, p99), hits): &Queried) {
    println!("{name}: {median:.2} ms median, {p99:.2} p99, {hits:.0} shapes");
}

async fn queries(
    count: usize,
    lab: &Lab,
    room: &str,
    boxes: &mut Boxes,
    sql: &str,
    indexed: bool,
) -> Queried {
    let client = lab.connect().await;
    let id: i64 =
        client.query_one("select id from pgcanvas.rooms where slug = $1", &[&room]).await.unwrap().get(0);
    if !indexed {
        client.batch_execute("set enable_indexscan = off; set enable_bitmapscan = off").await.unwrap();
    }
    let statement = client.prepare(sql).await.unwrap();
    let (mut times, mut hits) = (Vec::new(), 0);
    for _ in 0..count {
        let [x0, y0, x1, y1] = boxes.next();
        let parameters: [&(dyn ToSql + Sync); 5] = [&id, &x0, &y0, &x1, &y1];
        let asked = Instant::now();
        hits += client.query(&statement, &parameters).await.unwrap().len();
        times.push(asked.elapsed());
    }
    (median_and_p99_ms(times), hits as f64 / count as f64)
}

async fn over_http(count: usize, address: &str, room: &str, boxes: &mut Boxes) -> Queried {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let (mut times, mut hits) = (Vec::new(), 0);
    for _ in 0..count {
        let [x0, y0, x1, y1] = boxes.next();
        let request = format!(
            "GET /api/rooms/{room}/shapes?box={x0},{y0},{x1},{y1}&limit=1000 HTTP/1.1\r\nhost: {address}\r\n\r\n"
        );
        let asked = Instant::now();
        stream.write_all(request.as_bytes()).await.unwrap();
        let body = response(&mut stream).await;
        times.push(asked.elapsed());
        hits += body.matches(r#"{"id":""#).count();
    }
    (median_and_p99_ms(times), hits as f64 / count as f64)
}

/// One answer's body, by its length.
async fn response(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut part = [0; 65_536];
    loop {
        let count = stream.read(&mut part).await.unwrap();
        assert!(count > 0, "the node closed the connection");
        bytes.extend_from_slice(&part[..count]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).expect("a length");
        if body.len() >= length.parse::<usize>().unwrap() {
            return body.to_owned();
        }
    }
}

async fn join(address: &str, pid: i32, room: &str) {
    let mut socket = Socket::connect(address).await;
    socket.hello().await;
    forget_peak(pid);
    let before = memory_mb(pid, "VmRSS");
    let asked = Instant::now();
    socket.send(format!(r#"{{"type":"join","room":"{room}"}}"#)).await;
    let (mut bytes, mut frames, mut shapes, mut first) = (0, 0, 0, Duration::ZERO);
    loop {
        let text = socket.next().await;
        if !text.starts_with(r#"{"type":"joined""#) && !text.starts_with(r#"{"type":"delta""#) {
            continue;
        }
        if frames == 0 {
            first = asked.elapsed();
        }
        frames += 1;
        bytes += text.len();
        shapes += text.matches(r#"{"id":""#).count();
        if text.ends_with(r#""more":false}"#) {
            break;
        }
    }
    let board_mb = bytes as f64 / 1024.0 / 1024.0;
    println!(
        "join: {shapes} shapes, {board_mb:.1} MB in {frames} frames; first after {:.0} ms, all after {:.2} s; the node grew by {:.1} MB at its peak",
        first.as_secs_f64() * 1e3,
        asked.elapsed().as_secs_f64(),
        memory_mb(pid, "VmHWM") - before
    );
}
