//! The old system's table (CH).

use super::support::board::{Board, refusal};
use pgcanvas::protocol::seed::to_seed_shape;
use serde_json::Value;

const CIRCLE: &str =
    r#"{"shape":{"id":"shape_123","type":"circle","centerX":100,"centerY":100.5,"radius":50,"note":"é"}}"#;

async fn say_in_chat(board: &Board, message: &str) -> Result<u64, tokio_postgres::Error> {
    let sql = "insert into chat (roomid, message, userid) values (1, $1, 'old user')";
    board.client.execute(sql, &[&message]).await
}

async fn messages(board: &Board) -> Vec<String> {
    let sql =
        "select id, roomid, message, userid, createdat from chat where roomid = 1 order by id limit 1000";
    board.client.query(sql, &[]).await.unwrap().iter().map(|row| row.get("message")).collect()
}

/// CH1, CH3
#[tokio::test]
async fn the_old_statements_run_and_reach_every_screen() {
    let board = Board::open().await;
    let mut bells = board.listen(&[1]).await;
    say_in_chat(&board, CIRCLE).await.unwrap();
    let seen = messages(&board).await;
    assert!(seen[0].starts_with(r#"{"shape":{"id":"shape_123","type":"circle","#), "{seen:?}");
    let parse = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    assert_eq!(parse(&seen[0]), parse(CIRCLE));
    assert_eq!(board.value::<String>("select created_by from pgcanvas.shapes").await, "old user");
    let delete = r#"delete from chat where roomid = 1 and message like '%"id":"shape_123"%'"#;
    assert_eq!(board.client.execute(delete, &[]).await.unwrap(), 1);
    assert!(messages(&board).await.is_empty());
    let heard = bells.heard().await;
    assert_eq!(heard.len(), 2);
    assert!(
        heard[0].contains(r#""by":"old user""#) && heard[1].contains(r#"{"op":"delete","id":"shape_123"}"#)
    );
}

/// CH2
#[tokio::test]
async fn an_insert_opens_the_room_of_its_number() {
    let board = Board::open().await;
    let sql =
        "insert into chat (roomid, message, userid) values ($1, $2, 'u') returning id, createdat is not null";
    let row = board.client.query_one(sql, &[&77i64, &CIRCLE]).await.unwrap();
    assert!(row.get::<_, i64>(0) > 0 && row.get::<_, bool>(1));
    let beyond = board.client.query_one(sql, &[&1_000_001i64, &CIRCLE]).await;
    assert_eq!(refusal(beyond).0, "WB004");
}

/// CH4
#[tokio::test]
async fn a_message_that_cannot_be_kept_is_refused_by_name() {
    let board = Board::open().await;
    for (message, rule) in [
        ("hello", "message: must be JSON"),
        ("{}", "message: must be JSON"),
        (r#"{"shape":[]}"#, "message: must be JSON"),
        (r#"{"shape":{"type":"rect"}}"#, "message: shape.id: must be text"),
        (r#"{"shape":{"id":7,"type":"rect"}}"#, "message: shape.id: must be text"),
        (r#"{"shape":{"id":"a"}}"#, "message: shape.type: must be text"),
        (r#"{"shape":{"id":"a","type":"rect","x":1e20}}"#, "message: shape: must give a box"),
        (r#"{"shape":{"id":"a","type":"rect","x":1e400}}"#, "message: shape: must give a box"),
        (r#"{"shape":{"id":"a","type":"rect","t":"\u0000"}}"#, "message: must not hold U+0000"),
        (r#"{"shape":{"id":"a","type":"rect","t":"\ud800"}}"#, "message: must be JSON"),
    ] {
        let (code, said) = refusal(say_in_chat(&board, message).await);
        assert_eq!(code, "WB001", "{message}");
        assert!(said.starts_with(rule), "{message}: {said}");
    }
    let huge = format!(r#"{{"shape":{{"id":"a","type":"rect","t":"{}"}}}}"#, "x".repeat(1_100_000));
    let (code, said) = refusal(say_in_chat(&board, &huge).await);
    assert!(code == "WB001" && said.starts_with("message: shape: "), "{code} {said}");
    let deep = "[".repeat(200_000);
    assert_eq!(refusal(say_in_chat(&board, &deep).await).0, "WB001");
    assert_eq!(board.last_seq().await, 0);
}

/// CH5
#[tokio::test]
async fn the_view_says_what_the_nodes_say() {
    let board = Board::open().await;
    for message in [
        CIRCLE,
        r#"{"shape":{"id":"rect","type":"rect","x":1.5,"y":2,"width":3,"height":4}}"#,
        r#"{"shape":{"id":"pencil","type":"pencil","points":[{"x":1}],"x":null,"id2":"q"}}"#,
        r#"{"shape":{"id":"flat","type":"circle","centerX":1,"centerY":2,"radius":-3}}"#,
        r#"{"shape":{"id":"moved","type":"circle","centerX":0.1,"centerY":0.2,"radius":0.3,"note":"stays"}}"#,
        r#"{"shape":{"id":"turned","type":"rect","x":1,"y":2,"width":3,"height":4}}"#,
    ] {
        say_in_chat(&board, message).await.unwrap();
    }
    board
        .run(
            "insert into pgcanvas.shapes (room_id, id, kind, x, width, height, points, text, props) values
               (1, 'native circle', 'ellipse', 10, 20, 20, null, null, '{}'),
               (1, 'native ellipse', 'ellipse', 10, 20, 30, null, null, '{\"k\": [1]}'),
               (1, 'native box', 'rectangle', 10, 20, 30, null, null, '{}'),
               (1, 'native line', 'line', 10, 0, 0, '{{0,0},{1.5,2}}', 'on it', '{\"seed\": 7}');
             update pgcanvas.shapes set x = x + 0.7 where id = 'moved';
             update pgcanvas.shapes set width = 17 where id = 'flat';
             update pgcanvas.shapes set kind = 'diamond' where id = 'turned'",
        )
        .await;
    let sql = "select pgcanvas.shape_json(s)::text, pgcanvas.chat_message(s) from pgcanvas.shapes s";
    for row in board.client.query(sql, &[]).await.unwrap() {
        let shape: serde_json::Map<String, Value> = serde_json::from_str(row.get(0)).unwrap();
        let message: Value = serde_json::from_str(row.get(1)).unwrap();
        assert!(
            same(&message["shape"], &to_seed_shape(&shape)),
            "{message} is not {}",
            to_seed_shape(&shape)
        );
    }
}

/// Equal but for how a number is written.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => one.as_f64() == other.as_f64(),
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, value)| other.get(name).is_some_and(|other| same(value, other)))
        }
        _ => one == other,
    }
}

/// CH6
#[tokio::test]
async fn somebodys_own_chat_table_is_left_alone() {
    let board = Board::open().await;
    board.run("drop view public.chat; create table public.chat (mine int); update pgcanvas.meta set bundle_hash = ''").await;
    let mut client = board.database.client().await;
    assert!(pgcanvas::db::schema::migrate(&mut client).await.unwrap().bundle_applied);
    board.run("insert into public.chat values (1)").await;
    board.client.query("select id from pgcanvas.chat", &[]).await.unwrap();
}
