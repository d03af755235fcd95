//! Who a client of the library is, and what a node says of it in its log (AC, CL).

use super::support::access::{Caller, PASSWORD, token};
use super::support::client::{Client as Socket, Line};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::program::{Program, command, refusal, run};
use nix::sys::signal::Signal;
use pgcanvas::client::{Board, Client, Op, Phase, Settings};
use pgcanvas::model::Token;
use serde_json::json;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

/// CL8
#[tokio::test]
async fn a_client_says_at_every_connection_who_it_is_and_how_it_comes_in() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let [ann, bob] = [Caller::signed_up(address, "ann").await, Caller::signed_up(address, "bob").await];
    ann.make_room(address, "design", "private").await;
    let link = ann.make_link(address, "design", "editor").await;
    let settings = Settings {
        token: bob.token.clone().map(Token::new),
        link: Some(Token::new(token(&link).to_owned())),
        ..Settings::new([format!("ws://{address}/ws")])
    };
    assert!(!format!("{settings:?}").contains("pgc"), "no secret is shown: {settings:?}");
    let (client, _news) = Client::open(settings, Board::new(Uuid::new_v4(), "design"));
    let draw = |id: &str| client.edit(vec![Op::put(json!({"id": id, "kind": "line"})).unwrap()]).unwrap();
    draw("a");
    client.until(|status| status.unacknowledged == 0 && status.phase == Phase::Live).await;
    // Everybody is sent away; with its link it comes back.
    ann.set_member(address, "design", "bob", "viewer").await;
    client.until(|status| status.connections == 2 && status.phase == Phase::Live).await;
    draw("b");
    client.until(|status| status.unacknowledged == 0).await;
    assert_eq!(ann.get(address, "/api/rooms/design").await.json()["touched_by"], "bob");
    assert_eq!(bob.post(address, "/api/signout", &json!({})).await.status, 204);
    client.until(|status| status.phase == Phase::Stopped(4401)).await;
    node.stop().await;
}

/// AC16
#[tokio::test]
async fn whoever_is_locked_out_is_let_in_by_command() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let address = node.address();
    let ann = Caller::signed_up(address, "ann").await;
    let room = "select pgcanvas.create_room('design', 'private', null)";
    database.client().await.batch_execute(room).await.unwrap();
    let url = database.url();
    let linked = run(&["link", "design", "--days=7", "--database-url", &url]).await;
    let said = String::from_utf8(linked.stdout.clone()).unwrap();
    let link = said.trim().strip_prefix("/r/design#link=").unwrap_or_else(|| panic!("{linked:?}"));
    let owner = ann.with_link(link);
    owner.set_member(address, "design", "ann", "owner").await;
    let links = ann.get(address, "/api/rooms/design/links").await.json();
    assert!(links["links"][0]["created_by"].as_str().unwrap().starts_with("sql:"), "{links}");
    assert!(refusal(&run(&["link", "nowhere", "--database-url", &url]).await).contains("there is no room"));

    let with_password = |login: &'static str, password: &'static str| {
        let mut command = command(&["password", login, "--database-url", &url]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        async move {
            let mut child = command.spawn().unwrap();
            child.stdin.take().unwrap().write_all(password.as_bytes()).await.unwrap();
            child.wait_with_output().await.unwrap()
        }
    };
    assert!(with_password("ann", "another horse\n").await.status.success());
    assert_eq!(ann.get(address, "/api/me").await.status, 401, "signed out everywhere");
    for (password, status) in [(PASSWORD, 401), ("another horse", 200)] {
        let body = json!({"login": "ann", "password": password});
        assert_eq!(Caller::guest().post(address, "/api/signin", &body).await.status, status, "{password}");
    }
    assert!(refusal(&with_password("ann", "short\n").await).starts_with("password: must be"));
    assert!(refusal(&with_password("nobody", "another horse").await).starts_with("login: "));
    node.stop().await;
}

/// AC3
#[tokio::test]
async fn a_node_that_logs_everything_logs_no_secret() {
    let database = TestDatabase::create().await;
    let program = Program::start(&["--database-url", &database.url(), "--log", "trace"]).await;
    let address = program.address();
    let ann = Caller::signed_up(address, "ann").await;
    let secret = ann.token.clone().unwrap();
    ann.make_room(address, "design", "private").await;
    let link = ann.make_link(address, "design", "editor").await;
    let wrong = json!({"login": "ann", "password": "wrong horse battery"});
    assert_eq!(Caller::guest().post(address, "/api/signin", &wrong).await.status, 401);
    let picture = format!("/api/rooms/design/picture.svg?link={}", token(&link));
    assert_eq!(Caller::guest().get(address, &picture).await.status, 200);
    let mut line = Line::open(&format!("ws://{address}/ws?token={secret}")).await;
    line.send(
        &json!({"type": "hello", "protocol": 1, "client": Uuid::new_v4(), "token": secret}).to_string(),
    )
    .await;
    line.next("a welcome").await;
    line.send(&json!({"type": "join", "room": "design", "link": token(&link)}).to_string()).await;
    line.next("a board").await;
    let mut guest = Socket::connect_at(address, Uuid::new_v4()).await;
    guest.hello("guest").await;
    // What the database refuses is logged, and must not tell what it was asked with.
    database.client().await.batch_execute("alter table pgcanvas.users rename to away").await.unwrap();
    let body = json!({"login": "bob", "password": PASSWORD});
    assert_eq!(Caller::guest().post(address, "/api/signup", &body).await.status, 503);
    let said = program.stop(Signal::SIGTERM).await.1;
    assert!(said.contains("the database lacks what a node needs") && said.contains("stopping"), "{said}");
    for secret in [secret.as_str(), token(&link), PASSWORD, "wrong horse", "argon2"] {
        let line = said.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was logged");
    }
}
