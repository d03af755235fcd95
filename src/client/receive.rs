//! How a board takes in what a node says.

use std::collections::BTreeSet;

use super::board::Board;
use super::error::ClientError;
use super::frame::{Ack, Batch, Changes, Frame, Joined, Mode, Page, Problem, Reject, Rejected};
use super::join::Incoming;
use super::link::{Joining, Link};
use super::news::News;
use super::queue::Queued;
use super::saved::At;
use super::shape::{Misfit, Shape, apply};

impl Board {
    /// Takes a frame in. What is of another room, or of no account to a board, brings no news.
    pub fn receive(&mut self, text: &str, now_ms: u64) -> Result<Vec<News>, ClientError> {
        let frame: Frame = serde_json::from_str(text)?;
        let mut news = Vec::new();
        // Between connections nothing is heard: what comes late is of the one before.
        let Some(mut link) = self.link.take() else { return Ok(news) };
        match frame {
            Frame::Joined(joined) if joined.page.room == self.room => {
                self.joined(&mut link, joined, &mut news);
            }
            Frame::Delta(page) if page.room == self.room => self.page(&mut link, page, &mut news),
            Frame::Changes(changes) if changes.room == self.room => {
                self.changes(&mut link, changes, &mut news);
            }
            Frame::Ack(ack) if ack.room == self.room => self.ack(&mut link, ack, &mut news),
            Frame::Reject(reject) if reject.room == self.room => {
                self.reject(&mut link, &reject, now_ms, &mut news);
            }
            Frame::Error(problem) => self.problem(&mut link, problem, now_ms, &mut news),
            _ => {}
        }
        self.link = Some(link);
        Ok(news)
    }

    fn joined(&mut self, link: &mut Link, joined: Joined, news: &mut Vec<News>) {
        let continues = self.at.is_some_and(|at| at.epoch == joined.epoch) && !self.doubtful;
        if joined.mode == Mode::Delta && !continues {
            self.misfit(link, news);
            return;
        }
        link.parts = None;
        link.join_pause.reset();
        self.advance(link, Incoming::new(joined), news);
    }

    fn page(&mut self, link: &mut Link, page: Page, news: &mut Vec<News>) {
        // A page without its first one belongs to a join that was given up.
        match std::mem::replace(&mut link.joining, Joining::Wanted) {
            Joining::Paging(mut incoming) => {
                incoming.gather(page);
                self.advance(link, incoming, news);
            }
            other => link.joining = other,
        }
    }

    fn advance(&mut self, link: &mut Link, incoming: Incoming, news: &mut Vec<News>) {
        if !incoming.is_whole() {
            link.joining = Joining::Paging(incoming);
            return;
        }
        let at = At { epoch: incoming.epoch, seq: incoming.seq };
        let snapshot = incoming.mode == Mode::Snapshot;
        let rewound = self.at.is_some_and(|before| before.epoch != at.epoch || before.seq > at.seq);
        let Ok(mut touched) = incoming.apply(&mut self.confirmed) else { return self.misfit(link, news) };
        self.at = Some(at);
        self.doubtful = false;
        link.joining = Joining::Whole;
        // What was acknowledged in another history is not coming.
        for op_id in self.queue.committed(|seq| rewound || seq <= at.seq) {
            touched.extend(self.forget(op_id));
        }
        self.queue.rebase_all(&self.confirmed);
        news.push(News::Joined { epoch: at.epoch, seq: at.seq, snapshot });
        news.push(News::Changed(touched));
    }

    fn changes(&mut self, link: &mut Link, changes: Changes, news: &mut Vec<News>) {
        let (Joining::Whole, Some(at)) = (&link.joining, self.at) else { return };
        if changes.to <= at.seq {
            return;
        }
        let goes_on = link.parts.as_ref().is_none_or(|parts| parts.to == changes.to);
        if changes.from != at.seq || !goes_on {
            link.rejoin();
            return;
        }
        let more = changes.more;
        let whole = gathered(link.parts.take(), changes);
        if more {
            link.parts = Some(whole);
            return;
        }
        let mut touched = BTreeSet::new();
        for batch in &whole.batches {
            if self.told(batch, &mut touched, news).is_err() {
                return self.misfit(link, news);
            }
        }
        if self.at.map(|at| at.seq) != Some(whole.to) {
            return self.misfit(link, news);
        }
        for op_id in self.queue.committed(|seq| seq <= whole.to) {
            touched.extend(self.forget(op_id));
        }
        for id in &touched {
            self.queue.rebase(id, &self.confirmed);
        }
        news.push(News::Changed(touched));
    }

    /// One batch of the server's order.
    fn told(
        &mut self,
        batch: &Batch,
        touched: &mut BTreeSet<String>,
        news: &mut Vec<News>,
    ) -> Result<(), Misfit> {
        let at = self.at.as_mut().filter(|at| at.seq + 1 == batch.seq).ok_or(Misfit)?;
        apply(&mut self.confirmed, batch)?;
        at.seq = batch.seq;
        touched.extend(batch.changes.iter().map(|change| change.id().to_owned()));
        news.push(News::Told(batch.into()));
        if let Some(op_id) = batch.op_id.filter(|_| batch.client == Some(self.client))
            && self.queue.commit(op_id, batch.seq)
        {
            news.push(News::Committed { op_id, seq: batch.seq });
        }
        Ok(())
    }

    fn ack(&mut self, link: &mut Link, ack: Ack, news: &mut Vec<News>) {
        link.in_flight.remove(&ack.op_id);
        link.batch_pause.reset();
        let Ack { op_id, seq, outcomes, left_alone, .. } = ack;
        news.push(News::Ack { op_id, seq, outcomes, left_alone });
        if self.queue.commit(op_id, seq) {
            news.push(News::Committed { op_id, seq });
        }
        if self.at.is_some_and(|at| seq <= at.seq) {
            let touched = self.forget(op_id);
            if !touched.is_empty() {
                news.push(News::Changed(touched));
            }
        }
    }

    fn reject(&mut self, link: &mut Link, reject: &Reject, now_ms: u64, news: &mut Vec<News>) {
        link.in_flight.remove(&reject.op_id);
        if may_be_repeated(&reject.code) {
            link.batch_pause.begin(now_ms, reject.retry_after_ms);
            return;
        }
        link.batch_pause.reset();
        news.extend(self.give_up(reject.op_id, &reject.code, &reject.message, &reject.shapes));
    }

    /// A batch will never be applied, unless it is known to be committed; what goes on with it has nothing to go on with.
    pub(super) fn give_up(&mut self, op_id: i64, code: &str, message: &str, shapes: &[Shape]) -> Vec<News> {
        let mut news = Vec::new();
        if self.queue.batches().get(&op_id).is_none_or(|batch| batch.committed.is_some()) {
            return news;
        }
        let rest = self.queue.rest_of(op_id);
        for op_id in std::iter::once(op_id).chain(rest) {
            let Some(Queued { verb, ops, .. }) = self.queue.remove(op_id, &self.confirmed) else { continue };
            if let Some(link) = &mut self.link {
                link.in_flight.remove(&op_id);
            }
            news.push(News::Changed(ops.iter().map(|op| op.id().to_owned()).collect()));
            let (code, message, shapes) = (code.to_owned(), message.to_owned(), shapes.to_vec());
            news.push(News::Rejected(Rejected { op_id, code, message, verb, ops, shapes }));
        }
        news
    }

    fn problem(&mut self, link: &mut Link, problem: Problem, now_ms: u64, news: &mut Vec<News>) {
        let is_of_the_room = problem.op_id.is_none() && problem.room.as_deref() == Some(self.room.as_str());
        let may_come = may_be_repeated(&problem.code);
        // A join may fail after its last page, too: between it and the first changes.
        let is_of_the_join = match link.joining {
            Joining::Asked | Joining::Paging(_) => true,
            Joining::Whole => may_come,
            Joining::Wanted | Joining::Refused => false,
        };
        if !(is_of_the_room && is_of_the_join) {
            return;
        }
        if may_come {
            link.rejoin();
            link.join_pause.begin(now_ms, problem.retry_after_ms);
        } else {
            link.joining = Joining::Refused;
            news.push(News::Refused { code: problem.code, message: problem.message });
        }
    }

    /// The copy is wrong, or the node is: all is asked for anew.
    fn misfit(&mut self, link: &mut Link, news: &mut Vec<News>) {
        self.doubtful = true;
        link.rejoin();
        self.queue.rebase_all(&self.confirmed);
        news.push(News::Diverged);
    }

    /// Takes a batch out of the queue; gives the shapes that it touched.
    fn forget(&mut self, op_id: i64) -> BTreeSet<String> {
        let batch = self.queue.remove(op_id, &self.confirmed);
        batch.iter().flat_map(|batch| &batch.ops).map(|op| op.id().to_owned()).collect()
    }
}

/// Codes after which the same batch, or join, may succeed.
fn may_be_repeated(code: &str) -> bool {
    code == "unavailable" || code == "rate_limited"
}

/// The parts so far with the next one.
fn gathered(parts: Option<Changes>, mut next: Changes) -> Changes {
    let Some(mut parts) = parts else { return next };
    for batch in next.batches.drain(..) {
        match parts.batches.last_mut().filter(|last| last.seq == batch.seq) {
            Some(last) => last.changes.extend(batch.changes),
            None => parts.batches.push(batch),
        }
    }
    parts
}
