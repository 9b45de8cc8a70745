//! Writes the TTLs of buckets into the bytes of the keyvalue adapter.
//!
//! The adapter reads them from a block of its data segment that follows a mark; see
//! `guest/keyvalue/src/baked.rs`.

use super::patch::{Mark, patch};
use crate::contract::buckets::Buckets;
use crate::contract::duration::nanos;

const MARK: &Mark = b"localmap-buckets";

/// Returns the adapter with the TTLs of these buckets, which must have been
/// [checked](Buckets::check).
pub(crate) fn bake(component: &[u8], buckets: &Buckets) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, ttl) in buckets.ttls() {
        block.extend(nanos(ttl).to_le_bytes());
        block.extend(u8::try_from(name.len()));
        block.extend(name.bytes());
    }
    patch(component, MARK, &block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::components::KEYVALUE_ADAPTER;
    use crate::artifact::patch::find;
    use crate::contract::buckets::ROOM;
    use std::time::Duration;

    #[test]
    fn the_adapter_has_one_mark_with_room_behind_it() {
        let marks = KEYVALUE_ADAPTER.windows(MARK.len()).filter(|w| *w == MARK);
        assert_eq!(marks.count(), 1);
        let at = find(KEYVALUE_ADAPTER, MARK).unwrap();
        assert_eq!(KEYVALUE_ADAPTER[at..at + ROOM], [0; ROOM]);
    }

    #[test]
    fn baking_changes_the_block_alone() {
        assert_eq!(bake(KEYVALUE_ADAPTER, &Buckets::new()), KEYVALUE_ADAPTER);
        let buckets = Buckets::new()
            .ttl("a", Duration::from_secs(1))
            .ttl("", Duration::from_nanos(5));
        let baked = bake(KEYVALUE_ADAPTER, &buckets);
        let at = find(KEYVALUE_ADAPTER, MARK).unwrap();
        let expected = [
            &5u64.to_le_bytes()[..],
            &[0],
            &1_000_000_000u64.to_le_bytes(),
            &[1, b'a'],
        ]
        .concat();
        assert_eq!(baked[..at], KEYVALUE_ADAPTER[..at]);
        assert_eq!(baked[at..at + expected.len()], expected);
        assert_eq!(baked[at + ROOM..], KEYVALUE_ADAPTER[at + ROOM..]);
    }
}
