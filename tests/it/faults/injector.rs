//! What goes wrong, by chance.

use super::super::support::chaos::Way;
use super::lab::Lab;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::Rng;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// `kill -9` of a node.
    KillNode,
    /// SIGTERM to a node.
    StopNode,
    FreezeNode,
    /// `kill -9` of the postmaster.
    KillPostgres,
    /// `kill -9` of one session: the server ends all others and recovers.
    KillBackend,
    /// `pg_terminate_backend` of one session.
    EndBackend,
    FreezeBackend,
    /// All of the server that a node talks to stands still.
    FreezePostgres,
    CutClients,
    /// Half open, one way or both.
    LoseClients,
    /// Clients read nothing for a while.
    SlowReaders,
    DelayClients,
    RefuseClients,
    CutDatabase,
    /// Half open, one way or both.
    LoseDatabase,
    StillDatabase,
    DelayDatabase,
    /// No fault, but it takes from under everybody's feet what they may want to resume from.
    Prune,
}

/// Those that are over soon.
pub(super) const SHORT: [Fault; 14] = [
    Fault::Prune,
    Fault::KillNode,
    Fault::StopNode,
    Fault::FreezeNode,
    Fault::KillPostgres,
    Fault::EndBackend,
    Fault::FreezeBackend,
    Fault::CutClients,
    Fault::LoseClients,
    Fault::SlowReaders,
    Fault::DelayClients,
    Fault::RefuseClients,
    Fault::CutDatabase,
    Fault::DelayDatabase,
];

/// All.
pub(super) const ALL: [Fault; 18] = [
    Fault::Prune,
    Fault::KillNode,
    Fault::StopNode,
    Fault::FreezeNode,
    Fault::KillPostgres,
    Fault::KillBackend,
    Fault::EndBackend,
    Fault::FreezeBackend,
    Fault::FreezePostgres,
    Fault::CutClients,
    Fault::LoseClients,
    Fault::SlowReaders,
    Fault::DelayClients,
    Fault::RefuseClients,
    Fault::CutDatabase,
    Fault::LoseDatabase,
    Fault::StillDatabase,
    Fault::DelayDatabase,
];

/// What a round does to its lab.
pub(super) struct Plan {
    pub(super) faults: &'static [Fault],
    pub(super) lasts: Duration,
    /// Between two faults, milliseconds.
    pub(super) gap_ms: std::ops::Range<u64>,
    /// How long a fault that lasts, lasts, milliseconds.
    pub(super) spell_ms: std::ops::Range<u64>,
}

/// How many of each kind there were.
pub(super) type Injected = BTreeMap<Fault, u64>;

/// Something that is to be made good at a time.
struct Debt {
    due: Instant,
    fault: Fault,
    node: usize,
}

/// Goes through a plan; nothing is healed at its end.
pub(super) async fn inject(lab: &mut Lab, plan: &Plan, random: &mut StdRng, say: bool) -> Injected {
    let end = Instant::now() + plan.lasts;
    let (mut injected, mut debts): (Injected, Vec<Debt>) = (Injected::new(), Vec::new());
    while Instant::now() < end {
        let next = Instant::now() + Duration::from_millis(random.random_range(plan.gap_ms.clone()));
        while debts.iter().any(|debt| debt.due < next) {
            debts.sort_by_key(|debt| std::cmp::Reverse(debt.due));
            let Some(debt) = debts.pop() else { break };
            sleep_until(debt.due).await;
            make_good(lab, debt, &mut debts).await;
        }
        sleep_until(next).await;
        let fault = *plan.faults.choose(random).unwrap();
        let node = random.random_range(0..lab.places.len());
        let spell = Duration::from_millis(random.random_range(plan.spell_ms.clone()));
        if say {
            println!("  {fault:?} at node {node} for {spell:?}");
        }
        if begin(lab, fault, node, random).await {
            *injected.entry(fault).or_default() += 1;
            debts.push(Debt { due: Instant::now() + spell, fault, node });
        }
    }
    injected
}

fn ways(random: &mut StdRng) -> &'static [Way] {
    [&Way::BOTH[..], &[Way::ToServer], &[Way::ToClient]].choose(random).unwrap()
}

/// Whether there was something to do it to.
async fn begin(lab: &mut Lab, fault: Fault, node: usize, random: &mut StdRng) -> bool {
    match fault {
        Fault::KillNode => lab.places[node].kill().await,
        Fault::StopNode => lab.places[node].terminate(),
        Fault::FreezeNode => lab.places[node].freeze(true),
        Fault::KillPostgres if lab.cluster.pid().is_some() => lab.kill_postgres().await,
        Fault::KillPostgres => return false,
        Fault::KillBackend | Fault::EndBackend | Fault::FreezeBackend => {
            let backends = lab.backends().await;
            let Some(backend) = backends.choose(random) else { return false };
            match fault {
                Fault::KillBackend => _ = kill(*backend, Signal::SIGKILL),
                // What `pg_terminate_backend` does.
                Fault::EndBackend => _ = kill(*backend, Signal::SIGTERM),
                _ => lab.freeze(&[*backend]),
            }
        }
        Fault::FreezePostgres => {
            let Some(postmaster) = lab.cluster.pid() else { return false };
            let mut all = lab.backends().await;
            all.push(Pid::from_raw(postmaster));
            lab.freeze(&all);
        }
        Fault::CutClients => lab.places[node].clients.cut(),
        Fault::LoseClients => lab.places[node].clients.lose(ways(random)),
        Fault::SlowReaders => lab.places[node].clients.stand_still(&[Way::ToClient], true),
        Fault::DelayClients => {
            lab.places[node].clients.delay(Duration::from_millis(random.random_range(1..80)))
        }
        Fault::RefuseClients => {
            lab.places[node].clients.refuse(true);
            lab.places[node].clients.cut();
        }
        Fault::CutDatabase => lab.places[node].database.cut(),
        Fault::LoseDatabase => lab.places[node].database.lose(ways(random)),
        Fault::StillDatabase => lab.places[node].database.stand_still(ways(random), true),
        Fault::Prune => return lab.prune(random.random_range(0..400)).await,
        Fault::DelayDatabase => {
            lab.places[node].database.delay(Duration::from_millis(random.random_range(1..40)));
        }
    }
    true
}

/// Ends a fault that lasts.
async fn make_good(lab: &mut Lab, debt: Debt, debts: &mut Vec<Debt>) {
    let place = &mut lab.places[debt.node];
    match debt.fault {
        Fault::KillNode => {
            if place.start().await.is_err() {
                // The database may be away: once more, later.
                debts.push(Debt { due: Instant::now() + Duration::from_millis(300), ..debt });
            }
        }
        Fault::StopNode => {
            place.freeze(false);
            // It stops by itself when its database does not answer, too.
            place.ended().await;
            debts.push(Debt { fault: Fault::KillNode, ..debt });
        }
        Fault::FreezeNode => place.freeze(false),
        Fault::KillPostgres => lab.start_postgres().await,
        Fault::FreezeBackend | Fault::FreezePostgres => lab.thaw(),
        Fault::SlowReaders => place.clients.stand_still(&Way::BOTH, false),
        Fault::DelayClients => place.clients.delay(Duration::ZERO),
        Fault::RefuseClients => place.clients.refuse(false),
        Fault::StillDatabase => place.database.stand_still(&Way::BOTH, false),
        Fault::DelayDatabase => place.database.delay(Duration::ZERO),
        // Over as soon as they have begun.
        Fault::KillBackend | Fault::EndBackend | Fault::CutClients | Fault::LoseClients => {}
        Fault::CutDatabase | Fault::LoseDatabase | Fault::Prune => {}
    }
}
