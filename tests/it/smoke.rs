//! That the tests' own footing holds.

use super::support::database::TestDatabase;
use super::support::server::{OwnCluster, connect};
use pgcanvas::db::embedded::StopMode;
use tokio_postgres::Config;

#[tokio::test]
async fn each_test_has_a_database_of_its_own() {
    let one = TestDatabase::create().await;
    let two = TestDatabase::create().await;
    one.client().await.batch_execute("create table only_here ()").await.unwrap();
    let row = two.client().await.query_one("select to_regclass('only_here') is null", &[]).await.unwrap();
    assert!(row.get::<_, bool>(0));

    let by_url = one.url().parse::<Config>().unwrap();
    assert_eq!(by_url.get_hosts(), one.config().get_hosts());
    connect(&by_url).await.unwrap().batch_execute("drop table only_here").await.unwrap();

    let gone = one.config().clone();
    drop(one);
    assert!(connect(&gone).await.is_err());
}

#[tokio::test]
async fn a_server_of_its_own_can_be_stopped_and_started() {
    let Some(mut server) = OwnCluster::start().await else { return };
    let config = server.config();
    connect(&config).await.unwrap();
    server.stop(StopMode::Fast).await.unwrap();
    assert!(connect(&config).await.is_err());
    server.start_again().await.unwrap();
    connect(&config).await.unwrap();
}
