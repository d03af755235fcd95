//! The older system's scenarios and its dialect (SD).

use super::support::client::{Board, Client, SeedClient, assert_all_see_the_table};
use super::support::database::TestDatabase;
use super::support::node::TestNode;
use serde_json::{Value, json};

/// A person with a client of either dialect.
enum Person {
    Native(Box<Client>),
    Seed(Box<SeedClient>),
}

/// What a screen shows of a shape: type in the older system's words, and box.
#[derive(Debug, PartialEq)]
struct Shown {
    kind: String,
    place: [f64; 4],
}

impl Shown {
    /// Of a shape in the older system's words.
    fn old(shape: &Value) -> Self {
        let number = |name: &str| shape[name].as_f64().unwrap_or_else(|| panic!("{name} of {shape}"));
        let kind = shape["type"].as_str().unwrap().to_owned();
        let place = if kind == "circle" {
            let (x, y, radius) = (number("centerX"), number("centerY"), number("radius"));
            [x - radius, y - radius, 2.0 * radius, 2.0 * radius]
        } else {
            ["x", "y", "width", "height"].map(number)
        };
        Self { kind, place }
    }

    /// Of a row.
    fn native(shape: &Value) -> Self {
        let kind = match shape["kind"].as_str().unwrap() {
            "ellipse" => "circle",
            "rectangle" => "rect",
            other => other,
        };
        let place = ["x", "y", "width", "height"].map(|name| shape[name].as_f64().unwrap());
        Self { kind: kind.to_owned(), place }
    }
}

/// An old shape as a native client draws it.
fn as_native(old: &Value) -> Value {
    let shown = Shown::old(old);
    let kind = match shown.kind.as_str() {
        "circle" => "ellipse",
        "rect" => "rectangle",
        other => other,
    };
    let [x, y, width, height] = shown.place;
    json!({"id": old["id"], "kind": kind, "x": x, "y": y, "width": width, "height": height})
}

impl Person {
    async fn enter(native: bool, node: &TestNode, room: &str) -> Self {
        if native {
            Self::Native(Box::new(Client::joined(node, "somebody", room).await))
        } else {
            Self::Seed(Box::new(SeedClient::joined(node, room).await))
        }
    }

    /// Draws and does not wait.
    async fn draw(&mut self, room: &str, old: &Value) {
        match self {
            Self::Native(client) => {
                _ = client.ops(room, json!([{"op": "put", "shape": as_native(old)}])).await;
            }
            Self::Seed(client) => client.draw(room, old).await,
        }
    }

    /// Deletes and does not wait.
    async fn delete(&mut self, room: &str, id: &str) {
        match self {
            Self::Native(client) => _ = client.ops(room, json!([{"op": "delete", "id": id}])).await,
            Self::Seed(client) => client.delete(room, id).await,
        }
    }

    /// What the screen shows, as soon as it shows the shape.
    async fn shows(&mut self, room: &str, id: &str) -> Shown {
        match self {
            Self::Native(client) => {
                client.until(id, |client| client.board(room).shapes.contains_key(id)).await;
                Shown::native(&client.board(room).shape(id).unwrap())
            }
            Self::Seed(client) => Shown::old(&client.sees(room, id).await),
        }
    }

    async fn misses(&mut self, room: &str, id: &str) {
        match self {
            Self::Native(client) => {
                client.until(id, |client| !client.board(room).shapes.contains_key(id)).await;
            }
            Self::Seed(client) => client.misses(room, id).await,
        }
    }

    /// How many shapes the screen shows; and no error came.
    async fn count(&mut self, room: &str) -> usize {
        match self {
            Self::Native(client) => {
                client.ping().await;
                let refused = |frame: &&Value| frame["type"] == "error" || frame["type"] == "reject";
                assert_eq!(client.unread().iter().find(refused), None);
                client.board(room).shapes.len()
            }
            Self::Seed(client) => {
                client.ping().await;
                assert_eq!(client.frames().iter().find(|frame| frame["type"] == "error"), None);
                client.shapes(room).len()
            }
        }
    }
}

/// Two people in a room: both of one dialect, both of the other, and one of each; on one node and on two.
async fn pairs() -> (TestDatabase, [TestNode; 2], Vec<(String, [Person; 2])>) {
    let database = TestDatabase::create().await;
    let nodes = TestNode::two(&database).await;
    let psql = database.client().await;
    let mut pairs = Vec::new();
    for (number, natives) in
        [[true, true], [false, false], [true, false], [false, true]].into_iter().enumerate()
    {
        for (apart, other) in [&nodes[0], &nodes[1]].into_iter().enumerate() {
            let room = (1 + 2 * number + apart).to_string();
            psql.execute("select pgcanvas.open_room($1)", &[&i64::try_from(1 + 2 * number + apart).unwrap()])
                .await
                .unwrap();
            let one = Person::enter(natives[0], &nodes[0], &room).await;
            let two = Person::enter(natives[1], other, &room).await;
            pairs.push((room, [one, two]));
        }
    }
    (database, nodes, pairs)
}

fn circle(id: &str) -> Value {
    json!({"id": id, "type": "circle", "centerX": 100, "centerY": 100, "radius": 50})
}

async fn rows(database: &TestDatabase, room: &str) -> i64 {
    let count = "select count(*) from pgcanvas.chat where roomid::text = $1";
    database.client().await.query_one(count, &[&room]).await.unwrap().get(0)
}

/// SD1
#[tokio::test]
async fn two_people_who_draw_at_the_same_moment_see_both_shapes() {
    let (database, _nodes, pairs) = pairs().await;
    let circle = circle("shape_1641234567_abc123");
    let rect = json!({"id": "shape_1641234568_def456", "type": "rect", "x": 150, "y": 150, "width": 100, "height": 75});
    for (room, [mut ann, mut ben]) in pairs {
        tokio::join!(ann.draw(&room, &circle), ben.draw(&room, &rect));
        for person in [&mut ann, &mut ben] {
            assert_eq!(person.shows(&room, "shape_1641234567_abc123").await, Shown::old(&circle));
            assert_eq!(person.shows(&room, "shape_1641234568_def456").await, Shown::old(&rect));
            assert_eq!(person.count(&room).await, 2);
        }
        assert_eq!(rows(&database, &room).await, 2);
    }
}

/// SD2
#[tokio::test]
async fn two_shapes_at_the_exact_same_place_are_two_shapes() {
    let (database, _nodes, pairs) = pairs().await;
    let (one, two) = (circle("shape_1641234567_abc"), circle("shape_1641234567_def"));
    for (room, [mut ann, mut ben]) in pairs {
        tokio::join!(ann.draw(&room, &one), ben.draw(&room, &two));
        for person in [&mut ann, &mut ben] {
            let shown = person.shows(&room, "shape_1641234567_abc").await;
            assert_eq!(shown, person.shows(&room, "shape_1641234567_def").await);
            assert_eq!(person.count(&room).await, 2);
        }
        assert_eq!(rows(&database, &room).await, 2);
    }
}

/// SD3
#[tokio::test]
async fn a_shape_that_both_delete_is_gone_without_an_error() {
    let (database, _nodes, pairs) = pairs().await;
    for (room, [mut ann, mut ben]) in pairs {
        ann.draw(&room, &circle("shape_123")).await;
        ann.shows(&room, "shape_123").await;
        ben.shows(&room, "shape_123").await;
        tokio::join!(ann.delete(&room, "shape_123"), ben.delete(&room, "shape_123"));
        for person in [&mut ann, &mut ben] {
            person.misses(&room, "shape_123").await;
            assert_eq!(person.count(&room).await, 0);
        }
        assert_eq!(rows(&database, &room).await, 0);
    }
}

/// SD4
#[tokio::test]
async fn ten_shapes_drawn_in_a_row_are_all_kept_in_order() {
    let (database, _nodes, pairs) = pairs().await;
    for (room, [mut ann, mut ben]) in pairs {
        for n in 0..10 {
            let shape = json!({"id": format!("s{n}"), "type": "rect", "x": n * 50, "y": n * 50, "width": 10, "height": 10});
            ann.draw(&room, &shape).await;
        }
        for person in [&mut ann, &mut ben] {
            for n in 0..10 {
                let [x, y, ..] = person.shows(&room, &format!("s{n}")).await.place;
                assert_eq!((x, y), (f64::from(n) * 50.0, f64::from(n) * 50.0));
            }
            assert_eq!(person.count(&room).await, 10);
        }
        let order = "select string_agg(message::jsonb #>> '{shape,id}', ' ' order by id) from chat where roomid::text = $1";
        let order: String = database.client().await.query_one(order, &[&room]).await.unwrap().get(0);
        assert_eq!(order, "s0 s1 s2 s3 s4 s5 s6 s7 s8 s9");
    }
}

/// SD5
#[tokio::test]
async fn each_dialect_sees_the_other_in_its_own_words() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let mut seed = SeedClient::joined(&node, "7").await;
    let mut native = Client::joined(&node, "Native", "7").await;
    seed.draw("7", &circle("c")).await;
    assert_eq!(seed.sees("7", "c").await, circle("c"), "the sender gets its own shape back, equal");
    native.reach("7", 1).await;
    let ellipse = native.board("7").shape("c").unwrap();
    assert_eq!(ellipse["kind"], "ellipse");
    assert_eq!([&ellipse["x"], &ellipse["y"], &ellipse["width"], &ellipse["height"]], [50, 50, 100, 100]);
    let star = json!({"id": "star", "type": "star", "x": 1, "y": 2, "width": 3, "height": 4, "points": 5});
    seed.draw("7", &star).await;
    assert_eq!(native.reach("7", 2).await.shape("star").unwrap()["kind"], "star");
    assert_eq!(seed.sees("7", "star").await, star);

    let shapes = json!([
        {"op": "put", "shape": {"id": "round", "kind": "ellipse", "x": 0, "y": 10, "width": 20, "height": 20}},
        {"op": "put", "shape": {"id": "box", "kind": "rectangle", "x": 1, "y": 2, "width": 3, "height": 4}},
        {"op": "put", "shape": {"id": "line", "kind": "arrow", "points": [[0, 0], [5, 5]]}}]);
    native.draw("7", shapes).await;
    let round = seed.sees("7", "round").await;
    assert_eq!((&round["type"], round["radius"].as_f64()), (&json!("circle"), Some(10.0)));
    assert_eq!(seed.sees("7", "box").await["type"], "rect");
    assert_eq!(seed.sees("7", "line").await["type"], "arrow");
    native.draw("7", json!([{"op": "patch", "id": "c", "set": {"x": 60}}])).await;
    let moved = |client: &SeedClient| client.shape("7", "c").unwrap()["centerX"].as_f64() == Some(110.0);
    seed.until("the moved circle", moved).await;
    native.draw("7", json!([{"op": "delete", "id": "c"}])).await;
    seed.misses("7", "c").await;
    assert_all_see_the_table(&database, "7", &mut [native]).await;
}

/// SD6
#[tokio::test]
async fn the_old_statements_appear_on_both_kinds_of_screens() {
    let database = TestDatabase::create().await;
    let nodes = TestNode::two(&database).await;
    let mut seed = SeedClient::joined(&nodes[0], "1").await;
    let mut native = Client::joined(&nodes[1], "Native", "1").await;
    let psql = database.client().await;
    let message = json!({"shape": circle("shape_123")}).to_string();
    let insert = "insert into chat (roomid, message, userid) values (1, $1, 'user_123')";
    psql.execute(insert, &[&message]).await.unwrap();
    assert_eq!(seed.sees("1", "shape_123").await, circle("shape_123"));
    let shape = native.reach("1", 1).await.shape("shape_123").unwrap();
    assert_eq!((&shape["kind"], &shape["created_by"]), (&json!("ellipse"), &json!("user_123")));
    let read = psql.query("select * from chat where roomid = 1 order by id limit 1000", &[]).await.unwrap();
    assert_eq!(read.len(), 1);
    let delete = r#"delete from chat where roomid = 1 and message like '%"id":"shape_123"%'"#;
    assert_eq!(psql.execute(delete, &[]).await.unwrap(), 1);
    seed.misses("1", "shape_123").await;
    assert!(native.reach("1", 2).await.shapes.is_empty());
}

/// SD7
#[tokio::test]
async fn rooms_of_the_older_system_open_on_first_use_and_are_left_by_number() {
    let database = TestDatabase::create().await;
    let node = TestNode::start(&database).await;
    let mut ann = SeedClient::connect(&node).await;
    // The first frame may be a shape: the sender is in no room, and the shape is kept.
    ann.draw("42", &circle("first")).await;
    ann.ping().await;
    ann.join("42").await;
    ann.draw("42", &circle("second")).await;
    ann.sees("42", "second").await;
    ann.send(&json!({"type": "leave_room", "roomId": "42"})).await;
    ann.delete("42", "second").await;
    ann.draw("43", &circle("elsewhere")).await;
    ann.ping().await;
    let mut ben = SeedClient::joined(&node, "42").await;
    ben.delete("42", "first").await;
    ben.draw("42", &circle("third")).await;
    ben.sees("42", "third").await;
    let table = Board::of_table(&database, "42").await;
    assert_eq!(table.shapes.keys().collect::<Vec<_>>(), ["third"]);
    assert!(ann.shape("42", "second").is_some(), "who left is told nothing more");
    for (frame, wanted) in [
        (
            json!({"type": "join_room", "roomId": "9999999"}),
            "room: only numbers from 1 to 1000000 open a room",
        ),
        (json!({"type": "chat", "roomId": "42", "message": "hello"}), "message: must be a JSON string"),
        (
            json!({"type": "chat", "roomId": "42", "message": "{\"shape\":{\"id\":\"a\"}}"}),
            "message.shape.type",
        ),
        (json!({"type": "hello", "protocol": 1}), "client: is required"),
    ] {
        ann.send(&frame).await;
        let told = ann.frames().len();
        ann.until("an error", |client| client.frames().len() > told).await;
        let error = ann.frames().last().unwrap();
        assert_eq!(error["type"], "error");
        assert!(error["message"].as_str().unwrap().starts_with(wanted), "{error}");
    }
    ann.ping().await;
}

/// SD7
#[tokio::test]
async fn a_numbered_room_that_was_deleted_is_another_when_it_is_opened_again() {
    let database = TestDatabase::create().await;
    let nodes = TestNode::two(&database).await;
    let mut ann = SeedClient::joined(&nodes[0], "42").await;
    ann.draw("42", &circle("former")).await;
    let mut ben = Client::joined(&nodes[1], "Ben", "42").await;
    ben.reach("42", 1).await;
    database.client().await.batch_execute("delete from pgcanvas.rooms where id = 42").await.unwrap();
    assert_eq!(ben.line().closed().await.0, Some(1001));
    let mut ann = SeedClient::joined(&nodes[0], "42").await;
    ann.draw("42", &circle("first")).await;
    ann.sees("42", "first").await;
    let mut natives =
        [Client::joined(&nodes[0], "Native", "42").await, Client::joined(&nodes[1], "Native", "42").await];
    for n in 2..5 {
        ann.draw("42", &circle(&format!("later-{n}"))).await;
        for native in &mut natives {
            native.reach("42", n).await;
        }
    }
    assert_all_see_the_table(&database, "42", &mut natives).await;
    assert!(ann.shape("42", "former").is_none());
}
