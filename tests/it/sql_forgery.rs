//! What a writer may try with settings in hand, and what comes of it (RO6).

use super::sql_roles::board_with_shape;
use super::support::board::{Batch, Board, apply_batches, code};
use serde_json::{Value, json};

/// What a writer gets for an update that it tries to pass off as one of `apply_batches`.
async fn forge(update: &str) {
    let board = board_with_shape().await;
    let writer = board.client_as("pgcanvas_writer").await;
    writer.batch_execute(update).await.unwrap_or_else(|error| panic!("{update}: {error:?}"));
    let sql = "select seq = 2 and version = 2 and updated_by = 'sql:pgcanvas_writer' from pgcanvas.shapes";
    assert!(board.value::<bool>(sql).await, "{update}");
    board.assert_gapless().await;
}

/// RO6
#[tokio::test]
async fn a_writer_that_says_it_is_apply_batches_is_not_believed() {
    let applying =
        r#"select set_config('pgcanvas.applying', '[{"room_id": 1, "seq": 9, "author": "boss"}]', false)"#;
    forge(&format!("{applying}; update pgcanvas.shapes set x = 1")).await;
    forge(&format!("begin; {applying}; update pgcanvas.shapes set x = 1; commit")).await;
}

/// RO6
#[tokio::test]
async fn a_writer_that_says_so_in_the_middle_of_a_statement_is_not_believed() {
    forge("update pgcanvas.shapes set x = 1 + 0 * length(set_config('pgcanvas.applying', '[]', true))").await;
}

/// RO6
#[tokio::test]
async fn a_writer_with_functions_and_operators_of_its_own_is_not_believed() {
    let theirs = "create schema theirs; grant usage on schema theirs to public;
        create function theirs.has_table_privilege(regclass, text) returns boolean language sql return true;
        create function theirs.has_table_privilege(oid, text) returns boolean language sql return true;
        create function theirs.current_setting(text, boolean) returns text language sql return 'yes';
        create function theirs.unlike(text, text) returns boolean language sql return false;
        create operator theirs.= (function = theirs.unlike, leftarg = text, rightarg = text)";
    let board = board_with_shape().await;
    board.run(theirs).await;
    let writer = board.client_as("pgcanvas_writer").await;
    let path = "set search_path = theirs, pg_catalog; set pgcanvas.applying = 'yes'";
    writer.batch_execute(&format!("{path}; update pgcanvas.shapes set x = 1")).await.unwrap();
    let sql = "select seq = 2 and version = 2 and updated_by = 'sql:pgcanvas_writer' from pgcanvas.shapes";
    assert!(board.value::<bool>(sql).await);
    board.assert_gapless().await;
}

/// RO6
#[tokio::test]
async fn a_writer_that_names_its_own_seq_is_not_believed() {
    forge("set pgcanvas.statement = '7'; set pgcanvas.seq_1 = '8:888'; update pgcanvas.shapes set x = 1")
        .await;
}

/// What a writer does with a setting in hand is logged, rung and stamped as ever: shapes a, b (an arrow that ends at a) and c, in room 1.
async fn nothing_is_hidden(statement: &str, changes: i64) {
    let board = Board::open().await;
    let arrow = json!({"kind": "arrow", "props": {"startBinding": {"elementId": "a"}}});
    let put = |id: &str, shape: Value| Batch::anonymous(1, vec![("put", id, shape)]);
    for batch in [put("a", json!({"kind": "line"})), put("b", arrow), put("c", json!({"kind": "line"}))] {
        apply_batches(&board.client, &[batch]).await.unwrap();
    }
    board.run("select pgcanvas.chain_room('1')").await;
    let mut bells = board.listen(&[1]).await;
    bells.heard().await;
    let writer = board.client_as("pgcanvas_writer").await;
    writer.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    let logged =
        "select count(*) from pgcanvas.shape_changes where seq > 3 and author = 'sql:pgcanvas_writer'";
    assert_eq!(board.value::<i64>(logged).await, changes, "{statement}");
    assert_eq!(bells.heard().await.is_empty(), changes == 0, "{statement}");
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0, "{statement}");
}

/// RO6
#[tokio::test]
async fn a_writer_hides_nothing_from_the_log_or_the_bell() {
    let applying = "set_config('pgcanvas.applying', 'yes', true)";
    nothing_is_hidden(
        "set pgcanvas.applying = 'yes'; delete from pgcanvas.chat where message like '%\"id\":\"c\"%'",
        1,
    )
    .await;
    nothing_is_hidden(&format!("delete from pgcanvas.shapes where id = 'a' and {applying} is not null"), 2)
        .await;
    nothing_is_hidden(
        &format!("update pgcanvas.shapes set x = 7 + 0 * length({applying}) where id = 'c'"),
        1,
    )
    .await;
    let again = "insert into pgcanvas.shapes (room_id, id, kind) select 1, k.id, 'line'
        from (values ('a', 1), ('a', 2)) as k (id, n) where k.n = 1 or set_config('pgcanvas.taken', '', true) is not null on conflict do nothing";
    nothing_is_hidden(again, 0).await;
    // A delete and an insert in one statement are one batch.
    let both = "with gone as (delete from pgcanvas.shapes where id = 'c') insert into pgcanvas.shapes (room_id, id, kind) values (1, 'd', 'line')";
    nothing_is_hidden(both, 2).await;
}

/// RO6
#[tokio::test]
async fn a_statement_within_a_statement_leaves_no_gap() {
    let board = board_with_shape().await;
    board
        .run(
            "create schema theirs; grant usage on schema theirs to public;
             create function theirs.draws(p_id text) returns text language plpgsql as $$ begin
               insert into pgcanvas.shapes (room_id, id, kind) values (1, p_id || 'x', 'line');
               return p_id; end $$",
        )
        .await;
    let writer = board.client_as("pgcanvas_writer").await;
    writer
        .batch_execute(
            "insert into pgcanvas.shapes (room_id, id, kind) select 1, case when n = 1 then 'a' else theirs.draws('a') end, 'line'
               from generate_series(1, 2) as n on conflict do nothing;
             insert into pgcanvas.shapes (room_id, id, kind) select 1, theirs.draws('n' || n), 'line' from generate_series(1, 3) as n",
        )
        .await
        .unwrap();
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.shapes").await, 8);
    board.assert_gapless().await;
    assert_eq!(board.value::<i64>("select count(*) from pgcanvas.verify('1')").await, 0);
}

/// RO6
#[tokio::test]
async fn a_writer_that_reads_the_statement_s_name_and_gives_it_a_seq_is_refused() {
    for seq in ["-7", "0", "1", "3", "999"] {
        let board = board_with_shape().await;
        let writer = board.client_as("pgcanvas_writer").await;
        let own =
            format!("set_config('pgcanvas.seq_1', current_setting('pgcanvas.statement') || ':{seq}', true)");
        for statement in [
            format!("update pgcanvas.shapes set x = 1 + 0 * length({own})"),
            format!("delete from pgcanvas.shapes where {own} is not null"),
            format!(
                "insert into pgcanvas.shapes (room_id, id, kind) select 1, 'n' || n || left({own}, 0), 'line' from generate_series(1, 2) as n"
            ),
        ] {
            assert_eq!(code(writer.batch_execute(&statement).await), "WB001", "{statement}");
        }
        assert_eq!(board.last_seq().await, 1);
        board.assert_gapless().await;
    }
}
