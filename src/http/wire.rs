//! The bytes of a connection on their way: how fast they go, and how much may come in that is not whole yet.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Sleep, sleep};

use super::door::Pass;
use crate::budget::{Budget, Exhausted, FREE_BYTES, Kind, Lease, Line};

/// Within this time a reader takes so many bytes of what waits for it, or is cut.
const PACE: Duration = Duration::from_secs(20);
const PACE_BYTES: u64 = 40 * 1024;
/// How much of a message is let in at a time.
const STEP_BYTES: usize = 4 * FREE_BYTES;

type Asking = Pin<Box<dyn Future<Output = Result<Lease, Exhausted>> + Send>>;

/// A connection, watched.
pub(super) struct Wire {
    stream: TcpStream,
    line: Arc<Line>,
    sent: u64,
    /// While something waits to be sent: what was sent when it was last looked at, and when to look again.
    pace: Option<(u64, Pin<Box<Sleep>>)>,
    asking: Option<Asking>,
    /// Its place among the connections of the node.
    _pass: Pass,
}

impl Wire {
    /// Watches a connection that was let in.
    pub(super) fn new(stream: TcpStream, line: Arc<Line>, pass: Pass) -> Self {
        Self { stream, line, sent: 0, pace: None, asking: None, _pass: pass }
    }

    /// Notes what was taken of so many bytes, or that nothing was; an error when that goes on for too long.
    fn noted(
        &mut self,
        outcome: Poll<io::Result<usize>>,
        offered: usize,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        match outcome {
            Poll::Ready(Ok(taken)) => {
                self.sent += taken as u64;
                if taken >= offered {
                    self.pace = None;
                }
                self.line.sent(taken, taken >= offered);
                Poll::Ready(Ok(taken))
            }
            Poll::Pending => {
                self.line.stick();
                self.keep_pace(context)
            }
            failed @ Poll::Ready(Err(_)) => failed,
        }
    }

    fn keep_pace(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        loop {
            let sent = self.sent;
            let (before, look) = self.pace.get_or_insert_with(|| (sent, Box::pin(sleep(PACE))));
            ready!(look.as_mut().poll(context));
            if sent - *before < PACE_BYTES {
                return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
            }
            self.pace = None;
        }
    }

    /// Waits until more may come in.
    fn poll_let_in(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.line.may_receive() {
            let asking = self.asking.get_or_insert_with(|| ask(Arc::clone(self.line.budget())));
            let answer = ready!(asking.as_mut().poll(context));
            self.asking = None;
            self.line.let_in(answer.map_err(io::Error::other)?);
        }
        Poll::Ready(Ok(()))
    }
}

fn ask(budget: Arc<Budget>) -> Asking {
    Box::pin(async move { budget.take_bulk(Kind::Requests, STEP_BYTES).await })
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_let_in(context))?;
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.line.received(buffer.filled().len() - before);
        outcome
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.noted(outcome, bytes.len(), context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let offered = slices.iter().map(|slice| slice.len()).sum();
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.noted(outcome, offered, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
