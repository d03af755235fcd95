//! The sockets of those who are signed in: when their token counts no more, they are let go, on whichever node it was taken back.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::sleep;

use crate::db::calls::people;
use crate::db::{Db, DbError};
use crate::model::TokenHash;
use crate::protocol::CloseCode;
use crate::room::Outbox;

/// How often it is looked who has signed out, and which links have expired.
const PAUSE: Duration = Duration::from_secs(5);

type Signed = HashMap<u64, (TokenHash, Arc<Outbox>)>;

/// By socket: whose token it came with, and where its goodbye goes.
#[derive(Debug, Clone, Default)]
pub struct SignIns {
    sockets: Arc<Mutex<Signed>>,
}

impl SignIns {
    fn sockets(&self) -> MutexGuard<'_, Signed> {
        self.sockets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A socket came with a token that counts.
    pub fn enter(&self, socket: u64, token: TokenHash, outbox: Arc<Outbox>) {
        self.sockets().insert(socket, (token, outbox));
    }

    /// A socket is gone.
    pub fn leave(&self, socket: u64) {
        self.sockets().remove(&socket);
    }

    /// Looks now and then, without end.
    pub(super) async fn watch(self, db: Db) {
        loop {
            sleep(PAUSE).await;
            if let Err(error) = self.look(&db).await {
                tracing::debug!(%error, "it could not be told who has signed out");
            }
        }
    }

    async fn look(&self, db: &Db) -> Result<(), DbError> {
        people::forget_expired(db).await?;
        let tokens: HashSet<TokenHash> = self.sockets().values().map(|(token, _)| *token).collect();
        let tokens = Vec::from_iter(tokens);
        if tokens.is_empty() {
            return Ok(());
        }
        let gone = people::signed_out(db, &tokens).await?;
        for (token, outbox) in self.sockets().values() {
            if gone.contains(token) {
                outbox.close(CloseCode::Unauthenticated);
            }
        }
        Ok(())
    }
}
