//! How long to wait before trying again.

use std::time::Duration;

/// The first wait, milliseconds.
const FIRST_MS: u64 = 50;
/// The longest wait, milliseconds.
const LONGEST_MS: u64 = 5_000;

/// Doubling waits of 50 ms to 5 s, each drawn between half of it and the whole, so that nodes do not come back in step.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The next wait.
    pub fn next_delay(&mut self) -> Duration {
        let whole = FIRST_MS.saturating_mul(1 << self.failures.min(16)).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        Duration::from_millis(rand::random_range(whole / 2..=whole))
    }

    /// It worked: the next failure waits shortly again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_limit_and_start_over() {
        let mut backoff = Backoff::default();
        let delays: Vec<u128> = (0..20).map(|_| backoff.next_delay().as_millis()).collect();
        assert!(
            delays[0] <= 50 && delays[19] >= 2_500 && delays.iter().all(|delay| *delay <= 5_000),
            "{delays:?}"
        );
        backoff.reset();
        assert!(backoff.next_delay().as_millis() <= 50);
    }
}
