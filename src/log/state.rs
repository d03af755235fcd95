//! A trouble that lasts is told when it begins and when it is over, not at each attempt.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A trouble that comes back so soon is told once: where one attempt in some succeeds it would be told at each.
const SAME: Duration = Duration::from_secs(30);

/// Whether a trouble lasts.
#[derive(Debug, Default)]
pub struct State {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    lasting: Option<Lasting>,
    /// What was told last, and when.
    told: Option<(String, Instant)>,
}

#[derive(Debug)]
struct Lasting {
    what: String,
    since: Instant,
    attempts: u64,
    is_told: bool,
}

impl State {
    /// An attempt failed; whether to tell it: it is the first, or fails in another way than the one before.
    pub fn fails(&self, what: &str) -> bool {
        self.fails_at(what, Instant::now())
    }

    fn fails_at(&self, what: &str, now: Instant) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let was_told =
            known.told.as_ref().is_some_and(|(told, at)| told == what && now.duration_since(*at) < SAME);
        let lasting = known.lasting.get_or_insert_with(|| Lasting {
            what: String::new(),
            since: now,
            attempts: 0,
            is_told: false,
        });
        lasting.attempts += 1;
        let is_new = lasting.what != what;
        if is_new {
            what.clone_into(&mut lasting.what);
        }
        let tell = is_new && !was_told;
        lasting.is_told |= tell;
        if tell {
            known.told = Some((what.to_owned(), now));
        }
        tell
    }

    /// An attempt succeeded; if that ends a trouble that was told: how long it was, and how many attempts failed.
    pub fn is_over(&self) -> Option<(Duration, u64)> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let lasted = known.lasting.take()?;
        lasted.is_told.then(|| (lasted.since.elapsed(), lasted.attempts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trouble_is_told_when_it_begins_when_it_changes_and_when_it_is_over() {
        let (state, now) = (State::default(), Instant::now());
        let fails = |seconds: u64, what: &str| state.fails_at(what, now + Duration::from_secs(seconds));
        assert_eq!(state.is_over(), None);
        assert_eq!([fails(0, "a"), fails(0, "a"), fails(1, "b"), fails(1, "b")], [true, false, true, false]);
        assert_eq!(state.is_over().map(|(_, attempts)| attempts), Some(4));
        assert!(!fails(2, "b") && state.is_over().is_none(), "it comes and goes");
        assert!(fails(40, "b") && state.is_over().is_some());
    }
}
