//! From one client's `ops` to another's `changes`, against one bare commit with its notice; turn by turn, so that both meet the same
//! disk.

use std::future::poll_fn;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio_postgres::{AsyncMessage, NoTls};

use crate::Plan;
use crate::lab::{Lab, median_and_p99_ms};
use crate::socket::{Rectangle, Socket};

/// Rounds before it counts.
const WARM_UP: usize = 100;

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    println!("\n== latency: one idle room, one op at a time");
    let rounds = plan.rounds(1_000);
    lab.settle().await;
    let node = lab.node(plan);
    let room = lab.rooms("latency", 1).await.remove(0);
    let mut author = Socket::join(&node.address, &room).await;
    let mut viewer = Socket::join(&node.address, &room).await;
    let mut bare = Bare::open(lab).await;
    let (mut seen, mut acknowledged, mut bare_seen) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..WARM_UP + rounds {
        let op = Rectangle::new(0, round % 64, round / 64).put();
        let sent = Instant::now();
        author.send_ops(&room, &op).await;
        viewer.until(r#"{"type":"changes""#).await;
        let (to_viewer, to_author) = (sent.elapsed(), {
            author.until(r#"{"type":"ack""#).await;
            sent.elapsed()
        });
        let heard = bare.round(round).await;
        if round >= WARM_UP {
            seen.push(to_viewer);
            acknowledged.push(to_author);
            bare_seen.push(heard);
        }
    }
    let (ours, bare) = (median_and_p99_ms(seen), median_and_p99_ms(bare_seen));
    println!("bare commit + notice -> heard: {:.2} ms median, {:.2} p99", bare.0, bare.1);
    println!("ops -> other client's changes: {:.2} ms median, {:.2} p99", ours.0, ours.1);
    println!("ops -> own ack: {:.2} ms median", median_and_p99_ms(acknowledged).0);
    println!("  ratio {:.2} (target at most 2.00)", ours.0 / bare.0);
}

/// A connection that writes and one that hears.
struct Bare {
    writer: tokio_postgres::Client,
    insert: tokio_postgres::Statement,
    heard: mpsc::UnboundedReceiver<()>,
    _ear: tokio_postgres::Client,
}

impl Bare {
    async fn open(lab: &Lab) -> Self {
        let writer = lab.connect().await;
        writer
            .batch_execute("drop table if exists bare_latency; create table bare_latency (id bigint primary key, shape jsonb)")
            .await
            .unwrap();
        let insert = "with row as (insert into bare_latency values ($1, $2)) select pg_notify('bare_latency', $1::text)";
        let insert = writer.prepare(insert).await.unwrap();
        let (ear, mut connection) = lab.config().connect(NoTls).await.unwrap();
        let (tell, heard) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            while let Some(Ok(message)) = poll_fn(|context| connection.poll_message(context)).await {
                if matches!(message, AsyncMessage::Notification(_)) && tell.send(()).is_err() {
                    return;
                }
            }
        });
        ear.batch_execute("listen bare_latency").await.unwrap();
        Self { writer, insert, heard, _ear: ear }
    }

    async fn round(&mut self, round: usize) -> Duration {
        let shape: serde_json::Value = serde_json::from_str(&Rectangle::new(0, round, 0).put()).unwrap();
        let id = round as i64;
        let sent = Instant::now();
        let parameters: [&(dyn tokio_postgres::types::ToSql + Sync); 2] = [&id, &shape];
        let (written, heard) = tokio::join!(self.writer.query(&self.insert, &parameters), async {
            self.heard.recv().await;
            sent.elapsed()
        });
        written.unwrap();
        heard
    }
}
