//! Lists of shapes, read and sent piece by piece at the pace of the reader: `{…"shapes":[…],"next":…}`.

use std::fmt::Write;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use hyper::body::Incoming;
use hyper::{Request, StatusCode};
use serde_json::json;

use super::answer::{Answer, broken, of};
use super::body::{Body, Broken, PIECE_BYTES, Weighed, held, read};
use super::request::line;
use crate::budget::Line;
use crate::db::DbError;

/// The most bytes of one answer; what is more is told by the next.
const ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Some rows of a list.
#[derive(Debug)]
pub(super) struct Page {
    /// Ids and JSON.
    rows: Vec<(String, String)>,
    /// Whether there may be more after them.
    more: bool,
}

impl Page {
    /// Rows of a question that ends at so many rows or bytes.
    pub(super) fn of(rows: Vec<(String, String)>, limit: i32, bytes: i32) -> Self {
        let read: usize = rows.iter().map(|(_, row)| row.len()).sum();
        let is_full = |read: usize, most: i32| usize::try_from(most).is_ok_and(|most| read >= most);
        let more = is_full(rows.len(), limit) || is_full(read, bytes);
        Self { rows, more }
    }

    /// The rows as text, each with a comma.
    fn text_bytes(&self) -> usize {
        self.rows.iter().map(|(_, row)| row.len() + 1).sum()
    }

    /// The text of a piece: a beginning, the rows, a comma behind each. It takes no more memory than it has bytes.
    fn text(&self, head: &str) -> String {
        let mut text = String::with_capacity(head.len() + self.text_bytes());
        text.push_str(head);
        for (_, row) in &self.rows {
            text.push_str(row);
            text.push(',');
        }
        text
    }
}

impl Weighed for Page {
    fn bytes(&self) -> usize {
        let each = |(id, row): &(String, String)| size_of::<(String, String)>() + id.len() + row.len();
        self.rows.iter().map(each).sum::<usize>() + self.text_bytes()
    }
}

type Reading = Pin<Box<dyn Future<Output = Result<Page, DbError>> + Send>>;
type Read = Box<dyn Fn(Option<String>, i32, i32) -> Reading + Send + Sync>;

/// A list on its way.
pub(super) struct Listing {
    /// What is still to be said before the next shape.
    head: String,
    after: Option<String>,
    left: i32,
    bytes: usize,
    read: Read,
    is_done: bool,
}

impl Listing {
    /// A list that begins so, after an id, of at most so many rows; `read` is asked for those after an id, until a limit or so many bytes.
    pub(super) fn new<F: Future<Output = Result<Page, DbError>> + Send + 'static>(
        head: String,
        after: Option<String>,
        limit: i32,
        read: impl Fn(Option<String>, i32, i32) -> F + Send + Sync + 'static,
    ) -> Self {
        let read: Read = Box::new(move |after, limit, bytes| Box::pin(read(after, limit, bytes)));
        Self { head, after, left: limit, bytes: 0, read, is_done: false }
    }

    /// The answer: whole when it is one piece, else in pieces, the first of which was read.
    pub(super) async fn answer(mut self, request: &Request<Incoming>) -> Result<Answer, Answer> {
        let line = line(request)?;
        let first = self.piece(&line).await.map_err(|failure| broken(&failure))?;
        let body = if self.is_done { Body::whole(first).held() } else { self.rest(first, line) };
        Ok(of(StatusCode::OK, "application/json", body))
    }

    fn rest(self, first: Bytes, line: Arc<Line>) -> Body {
        let rest = stream::try_unfold((self, Some(first), line), |(mut listing, first, line)| async move {
            let piece = match first {
                Some(first) => first,
                None if listing.is_done => return Ok(None),
                None => listing.piece(&line).await?,
            };
            Ok::<_, Broken>(Some((piece, (listing, None, line))))
        });
        Body::pieces(rest, None)
    }

    /// The next piece; the last one ends the list.
    async fn piece(&mut self, line: &Line) -> Result<Bytes, Broken> {
        let bytes = i32::try_from(PIECE_BYTES).unwrap_or(i32::MAX);
        let ask = || (self.read)(self.after.clone(), self.left, bytes);
        // Rows and their text; the last row may be what is beyond.
        let (page, lease) = read(line.budget(), 3 * PIECE_BYTES, ask).await?;
        let mut text = page.text(&std::mem::take(&mut self.head));
        self.bytes += text.len();
        self.left -= i32::try_from(page.rows.len()).unwrap_or(i32::MAX);
        if let Some((id, _)) = page.rows.last() {
            self.after = Some(id.clone());
        }
        self.is_done = !page.more || self.left <= 0 || self.bytes >= ANSWER_BYTES;
        if self.is_done {
            self.end(&mut text, page.more);
        } else if text.ends_with(',') {
            // The comma comes with what follows it, if anything does.
            text.pop();
            self.head.push(',');
        }
        Ok(held(text, lease, line))
    }

    fn end(&self, text: &mut String, more: bool) {
        if text.ends_with(',') {
            text.pop();
        }
        let next = json!(self.after.as_ref().filter(|_| more));
        // Writing to a String does not fail.
        _ = write!(text, "],\"next\":{next}}}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// LM4
    #[test]
    fn a_page_weighs_what_its_rows_and_their_text_take() {
        let row = |number: usize| (format!("s{number}"), "x".repeat(number * 1_000));
        for rows in [0, 1, 2, 40] {
            let page = Page { rows: (1..=rows).map(row).collect(), more: false };
            let text = page.text("{\"shapes\":[");
            assert_eq!(text.capacity(), text.len(), "{rows}");
            let read: usize = page.rows.iter().map(|(id, row)| id.capacity() + row.capacity()).sum();
            assert!(page.bytes() + 11 >= read + text.capacity(), "{rows}: {} and {}", read, text.capacity());
        }
    }
}
