//! What a room's bell says of changes. A notice carries the batches when NOTIFY takes them; the answer to who wrote always does.

use crate::model::Seq;

/// `c <from> <to>`, then a line per batch when it carries them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bell<'a> {
    /// Seq before the first batch.
    pub from: Seq,
    /// Seq of the last batch.
    pub to: Seq,
    /// The batches, JSON, one per line; empty: they are to be fetched.
    pub batches: &'a str,
}

impl<'a> Bell<'a> {
    /// Reads one; none when it says something else.
    pub fn read(text: &'a str) -> Option<Self> {
        let (head, batches) = text.split_once('\n').unwrap_or((text, ""));
        let mut words = head.strip_prefix("c ")?.split(' ').map(|word| word.parse::<Seq>().ok());
        let (from, to) = (words.next()??, words.next()??);
        Some(Self { from, to, batches })
    }

    /// The batches, parted by commas.
    pub fn batches_json(&self) -> String {
        self.batches.replace('\n', ",")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bell_names_its_seqs_and_may_carry_its_batches() {
        let [from, to] = [4, 6].map(|number| Seq::new(number).unwrap());
        let bell = Bell::read("c 4 6\n{\"seq\":5}\n{\"seq\":6}").unwrap();
        assert_eq!((bell.from, bell.to, bell.batches_json().as_str()), (from, to, r#"{"seq":5},{"seq":6}"#));
        assert_eq!(Bell::read("c 4 6"), Some(Bell { from, to, batches: "" }));
        for other in ["", "c", "c 4", "c 4 x", "c -1 4", "p 4 6", "x"] {
            assert_eq!(Bell::read(other), None, "{other}");
        }
    }
}
