//! A join on its way: pages are gathered, and applied when the last one came.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::frame::{Joined, Mode, Page};
use super::shape::{Misfit, Shape, Shapes, id_of};

/// The pages of a join so far.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) epoch: Uuid,
    pub(super) seq: i64,
    pub(super) mode: Mode,
    put: Vec<Shape>,
    deleted: Vec<String>,
    more: bool,
}

impl Incoming {
    /// Begins with the first page.
    pub(super) fn new(joined: Joined) -> Self {
        let Joined { epoch, seq, mode, page } = joined;
        let mut incoming = Self { epoch, seq, mode, put: Vec::new(), deleted: Vec::new(), more: true };
        incoming.gather(page);
        incoming
    }

    /// Adds a page.
    pub(super) fn gather(&mut self, page: Page) {
        self.put.extend(page.added);
        self.put.extend(page.modified);
        self.deleted.extend(page.deleted);
        self.more = page.more;
    }

    /// Whether the last page came.
    pub(super) fn is_whole(&self) -> bool {
        !self.more
    }

    /// Brings a board to the join's seq; gives the shapes that may look different now.
    pub(super) fn apply(self, shapes: &mut Shapes) -> Result<BTreeSet<String>, Misfit> {
        let mut touched = BTreeSet::new();
        if self.mode == Mode::Snapshot {
            touched.extend(std::mem::take(shapes).into_keys());
        }
        for shape in self.put {
            let id = id_of(&shape)?;
            touched.insert(id.clone());
            shapes.insert(id, shape);
        }
        for id in self.deleted {
            shapes.remove(&id);
            touched.insert(id);
        }
        Ok(touched)
    }
}
