//! Programs of others that tests run: proxies, poolers, PostgreSQL's own.

use super::server::{connect, say};
use std::env;
use std::path::PathBuf;
use std::process::{Command, Output};
use tokio_postgres::Config;

/// Where else than in `PATH` Debian puts programs.
const FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// A program by name. Where it is missing a test is skipped with a line; where changes are checked it must be there.
pub(crate) fn tool(name: &str, package: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = env::split_paths(&path).chain(FOLDERS.iter().map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|file| file.is_file());
    if found.is_none() {
        skip(&format!("a test needs {name}, which is not installed: install the package {package}"));
    }
    found
}

/// Says why a test cannot be tried here; where changes are checked nothing may be left out.
fn skip(sentence: &str) {
    assert!(env::var("CI").as_deref() != Ok("true"), "{sentence}");
    say(&format!("skipped: {sentence}"));
}

/// Whether `pg_dump` is there and can read this server; if not, a test is skipped with a line: changes are checked on later versions of the
/// server, too, whose programs are not installed.
pub(crate) async fn can_dump(config: &Config) -> bool {
    if tool("pg_restore", "postgresql-client").is_none() {
        return false;
    }
    let Some(program) = tool("pg_dump", "postgresql-client") else { return false };
    let said = ran(&program.to_string_lossy(), &["--version"]).stdout;
    let client = connect(config).await.unwrap();
    let sql = "select current_setting('server_version_num')::integer / 10000";
    let server: i32 = client.query_one(sql, &[]).await.unwrap().get(0);
    let trouble = too_old(&String::from_utf8_lossy(&said), server);
    if let Some(trouble) = &trouble {
        say(&format!("skipped: {trouble}"));
    }
    trouble.is_none()
}

/// Why a `pg_dump` that says this of itself cannot read a server of a major version.
fn too_old(said: &str, server: i32) -> Option<String> {
    let version = said.split_whitespace().find(|word| word.starts_with(|c: char| c.is_ascii_digit()));
    let major =
        version.and_then(|version| version.split(|c: char| !c.is_ascii_digit()).next()?.parse::<i32>().ok());
    let Some(major) = major else { return Some(format!("pg_dump does not tell its version: {said:?}")) };
    (major < server).then(|| {
        format!(
            "pg_dump {major} cannot read the tests' PostgreSQL {server}: install the package postgresql-client-{server}"
        )
    })
}

/// RW3
#[test]
fn a_dump_program_that_is_older_than_the_server_is_told_in_a_sentence() {
    let debian = "pg_dump (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
    let sentence =
        "pg_dump 15 cannot read the tests' PostgreSQL 16: install the package postgresql-client-16"
            .to_owned();
    assert_eq!(too_old(debian, 16), Some(sentence));
    for (said, server) in [(debian, 15), (debian, 14), ("pg_dump (PostgreSQL) 18beta1", 18)] {
        assert_eq!(too_old(said, server), None, "{said}");
    }
    assert!(
        too_old("", 15).is_some_and(|sentence| sentence.starts_with("pg_dump does not tell its version"))
    );
}

/// Runs a program to its end and insists on its success.
pub(crate) fn ran(program: &str, args: &[&str]) -> Output {
    let output =
        Command::new(program).args(args).output().unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(output.status.success(), "{program} {args:?}: {output:?}");
    output
}
