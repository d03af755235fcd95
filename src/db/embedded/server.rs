//! The running server: our child, or one that an earlier node left running.
use std::{thread, time::Duration};

use nix::sys::signal::Signal;
use tokio::{
    process::Child,
    time::{Instant, sleep, timeout},
};

use super::{EmbeddedError, postmaster};

/// How often a process that is not our child is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// How long each way of stopping may take before the next harder one is tried. A clean stop writes a checkpoint.
const STOP_DEADLINE: Duration = Duration::from_secs(30);
/// How long dropping may hold up the thread: an immediate stop takes some milliseconds.
const DROP_DEADLINE: Duration = Duration::from_secs(2);

/// How to stop the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Waits until every client has left.
    Smart,
    /// Ends the clients' sessions, and stops cleanly.
    Fast,
    /// Ends at once; the next start recovers.
    Immediate,
}

impl StopMode {
    fn signal(self) -> Signal {
        match self {
            Self::Smart => Signal::SIGTERM,
            Self::Fast => Signal::SIGINT,
            Self::Immediate => Signal::SIGQUIT,
        }
    }

    /// This way, then the harder ones.
    fn ladder(self) -> impl Iterator<Item = Signal> {
        let all = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL];
        all.into_iter().skip_while(move |signal| *signal != self.signal())
    }
}

/// The server's process.
#[derive(Debug)]
pub(super) enum Server {
    /// We started it, and have to wait for it.
    Child(Child),
    /// An earlier node started it.
    Adopted(i32),
    /// It does not run.
    Stopped,
}

impl Server {
    pub(super) fn pid(&self) -> Option<i32> {
        match self {
            Self::Child(child) => child.id().and_then(|pid| i32::try_from(pid).ok()),
            Self::Adopted(pid) => Some(*pid),
            Self::Stopped => None,
        }
    }

    pub(super) fn has_ended(&mut self) -> bool {
        match self {
            Self::Child(child) => !matches!(child.try_wait(), Ok(None)),
            Self::Adopted(pid) => !postmaster::is_alive(*pid),
            Self::Stopped => true,
        }
    }

    /// Waits until the process is gone; may be cancelled.
    pub(super) async fn ended(&mut self) {
        if let Self::Child(child) = self {
            let _ = child.wait().await;
        }
        while !self.has_ended() {
            sleep(LOOK).await;
        }
    }

    /// Stops it, the harder the longer it takes.
    pub(super) async fn stop(&mut self, mode: StopMode) -> Result<(), EmbeddedError> {
        for signal in mode.ladder() {
            let Some(process) = self.pid() else { break };
            postmaster::signal(process, signal);
            if timeout(STOP_DEADLINE, self.ended()).await.is_ok() {
                break;
            }
            tracing::warn!(process, %signal, "PostgreSQL does not stop");
        }
        self.forget_if_ended()
    }

    /// Ends it without any chance to tidy up.
    pub(super) async fn kill(&mut self) -> Result<(), EmbeddedError> {
        if let Some(process) = self.pid() {
            postmaster::signal(process, Signal::SIGKILL);
            let _ = timeout(STOP_DEADLINE, self.ended()).await;
        }
        self.forget_if_ended()
    }

    fn forget_if_ended(&mut self) -> Result<(), EmbeddedError> {
        if self.has_ended() {
            *self = Self::Stopped;
        }
        self.pid().map_or(Ok(()), |process| Err(EmbeddedError::NotStopped { process }))
    }
}

impl Drop for Server {
    /// For a test that fails, or a node that unwinds: no server is left running, and none left unwaited for.
    fn drop(&mut self) {
        let Some(process) = self.pid() else { return };
        postmaster::signal(process, Signal::SIGQUIT);
        let deadline = Instant::now() + DROP_DEADLINE;
        while !self.has_ended() && Instant::now() < deadline {
            thread::sleep(Duration::from_millis(2));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_takes_too_long_becomes_harder() {
        let signals: Vec<Signal> = StopMode::Fast.ladder().collect();
        assert_eq!(signals, [Signal::SIGINT, Signal::SIGQUIT, Signal::SIGKILL]);
    }

    #[tokio::test]
    async fn a_stopped_server_can_be_stopped_again() {
        let mut server = Server::Stopped;
        server.stop(StopMode::Smart).await.unwrap();
        server.kill().await.unwrap();
        assert_eq!(server.pid(), None);
    }
}
