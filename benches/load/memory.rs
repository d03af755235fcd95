//! What a thousand idle sockets, joined, cost a node in memory.

use futures_util::future::join_all;

use crate::Plan;
use crate::lab::Lab;
use crate::process::memory_mb;
use crate::socket::Socket;

/// Sockets of one step.
const SOCKETS: usize = 1_000;
/// Rooms they are spread over.
const ROOMS: usize = 50;

/// Measures and prints.
pub(crate) async fn measure(plan: &Plan, lab: &Lab) {
    println!("\n== memory: {SOCKETS} idle joined sockets in {ROOMS} rooms");
    let node = lab.node(plan);
    let rooms = lab.rooms("memory", ROOMS).await;
    let mut sockets = Vec::new();
    let empty = memory_mb(node.pid(), "VmRSS");
    let mut before = empty;
    for step in 1..=plan.rounds(30).min(3) {
        for some in 0..SOCKETS / ROOMS {
            sockets.extend(join_all(rooms.iter().map(|room| Socket::join(&node.address, room))).await);
            assert_eq!(sockets.len() % ROOMS, 0, "{some}");
        }
        let after = settled(node.pid()).await;
        println!(
            "step {step}: {before:.1} -> {after:.1} MB, {:.1} MB for the {SOCKETS} (target at most 30)",
            after - before
        );
        before = after;
    }
    let each_kb = (before - empty) * 1024.0 / sockets.len() as f64;
    println!("  {each_kb:.1} kB a socket over all {} sockets", sockets.len());
}

/// What it holds once it does not change any more for a second.
async fn settled(pid: i32) -> f64 {
    let mut last = memory_mb(pid, "VmRSS");
    loop {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let now = memory_mb(pid, "VmRSS");
        if (now - last).abs() < 0.5 {
            return now;
        }
        last = now;
    }
}
