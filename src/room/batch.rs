//! Which batches go into one transaction. Pure.

/// Most batches of one transaction: beyond a few hundred rows a transaction the wait grows faster than the rate.
pub const MAX_BATCHES: usize = 256;
/// Most ops of one transaction, unless a single batch has more.
pub const MAX_OPS: usize = 512;
/// Most bytes of one transaction, unless a single batch has more.
pub const MAX_BYTES: usize = 2 * 1024 * 1024;

/// How large a batch is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// Ops in it.
    pub ops: usize,
    /// Bytes of what they say.
    pub bytes: usize,
}

/// What has been gathered for the next transaction.
#[derive(Debug)]
pub struct Gathered<T> {
    batches: Vec<T>,
    size: Size,
}

impl<T> Default for Gathered<T> {
    fn default() -> Self {
        Self { batches: Vec::new(), size: Size::default() }
    }
}

impl<T> Gathered<T> {
    /// Takes a batch, or gives it back when it belongs to the next transaction. The first is always taken.
    pub fn add(&mut self, batch: T, size: Size) -> Option<T> {
        let sum = Size { ops: self.size.ops + size.ops, bytes: self.size.bytes + size.bytes };
        let full = self.batches.len() >= MAX_BATCHES || sum.ops > MAX_OPS || sum.bytes > MAX_BYTES;
        if full && !self.batches.is_empty() {
            return Some(batch);
        }
        self.size = sum;
        self.batches.push(batch);
        None
    }

    /// The batches, in the order they came.
    pub fn into_batches(self) -> Vec<T> {
        self.batches
    }
}

/// Divides what failed together into parts to try apart: by room when there are several, else in halves.
pub fn divide<T, K: PartialEq>(mut batches: Vec<T>, room: impl Fn(&T) -> K) -> Vec<Vec<T>> {
    let Some(first) = batches.first().map(&room) else {
        return Vec::new();
    };
    if batches.iter().all(|batch| room(batch) == first) {
        let half = batches.split_off(batches.len() / 2);
        return [batches, half].into_iter().filter(|part| !part.is_empty()).collect();
    }
    let mut parts: Vec<(K, Vec<T>)> = Vec::new();
    for batch in batches {
        let key = room(&batch);
        match parts.iter_mut().find(|(known, _)| *known == key) {
            Some((_, part)) => part.push(batch),
            None => parts.push((key, vec![batch])),
        }
    }
    parts.into_iter().map(|(_, part)| part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transaction_takes_what_fits_and_always_one() {
        let mut gathered = Gathered::default();
        assert_eq!(gathered.add(1, Size { ops: MAX_OPS * 2, bytes: 1 }), None);
        assert_eq!(gathered.add(2, Size { ops: 1, bytes: 1 }), Some(2));
        let mut gathered = Gathered::default();
        let taken =
            (0..MAX_BATCHES + 5).filter(|n| gathered.add(*n, Size { ops: 1, bytes: 10 }).is_none()).count();
        assert_eq!(taken, MAX_BATCHES);
    }

    #[test]
    fn what_failed_is_divided_by_room_then_in_halves() {
        let parts = divide(vec![("a", 1), ("b", 2), ("a", 3)], |batch| batch.0);
        assert_eq!(parts, [vec![("a", 1), ("a", 3)], vec![("b", 2)]]);
        let parts = divide(vec![("a", 1), ("a", 2), ("a", 3)], |batch| batch.0);
        assert_eq!(parts, [vec![("a", 1)], vec![("a", 2), ("a", 3)]]);
        assert_eq!(divide(vec![("a", 1)], |batch| batch.0), [vec![("a", 1)]]);
    }
}
