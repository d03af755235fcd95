//! The board's page and its files, which the program carries.

mod files;
mod index;

pub(super) use files::asset;
pub(super) use index::page;
