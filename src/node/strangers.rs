//! Pages that were refused because their origin is not the host that the node is asked as: each pair of names is told once.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

/// So many pairs are told; whoever makes up names does not fill the log.
const MAX_PAIRS: usize = 64;

/// The pairs of origin and host that were told.
#[derive(Debug, Default)]
pub struct Strangers(Mutex<HashSet<(String, String)>>);

impl Strangers {
    /// Whether this pair is to be told: it is new, and there were not too many.
    pub fn is_new(&self, origin: &str, host: &str) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < MAX_PAIRS && told.insert((origin.to_owned(), host.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pair_is_told_once_and_not_without_end() {
        let strangers = Strangers::default();
        assert!(strangers.is_new("a", "b") && !strangers.is_new("a", "b") && strangers.is_new("b", "a"));
        let told = (0..1000).filter(|n| strangers.is_new(&n.to_string(), "b")).count();
        assert_eq!(told, MAX_PAIRS - 2);
    }
}
