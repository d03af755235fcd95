//! What a room told last, for those who are just joining. Pure.

use std::collections::VecDeque;

use super::frames::Stretch;
use crate::model::Seq;

/// Stretches kept for those who join while the room moves on, and their bytes.
const STRETCHES: usize = 128;
const BYTES: usize = 512 * 1024;

/// The last whole stretches of a room, each following the one before; when there is no place for more, the oldest goes.
#[derive(Debug, Default)]
pub(super) struct Recent {
    stretches: VecDeque<Stretch>,
    bytes: usize,
    /// Whether the next stretch is the rest of a batch whose first parts were not kept.
    parted: bool,
}

impl Recent {
    /// Keeps a stretch, unless it is a part of a batch: whoever got it alone would take it for the whole.
    pub(super) fn keep(&mut self, stretch: Stretch) {
        if stretch.more || self.parted {
            self.parted = stretch.more;
            self.stretches.clear();
            self.bytes = 0;
            return;
        }
        self.bytes += stretch.batches_json.len();
        self.stretches.push_back(stretch);
        while self.stretches.len() > STRETCHES || self.bytes > BYTES {
            let Some(oldest) = self.stretches.pop_front() else { break };
            self.bytes -= oldest.batches_json.len();
        }
    }

    /// What follows a seq, if it is all here.
    pub(super) fn after(&self, seq: Seq) -> Option<impl Iterator<Item = &Stretch>> {
        let start = self.stretches.iter().position(|stretch| stretch.from == seq)?;
        Some(self.stretches.iter().skip(start))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretch(from: i64, to: i64, more: bool, bytes: usize) -> Stretch {
        let [from, to] = [from, to].map(|number| Seq::new(number).unwrap());
        Stretch { from, to, batches_json: "x".repeat(bytes), more }
    }

    fn ends(recent: &Recent, after: i64) -> Option<Vec<i64>> {
        Some(recent.after(Seq::new(after).unwrap())?.map(|stretch| stretch.to.get()).collect())
    }

    #[test]
    fn whoever_is_a_little_behind_gets_what_follows() {
        let mut recent = Recent::default();
        for (from, to) in [(4, 5), (5, 8), (8, 9)] {
            recent.keep(stretch(from, to, false, 10));
        }
        assert_eq!(ends(&recent, 5), Some(vec![8, 9]));
        assert_eq!(ends(&recent, 6), None, "within a stretch");
        assert_eq!(ends(&recent, 3), None);
        recent.keep(stretch(9, 10, false, BYTES));
        assert_eq!((ends(&recent, 8), ends(&recent, 9)), (None, Some(vec![10])), "the oldest went");
    }

    /// SY5
    #[test]
    fn the_rest_of_a_batch_in_parts_is_not_told_as_the_whole() {
        let mut recent = Recent::default();
        recent.keep(stretch(4, 5, false, 10));
        for more in [true, true, false] {
            recent.keep(stretch(5, 6, more, 10));
            assert_eq!((ends(&recent, 4), ends(&recent, 5)), (None, None));
        }
        recent.keep(stretch(6, 7, false, 10));
        assert_eq!((ends(&recent, 5), ends(&recent, 6)), (None, Some(vec![7])));
    }
}
