//! Programs of others that tests run: proxies, poolers, PostgreSQL's own.

use super::server::say;
use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};

/// Where else than in `PATH` Debian puts programs.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A program by name. Where it is missing a test is skipped with a line; where changes are checked it must be there.
pub(crate) fn tool(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        let sentence = format!("a test needs {name}, which is not installed: install the package {package}");
        assert!(env::var("CI").as_deref() != Ok("true"), "{sentence}");
        say(&format!("skipped: {sentence}"));
    }
    found
}

/// Runs a program to its end and insists on its success.
pub(crate) fn ran(program: &str, args: &[&str]) -> Output {
    let output =
        Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    output
}
