//! Who the server runs as. PostgreSQL refuses to run as root, so a node that is root drops it to another user.
use std::{
    fs::Metadata,
    io,
    os::unix::{
        fs::{MetadataExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Stdio,
};

use nix::unistd::{Uid, User, geteuid};
use tokio::process::Command;

use super::EmbeddedError;

/// Users to run the server as when the node is root, the best first.
const CANDIDATES: [&str; 2] = ["postgres", "nobody"];

/// Variables the server's programs keep from the node: where to find programs and libraries, and the time zone.
/// Everything else goes, PG* variables above all, which would change the server's settings.
const KEPT_VARIABLES: [&str; 4] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TZ"];

/// The unprivileged user that a root node's server runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    pub(super) name: String,
    pub(super) uid: u32,
    pub(super) gid: u32,
}

impl Account {
    /// The account for the server of `cluster`; none when the node is no root and the server runs as the node does.
    pub(super) fn for_server(cluster: &Path) -> Result<Option<Self>, EmbeddedError> {
        if !geteuid().is_root() {
            return Ok(None);
        }
        // Data that exists belongs to the user that made it, who may be another one than would be chosen today.
        if let Some(owner) = cluster.metadata().ok().filter(|data| data.uid() != 0) {
            return Ok(Some(Self::owner(&owner)));
        }
        let known = CANDIDATES.iter().find_map(|name| User::from_name(name).ok().flatten());
        known.map(|user| Some(Self::of(user))).ok_or(EmbeddedError::NoAccount)
    }

    fn of(user: User) -> Self {
        Self { name: user.name, uid: user.uid.as_raw(), gid: user.gid.as_raw() }
    }

    fn owner(data: &Metadata) -> Self {
        let unnamed = || Self { name: data.uid().to_string(), uid: data.uid(), gid: data.gid() };
        User::from_uid(Uid::from_raw(data.uid())).ok().flatten().map_or_else(unnamed, Self::of)
    }

    /// The first folder on the way to `wanted` (itself included) that this user cannot pass through.
    pub(super) fn first_blocked(&self, wanted: &Path) -> Option<PathBuf> {
        let mut way: Vec<&Path> =
            wanted.ancestors().filter(|folder| !folder.as_os_str().is_empty()).collect();
        way.reverse();
        let blocked =
            |folder: &&Path| folder.metadata().is_ok_and(|data| data.is_dir() && !self.may_pass(&data));
        way.into_iter().find(blocked).map(Path::to_path_buf)
    }

    fn may_pass(&self, folder: &Metadata) -> bool {
        let bit = match (folder.uid() == self.uid, folder.gid() == self.gid) {
            (true, _) => 0o100,
            (false, true) => 0o010,
            (false, false) => 0o001,
        };
        folder.mode() & bit != 0
    }

    /// Says which folder keeps this user from `wanted`, if one does.
    pub(super) fn check_reach(&self, wanted: &Path) -> Result<(), EmbeddedError> {
        let refusal = |blocked| EmbeddedError::Unreachable {
            user: self.name.clone(),
            blocked,
            wanted: wanted.to_path_buf(),
        };
        self.first_blocked(wanted).map_or(Ok(()), |blocked| Err(refusal(blocked)))
    }
}

/// Gives a file or folder to the server's user.
pub(super) fn give(path: &Path, account: Option<&Account>) -> io::Result<()> {
    account.map_or(Ok(()), |account| chown(path, Some(account.uid), Some(account.gid)))
}

/// Whether what `data` describes belongs to the server's user.
pub(super) fn owns(account: Option<&Account>, data: &Metadata) -> bool {
    data.uid() == account.map_or_else(|| geteuid().as_raw(), |account| account.uid)
}

/// One of the server's programs, run as the server's user in a folder that this user can reach.
pub(super) fn command(program: &Path, account: Option<&Account>, folder: &Path) -> Command {
    let mut command = std::process::Command::new(program);
    // An own process group: the terminal's Ctrl-C is for the node, which then stops the server in order.
    command.env_clear().current_dir(folder).stdin(Stdio::null()).process_group(0);
    command.envs(KEPT_VARIABLES.iter().filter_map(|name| std::env::var_os(name).map(|value| (name, value))));
    // C: what the server says is read by us, and must not depend on the person's language.
    command.env("HOME", folder).env("LC_ALL", "C");
    if let Some(account) = account {
        command.uid(account.uid).gid(account.gid).env("USER", &account.name).env("LOGNAME", &account.name);
    }
    Command::from(command)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_folder_without_passage_is_named() {
        let temp = tempfile::tempdir().unwrap();
        let inner = temp.path().join("closed/inner");
        std::fs::create_dir_all(&inner).unwrap();
        for (folder, mode) in [("", 0o755), ("closed", 0o700), ("closed/inner", 0o755)] {
            let permissions = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(temp.path().join(folder), permissions).unwrap();
        }
        let stranger = Account { name: "stranger".into(), uid: 54_321, gid: 54_321 };
        assert_eq!(stranger.first_blocked(&inner), Some(temp.path().join("closed")));
        assert_eq!(stranger.first_blocked(temp.path()), None);
        let sentence = stranger.check_reach(&inner).unwrap_err().to_string();
        assert!(sentence.contains("stranger") && sentence.contains("closed"), "{sentence}");
    }

    #[test]
    fn a_node_that_is_no_root_runs_the_server_as_itself() {
        let account = Account::for_server(Path::new("/nowhere/at/all"));
        assert_eq!(account.unwrap().is_none(), !geteuid().is_root());
    }
}
