//! A response that is being put together.

use bytes::Bytes;
use localmap_sidecar_proto::mirror_response::Refresh;
use localmap_sidecar_proto::{Entry, MirrorResponse};

/// The most bytes of a response, unless it has one larger entry alone.
pub(super) const MAX_BYTES: usize = 1 << 20;

/// The bytes that an item takes in addition to its key and its value, at most.
const ITEM_BYTES: usize = 48;

/// What a mirror is to apply next.
#[derive(Default)]
pub(super) struct Part {
    removed: Vec<Bytes>,
    refreshed: Vec<Refresh>,
    entries: Vec<Entry>,
    bytes: usize,
}

/// One change of a mirror.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Removed(Bytes),
    Refreshed(Refresh),
    Entry(Entry),
}

impl Item {
    /// Returns what gives a mirror the remaining time of an entry whose value it holds.
    pub(super) fn refresh(entry: Entry) -> Self {
        Self::Refreshed(Refresh {
            key: entry.key,
            version: entry.version,
            expires_in_nanos: entry.expires_in_nanos,
        })
    }

    fn bytes(&self) -> usize {
        let content = match self {
            Self::Removed(key) => key.len(),
            Self::Refreshed(refresh) => refresh.key.len(),
            Self::Entry(entry) => entry.key.len() + entry.value.len(),
        };
        content + ITEM_BYTES
    }
}

impl Part {
    /// Returns `true` if there is nothing to apply.
    pub(super) fn is_empty(&self) -> bool {
        self.bytes == 0
    }

    /// Returns the bytes for which there is room.
    pub(super) fn room(&self) -> usize {
        MAX_BYTES.saturating_sub(self.bytes)
    }

    /// Adds an item if there is room for it; the first one always has room. Returns `false` if there is
    /// none.
    pub(super) fn add(&mut self, item: Item) -> bool {
        self.add_all(std::iter::once(item).collect())
    }

    /// Adds all items or none of them. The first ones always have room.
    pub(super) fn add_all(&mut self, items: Vec<Item>) -> bool {
        let bytes = items.iter().map(Item::bytes).sum::<usize>();
        if !self.is_empty() && bytes > self.room() {
            return false;
        }
        self.bytes += bytes;
        for item in items {
            match item {
                Item::Removed(key) => self.removed.push(key),
                Item::Refreshed(refresh) => self.refreshed.push(refresh),
                Item::Entry(entry) => self.entries.push(entry),
            }
        }
        true
    }

    /// Returns the versions of the entries, by their keys.
    pub(super) fn versions(&self) -> Vec<(Bytes, u64)> {
        let refreshed = self.refreshed.iter().map(|item| (&item.key, item.version));
        let entries = self.entries.iter().map(|item| (&item.key, item.version));
        let all = refreshed.chain(entries);
        all.map(|(key, version)| (key.clone(), version)).collect()
    }

    /// Returns the response, whose other fields are not set.
    pub(super) fn into_response(self) -> MirrorResponse {
        MirrorResponse {
            removed: self.removed,
            refreshed: self.refreshed,
            entries: self.entries,
            ..MirrorResponse::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(len: usize) -> Item {
        Item::Entry(Entry {
            key: "k".into(),
            value: vec![0; len].into(),
            ..Entry::default()
        })
    }

    #[test]
    fn a_part_is_bounded_but_for_its_first_item() {
        let mut part = Part::default();
        assert!(part.is_empty() && part.add(entry(2 * MAX_BYTES)));
        assert!(!part.add(Item::Removed("k".into())));
        let mut part = Part::default();
        while part.add(entry(1_000)) {}
        let response = part.into_response();
        let bytes = response.entries.len() * (1_001 + ITEM_BYTES);
        assert!(bytes <= MAX_BYTES && bytes + 1_001 + ITEM_BYTES > MAX_BYTES);
    }
}
