//! The recipes of the documents, taken from the documents and run (DO). What a recipe names of somebody's own (a host, a password) is put in by
//! [`Sandbox`]; whatever else is new in a document is run as it stands.

mod documents;
mod sandbox;

use super::process::is_ready;
use super::support::client::Line;
use super::support::database::TestDatabase;
use super::support::http::ask;
use super::support::program::{DataFolder, Program};
use super::support::server::retried;
use super::support::tools::tool;
use documents::{Recipe, recipes};
use sandbox::Sandbox;
use serde_json::{Value, json};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::{Child, Command};

/// DO1
#[tokio::test]
async fn the_shell_blocks_run() {
    let (Some(sandbox), Some(other)) = (Sandbox::open().await, Sandbox::open().await) else { return };
    other.shell("dropdb --force canvas; for n in node analyst writer; do dropuser pgcanvas_$n; done; createdb board_new").await;
    for recipe in recipes("sh") {
        // A backup is restored on another server, where the roles are missing.
        let place = if recipe.text.contains("pg_restore") { &other } else { &sandbox };
        if recipe.text.contains("board.dump board_new") || recipe.text.contains("pg_restore") {
            std::fs::copy(sandbox.file("board.dump"), other.file("board.dump")).unwrap();
        }
        let said = place.shell(&recipe.commands()).await;
        for expected in recipe.expected() {
            assert!(said.contains(&expected), "{recipe}: expected {expected}, but: {said}");
        }
    }
}

/// DO1
#[tokio::test]
async fn the_sql_blocks_run() {
    let Some(sandbox) = Sandbox::open().await else { return };
    sandbox.prepare().await;
    for recipe in recipes("sql") {
        let own = if recipe.text.contains("create_room('design'") {
            "delete from pgcanvas.rooms where slug = 'design';"
        } else {
            ""
        };
        // A procedure that commits as it goes is called outside of a transaction.
        let statements = if recipe.text.starts_with("call ") {
            recipe.text.clone()
        } else {
            format!("begin; {own}\n{}\nrollback;", recipe.text)
        };
        sandbox.sql(&statements, &recipe.to_string()).await;
    }
}

/// An nginx with the README's block, which goes with it.
struct Nginx {
    address: SocketAddr,
    _folder: DataFolder,
    _child: Child,
}

impl Nginx {
    async fn start(recipe: &str) -> Option<Self> {
        let program = tool("nginx", "nginx-light")?;
        let folder = DataFolder::new();
        std::fs::create_dir(&folder).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o755)).unwrap();
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let recipe = recipe.replace("listen 80;", &format!("listen {address};"));
        let d = folder.as_str();
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|what| format!("{what}_temp_path {d}/{what};\n"))
            .collect();
        let settings = format!(
            "daemon off; pid {d}/pid; error_log {d}/error.log;\nevents {{ }}\nhttp {{\naccess_log off;\n{temporary}{recipe}\n}}\n"
        );
        let file = folder.as_ref().join("nginx.conf");
        std::fs::write(&file, settings).unwrap();
        let mut command = Command::new(program);
        command.arg("-e").arg(folder.as_ref().join("error.log")).arg("-c").arg(&file);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true).spawn().unwrap();
        let answers = || tokio::net::TcpStream::connect(address);
        retried(Duration::from_secs(20), answers).await.expect("nginx answers");
        Some(Self { address, _folder: folder, _child: child })
    }
}

/// What a page at this origin does: makes a room and opens a socket. Gives both statuses.
async fn as_a_page(front: SocketAddr, slug: &str) -> (u16, u16, String) {
    let origin = format!("http://{front}");
    let made =
        ask(front, "POST", "/api/rooms", &[("origin", &origin)], &json!({"slug": slug}).to_string()).await;
    let upgrade = [
        ("origin", origin.as_str()),
        ("connection", "Upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "x3JJHMbDL1EzLkh9GBhXDw=="),
    ];
    let head: String = upgrade.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = tokio::net::TcpStream::connect(front).await.unwrap();
    let head = format!("GET /ws HTTP/1.1\r\nhost: {front}\r\n{head}\r\n");
    tokio::io::AsyncWriteExt::write_all(&mut stream, head.as_bytes()).await.unwrap();
    let mut line = String::new();
    tokio::io::AsyncBufReadExt::read_line(&mut tokio::io::BufReader::new(stream), &mut line).await.unwrap();
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    (made.status, status, made.body)
}

/// DO2
#[tokio::test]
async fn the_nginx_blocks_let_pages_in() {
    let database = TestDatabase::create().await;
    let settings = ["--database-url", &database.url()];
    let nodes = [Program::start(&settings).await, Program::start(&settings).await];
    for node in &nodes {
        is_ready(node).await;
    }
    let blocks: Vec<Recipe> = recipes("nginx");
    assert!(!blocks.is_empty());
    for (at, recipe) in blocks.iter().enumerate() {
        let mut text = recipe.text.clone();
        for (example, node) in ["10.0.0.1:8080", "10.0.0.2:8080"].iter().zip(&nodes) {
            assert!(text.contains(example), "{recipe} names {example}");
            text = text.replace(example, &node.address().to_string());
        }
        let Some(nginx) = Nginx::start(&text).await else { return };
        let slug = format!("through-{at}");
        let (made, socket, said) = as_a_page(nginx.address, &slug).await;
        assert_eq!((made, socket), (201, 101), "{recipe}: {said}");
        // And a board is drawn on through it.
        let mut line = Line::open(&format!("ws://{}/ws", nginx.address)).await;
        line.send(&json!({"type": "hello", "protocol": 1, "client": uuid::Uuid::new_v4()}).to_string()).await;
        line.next("welcome").await;
        line.send(&json!({"type": "join", "room": slug}).to_string()).await;
        let joined: Value = serde_json::from_str(&line.next("joined").await).unwrap();
        assert_eq!(joined["type"], "joined", "{joined}");
        // Without the line that passes the host on, the page is told what is missing.
        let silent = Nginx::start(&text.replace("proxy_set_header Host $http_host;", "")).await.unwrap();
        let (made, socket, said) = as_a_page(silent.address, "refused").await;
        assert_eq!((made, socket), (403, 403), "{said}");
        assert!(
            said.contains("proxy_set_header Host $http_host;") && said.contains(&silent.address.to_string()),
            "{said}"
        );
        let forwarded = text
            .replace("proxy_set_header Host $http_host;", "proxy_set_header X-Forwarded-Host $http_host;");
        let other = Nginx::start(&forwarded).await.unwrap();
        assert_eq!(as_a_page(other.address, &format!("forwarded-{at}")).await.0, 201);
    }
}
