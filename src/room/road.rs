//! Which way batches go into the database: what people do most is plain, and costs half; an op alone costs less by a way of its own.

use std::collections::HashSet;

use super::submission::Submission;
use crate::db::DbError;
use crate::db::calls::plain::{PlainOp, each_once, plain_ops};
use crate::db::calls::{BatchAnswer, BatchCall, WriterConnection};
use crate::model::{Op, RoomId, Verb};

/// Ops from which on the short way is the shorter one: it begins with wider statements.
const WORTH_A_SET: usize = 4;
/// Plain batches that are worth a transaction of their own.
const WORTH_A_COMMIT: usize = 8;

/// Parts batches that go into one transaction by room when only some rooms' are plain, so that those still go the short way. A room's
/// batches stay together and in order.
pub(super) fn part(batches: Vec<Submission>) -> Vec<Vec<Submission>> {
    let others = rooms_with_others(&batches);
    let plain = batches.iter().filter(|batch| !others.contains(&batch.room_id)).count();
    if plain < WORTH_A_COMMIT || plain == batches.len() {
        return vec![batches];
    }
    let (others, plain) = batches.into_iter().partition(|batch| others.contains(&batch.room_id));
    vec![plain, others]
}

/// Rooms that do more than put and patch, or change a shape twice.
fn rooms_with_others(batches: &[Submission]) -> HashSet<RoomId> {
    let mut shapes = HashSet::new();
    let mut rooms = HashSet::new();
    for batch in batches {
        for op in batch.gesture.ops() {
            let is_plain = matches!(op.verb, Verb::Put | Verb::Patch);
            if !is_plain || !shapes.insert((batch.room_id, op.id.as_str())) {
                rooms.insert(batch.room_id);
            }
        }
    }
    rooms
}

/// Applies drawing: by a short way when it is one op, or all of it is plain, else by the general one.
pub(super) async fn apply(
    connection: &WriterConnection,
    batches: &[Submission],
) -> Result<Vec<BatchAnswer>, DbError> {
    let calls: Vec<BatchCall<'_>> = batches.iter().map(Submission::call).collect();
    if let Some((batch, op)) = lone_op(&calls) {
        if let Some(answer) = connection.apply_op(batch, op).await? {
            return Ok(vec![answer]);
        }
    } else if let Some(ops) = read_plain(&calls) {
        let ops: Vec<&[PlainOp]> = ops.iter().map(Vec::as_slice).collect();
        if let Some(answers) = connection.apply_plain(&calls, &ops).await? {
            return Ok(answers);
        }
    }
    connection.apply_ops(&calls).await
}

/// An op that is alone and may go by itself.
fn lone_op<'a>(calls: &'a [BatchCall<'a>]) -> Option<(&'a BatchCall<'a>, &'a Op)> {
    let [batch] = calls else { return None };
    let [op] = batch.ops else { return None };
    matches!(op.verb, Verb::Put | Verb::Patch | Verb::Append).then_some((batch, op))
}

fn read_plain(calls: &[BatchCall<'_>]) -> Option<Vec<Vec<PlainOp>>> {
    let ops: usize = calls.iter().map(|call| call.ops.len()).sum();
    if ops < WORTH_A_SET || !each_once(calls) {
        return None;
    }
    calls.iter().map(|call| plain_ops(call.ops)).collect()
}
