//! What happens again and again is told now and then, with how often it was not.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Different things that are remembered; of more, the one told longest ago is forgotten.
const MOST: usize = 32;

/// Which things were told when, and how often not since.
#[derive(Debug)]
pub struct Seldom {
    pause: Duration,
    told: Mutex<Vec<(String, Instant, u64)>>,
}

impl Seldom {
    /// Each thing once in such a pause.
    pub const fn new(pause: Duration) -> Self {
        Self { pause, told: Mutex::new(Vec::new()) }
    }

    /// Whether to tell a thing now: then, how often it was not told since the last time.
    pub fn tell(&self, thing: &str) -> Option<u64> {
        self.tell_at(thing, Instant::now())
    }

    fn tell_at(&self, thing: &str, now: Instant) -> Option<u64> {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, at, untold)) = told.iter_mut().find(|(known, ..)| known == thing) {
            if now.saturating_duration_since(*at) < self.pause {
                *untold += 1;
                return None;
            }
            *at = now;
            return Some(std::mem::take(untold));
        }
        if told.len() >= MOST
            && let Some(oldest) = (0..told.len()).min_by_key(|place| told.get(*place).map(|(_, at, _)| *at))
        {
            told.swap_remove(oldest);
        }
        told.push((thing.to_owned(), now, 0));
        Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_told_once_in_a_pause_with_how_often_it_was_not() {
        let (seldom, now) = (Seldom::new(Duration::from_secs(1)), Instant::now());
        let at = |ms: u64, thing: &str| seldom.tell_at(thing, now + Duration::from_millis(ms));
        assert_eq!([at(0, "a"), at(10, "a"), at(20, "b"), at(999, "a")], [Some(0), None, Some(0), None]);
        assert_eq!([at(1000, "a"), at(1001, "a"), at(3000, "a")], [Some(2), None, Some(1)]);
        (0..100).for_each(|number| _ = at(4000, &number.to_string()));
        assert!(seldom.told.lock().unwrap().len() <= MOST);
    }
}
