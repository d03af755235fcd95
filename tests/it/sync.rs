//! The same board on every screen (SY), and how a socket is spoken on (WS).

use super::support::client::{Board, Client};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use serde_json::json;

/// Makes a room of a name.
pub(crate) async fn room(database: &TestDatabase, slug: &str) -> i64 {
    let client = database.client().await;
    let statement = "select pgcanvas.create_room($1, 'open', null)";
    client.query_one(statement, &[&slug]).await.unwrap().get(0)
}

/// Every client's board equals the rows, and all were told the same batches.
pub(crate) async fn assert_all_see_the_table(database: &TestDatabase, slug: &str, clients: &mut [Client]) {
    let table = Board::of_table(database, slug).await;
    for (number, client) in clients.iter_mut().enumerate() {
        client.reach(slug, table.seq).await.assert_same(&table, &format!("client {number}"));
    }
}

/// WS1, SY1
#[tokio::test]
async fn what_one_draws_the_other_sees_on_another_node() {
    let database = TestDatabase::create().await;
    room(&database, "one").await;
    let nodes = TestNode::two(&database).await;
    let mut ann = Client::joined(&nodes[0], "Ann", "one").await;
    let mut ben = Client::joined(&nodes[1], "Ben", "one").await;
    let ack =
        ann.draw("one", json!([{"op": "put", "shape": {"id": "a", "kind": "rectangle", "x": 1}}])).await;
    assert_eq!((&ack["seq"], &ack["outcomes"]), (&json!(1), &json!(["applied"])));
    assert_eq!(ben.reach("one", 1).await.shape("a").unwrap()["x"], 1);
    ben.draw("one", json!([{"op": "patch", "id": "a", "set": {"x": 2}}])).await;
    assert_all_see_the_table(&database, "one", &mut [ann, ben]).await;
    let [one, two] = nodes;
    one.stop().await;
    two.stop().await;
}
