//! What the database does at best with the same rows: a plain table, arrays, four connections, nothing to log, check or tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use tokio_postgres::Client;

use crate::lab::Lab;
use crate::process::Usage;
use crate::socket::Rectangle;
use crate::{Plan, writes};

/// Connections that write.
const CONNECTIONS: usize = 4;
/// Rows of a transaction, all of one room.
const ROWS: usize = 64;

/// A rate and what it cost.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    pub(crate) rows_per_second: f64,
    pub(crate) server_us: f64,
    pub(crate) client_us: f64,
}

const TABLE: &str = "
    drop table if exists bare_shapes;
    create table bare_shapes (
      room_id bigint not null, id text collate \"C\" not null, kind text not null,
      x float8 not null, y float8 not null, width float8 not null, height float8 not null, angle float8 not null,
      stroke_color text, background_color text, fill_style text, stroke_width float8, opacity float8,
      props jsonb not null, bounds box not null, version bigint not null, seq bigint not null,
      updated_by text not null, updated_at timestamptz not null,
      primary key (room_id, id)) with (fillfactor = 70);
    create index on bare_shapes (room_id, seq);
    create index on bare_shapes using gist (bounds);";

const UPSERT: &str = "
    insert into bare_shapes as s
    select $1, u.id, 'rectangle', u.x, u.y, 120, 80, 0, '#1e1e1e', '#a5d8ff', 'solid', 2, 100, u.props,
           box(point(u.x - 1, u.y - 1), point(u.x + 121, u.y + 81)), 1, $2, 'bench', now()
    from unnest($3::text[], $4::float8[], $5::float8[], $6::jsonb[]) as u (id, x, y, props)
    on conflict (room_id, id) do update set kind = excluded.kind, x = excluded.x, y = excluded.y, width = excluded.width,
      height = excluded.height, angle = excluded.angle, stroke_color = excluded.stroke_color,
      background_color = excluded.background_color, fill_style = excluded.fill_style, stroke_width = excluded.stroke_width,
      opacity = excluded.opacity, props = excluded.props, bounds = excluded.bounds, version = s.version + 1,
      seq = excluded.seq, updated_by = excluded.updated_by, updated_at = excluded.updated_at";

/// Upserts as fast as they go; with `notice`, each transaction rings a bell that one connection hears.
pub(crate) async fn upserts(plan: &Plan, lab: &Lab, notice: bool) -> Rate {
    lab.connect().await.batch_execute(TABLE).await.unwrap();
    lab.settle().await;
    let ear = lab.connect().await;
    ear.batch_execute("listen bare").await.unwrap();
    let (done, rows) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let mut writers = Vec::new();
    for share in 0..CONNECTIONS {
        let (client, done, rows) = (lab.connect().await, Arc::clone(&done), Arc::clone(&rows));
        writers.push(tokio::spawn(write(client, share, notice, done, rows)));
    }
    tokio::time::sleep(plan.warm_up()).await;
    let before = (rows.load(Ordering::Relaxed), lab.usage(), Usage::of_bench(), Instant::now());
    tokio::time::sleep(plan.span()).await;
    let count = (rows.load(Ordering::Relaxed) - before.0) as f64;
    let rate = Rate {
        rows_per_second: count / before.3.elapsed().as_secs_f64(),
        server_us: (lab.usage() - before.1).0 * 1e6 / count,
        client_us: (Usage::of_bench() - before.2).0 * 1e6 / count,
    };
    done.store(true, Ordering::Relaxed);
    for writer in writers {
        writer.await.unwrap();
    }
    rate
}

async fn write(client: Client, share: usize, notice: bool, done: Arc<AtomicBool>, rows: Arc<AtomicU64>) {
    let upsert = client.prepare(UPSERT).await.unwrap();
    let ring = client.prepare("select pg_notify('bare', $1)").await.unwrap();
    for step in 0.. {
        if done.load(Ordering::Relaxed) {
            return;
        }
        let room = (step % (writes::ROOMS / CONNECTIONS) * CONNECTIONS + share) as i64;
        // The same rows as through sockets: what each of the room's clients draws.
        let owner = step / 4 % writes::CLIENTS_PER_ROOM;
        let first = step / 20 * ROWS;
        let shapes: Vec<Rectangle> = (first..first + ROWS)
            .map(|n| {
                Rectangle::new(
                    owner + room as usize * writes::CLIENTS_PER_ROOM,
                    n % writes::SHAPES,
                    step / 80,
                )
            })
            .collect();
        let ids: Vec<&str> = shapes.iter().map(|shape| shape.id.as_str()).collect();
        let xs: Vec<f64> = shapes.iter().map(|shape| shape.x).collect();
        let ys: Vec<f64> = shapes.iter().map(|shape| shape.y).collect();
        let props = vec![serde_json::json!({"roundness": 3}); ROWS];
        let seq = step as i64;
        if notice {
            let begin = client.batch_execute("begin");
            let row: [&(dyn tokio_postgres::types::ToSql + Sync); 6] = [&room, &seq, &ids, &xs, &ys, &props];
            let write = client.execute(&upsert, &row);
            let payload = format!("c {seq} {room}");
            let told: [&(dyn tokio_postgres::types::ToSql + Sync); 1] = [&payload];
            let tell = client.execute(&ring, &told);
            let commit = client.batch_execute("commit");
            // In one go: the transaction takes one trip.
            let (begun, written, told, committed) = tokio::join!(begin, write, tell, commit);
            begun.unwrap();
            assert_eq!(written.unwrap(), ROWS as u64);
            told.unwrap();
            committed.unwrap();
        } else {
            client.execute(&upsert, &[&room, &seq, &ids, &xs, &ys, &props]).await.unwrap();
        }
        rows.fetch_add(ROWS as u64, Ordering::Relaxed);
    }
}
