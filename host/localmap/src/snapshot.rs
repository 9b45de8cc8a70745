//! Copies of a map's entries that any thread can read: the table of entries, its publication by
//! the owner of the map, the readers, and the time that all of them agree on.

pub(crate) mod publisher;
pub(crate) mod reader;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod view;
