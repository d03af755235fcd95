//! Changes of the log become `changes` frames. Pure. A frame holds whole batches; one too large for a frame is continued in further
//! frames of the same `from` and `to`. Frames end where somebody's snapshot stands, so that nobody gets a batch twice.

use std::collections::BTreeSet;

use crate::db::calls::LoggedChange;
use crate::model::Seq;

/// Where a frame's batches are cut into the next frame, bytes.
pub const FRAME_BYTES: usize = 256 * 1024;

/// Batches for one `changes` frame, already JSON.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Seq before the first batch.
    pub from: Seq,
    /// Seq of the last batch.
    pub to: Seq,
    /// The batches, parted by commas.
    pub batches_json: String,
    /// Whether the last batch goes on in the next frame.
    pub more: bool,
}

/// Whether batches are missing between a seq and a page of what follows it, in a room that is known to have come so far: they were pruned
/// in this moment.
pub fn has_hole(after: Seq, page: &[LoggedChange], known: Seq) -> bool {
    page.first().map_or(after < known, |first| first.seq.get() > after.get() + 1)
}

/// Puts changes, given in order, into frames.
#[derive(Debug)]
pub struct Framer {
    from: Seq,
    /// Whole batches of the frame being made, and the seq they reach.
    whole: String,
    to: Seq,
    /// The batch being read: its seq, its JSON so far without the closing brackets.
    open: Option<(Seq, String)>,
    /// Whether parts of it have been made into frames already.
    parted: bool,
    /// Seqs at which a frame must end.
    cuts: BTreeSet<Seq>,
    done: Vec<Stretch>,
}

impl Framer {
    /// Begins after a seq.
    pub fn new(from: Seq, cuts: impl IntoIterator<Item = Seq>) -> Self {
        Self {
            from,
            whole: String::new(),
            to: from,
            open: None,
            parted: false,
            cuts: cuts.into_iter().filter(|cut| *cut > from).collect(),
            done: Vec::new(),
        }
    }

    /// Takes the next change.
    pub fn push(&mut self, change: &LoggedChange) {
        if self.open.as_ref().is_some_and(|(seq, _)| *seq != change.seq) {
            self.end_batch();
        }
        let open_bytes = self.open.as_ref().map_or(0, |(_, text)| text.len());
        if open_bytes > 0 && open_bytes + change.change.len() > FRAME_BYTES {
            self.end_part();
        }
        let (_, text) = self.open.get_or_insert_with(|| (change.seq, change.head.clone()));
        if !text.ends_with('[') {
            text.push(',');
        }
        text.push_str(&change.change);
    }

    /// The frames that are ready.
    pub fn take(&mut self) -> Vec<Stretch> {
        std::mem::take(&mut self.done)
    }

    /// Nothing more comes: everything is ready.
    pub fn end(&mut self) {
        self.end_batch();
        self.end_frame();
    }

    /// The batch being read is complete: it joins the whole ones, or ends its own parts.
    fn end_batch(&mut self) {
        let Some((seq, mut text)) = self.open.take() else { return };
        text.push_str("]}");
        if !self.whole.is_empty() && self.whole.len() + text.len() > FRAME_BYTES {
            self.end_frame();
        }
        if !self.whole.is_empty() {
            self.whole.push(',');
        }
        self.whole.push_str(&text);
        self.to = seq;
        if std::mem::take(&mut self.parted) || self.cuts.contains(&seq) {
            self.end_frame();
        }
    }

    /// The batch being read does not fit: what came before it, then this part of it, become frames.
    fn end_part(&mut self) {
        self.end_frame();
        if let Some((seq, text)) = &mut self.open {
            let head_bytes = text.find("\"changes\":[").map_or(0, |at| at + "\"changes\":[".len());
            let head = text.get(..head_bytes).unwrap_or_default().to_owned();
            let mut part = std::mem::replace(text, head);
            part.push_str("]}");
            self.parted = true;
            self.done.push(Stretch { from: self.from, to: *seq, batches_json: part, more: true });
        }
    }

    fn end_frame(&mut self) {
        if self.whole.is_empty() {
            return;
        }
        let batches_json = std::mem::take(&mut self.whole);
        self.done.push(Stretch { from: self.from, to: self.to, batches_json, more: false });
        self.from = self.to;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_page_that_does_not_follow_the_seq_has_a_hole() {
        let change = |seq| LoggedChange {
            seq: Seq::new(seq).unwrap(),
            ordinal: 1,
            head: String::new(),
            change: String::new(),
        };
        let after = Seq::new(4).unwrap();
        assert!(
            !has_hole(after, &[], after)
                && !has_hole(after, &[change(5)], after)
                && !has_hole(after, &[change(4), change(5)], after)
        );
        assert!(has_hole(after, &[change(6)], after));
        assert!(has_hole(after, &[], seq(5)), "all that there was is gone");
    }

    use super::*;

    fn seq(number: i64) -> Seq {
        Seq::new(number).unwrap()
    }

    fn change(number: i64, text: &str) -> LoggedChange {
        let head = format!("{{\"seq\":{number},\"changes\":[");
        LoggedChange { seq: seq(number), ordinal: 0, head, change: text.to_owned() }
    }

    fn framed(cuts: &[i64], changes: &[LoggedChange]) -> Vec<Stretch> {
        let mut framer = Framer::new(seq(4), cuts.iter().map(|cut| seq(*cut)));
        changes.iter().for_each(|change| framer.push(change));
        framer.end();
        framer.take()
    }

    #[test]
    fn small_batches_share_a_frame() {
        let frames = framed(&[], &[change(5, "1"), change(5, "2"), change(6, "3")]);
        let batches_json = r#"{"seq":5,"changes":[1,2]},{"seq":6,"changes":[3]}"#.to_owned();
        assert_eq!(frames, [Stretch { from: seq(4), to: seq(6), batches_json, more: false }]);
    }

    #[test]
    fn a_frame_ends_where_a_snapshot_stands() {
        let frames = framed(&[5], &[change(5, "1"), change(6, "3")]);
        let ends: Vec<(i64, i64)> = frames.iter().map(|frame| (frame.from.get(), frame.to.get())).collect();
        assert_eq!(ends, [(4, 5), (5, 6)]);
    }

    #[test]
    fn a_large_batch_goes_on_in_further_frames() {
        let large = format!("\"{}\"", "x".repeat(FRAME_BYTES / 2));
        let changes =
            [change(5, "1"), change(6, &large), change(6, &large), change(6, &large), change(7, "2")];
        let frames = framed(&[], &changes);
        let ends: Vec<(i64, i64, bool)> =
            frames.iter().map(|frame| (frame.from.get(), frame.to.get(), frame.more)).collect();
        assert_eq!(ends, [(4, 5, false), (5, 6, true), (5, 6, true), (5, 6, false), (6, 7, false)]);
        for frame in frames {
            serde_json::from_str::<serde_json::Value>(&format!("[{}]", frame.batches_json)).unwrap();
        }
    }
}
