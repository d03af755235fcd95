//! Connections to the database over which nothing comes any more (FT11).

use super::support::chaos::{Chaos, Upstream, Way};
use super::support::client::{Board, Client, make_room};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use pgcanvas::config::NodeSettings;
use serde_json::{Value, json};
use std::net::ToSocketAddrs;
use std::ops::RangeInclusive;
use std::time::Duration;
use tokio::time::Instant;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

/// When `unavailable` comes, seconds; the protocol says 10. The machine has other things to do.
const IN_TIME: RangeInclusive<u64> = 9..=13;

fn append(number: i64) -> Value {
    json!([{"op": "append", "id": "s", "points": [[number, number]]}])
}

/// A bad network before a test's database, and how to connect through it.
async fn through_chaos(config: &Config) -> (Chaos, Config) {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let upstream = match config.get_hosts().first() {
        Some(Host::Unix(folder)) => Upstream::Unix(folder.join(format!(".s.PGSQL.{port}"))),
        Some(Host::Tcp(name)) => {
            Upstream::Tcp((name.as_str(), port).to_socket_addrs().unwrap().next().unwrap())
        }
        None => panic!("the database has no address"),
    };
    let chaos = Chaos::before(upstream).await;
    let mut through = Config::new();
    through.host("127.0.0.1").port(chaos.address().port()).ssl_mode(SslMode::Disable);
    through.user(config.get_user().unwrap()).dbname(config.get_dbname().unwrap());
    if let Some(password) = config.get_password() {
        through.password(password);
    }
    (chaos, through)
}

/// Draws while the network is broken: everything is answered in time, and is applied once when it is sent again.
async fn answered_in_time(break_off: impl Fn(&Chaos), mend: impl Fn(&Chaos)) {
    let database = TestDatabase::create().await;
    make_room(&database, "room").await;
    let (chaos, config) = through_chaos(database.config()).await;
    let settings = NodeSettings { writers: 1, ..NodeSettings::default() };
    let node = TestNode::start_on(config, &settings).await;
    let mut people = [Client::joined(&node, "Ann", "room").await, Client::joined(&node, "Ben", "room").await];
    people[0]
        .draw("room", json!([{"op": "put", "shape": {"id": "s", "kind": "freedraw", "points": [[0, 0]]}}]))
        .await;
    people[1].draw("room", append(1)).await;
    break_off(&chaos);
    let sent = Instant::now();
    people[0].ops_as("room", 2, append(2)).await;
    // Behind one that is on its way already, and due when that one is given up.
    people[1].ops_as("room", 2, append(3)).await;
    for person in &mut people {
        person.line().deadline = Duration::from_secs(40);
        assert_eq!(person.rejected(2).await["code"], "unavailable");
        let after = sent.elapsed();
        assert!(IN_TIME.contains(&after.as_secs()), "unavailable came after {after:?}");
    }
    mend(&chaos);
    let mut seqs = Vec::new();
    for (person, number) in people.iter_mut().zip(2..) {
        person.ops_as("room", 2, append(number)).await;
        seqs.push(person.acked(2).await["seq"].as_i64().unwrap());
    }
    seqs.sort_unstable();
    assert_eq!(seqs, [3, 4], "each is applied once");
    let table = Board::of_table(&database, "room").await;
    let points = table.shape("s").unwrap()["points"].as_array().unwrap().len();
    assert_eq!((table.seq, points), (4, 4));
    node.stop().await;
}

/// FT11
#[tokio::test]
async fn a_batch_that_never_reached_the_database_is_unavailable_in_time() {
    answered_in_time(|chaos| chaos.lose(&[Way::ToServer]), |_| ()).await;
}

/// FT11
#[tokio::test]
async fn a_batch_that_is_committed_and_whose_answer_is_lost_is_unavailable_in_time_and_then_acknowledged() {
    answered_in_time(|chaos| chaos.lose(&[Way::ToClient]), |_| ()).await;
}

/// FT11
#[tokio::test]
async fn when_no_new_connection_speaks_either_batches_are_unavailable_in_time() {
    answered_in_time(
        |chaos| {
            chaos.lose(&Way::BOTH);
            chaos.stand_still(&Way::BOTH, true);
        },
        |chaos| chaos.stand_still(&Way::BOTH, false),
    )
    .await;
}
