//! Where recipes run: a server and a node of their own, and programs in the place of those that would change this machine.

use crate::support::program::{DataFolder, Program};
use crate::support::server::OwnCluster;
use crate::support::tools::{can_dump, tool};
use std::env;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;
use tokio_postgres::config::Host;

/// How long a block may take.
const DEADLINE: Duration = Duration::from_secs(120);
/// The password that people choose, twice, as `createuser` asks for it.
const PASSWORD: &str = "secret";

/// What is not done here: it would change the machine, or run these tests in themselves.
const NOT_HERE: [&str; 4] = ["sudo", "dnf", "brew", "apt-get"];

pub(super) struct Sandbox {
    folder: DataFolder,
    cluster: OwnCluster,
    node: Program,
    port: u16,
}

impl Sandbox {
    /// None where a program is missing.
    pub(super) async fn open() -> Option<Self> {
        for (name, package) in [
            ("psql", "postgresql-client"),
            ("curl", "curl"),
            ("node", "nodejs"),
            ("createdb", "postgresql-client"),
        ] {
            tool(name, package)?;
        }
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let cluster = OwnCluster::start_on(Some(port)).await?;
        if !can_dump(&cluster.config()).await {
            return None;
        }
        let folder = DataFolder::new();
        fs::create_dir_all(folder.as_ref().join("bin")).unwrap();
        let owner = crate::support::server::connect(&cluster.config()).await.unwrap();
        owner.batch_execute("create database canvas").await.unwrap();
        let url = url(&cluster, "canvas");
        let node = Program::start(&["--database-url", &url, "--migrate"]).await;
        let sandbox = Self { folder, cluster, node, port };
        sandbox.put_programs(&url);
        Some(sandbox)
    }

    /// A file of the folder that recipes run in.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.as_ref().join(name)
    }

    fn put_programs(&self, url: &str) {
        let program = env!("CARGO_BIN_EXE_pgcanvas");
        let root = env!("CARGO_MANIFEST_DIR");
        let (address, node) = (self.node.address(), tool("node", "nodejs").unwrap());
        let createuser = tool("createuser", "postgresql-client").unwrap();
        self.program(
            "cargo",
            &format!(
                "case \"$1 $2\" in 'run ') exec curl -fsS http://{address}/readyz ;;\n\
                 'run --') [ \"$3\" = psql ] || exit 9; shift 3; exec '{program}' psql --database-url '{url}' \"$@\" ;;\n\
                 'test '* | 'bench '*) exit 0 ;; *) exit 9 ;; esac"
            ),
        );
        self.program("bash", &format!("[ \"$1\" = .ci/run ] && [ -f '{root}/.ci/run' ]"));
        // Serves for a while, and is then told to stop: anything else than a clean end is a failure.
        self.program(
            "pgcanvas",
            &format!(
                "[ \"$1\" = serve ] && exec timeout --preserve-status -s TERM 15 '{program}' \"$@\" --listen 127.0.0.1:0\nexec '{program}' \"$@\""
            ),
        );
        self.program(
            "node",
            &format!("timeout -s TERM 5 '{}' --experimental-websocket \"$@\"\n[ $? = 124 ]", node.display()),
        );
        let asked =
            format!("printf '{PASSWORD}\\n{PASSWORD}\\n' | setsid -w '{}' \"$@\"", createuser.display());
        self.program("createuser", &asked);
        for name in NOT_HERE {
            self.program(name, "exit 0");
        }
    }

    fn program(&self, name: &str, text: &str) {
        let file = self.folder.as_ref().join("bin").join(name);
        fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// What is somebody's own, by what it is here.
    fn here(&self, text: &str) -> String {
        let address = self.node.address().to_string();
        let server = format!("127.0.0.1:{}", self.port);
        [
            ("localhost:8080", address.as_str()),
            ("127.0.0.1:8080", &address),
            (
                "board_owner:…@db.example/board?sslmode=verify-full",
                &format!("board_owner:{PASSWORD}@{server}/board"),
            ),
            ("…/board_new", &url(&self.cluster, "board_new")),
        ]
        .iter()
        .fold(text.to_owned(), |text, (theirs, ours)| text.replace(theirs, ours))
    }

    fn command(&self, program: &str) -> Command {
        let path = env::var_os("PATH").unwrap_or_default();
        let folders = [self.folder.as_ref().join("bin")].into_iter().chain(env::split_paths(&path));
        let mut command = Command::new(program);
        command.env("PATH", env::join_paths(folders).unwrap()).current_dir(&self.folder);
        command.env("PGHOST", socket(&self.cluster)).env("PGUSER", "pgcanvas").env_remove("DATABASE_URL");
        command.env("PGPORT", self.cluster.config().get_ports().first().copied().unwrap_or(5432).to_string());
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PGCANVAS_")) {
            command.env_remove(name);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    /// Runs commands as a person at a shell would; gives what they print.
    pub(super) async fn shell(&self, commands: &str) -> String {
        let commands = self.here(commands);
        assert!(!commands.contains('…'), "what stands for … here? {commands}");
        let mut shell = self.command("/bin/bash");
        shell.args(["-euo", "pipefail", "-c", &commands]);
        let output = timeout(DEADLINE, shell.output()).await.expect("in time").unwrap();
        assert!(output.status.success(), "{commands}\n{output:?}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs statements on the node's database, as its owner.
    pub(super) async fn sql(&self, statements: &str, whose: &str) {
        let mut psql = self.command("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "canvas", "-c", statements]);
        let output = timeout(DEADLINE, psql.output()).await.expect("in time").unwrap();
        assert!(
            output.status.success(),
            "{whose}: {statements}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }

    /// A board of two hours ago, and people.
    pub(super) async fn prepare(&self) {
        let people = "insert into pgcanvas.users (id, name, password_hash) select n, n, '$argon2id$x' from unnest(array['ann', 'mallory']) as n";
        let room = "select pgcanvas.create_room('design', 'open', 'ann')";
        let put =
            r#"[{"op":"put","shape":{"id":"a","kind":"rectangle","x":10,"y":10,"width":100,"height":50}}]"#;
        let draw = format!("select * from pgcanvas.draw('design', '{put}')");
        let past = "update pgcanvas.rooms set created_at = created_at - interval '2 hours'; update pgcanvas.shape_changes set at = at - interval '2 hours'";
        let second = r#"select * from pgcanvas.draw('design', '[{"op":"patch","id":"a","set":{"x":20}}]')"#;
        for statements in [people, room, &draw, past, second] {
            self.sql(statements, "preparing").await;
        }
    }
}

fn socket(cluster: &OwnCluster) -> String {
    match cluster.config().get_hosts().first() {
        Some(Host::Unix(folder)) => folder.display().to_string(),
        other => panic!("a private server has a socket: {other:?}"),
    }
}

fn url(cluster: &OwnCluster, database: &str) -> String {
    let folder: String = socket(cluster).replace('/', "%2F");
    let port = cluster.config().get_ports().first().copied().unwrap_or(5432);
    format!("postgresql://pgcanvas@{folder}:{port}/{database}")
}
