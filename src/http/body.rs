//! What is answered: whole, or piece by piece as its reader takes it. Either way its bytes are held in the node's budget until they are sent.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use hyper::body::{Frame, SizeHint};
use tokio::time::Instant;

use crate::budget::{Budget, Exhausted, Kind, Lease, Line};
use crate::db::DbError;

/// How much is read at a time, bytes; a row that is larger is read alone.
pub(super) const PIECE_BYTES: usize = 256 * 1024;
/// How long an answer may take to be sent, by a reader that is fast enough not to be cut before.
const ANSWER_TIME: Duration = Duration::from_mins(5);
/// How often a piece is read again because it was larger than was thought.
const READINGS: usize = 3;

/// Why an answer broke off.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The node holds as much as it may.
    #[error(transparent)]
    Exhausted(#[from] Exhausted),
    /// The reader.
    #[error("the reader took too long")]
    TooSlow,
}

type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, Broken>> + Send>>;

/// The body of an answer.
pub(super) struct Body {
    whole: Option<Bytes>,
    pieces: Option<Pieces>,
    bytes: Option<u64>,
    until: Instant,
    /// Whose answer it is; told when it was sent, or will not be.
    line: Option<Arc<Line>>,
    /// Whether its bytes are in the budget, or in the program itself.
    is_held: bool,
}

impl std::fmt::Debug for Body {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Body").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

impl Body {
    fn new(whole: Option<Bytes>, pieces: Option<Pieces>, bytes: Option<u64>) -> Self {
        Self { whole, pieces, bytes, until: Instant::now() + ANSWER_TIME, line: None, is_held: false }
    }

    /// All of it.
    pub(super) fn whole(bytes: impl Into<Bytes>) -> Self {
        let bytes = bytes.into();
        let length = bytes.len() as u64;
        Self::new(Some(bytes).filter(|bytes| !bytes.is_empty()), None, Some(length))
    }

    /// Pieces as they are read, each held in the budget; how many bytes in all, where it is known.
    pub(super) fn pieces(
        pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
        bytes: Option<u64>,
    ) -> Self {
        Self::new(None, Some(Box::pin(pieces)), bytes).held()
    }

    /// Says that its bytes are held already.
    pub(super) fn held(mut self) -> Self {
        self.is_held = true;
        self
    }

    /// Takes its bytes into the budget, for whoever is to read them; those that are few need not be.
    pub(super) async fn hold(mut self, line: &Arc<Line>) -> Result<Self, Exhausted> {
        if let Some(bytes) = self.whole.take_if(|bytes| !self.is_held && bytes.len() > FEW_BYTES) {
            let lease = line.budget().take(Kind::Answers, bytes.len()).await?;
            self.whole = Some(held(bytes, lease, line));
        }
        self.belong_to(line);
        Ok(self)
    }

    /// Says whose answer it is.
    pub(super) fn belong_to(&mut self, line: &Arc<Line>) {
        self.line = Some(Arc::clone(line));
    }
}

/// Answers of no more than this are not counted: a connection has one at a time.
const FEW_BYTES: usize = 4 * 1024;

impl Drop for Body {
    fn drop(&mut self) {
        if let Some(line) = &self.line {
            line.end();
        }
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        if let Some(whole) = self.whole.take() {
            return Poll::Ready(Some(Ok(Frame::data(whole))));
        }
        let until = self.until;
        let Some(pieces) = &mut self.pieces else { return Poll::Ready(None) };
        if Instant::now() > until {
            return Poll::Ready(Some(Err(Broken::TooSlow)));
        }
        let piece = ready!(pieces.as_mut().poll_next(context));
        Poll::Ready(piece.map(|piece| piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.whole.is_none() && self.pieces.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        self.bytes.map_or_else(SizeHint::new, SizeHint::with_exact)
    }
}

struct Held {
    bytes: Box<[u8]>,
    _lease: Lease,
}

impl AsRef<[u8]> for Held {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// Bytes that are held for a reader until the last of them is sent.
pub(super) fn held(bytes: impl Into<Vec<u8>>, mut lease: Lease, line: &Line) -> Bytes {
    // A text that grew may have room for as much again.
    let bytes = bytes.into().into_boxed_slice();
    _ = lease.fit(bytes.len());
    lease.charge(line.place());
    Bytes::from_owner(Held { bytes, _lease: lease })
}

/// Something that was read, and how many bytes it takes.
pub(super) trait Weighed {
    /// Bytes in memory, about, with those of the text that is made of it while it is there.
    fn bytes(&self) -> usize;
}

/// Reads a piece for which there is room; what turns out to be larger than was thought is dropped and read again when there is room for it.
pub(super) async fn read<T: Weighed, F: Future<Output = Result<T, DbError>>>(
    budget: &Arc<Budget>,
    expected_bytes: usize,
    ask: impl Fn() -> F,
) -> Result<(T, Lease), Broken> {
    let mut wanted = expected_bytes;
    for _ in 0..READINGS {
        let mut lease = budget.take(Kind::Answers, wanted).await?;
        let piece = ask().await?;
        if piece.bytes() <= lease.bytes() || lease.fit(piece.bytes()) {
            return Ok((piece, lease));
        }
        wanted = piece.bytes() + piece.bytes() / 8;
    }
    Err(Exhausted.into())
}
