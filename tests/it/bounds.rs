//! A thousand who do not read, or do not finish what they send (LM4 to LM7): the node's memory stays bounded, and others go on.

mod connections;
mod crowd;
mod logs;

use super::support::client::{Client, make_room};
use super::support::database::TestDatabase;
use super::support::http::{get, post, put_bytes};
use super::support::program::Program;
use super::support::server::retried;
use crowd::{Crowd, SIZE, half_frame, masked, request, upgraded};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

/// What the node may take, whoever comes.
const MOST_BYTES: usize = 200_000_000;
/// How soon others are answered meanwhile.
const SOON: Duration = Duration::from_secs(30);

/// 60 shapes of 0.9 MB, and as many old states of them.
const FILL: &str = "insert into pgcanvas.shapes (room_id, id, kind, props)
    select $1, 'large' || n, 'rectangle', jsonb_build_object('blob', repeat('x', 900000)) from generate_series(1, 60) n";
/// A thousand batches that name twenty shapes with long names each.
const BATCHES: &str = "do $$ begin
    for batch in 1..1000 loop
      insert into pgcanvas.shapes (room_id, id, kind)
        select (select id from pgcanvas.rooms where slug = 'history'), rpad(batch || '-' || n, 128, 'x'), 'line' from generate_series(1, 20) n;
    end loop; end $$";

/// A node in a process of its own, a room of large shapes, one of many batches, a picture; and somebody who works there.
struct Scene {
    _database: TestDatabase,
    node: Program,
    bystander: Client,
    picture: String,
}

/// Makes the rooms of large shapes, and the one of many batches.
async fn fill(database: &TestDatabase) {
    let sql = database.client().await;
    for (room, statement) in [("large", FILL), ("few", &FILL.replace("60", "3"))] {
        let room = make_room(database, room).await;
        sql.execute(statement, &[&room]).await.unwrap();
        sql.execute("update pgcanvas.shapes set x = 1 where room_id = $1", &[&room]).await.unwrap();
    }
    make_room(database, "history").await;
    sql.batch_execute(BATCHES).await.unwrap();
}

impl Scene {
    /// With much to read.
    async fn filled() -> Self {
        let database = TestDatabase::create().await;
        fill(&database).await;
        Self::of(database).await
    }

    async fn of(database: TestDatabase) -> Self {
        make_room(&database, "quiet").await;
        let node =
            Program::start(&["--database-url", &database.url(), "--max-connections-per-address", "0"]).await;
        let mut picture = b"\x89PNG\r\n\x1a\n".to_vec();
        picture.resize(10_000_000, 7);
        let name: String = Sha256::digest(&picture).iter().map(|byte| format!("{byte:02x}")).collect();
        let path = format!("/api/files/{name}");
        assert_eq!(put_bytes(node.address(), &path, &picture).await.status, 201);
        let mut bystander = Client::connect_at(node.address(), Uuid::new_v4()).await;
        bystander.hello("Bystander").await;
        bystander.join("quiet").await;
        Self { _database: database, node, bystander, picture: path }
    }

    fn address(&self) -> SocketAddr {
        self.node.address()
    }

    /// Others work while the crowd stands there; then the crowd goes and leaves nothing behind.
    async fn goes_on(&mut self, what: &str, crowd: Crowd) {
        let begun = Instant::now();
        let drawn =
            self.bystander.draw("quiet", json!([{"op": "put", "shape": {"id": what, "kind": "line"}}]));
        timeout(SOON, drawn).await.unwrap_or_else(|_| panic!("{what}: nobody else can draw"));
        // A database that has too much to do is told as such; then it is asked again.
        let batch = json!({"client": Uuid::new_v4(), "op_id": 1, "ops": [{"op": "put", "shape": {"id": "p", "kind": "line"}}]});
        let asked = retried(SOON, || async {
            let shapes = get(self.address(), "/api/rooms/quiet/shapes").await;
            let posted = post(self.address(), "/api/rooms/quiet/ops", &batch).await;
            if (shapes.status, posted.status) == (200, 200) {
                Ok(())
            } else {
                Err((shapes.status, posted.status))
            }
        });
        assert_eq!(asked.await, Ok(()), "{what}: nobody else is answered");
        let took = begun.elapsed();
        let peak = self.node.peak_bytes();
        println!(
            "{what}: {} stand there, others took {took:?}, the node {} MB at most",
            crowd.len(),
            peak / 1_000_000
        );
        assert!(peak < MOST_BYTES, "{what}: {peak} bytes");
        drop(crowd);
        self.is_free(what).await;
    }

    /// Nothing is held for anybody any more.
    async fn is_free(&self, what: &str) {
        let free = retried(Duration::from_secs(60), || async {
            let metrics = get(self.address(), "/metrics").await.body;
            let held = metrics.lines().filter(|line| line.starts_with("pgcanvas_held_bytes{"));
            let held: f64 = held.map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap()).sum();
            // The answer itself is held while it is made.
            if held < 65_536.0 { Ok(()) } else { Err(held) }
        });
        assert_eq!(free.await, Ok(()), "{what}: bytes are held for nobody");
    }
}

/// LM4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_do_not_read_their_answers_leave_the_node_small() {
    let mut scene = Scene::filled().await;
    let picture = scene.picture.clone();
    for path in [
        "/api/rooms/large/shapes?limit=1000",
        "/api/rooms/large/at/2?limit=1000",
        "/api/rooms/few/diff?from=1&to=2&limit=1000",
        "/api/rooms/history/history?limit=1000",
        "/api/rooms/large/picture.svg",
        "/assets/index.js",
        &picture,
    ] {
        let crowd = Crowd::gather(scene.address(), SIZE, request("GET", path, 0), 12).await;
        scene.goes_on(path, crowd).await;
    }
}

/// LM4
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_join_and_do_not_read_leave_the_node_small() {
    let mut scene = Scene::filled().await;
    let hello = format!(r#"{{"type":"hello","protocol":1,"client":"{}"}}"#, Uuid::new_v4());
    let join = |since: &str| {
        let join = format!(r#"{{"type":"join","room":"large"{since}}}"#);
        [upgraded(), masked(hello.as_bytes()), masked(join.as_bytes())].concat()
    };
    for (what, since) in [("joins", ""), ("joins with since", r#","since":0"#)] {
        let crowd = Crowd::gather(scene.address(), SIZE, join(since), 12).await;
        scene.goes_on(what, crowd).await;
    }
    let ping = masked(format!(r#"{{"type":"ping","t":"{}"}}"#, "x".repeat(1000)).as_bytes());
    let pings = [upgraded(), masked(hello.as_bytes()), ping.repeat(2_000)].concat();
    let crowd = Crowd::gather(scene.address(), SIZE, pings, 12).await;
    scene.goes_on("pings", crowd).await;
}

/// LM5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_do_not_finish_what_they_send_leave_the_node_small() {
    let mut scene = Scene::of(TestDatabase::create().await).await;
    let most = 1_900_000;
    let body = [request("POST", "/api/rooms/quiet/ops", 2_000_000), vec![b' '; most]].concat();
    let picture = [request("PUT", &scene.picture, 10_000_000), vec![b' '; most]].concat();
    let frame = [upgraded(), half_frame(2_000_000, most)].concat();
    let head = b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ".to_vec();
    for (what, sent) in [("bodies", body), ("pictures", picture), ("frames", frame), ("heads", head)] {
        let crowd = Crowd::gather(scene.address(), SIZE, sent, 0).await;
        scene.goes_on(what, crowd).await;
    }
}

/// LM5
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_who_once_sent_a_large_frame_leave_the_node_small() {
    let mut scene = Scene::of(TestDatabase::create().await).await;
    let hello = format!(r#"{{"type":"hello","protocol":1,"client":"{}"}}"#, Uuid::new_v4());
    let large =
        masked(format!(r#"{{"type":"ping","t":1,"padding":"{}"}}"#, "x".repeat(1_900_000)).as_bytes());
    let crowd =
        Crowd::gather(scene.address(), SIZE, [upgraded(), masked(hello.as_bytes()), large].concat(), 12)
            .await;
    scene.goes_on("large frames", crowd).await;
}
