//! Making the cluster on first start.
use std::{fs, io, path::Path, process::Output, time::Duration};

use tokio::time::timeout;

use super::{
    EmbeddedError, NAME,
    account::command,
    folder::{Folder, private_dir},
    programs::Programs,
};

/// A slow disk needs some seconds; a minute and more means that something hangs.
const DEADLINE: Duration = Duration::from_mins(2);

/// Makes the cluster under another name first, so that a start cut short never leaves half a cluster.
pub(super) async fn create(folder: &Folder, programs: &Programs, fsync: bool) -> Result<(), EmbeddedError> {
    let fresh = folder.data.join("cluster.new");
    match fs::remove_dir_all(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(EmbeddedError::at(&fresh)(error));
        }
        _ => private_dir(&fresh, folder.account.as_ref())?,
    }
    run(folder, programs, &fresh, fsync).await?;
    fs::rename(&fresh, folder.cluster()).map_err(EmbeddedError::at(&folder.cluster()))
}

async fn run(folder: &Folder, programs: &Programs, fresh: &Path, fsync: bool) -> Result<(), EmbeddedError> {
    let mut initdb = command(&programs.initdb(), folder.account.as_ref(), fresh);
    initdb.arg("--pgdata").arg(fresh).args(["--username", NAME, "--encoding=UTF8", "--locale=C"]);
    // The socket's folder belongs to the server's user alone, and only who may enter it gets here.
    initdb.args(["--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions"]);
    initdb.args((!fsync).then_some("--no-sync")).kill_on_drop(true);
    let failed = |detail| EmbeddedError::Program { program: programs.initdb(), detail };
    match timeout(DEADLINE, initdb.output()).await {
        Ok(Ok(output)) if output.status.success() => Ok(()),
        Ok(Ok(output)) => Err(failed(complaint(&output))),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed(format!("it took longer than {} s", DEADLINE.as_secs()))),
    }
}

fn complaint(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    if said.is_empty() { output.status.to_string() } else { said }
}
