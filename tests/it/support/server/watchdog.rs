//! Cleaning up after a process that cannot do so itself.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

/// A shell that waits for our end, however it comes, and then runs a script.
///
/// We hold the only writing end of its standard input. When we end, be it by `exit` (which drops no static) or by a
/// signal that nobody can catch, the shell reads the end of its input. Dropping the watchdog runs the script at once.
pub(super) struct Watchdog {
    shell: Child,
}

impl Watchdog {
    /// Promises to run the script, in which `$1` and so on are the arguments.
    pub(super) fn promise(script: &str, arguments: &[&OsStr]) -> io::Result<Self> {
        let shell = Command::new("sh")
            .arg("-c")
            .arg(format!("trap '' HUP INT QUIT TERM\nread -r end_of_input\n{script}"))
            .arg("watchdog")
            .args(arguments)
            .current_dir("/")
            .stdin(Stdio::piped())
            // Whoever reads our output must not have to wait for the shell.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // A signal to our process group, as from the keyboard, is not for the shell.
            .process_group(0)
            .spawn()?;
        Ok(Self { shell })
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        // A shell that cannot be awaited has ended.
        self.shell.wait().map(|_| ()).unwrap_or_default();
    }
}
