//! Who may do what (RO).

use super::support::board::{Batch, Board, apply_batches, code, open_room};
use serde_json::json;
use tokio_postgres::Client;

const DENIED: &str = "42501";

async fn assert_denied(client: &Client, statements: &[&str]) {
    for sql in statements {
        assert_eq!(code(client.batch_execute(sql).await), DENIED, "{sql}");
    }
}

pub(crate) async fn board_with_shape() -> Board {
    let board = Board::open().await;
    board.apply(vec![("put", "a", json!({"kind": "rectangle"}))]).await.unwrap();
    board
}

/// RO1
#[tokio::test]
async fn a_node_calls_procedures_and_touches_no_table() {
    let board = board_with_shape().await;
    let node = board.client_as("pgcanvas_node").await;
    for sql in [
        "select pgcanvas.contract()",
        "select * from pgcanvas.apply_batches(array[1], array[null]::uuid[], array[null]::bigint[], array['node'], null, null, null, array[1],
           array['put'], array['b'], null, null, null, array['\"kind\": \"line\"'])",
        "select * from pgcanvas.changes_since(1, 0, 0, 100)",
        "select channel from pgcanvas.room_state('1')",
        "select * from pgcanvas.room_head(1)",
        "select pgcanvas.create_room('design', 'open', null)",
        "select pgcanvas.open_room(2)",
        "select * from pgcanvas.list_rooms(null, 10)",
        "select * from pgcanvas.room_snapshot(1, '', 10)",
        "select * from pgcanvas.room_delta(1, 0)",
        "select * from pgcanvas.shapes_by_id(1, array['a'])",
        "select * from pgcanvas.shapes_in_box(1, null, null, null, 10)",
        "select * from pgcanvas.shapes_in_box(1, '(0,0),(9,9)', null, null, 10)",
        "select pgcanvas.ring(array[1], array['p {}'])",
        "select pgcanvas.put_file(encode(sha256('x'), 'hex'), 'image/png', 'x')",
        "select * from pgcanvas.read_file('x')",
        "select pgcanvas.seq_at('1', now())",
        "select * from pgcanvas.room_at('1', 1)",
        "select * from pgcanvas.room_at('1', now())",
        "select * from pgcanvas.room_history('1')",
        "select * from pgcanvas.room_diff('1', 0, 1)",
        "select * from pgcanvas.shape_blame('1', 'a')",
        "select * from pgcanvas.restore_shapes('1', 1, null, null, 'ann', null, null)",
        "select pgcanvas.branch_room('1', 1, null, 'ann')",
        "select pgcanvas.write_snapshots(1)",
        "select * from pgcanvas.prune_history(null, interval '1 day', null)",
        "select pgcanvas.forget_answers(interval '1 day')",
        "select pgcanvas.check_rewind()",
        "select pgcanvas.create_user('ann', 'Ann', '$argon2id$x')",
        "select * from pgcanvas.user_by_login('ann')",
        "select pgcanvas.set_password('ann', '$argon2id$y', null)",
        "select pgcanvas.attempt_sign_in('ann')",
        "select pgcanvas.add_sign_in('ann', sha256('t'), 30)",
        "select * from pgcanvas.who_is(sha256('t'))",
        "select pgcanvas.claim_client(gen_random_uuid(), sha256('k'))",
        "select pgcanvas.signed_out(array[sha256('t')])",
        "select channel from pgcanvas.room_access('1', 'ann', null)",
        "select * from pgcanvas.set_member(1, 'ann', 'owner')",
        "select * from pgcanvas.list_members(1)",
        "select * from pgcanvas.make_link(1, 'owner', sha256('l'), 'ann', null)",
        "select * from pgcanvas.list_links(1)",
        "select pgcanvas.drop_link(1, gen_random_uuid())",
        "select pgcanvas.drop_member(1, 'ann')",
        "select pgcanvas.set_visibility(1, 'private')",
        "select pgcanvas.sign_out(sha256('t'))",
        "select pgcanvas.forget_expired()",
        "select pgcanvas.delete_room(2)",
    ] {
        node.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    let relations = "select 'pgcanvas.' || relname, relkind = 'r' from pg_class
        where relnamespace = 'pgcanvas'::regnamespace and relkind in ('r', 'v')";
    for row in board.client.query(relations, &[]).await.unwrap() {
        let name: String = row.get(0);
        assert_denied(&node, &[&format!("select from {name}")]).await;
        if row.get(1) {
            assert_denied(
                &node,
                &[&format!("delete from {name}"), &format!("insert into {name} default values")],
            )
            .await;
        }
    }
    assert_denied(
        &node,
        &[
            "select pgcanvas.statement_batch(1)",
            "select pgcanvas.draw('1', '[]')",
            "select pgcanvas.new_epoch()",
            "call pgcanvas.erase_user('ann')",
            "select pgcanvas.chain_room('1', false)",
        ],
    )
    .await;
}

/// RO2
#[tokio::test]
async fn an_analyst_reads_views_and_writes_nothing() {
    let board = board_with_shape().await;
    let analyst = board.client_as("pgcanvas_analyst").await;
    for view in ["board_shapes", "room_activity", "change_log", "chat"] {
        let rows = analyst.query(&format!("select * from pgcanvas.{view}"), &[]).await.unwrap();
        assert_eq!(rows.len(), 1, "{view}");
    }
    assert_eq!(analyst.query("select * from chat", &[]).await.unwrap().len(), 1);
    let row = analyst
        .query_one("select room, shapes, batches, changes, authors from pgcanvas.room_activity", &[])
        .await
        .unwrap();
    assert_eq!(row.get::<_, &str>(0), "1");
    assert_eq!([1, 2, 3, 4].map(|column| row.get::<_, i64>(column)), [1, 1, 1, 1]);
    for past in [
        "room_at('1', 1)",
        "room_at('1', now())",
        "room_history('1')",
        "room_diff('1', 0, 1)",
        "shape_blame('1', 'a')",
        "chain_head('1')",
        "verify('1')",
    ] {
        analyst
            .query(&format!("select * from pgcanvas.{past}"), &[])
            .await
            .unwrap_or_else(|error| panic!("{past}: {error:?}"));
    }
    assert_denied(
        &analyst,
        &[
            "select * from pgcanvas.restore('1', 0)",
            "select * from pgcanvas.prune_history('1', null, 0)",
            "select pgcanvas.new_epoch()",
            "select from pgcanvas.snapshots",
            "select from pgcanvas.shapes",
            "delete from pgcanvas.shapes",
            "delete from chat",
            "insert into chat (roomid, message, userid) values (1, '', '')",
            "select pgcanvas.draw('1', '[]')",
        ],
    )
    .await;
}

/// RO3
#[tokio::test]
async fn a_writer_writes_shapes_by_every_road() {
    let board = board_with_shape().await;
    let writer = board.client_as("pgcanvas_writer").await;
    for sql in [
        "insert into pgcanvas.shapes (room_id, id, kind, x, points) values (1, 'w', 'line', 1, '{{0,0},{1,1}}')",
        "insert into pgcanvas.shapes (room_id, id, kind) values (1, 'w', 'arrow') on conflict (room_id, id) do update set kind = excluded.kind",
        "update pgcanvas.shapes set angle = 1, stroke_width = 2, props = '{\"a\": 1}' where id = 'w'",
        "select * from pgcanvas.draw('1', '[{\"op\": \"patch\", \"id\": \"w\", \"set\": {\"x\": 7}}]')",
        "insert into chat (roomid, message, userid) values (1, '{\"shape\":{\"id\":\"c\",\"type\":\"rect\"}}', 'u')",
        "delete from chat where roomid = 1 and message like '%\"id\":\"c\"%'",
        "delete from pgcanvas.shapes where id = 'w'",
        "select * from pgcanvas.restore('1', 1)",
        "select * from pgcanvas.room_at('1', 2)",
        "select * from pgcanvas.board_shapes",
    ] {
        writer.query(sql, &[]).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
    board.assert_gapless().await;
    let sql = "select array_agg(distinct author order by author) from pgcanvas.shape_changes where author like 'sql:%'";
    assert_eq!(board.value::<Vec<String>>(sql).await, ["sql:pgcanvas_writer"]);
}

/// RO4
#[tokio::test]
async fn a_writer_sets_nothing_that_the_server_stamps() {
    let board = board_with_shape().await;
    let writer = board.client_as("pgcanvas_writer").await;
    for column in [
        "seq",
        "version",
        "bounds",
        "grid",
        "created_by",
        "updated_by",
        "created_at",
        "updated_at",
        "id",
        "room_id",
    ] {
        assert_denied(&writer, &[&format!("update pgcanvas.shapes set {column} = {column}")]).await;
    }
    assert_denied(
        &writer,
        &[
            "insert into pgcanvas.shapes (room_id, id, kind, seq) values (1, 'b', 'line', 99)",
            "truncate pgcanvas.shapes",
            "alter table pgcanvas.shapes disable trigger all",
            "insert into pgcanvas.shape_changes default values",
            "select pgcanvas.statement_batch(1)",
            "select pgcanvas.open_room(3)",
        ],
    )
    .await;
}

/// RO5
#[tokio::test]
async fn nobody_but_a_node_learns_a_rooms_channel() {
    let board = board_with_shape().await;
    for role in ["pgcanvas_writer", "pgcanvas_analyst"] {
        let client = board.client_as(role).await;
        assert_denied(
            &client,
            &[
                "select channel from pgcanvas.rooms",
                "select from pgcanvas.room_state('1')",
                "select from pgcanvas.room_access('1', null, null)",
                "select pgcanvas.ring(array[1], array['x'])",
            ],
        )
        .await;
        let channel: String = board.value("select channel from pgcanvas.rooms").await;
        for view in ["board_shapes", "room_activity", "change_log", "chat"] {
            let sql = format!(
                "select coalesce(bool_or(v::text like '%' || $1 || '%'), false) from pgcanvas.{view} as v"
            );
            assert!(!client.query_one(&sql, &[&channel]).await.unwrap().get::<_, bool>(0), "{view}");
        }
    }
}

/// RO7
#[tokio::test]
async fn a_schema_that_was_given_to_another_owner_logs_everything_once() {
    let board = board_with_shape().await;
    let owner = format!("\"{}-heir\"", board.database.config().get_dbname().unwrap());
    let give = |to: &str| {
        format!(
            "do $$ declare r record; begin
               for r in select 'table ' || c.oid::regclass as what from pg_class c where c.relnamespace = 'pgcanvas'::regnamespace and c.relkind in ('r', 'v')
                 union all select 'function ' || p.oid::regprocedure from pg_proc p where p.pronamespace = 'pgcanvas'::regnamespace and p.prokind = 'f'
                 union all select 'schema pgcanvas' loop
                 execute 'alter ' || r.what || ' owner to {to}';
               end loop; end $$"
        )
    };
    board.run(&format!("create role {owner}; grant {owner} to current_user")).await;
    board.run(&give(&owner)).await;
    board.run(r#"select pgcanvas.draw('1', '[{"op": "patch", "id": "a", "set": {"x": 1}}]')"#).await;
    let logged: i64 = board.value("select count(*) from pgcanvas.shape_changes where seq = 2").await;
    board.run(&give("current_user")).await;
    board.run(&format!("drop owned by {owner}; drop role {owner}")).await;
    assert_eq!(logged, 1);
}

/// What `apply_batches` leaves of a patch when a role of this name, which is no superuser, made the schema.
async fn patch_by_owner_named(suffix: &str) {
    let board = Board::open().await;
    let database = board.database.config().get_dbname().unwrap().to_owned();
    let owner = format!("\"{database}{suffix}\"");
    board.run("drop schema pgcanvas cascade; drop extension btree_gist").await;
    board.run(&format!("create role {owner}; grant {owner} to current_user")).await;
    board.run(&format!("alter database {database} owner to {owner}")).await;
    let mut client = board.client_as(&owner).await;
    let migrated = pgcanvas::db::schema::migrate(&mut client).await;
    let outcome = match migrated {
        Ok(_) => put_and_patch(&client).await,
        Err(error) => panic!("{error}"),
    };
    client.batch_execute("reset role").await.unwrap();
    let give_back = format!(
        "alter database {database} owner to current_user; drop owned by {owner} cascade; drop role {owner}"
    );
    client.batch_execute(&give_back).await.unwrap();
    assert_eq!(outcome, (2, 2, "author 1".to_owned()));
}

async fn put_and_patch(client: &Client) -> (i64, i64, String) {
    open_room(client, 1).await;
    for op in [("put", json!({"kind": "line"})), ("patch", json!({"set": {"x": 1}}))] {
        apply_batches(client, &[Batch::anonymous(1, vec![(op.0, "a", op.1)])]).await.unwrap();
    }
    let sql = "select h.last_seq, s.seq, s.updated_by from pgcanvas.rooms r join pgcanvas.shapes s on s.room_id = r.id cross join lateral pgcanvas.room_head(r.id) as h";
    let row = client.query_one(sql, &[]).await.unwrap();
    (row.get(0), row.get(1), row.get(2))
}

/// RO7
#[tokio::test]
async fn a_database_owner_without_further_rights_makes_a_schema_that_works() {
    patch_by_owner_named("_own").await;
}

/// RO7
#[tokio::test]
async fn an_owner_whose_name_needs_quotes_owns_all_the_same() {
    patch_by_owner_named("-own").await;
}

/// RO8
#[tokio::test]
async fn who_made_the_schema_may_act_as_a_node() {
    let board = Board::open().await;
    board.run("set role pgcanvas_node; select pgcanvas.contract(); reset role").await;
}
