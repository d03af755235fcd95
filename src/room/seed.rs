//! Changes in the words of the seed dialect: a whole shape or a deletion per frame. A patch there is the shape as it is now.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::fanout::insistently;
use super::frames::Stretch;
use super::outbox::Text;
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
    pub fn named(&self, room: &str) -> Text {
        match self {
            Self::Chat(shape) => seed::chat_frame(room, shape).into(),
            Self::Delete(id) => seed::delete_frame(room, id).into(),
        }
    }
}

/// The frames for a stretch. A shape that was patched and is gone by now is left out: its deletion follows.
pub async fn translate(db: &Db, room: RoomId, stretch: &Stretch) -> Vec<SeedFrame> {
    let Ok(batches) = serde_json::from_str::<Vec<Batch>>(&format!("[{}]", stretch.batches_json)) else {
        return Vec::new();
    };
    let changes: Vec<Change> = batches.into_iter().flat_map(|batch| batch.changes).collect();
    let touched = changes.iter().filter_map(|change| match change {
        Change::Patch { id } | Change::Append { id } => Some(id.as_str()),
        _ => None,
    });
    let touched: Vec<&str> = touched.collect();
    let rows = if touched.is_empty() { Vec::new() } else { rows(db, room, &touched).await };
    let rows: HashMap<String, Map<String, Value>> = rows.into_iter().collect();
    changes.into_iter().filter_map(|change| frame(change, &rows)).collect()
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

async fn rows(db: &Db, room: RoomId, ids: &[&str]) -> Vec<(String, Map<String, Value>)> {
    let rows = insistently(room, || calls::shapes_by_id(db, room, ids)).await;
    rows.into_iter().filter_map(|(id, text)| Some((id, serde_json::from_str(&text).ok()?))).collect()
}
