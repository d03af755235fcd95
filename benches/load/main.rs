//! How fast the whole is, against what the same machine and the same PostgreSQL can do at best: each figure stands beside its
//! baseline, measured in the same run. Read the ratios; the absolute figures are this machine's.
//!
//! `cargo bench --bench load -- [--quick] [--repeat N] [--program=PATH] [writes] [people] [latency] [fanout] [memory] [board] [past]`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::collapsible_if,
    reason = "a bench that fails is to stop"
)]
#![allow(clippy::print_stdout, reason = "what it measured is what it is for")]
#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "figures for people"
)]
#![allow(clippy::pedantic, reason = "figures are cast and rounded, and a bench may hold large things")]

mod bare;
mod board;
mod fanout;
mod lab;
mod latency;
mod memory;
mod past;
mod people;
mod process;
mod socket;
mod writes;

use std::path::PathBuf;
use std::time::Duration;

use lab::Lab;

/// What was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    parts: Vec<String>,
    quick: bool,
    repeat: usize,
    node_args: Vec<String>,
    /// The pgcanvas that is measured: this one, or another version's.
    program: PathBuf,
}

impl Plan {
    fn from_args() -> Self {
        let mut plan = Self {
            parts: Vec::new(),
            quick: false,
            repeat: 1,
            node_args: Vec::new(),
            program: PathBuf::from(env!("CARGO_BIN_EXE_pgcanvas")),
        };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--bench" => {} // cargo says it
                "--quick" => plan.quick = true,
                "--repeat" => {
                    plan.repeat = args.next().and_then(|count| count.parse().ok()).expect("--repeat N")
                }
                // `--node=--writers=2`: a flag for the node that is measured.
                arg if arg.starts_with("--node=") => plan.node_args.push(arg["--node=".len()..].to_owned()),
                // Another version, on a database of its own making.
                arg if arg.starts_with("--program=") => plan.program = arg["--program=".len()..].into(),
                part => plan.parts.push(part.to_owned()),
            }
        }
        plan
    }

    fn wants(&self, part: &str) -> bool {
        self.parts.is_empty() || self.parts.iter().any(|wanted| wanted == part)
    }

    /// How long a rate is measured.
    fn span(&self) -> Duration {
        Duration::from_millis(if self.quick { 1_000 } else { 8_000 })
    }

    /// How long it runs before that.
    fn warm_up(&self) -> Duration {
        Duration::from_millis(if self.quick { 300 } else { 3_000 })
    }

    /// How often something short is measured.
    fn rounds(&self, usual: usize) -> usize {
        if self.quick { (usual / 10).max(5) } else { usual }
    }
}

fn main() {
    if let Some(address) = std::env::args().skip_while(|arg| arg != fanout::SERVE).nth(1) {
        assert!(!address.is_empty(), "an address to write");
        return runtime().block_on(fanout::serve_bare());
    }
    let plan = Plan::from_args();
    runtime().block_on(run(&plan));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap()
}

async fn run(plan: &Plan) {
    let mut lab = Lab::open(&plan.program).await;
    println!("{}", lab.described().await);
    for _ in 0..plan.repeat {
        if plan.wants("writes") {
            writes::measure(plan, &lab).await;
        }
        if plan.wants("people") {
            people::measure(plan, &lab).await;
        }
        if plan.wants("latency") {
            latency::measure(plan, &lab).await;
        }
        if plan.wants("fanout") {
            fanout::measure(plan, &lab).await;
        }
        if plan.wants("memory") {
            memory::measure(plan, &lab).await;
        }
        if plan.wants("board") {
            board::measure(plan, &lab).await;
        }
        if plan.wants("past") {
            past::measure(plan, &lab).await;
        }
    }
    lab.close().await;
}
