//! What people do, through sockets: they draw a shape and change it, draw strokes, restyle, type, delete, take back. One op a batch, as
//! pages send it. Every mix is printed, the dearest too.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::Plan;
use crate::bare;
use crate::lab::{Lab, median_and_p99_ms};
use crate::socket::Socket;

/// What the clients of a workload do.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Doing {
    /// Put a rectangle, patch its place and a member of props three times, then the next.
    Editing,
    /// Put strokes of 100 points.
    Strokes,
    /// A session of drawing: moves, restyling, typing, strokes that grow, new shapes, deletions, undo.
    Session,
    /// All patch one shape.
    OneShape,
}

/// Who does it, where.
struct Workload {
    name: &'static str,
    doing: Doing,
    rooms: usize,
    clients: usize,
    window: usize,
}

const WORKLOADS: [Workload; 6] = [
    Workload { name: "editing, 20 rooms x 5", doing: Doing::Editing, rooms: 20, clients: 5, window: 8 },
    Workload {
        name: "strokes of 100 points, 20 rooms x 5",
        doing: Doing::Strokes,
        rooms: 20,
        clients: 5,
        window: 8,
    },
    Workload {
        name: "a session's mix, 20 rooms x 5",
        doing: Doing::Session,
        rooms: 20,
        clients: 5,
        window: 8,
    },
    Workload { name: "editing, one room x 50", doing: Doing::Editing, rooms: 1, clients: 50, window: 8 },
    Workload { name: "one shape, one room x 50", doing: Doing::OneShape, rooms: 1, clients: 50, window: 8 },
    Workload { name: "editing, 500 rooms x 2", doing: Doing::Editing, rooms: 500, clients: 2, window: 2 },
];

/// Rooms of the open loop, and ops a second in all.
const CALM_ROOMS: usize = 20;
const CALM_RATE: u64 = 200;

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    println!("\n== people: one op a batch");
    let bare = bare::upserts(plan, lab, false).await;
    println!(
        "bare upserts, 4 x 64: {:.0} rows/s; us per row: server {:.1}",
        bare.rows_per_second, bare.server_us
    );
    for workload in &WORKLOADS {
        closed_loop(plan, lab, workload, bare.rows_per_second).await;
    }
    calm(plan, lab).await;
}

async fn closed_loop(plan: &Plan, lab: &Lab, workload: &Workload, bare: f64) {
    let node = lab.node(plan);
    let rooms = lab.rooms("people", workload.rooms).await;
    lab.settle().await;
    let (done, acknowledged) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut clients = Vec::new();
    for owner in 0..workload.rooms * workload.clients {
        let room = rooms[owner / workload.clients].clone();
        let socket = Socket::join(&node.address, &room).await;
        let person = Person::new(workload.doing, owner, room, socket);
        clients.push(tokio::spawn(person.draw(
            workload.window,
            Arc::clone(&done),
            Arc::clone(&acknowledged),
        )));
    }
    tokio::time::sleep(plan.warm_up()).await;
    let (begun, first, server, process) =
        (Instant::now(), acknowledged.load(Ordering::Relaxed), lab.usage(), node.usage());
    tokio::time::sleep(plan.span()).await;
    let count = (acknowledged.load(Ordering::Relaxed) - first) as f64;
    let rate = count / begun.elapsed().as_secs_f64();
    println!(
        "{}: {rate:.0} acked ops/s, {:.2} of bare; us per op: server {:.1}, node {:.1}",
        workload.name,
        rate / bare,
        (lab.usage() - server).0 * 1e6 / count,
        (node.usage() - process).0 * 1e6 / count,
    );
    done.store(true, Ordering::Relaxed);
    for client in clients {
        client.await.unwrap();
    }
}

/// Open loop: ops come at a rate, and each is timed from its sending to another client's receipt.
async fn calm(plan: &Plan, lab: &Lab) {
    let node = lab.node(plan);
    let rooms = lab.rooms("calm", CALM_ROOMS).await;
    lab.settle().await;
    let mut people = Vec::new();
    let mut viewers = Vec::new();
    for (owner, room) in rooms.iter().enumerate() {
        let socket = Socket::join(&node.address, room).await;
        people.push(Person::new(Doing::Editing, owner, room.clone(), socket));
        viewers.push(Socket::join(&node.address, room).await);
    }
    let rounds = (plan.span().as_millis() as u64 * CALM_RATE / 1_000).max(200);
    let (mut times, mut ticks) =
        (Vec::new(), tokio::time::interval(Duration::from_micros(1_000_000 / CALM_RATE)));
    let mut server = lab.usage();
    for round in 0..rounds + 200 {
        ticks.tick().await;
        if round == 200 {
            times.clear();
            server = lab.usage();
        }
        let place = round as usize % people.len();
        let person = &mut people[place];
        let sent = Instant::now();
        person.queue().await;
        person.socket.flush().await;
        viewers[place].until(r#"{"type":"changes""#).await;
        times.push(sent.elapsed());
        while person.socket.next_now().is_some() {}
    }
    let cpu_us = (lab.usage() - server).0 * 1e6 / rounds as f64;
    let (median, p99) = median_and_p99_ms(times);
    println!(
        "calm, {CALM_RATE} ops/s over {CALM_ROOMS} rooms: to another client {median:.2} ms median, {p99:.2} p99; us per op: server {cpu_us:.0}"
    );
}

/// One client at work.
struct Person {
    doing: Doing,
    owner: usize,
    room: String,
    socket: Socket,
    random: StdRng,
    step: usize,
}

impl Person {
    fn new(doing: Doing, owner: usize, room: String, socket: Socket) -> Self {
        Self { doing, owner, room, socket, random: StdRng::seed_from_u64(owner as u64), step: 0 }
    }

    /// Keeps its window full.
    async fn draw(mut self, window: usize, done: Arc<AtomicBool>, acknowledged: Arc<AtomicU64>) {
        let mut on_the_way = VecDeque::with_capacity(window);
        while !done.load(Ordering::Relaxed) {
            while on_the_way.len() < window {
                on_the_way.push_back(());
                self.queue().await;
            }
            self.socket.flush().await;
            let mut next = Some(self.socket.next().await);
            while let Some(text) = next {
                let undone = text.contains("nothing_to_undo");
                assert!(undone || !text.starts_with(r#"{"type":"reject""#), "the node refuses: {text}");
                if undone || text.starts_with(r#"{"type":"ack""#) {
                    on_the_way.pop_front();
                    acknowledged.fetch_add(1, Ordering::Relaxed);
                }
                next = self.socket.next_now();
            }
        }
    }

    /// Queues what is done next.
    async fn queue(&mut self) {
        let step = self.step;
        self.step += 1;
        let (owner, id) = (self.owner, format!("p{}-{}", self.owner, step / 4));
        let (x, y) = ((owner * 977 + step * 13) % 10_000, (owner * 131 + step * 7) % 10_000);
        let op = match self.doing {
            Doing::Editing if step.is_multiple_of(4) => rectangle(&id, x, y),
            Doing::Editing => format!(
                r#"{{"op":"patch","id":"{id}","set":{{"x":{x}.5,"y":{y}.25,"props":{{"step":{step}}}}}}}"#
            ),
            Doing::Strokes => stroke(&format!("s{owner}-{step}"), x, y, 100),
            Doing::OneShape if step == 0 => rectangle("one", 0, 0),
            Doing::OneShape => {
                format!(r#"{{"op":"patch","id":"one","set":{{"x":{x},"y":{y},"props":{{"by":{owner}}}}}}}"#)
            }
            Doing::Session => return self.session(step, x, y).await,
        };
        self.socket.queue_ops(&self.room, &op).await;
    }

    async fn session(&mut self, step: usize, x: usize, y: usize) {
        let mine = step.min(40);
        let id = format!("m{}-{}", self.owner, self.random.random_range(0..=mine));
        let op = match self.random.random_range(0..100) {
            _ if step < 20 => rectangle(&format!("m{}-{step}", self.owner), x, y),
            0..40 => format!(r#"{{"op":"patch","id":"{id}","set":{{"x":{x}.5,"y":{y}}}}}"#),
            40..50 => format!(
                r##"{{"op":"patch","id":"{id}","set":{{"stroke_color":"#{step:06x}","opacity":{}}}}}"##,
                step % 100
            ),
            50..65 => format!(
                r#"{{"op":"patch","id":"{id}","set":{{"text":"typing {step}","width":{}}}}}"#,
                step % 300
            ),
            65..75 => rectangle(&id, x, y),
            75..82 => stroke(&id, x, y, 20),
            82..92 => format!(r#"{{"op":"append","id":"{id}","points":[[{x},{y},0.5],[{y},{x},0.5]]}}"#),
            92..97 => format!(r#"{{"op":"delete","id":"{id}"}}"#),
            _ => return self.socket.queue_undo(&self.room).await,
        };
        self.socket.queue_ops(&self.room, &op).await;
    }
}

fn rectangle(id: &str, x: usize, y: usize) -> String {
    format!(
        concat!(
            r##"{{"op":"put","shape":{{"id":"{}","kind":"rectangle","x":{},"y":{},"width":120,"height":80,"angle":0,"##,
            r##""stroke_color":"#1e1e1e","background_color":"#a5d8ff","fill_style":"solid","stroke_width":2,"opacity":100,"##,
            r##""props":{{"step":0}}}}}}"##
        ),
        id, x, y
    )
}

fn stroke(id: &str, x: usize, y: usize, points: usize) -> String {
    let points: Vec<String> = (0..points)
        .map(|n| {
            let turn = n as f64 / 10.0;
            format!("[{:.3},{:.3},0.5]", turn.sin() * 50.0, turn.cos() * 40.0)
        })
        .collect();
    format!(
        concat!(
            r##"{{"op":"put","shape":{{"id":"{}","kind":"freedraw","x":{},"y":{},"width":100,"height":80,"stroke_color":"#1e1e1e","##,
            r##""stroke_width":2,"points":[{}],"props":{{"simulatePressure":false}}}}}}"##
        ),
        id,
        x,
        y,
        points.join(",")
    )
}
