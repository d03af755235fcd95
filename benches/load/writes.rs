//! Durable acknowledged ops through sockets against bare batched upserts of the same rows.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::Plan;
use crate::bare;
use crate::lab::{Lab, median_and_p99_ms};
use crate::process::Usage;
use crate::socket::{Rectangle, Socket, refuse};

/// Rooms that are drawn in.
pub(crate) const ROOMS: usize = 20;
/// Clients that draw in each.
pub(crate) const CLIENTS_PER_ROOM: usize = 5;
/// Shapes that each client draws, and then moves again and again.
pub(crate) const SHAPES: usize = 256;
/// Ops of a batch, and batches that a client has on their way: with 64 ops fewer, so that no shape is twice on its way.
const VARIANTS: [(usize, usize); 2] = [(1, 8), (64, 2)];

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    println!("\n== writes: {ROOMS} rooms x {CLIENTS_PER_ROOM} clients");
    let before = bare::upserts(plan, lab, false).await;
    let rung = bare::upserts(plan, lab, true).await;
    print_bare("bare upserts, 4 x 64", &before);
    print_bare("bare upserts + notice, 4 x 64", &rung);
    for (ops, window) in VARIANTS {
        let ours = through_sockets(plan, lab, ops, window).await;
        let rate = ours.ops_per_second;
        println!(
            "sockets, {ops:>2} ops a batch, {window} on their way: {rate:>8.0} ops/s; answer {:.1} ms median, {:.1} p99; us per op: server {:.1}, node {:.1}, clients {:.1}",
            ours.answer_ms.0, ours.answer_ms.1, ours.server_us, ours.node_us, ours.client_us
        );
        println!(
            "  ratio to bare {:.2}, to bare + notice {:.2} (target 0.40)",
            rate / before.rows_per_second,
            rate / rung.rows_per_second
        );
    }
}

fn print_bare(name: &str, rate: &bare::Rate) {
    println!(
        "{name}: {:.0} rows/s; us per row: server {:.1}, client {:.1}",
        rate.rows_per_second, rate.server_us, rate.client_us
    );
}

struct Measured {
    ops_per_second: f64,
    answer_ms: (f64, f64),
    server_us: f64,
    node_us: f64,
    client_us: f64,
}

async fn through_sockets(plan: &Plan, lab: &Lab, ops_per_batch: usize, window: usize) -> Measured {
    let node = lab.node(plan);
    let rooms = lab.rooms("writes", ROOMS).await;
    lab.settle().await;
    let (done, measuring) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let acknowledged = Arc::new(AtomicU64::new(0));
    let mut clients = Vec::new();
    for owner in 0..ROOMS * CLIENTS_PER_ROOM {
        let room = rooms[owner / CLIENTS_PER_ROOM].clone();
        let socket = Socket::join(&node.address, &room).await;
        let client = Client {
            socket,
            room,
            owner,
            ops_per_batch,
            window,
            sent: 0,
            done: Arc::clone(&done),
            measuring: Arc::clone(&measuring),
            acknowledged: Arc::clone(&acknowledged),
        };
        clients.push(tokio::spawn(client.draw()));
    }
    tokio::time::sleep(plan.warm_up()).await;
    measuring.store(true, Ordering::Relaxed);
    let usages = || (lab.usage(), node.usage(), Usage::of_bench());
    let (begun, first, before) = (Instant::now(), acknowledged.load(Ordering::Relaxed), usages());
    tokio::time::sleep(plan.span()).await;
    let (count, span) = ((acknowledged.load(Ordering::Relaxed) - first) as f64, begun.elapsed());
    let after = usages();
    measuring.store(false, Ordering::Relaxed);
    done.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    for client in clients {
        times.extend(client.await.unwrap());
    }
    Measured {
        ops_per_second: count / span.as_secs_f64(),
        answer_ms: median_and_p99_ms(times),
        server_us: (after.0 - before.0).0 * 1e6 / count,
        node_us: (after.1 - before.1).0 * 1e6 / count,
        client_us: (after.2 - before.2).0 * 1e6 / count,
    }
}

struct Client {
    socket: Socket,
    room: String,
    owner: usize,
    ops_per_batch: usize,
    window: usize,
    sent: usize,
    done: Arc<AtomicBool>,
    measuring: Arc<AtomicBool>,
    acknowledged: Arc<AtomicU64>,
}

impl Client {
    /// Keeps its window full, and writes in one go what it has come to while it read; gives how long answers took. An `ack` of the n-th
    /// batch answers the oldest one: they come in order.
    async fn draw(mut self) -> Vec<Duration> {
        let mut times = Vec::new();
        let mut on_the_way = std::collections::VecDeque::with_capacity(self.window);
        while !self.done.load(Ordering::Relaxed) {
            while on_the_way.len() < self.window {
                on_the_way.push_back(Instant::now());
                self.queue().await;
            }
            self.socket.flush().await;
            let mut next = Some(self.socket.next().await);
            while let Some(text) = next {
                if text.starts_with(r#"{"type":"ack""#) {
                    let sent = on_the_way.pop_front().expect("an ack for a batch");
                    self.acknowledged.fetch_add(self.ops_per_batch as u64, Ordering::Relaxed);
                    if self.measuring.load(Ordering::Relaxed) {
                        times.push(sent.elapsed());
                    }
                } else {
                    refuse(&text);
                }
                next = self.socket.next_now();
            }
        }
        times
    }

    async fn queue(&mut self) {
        let ops: Vec<String> = (0..self.ops_per_batch)
            .map(|_| {
                self.sent += 1;
                Rectangle::new(self.owner, self.sent % SHAPES, self.sent / SHAPES).put()
            })
            .collect();
        self.socket.queue_ops(&self.room, &ops.join(",")).await;
    }
}
