//! How many connections the system lets a node have.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::config::NodeSettings;

/// Descriptors kept for what is neither a connection to the node nor one to the database.
const OTHERS: usize = 64;
/// The least that is tried.
const LEAST: usize = 16;

/// The connections a node may take: as many as it is told, and never so many that none is left for the database. Asks the system for as
/// many descriptors as it gives.
pub(super) fn for_connections(settings: &NodeSettings) -> usize {
    let kept = settings.writers + settings.pool_size + OTHERS;
    let wanted = settings.max_connections.saturating_add(kept);
    let given = given(wanted);
    let most = settings.max_connections.min(given.saturating_sub(kept)).max(LEAST);
    if most < settings.max_connections {
        tracing::warn!(
            descriptors = given,
            connections = most,
            "there are fewer descriptors than --max-connections asks for: raise the limit (LimitNOFILE, ulimit -n)"
        );
    }
    most
}

/// The descriptors of this process, after it has asked for so many.
fn given(wanted: usize) -> usize {
    let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) else { return usize::MAX };
    let raised = hard.min(u64::try_from(wanted).unwrap_or(u64::MAX)).max(soft);
    let has = if setrlimit(Resource::RLIMIT_NOFILE, raised, hard).is_ok() { raised } else { soft };
    usize::try_from(has).unwrap_or(usize::MAX)
}
