//! Every metric of a node: its name, its meaning, its unit.

use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// A label that tells kinds of one thing apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
pub struct Kind {
    /// Which kind.
    pub kind: &'static str,
}

/// The node's metrics.
#[derive(Debug)]
pub struct Metrics {
    registry: Registry,
    /// Sockets open.
    pub sockets: Gauge,
    /// Connections open, sockets included.
    pub connections: Gauge,
    /// Connections refused, by cause: address, full.
    pub refused_connections: Family<Kind, Counter>,
    /// Bytes held for others, by kind: answers, requests, frames.
    pub held_bytes: Family<Kind, Gauge>,
    /// Connections cut because they did not move while such bytes ran out, by kind.
    pub cut_connections: Family<Kind, Gauge>,
    /// Rooms hosted.
    pub rooms: Gauge,
    /// Batches waiting for a writer.
    pub writer_queue: Gauge,
    /// Batches committed in one transaction.
    pub batches_per_commit: Histogram,
    /// Batches applied, by how: set (with all others of the call), single (one op alone), one_by_one (op by op).
    pub batches: Family<Kind, Counter>,
    /// Ops committed in one transaction.
    pub ops_per_commit: Histogram,
    /// Seconds from asking for a transaction to its commit.
    pub commit_seconds: Histogram,
    /// Seconds from a batch's arrival to its answer.
    pub answer_seconds: Histogram,
    /// Seconds from ringing a bell of the node's own to hearing it, every five seconds.
    pub notice_seconds: Histogram,
    /// Ops acknowledged.
    pub ops: Counter,
    /// Batches rejected, by code.
    pub rejects: Family<Kind, Counter>,
    /// Frames that could not be read or were refused, by code.
    pub errors: Family<Kind, Counter>,
    /// Frames queued for sockets.
    pub frames: Counter,
    /// Presence frames dropped for slow readers.
    pub presence_drops: Counter,
    /// Sockets the node closed, by close code.
    pub closes: Family<Kind, Counter>,
    /// Tries to sign in, by outcome.
    pub sign_ins: Family<Kind, Counter>,
    /// Notices heard, by kind: changes, bell, presence, unknown.
    pub notices: Family<Kind, Counter>,
    /// Fetches of changes that did not ride in a notice.
    pub fetches: Counter,
    /// Times the listening connection was lost.
    pub listener_losses: Counter,
    /// How many seqs a room's cursor was behind its bell when it last had to fetch.
    pub seq_lag: Gauge,
    /// Connections of the pool in use.
    pub pool_in_use: Gauge,
    /// Transactions tried again, by reason.
    pub retries: Family<Kind, Counter>,
    /// Bytes waiting in outboxes.
    pub outbox_bytes: Gauge<i64, std::sync::atomic::AtomicI64>,
    /// Bytes queued for sockets since the start.
    pub sent_bytes: Counter<u64, AtomicU64>,
}

fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.000_25, 2.0, 16))
}

fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(1.0, 2.0, 12))
}

impl Default for Metrics {
    fn default() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("pgcanvas"),
            sockets: Gauge::default(),
            connections: Gauge::default(),
            refused_connections: Family::default(),
            held_bytes: Family::default(),
            cut_connections: Family::default(),
            rooms: Gauge::default(),
            writer_queue: Gauge::default(),
            batches_per_commit: sizes(),
            batches: Family::default(),
            ops_per_commit: sizes(),
            commit_seconds: seconds(),
            answer_seconds: seconds(),
            notice_seconds: seconds(),
            ops: Counter::default(),
            rejects: Family::default(),
            errors: Family::default(),
            frames: Counter::default(),
            presence_drops: Counter::default(),
            closes: Family::default(),
            sign_ins: Family::default(),
            notices: Family::default(),
            fetches: Counter::default(),
            listener_losses: Counter::default(),
            seq_lag: Gauge::default(),
            pool_in_use: Gauge::default(),
            retries: Family::default(),
            outbox_bytes: Gauge::default(),
            sent_bytes: Counter::default(),
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    fn register(&mut self) {
        let to = &mut self.registry;
        to.register("sockets", "Sockets open", self.sockets.clone());
        to.register("connections", "Connections open, sockets included", self.connections.clone());
        to.register("refused_connections", "Connections refused, by cause", self.refused_connections.clone());
        to.register_with_unit(
            "held",
            "Held in memory for others, by kind",
            Unit::Bytes,
            self.held_bytes.clone(),
        );
        to.register(
            "cut_connections",
            "Connections cut since the start because they did not move while bytes of that kind ran out",
            self.cut_connections.clone(),
        );
        to.register("rooms", "Rooms hosted", self.rooms.clone());
        to.register("writer_queue", "Batches waiting for a writer", self.writer_queue.clone());
        to.register("batches_per_commit", "Batches in one transaction", self.batches_per_commit.clone());
        to.register("batches", "Batches applied, by how", self.batches.clone());
        to.register("ops_per_commit", "Ops in one transaction", self.ops_per_commit.clone());
        to.register_with_unit("commit", "One transaction", Unit::Seconds, self.commit_seconds.clone());
        to.register_with_unit(
            "answer",
            "Arrival of a batch to its answer",
            Unit::Seconds,
            self.answer_seconds.clone(),
        );
        to.register_with_unit(
            "notice",
            "Ringing a bell of the node's own to hearing it, every five seconds",
            Unit::Seconds,
            self.notice_seconds.clone(),
        );
        to.register("ops", "Ops acknowledged", self.ops.clone());
        to.register("rejects", "Batches rejected, by code", self.rejects.clone());
        to.register("errors", "Frames refused, by code", self.errors.clone());
        to.register("frames", "Frames queued for sockets", self.frames.clone());
        to.register(
            "presence_drops",
            "Presence frames dropped for slow readers",
            self.presence_drops.clone(),
        );
        to.register("closes", "Sockets the node closed, by close code", self.closes.clone());
        to.register("sign_ins", "Passwords tried, by outcome", self.sign_ins.clone());
        to.register("notices", "Notices heard, by kind", self.notices.clone());
        to.register("fetches", "Fetches of changes that no notice carried", self.fetches.clone());
        to.register("listener_losses", "Losses of the listening connection", self.listener_losses.clone());
        to.register(
            "seq_lag",
            "How many seqs a room's cursor was behind its bell when it last had to fetch",
            self.seq_lag.clone(),
        );
        to.register("pool_in_use", "Pool connections in use", self.pool_in_use.clone());
        to.register("retries", "Transactions tried again, by reason", self.retries.clone());
        to.register_with_unit("outbox", "Waiting in outboxes", Unit::Bytes, self.outbox_bytes.clone());
        to.register_with_unit("sent", "Queued for sockets", Unit::Bytes, self.sent_bytes.clone());
    }

    /// All metrics in Prometheus' text form.
    pub fn text(&self) -> String {
        let mut text = String::new();
        // Writing to a String does not fail.
        _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Counts one of a kind.
pub fn count(family: &Family<Kind, Counter>, kind: &'static str) {
    family.get_or_create(&Kind { kind }).inc();
}
