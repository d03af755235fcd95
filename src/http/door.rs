//! How many connections a node has, in all and from one address, and who goes when there is no place for more.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::net::TcpStream;

use crate::budget::Line;
use crate::log::Seldom;
use crate::metrics::{Metrics, count};

/// A connection that has asked for nothing for so long makes way for one that comes.
const IDLE: Duration = Duration::from_secs(1);
/// How many come in while those who make way still go.
const BEYOND: usize = 32;
/// How often it is told that connections are refused.
const TOLD: Duration = Duration::from_secs(1);
/// What is said to who finds no place; it fits into any socket's buffer.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-type: application/json\r\n\
content-length: 91\r\n\r\n{\"error\":{\"code\":\"unavailable\",\"message\":\"this node has as many connections as it takes\"}}\n";

/// The connections of a node.
#[derive(Debug)]
pub(super) struct Door {
    most: usize,
    most_per_address: usize,
    inside: Mutex<Inside>,
    metrics: Arc<Metrics>,
    told: Seldom,
}

#[derive(Debug, Default)]
struct Inside {
    by_address: HashMap<IpAddr, usize>,
    lines: HashMap<u64, Weak<Line>>,
    next: u64,
}

/// A place among the connections; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Pass {
    door: Arc<Door>,
    address: IpAddr,
    number: u64,
}

impl Door {
    /// Lets in so many, of one address so many; 0: as many as in all.
    pub(super) fn new(most: usize, most_per_address: usize, metrics: &Arc<Metrics>) -> Arc<Self> {
        let most_per_address = if most_per_address == 0 { usize::MAX } else { most_per_address };
        let (metrics, told) = (Arc::clone(metrics), Seldom::new(TOLD));
        Arc::new(Self { most, most_per_address, inside: Mutex::default(), metrics, told })
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection; none when there is none.
    pub(super) fn admit(self: &Arc<Self>, address: IpAddr, line: &Arc<Line>) -> Option<Pass> {
        let mut inside = self.inside();
        if inside.by_address.get(&address).is_some_and(|here| *here >= self.most_per_address) {
            drop(inside);
            self.refuse(
                "address",
                "one address has as many connections as it may: --max-connections-per-address",
            );
            return None;
        }
        let here = inside.lines.len();
        if here >= self.most && (here >= self.most + BEYOND || !inside.make_way()) {
            drop(inside);
            self.refuse(
                "full",
                "there are as many connections as there may be: --max-connections, or descriptors",
            );
            return None;
        }
        inside.next += 1;
        let number = inside.next;
        inside.lines.insert(number, Arc::downgrade(line));
        *inside.by_address.entry(address).or_default() += 1;
        self.metrics.connections.inc();
        Some(Pass { door: Arc::clone(self), address, number })
    }

    fn refuse(&self, kind: &'static str, why: &str) {
        count(&self.metrics.refused_connections, kind);
        if let Some(untold) = self.told.tell(kind) {
            tracing::warn!(untold, "a connection was refused: {why}");
        }
    }
}

impl Inside {
    /// Sends away who has asked for nothing for the longest; false when all are busy.
    fn make_way(&self) -> bool {
        let idle = self.lines.values().filter_map(Weak::upgrade).filter(|line| !line.place().is_let_go());
        let longest = idle
            .filter_map(|line| line.idle().map(|idle| (idle, line)))
            .filter(|(idle, _)| *idle >= IDLE)
            .max_by_key(|(idle, _)| *idle);
        longest.map(|(_, line)| line.place().make_way()).is_some()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut inside = self.door.inside();
        inside.lines.remove(&self.number);
        if let Some(here) = inside.by_address.get_mut(&self.address) {
            *here -= 1;
            if *here == 0 {
                inside.by_address.remove(&self.address);
            }
        }
        self.door.metrics.connections.dec();
    }
}

/// Tells somebody that there is no place, without waiting for them.
pub(super) fn turn_away(stream: &TcpStream) {
    _ = stream.try_write(FULL);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn what_is_said_at_the_door_is_as_long_as_it_says() {
        let said = String::from_utf8(FULL.to_vec()).unwrap();
        let (head, body) = said.split_once("\r\n\r\n").unwrap();
        assert!(head.ends_with(&format!("content-length: {}", body.len())), "{}", body.len());
    }

    #[tokio::test(start_paused = true)]
    async fn idle_connections_make_way_and_busy_ones_stay() {
        let door = Door::new(2, 0, &Arc::default());
        let budget = Budget::new(0, 0);
        let address = IpAddr::from([127, 0, 0, 1]);
        let lines: Vec<_> = (0..4).map(|_| Line::new(&budget)).collect();
        let come = |place: usize| door.admit(address, &lines[place]);
        let passes = (come(0), come(1));
        assert!(passes.0.is_some() && passes.1.is_some() && come(2).is_none(), "both have only come");
        tokio::time::advance(IDLE).await;
        lines[0].begin();
        let third = come(2);
        assert!(third.is_some() && lines[1].place().is_let_go() && !lines[0].place().is_let_go());
        lines[2].begin();
        assert!(come(3).is_none(), "nobody else is idle");
        drop((passes, third));
        assert!(come(3).is_some() && door.inside().by_address.is_empty());
    }

    #[test]
    fn one_address_has_no_more_than_its_part() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let door = Door::new(10, 1, &Arc::default());
            let line = Line::new(&Budget::new(0, 0));
            let [one, other] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
            let first = door.admit(one, &line);
            assert!(
                first.is_some() && door.admit(one, &line).is_none() && door.admit(other, &line).is_some()
            );
        });
    }
}
