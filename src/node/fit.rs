//! Whether the database is the one that this node was made for: asked when it may have changed, and every few seconds. A database may be
//! dropped and restored, renamed, or replaced by that of another version, all under a node that runs.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::{sleep, timeout};

use crate::backoff::Backoff;
use crate::db::Db;
use crate::db::listen::Listener;
use crate::db::schema::{CHANNEL, Place, SchemaError};

/// How often it is looked where nothing says that it changed: a restore over what is there breaks no connection.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What was found at the last look that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fit {
    /// Node and database go together.
    Fits,
    /// There is no schema, or not all of it: it may be on its way.
    Absent,
    /// The schema is that of another contract.
    Other,
}

impl Fit {
    /// What is the matter, for `/readyz`.
    pub fn trouble(self) -> Option<&'static str> {
        match self {
            Self::Fits => None,
            Self::Absent => {
                Some("the database holds no pgcanvas schema, or not all of it: a restore may be under way")
            }
            Self::Other => {
                Some("the database was migrated to another contract: start the pgcanvas that goes with it")
            }
        }
    }
}

/// Who looks.
pub(super) struct Fitting {
    pub(super) db: Db,
    pub(super) listener: Listener,
    /// Says that it may have changed.
    pub(super) changed: Arc<Notify>,
    pub(super) fit: watch::Sender<Fit>,
}

impl Fitting {
    /// Looks without end; `missed` is called when the database is another than before, or back: anything may have changed.
    pub(super) async fn run(self, missed: impl Fn()) {
        let mut backoff = Backoff::default();
        while self.listener.listen(CHANNEL).await.is_err() {
            // Refused at once when the node stops: without a wait this would spin, and hold up the end of the process.
            sleep(backoff.next_delay()).await;
        }
        backoff.reset();
        let mut known = None;
        loop {
            let looked = self.db.look().await;
            let is_answered = looked.is_ok();
            if self.note(looked, &mut known) {
                self.db.renew();
                missed();
            }
            let pause = if is_answered {
                backoff.reset();
                LOOK_EVERY
            } else {
                backoff.next_delay()
            };
            _ = timeout(pause, self.changed.notified()).await;
        }
    }

    /// Notes what was found; whether what connections knew is true no more.
    fn note(&self, looked: Result<Place, SchemaError>, known: &mut Option<Place>) -> bool {
        let before = *self.fit.borrow();
        match looked {
            Ok(place) => {
                self.fit.send_replace(Fit::Fits);
                if before != Fit::Fits {
                    tracing::info!("the database is there, and goes with this node");
                }
                known.replace(place).is_some_and(|known| known != place) || before != Fit::Fits
            }
            Err(error) if error.is_about_the_contract() => self.misfit(Fit::Other, &error),
            Err(error) if error.is_about_absence() => self.misfit(Fit::Absent, &error),
            // It was not told: what held still holds, as far as is known. Asked again.
            _ => false,
        }
    }

    fn misfit(&self, fit: Fit, error: &SchemaError) -> bool {
        let is_news = self.fit.send_replace(fit) != fit;
        if is_news {
            tracing::error!(%error, "the database under this node was changed");
        }
        is_news
    }
}
