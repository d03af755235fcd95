//! Changes in the words of the seed dialect: a whole shape or a deletion per frame. A patch there is the shape as it is now.

use std::collections::{BTreeSet, HashMap};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fanout::insistently;
use super::frames::Stretch;
use super::outbox::{Frame, HARD_BYTES};
use crate::db::Db;
use crate::db::calls;
use crate::model::RoomId;
use crate::protocol::seed;

#[derive(Debug, Deserialize)]
struct Batch {
    changes: Vec<Change>,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
enum Change {
    Put { shape: Map<String, Value> },
    Patch { id: String },
    Append { id: String },
    Delete { id: String },
}

/// A frame that still wants the room's name.
#[derive(Debug)]
pub enum SeedFrame {
    /// A shape.
    Chat(Value),
    /// A deletion.
    Delete(String),
}

impl SeedFrame {
    /// The frame for those who call the room so.
    pub fn named(&self, room: &str) -> Frame {
        match self {
            Self::Chat(shape) => seed::chat_frame(room, shape).into(),
            Self::Delete(id) => seed::delete_frame(room, id).into(),
        }
    }
}

/// The frames for a stretch; none when they are more than may wait for a reader. A shape that was patched and is gone by now is left out:
/// its deletion follows.
pub async fn translate(db: &Db, room: RoomId, stretch: &Stretch) -> Option<Vec<SeedFrame>> {
    let Ok(batches) = serde_json::from_str::<Vec<Batch>>(&format!("[{}]", stretch.batches_json)) else {
        return Some(Vec::new());
    };
    let changes: Vec<Change> = batches.into_iter().flat_map(|batch| batch.changes).collect();
    let touched = changes.iter().filter_map(|change| match change {
        Change::Patch { id } | Change::Append { id } => Some(id.as_str()),
        _ => None,
    });
    let touched: BTreeSet<&str> = touched.collect();
    let rows = rows(db, room, touched.into_iter().collect()).await?;
    Some(changes.into_iter().filter_map(|change| frame(change, &rows)).collect())
}

fn frame(change: Change, rows: &HashMap<String, Map<String, Value>>) -> Option<SeedFrame> {
    match change {
        Change::Put { shape } => Some(SeedFrame::Chat(seed::to_seed_shape(&shape))),
        Change::Patch { id } | Change::Append { id } => {
            Some(SeedFrame::Chat(seed::to_seed_shape(rows.get(&id)?)))
        }
        Change::Delete { id } => Some(SeedFrame::Delete(id)),
    }
}

/// The shapes of these ids, which are in order; none when they are more than may wait for a reader.
async fn rows(db: &Db, room: RoomId, ids: Vec<&str>) -> Option<HashMap<String, Map<String, Value>>> {
    let (mut rows, mut bytes, mut left) = (HashMap::new(), 0, ids.as_slice());
    while !left.is_empty() {
        let told = insistently(room, || calls::shapes_by_id(db, room, left)).await;
        let Some((last, _)) = told.last() else { break };
        left = left.get(left.partition_point(|id| *id <= last.as_str())..).unwrap_or_default();
        for (id, text) in told {
            bytes += text.len();
            if bytes > HARD_BYTES {
                return None;
            }
            if let Ok(shape) = serde_json::from_str(&text) {
                rows.insert(id, shape);
            }
        }
    }
    Some(rows)
}
