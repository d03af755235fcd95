//! Who a client of the library is, and what a node says of it in its log (AC, CL).

use super::support::access::{Caller, PASSWORD, token};
use super::support::client::{Client as Socket, Line};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use super::support::program::Program;
use nix::sys::signal::Signal;
use pgcanvas::client::{Board, Client, Op, Phase, Settings};
use pgcanvas::model::Token;
use serde_json::json;
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
    assert!(said.contains("the database refused a call") && said.contains("stopping"), "{said}");
    for secret in [secret.as_str(), token(&link), PASSWORD, "wrong horse", "argon2"] {
        let line = said.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "{secret} was logged");
    }
}
