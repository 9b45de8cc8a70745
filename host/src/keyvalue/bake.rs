//! Writes the TTLs of buckets into the bytes of the component in front of the map.
//!
//! The component looks for them in a block of its data segment, behind a mark: see
//! `guest/keyvalue/src/baked.rs`.

use super::Buckets;
use crate::clock::nanos;

const MARK: &[u8; 16] = b"localmap-buckets";

/// Bytes for the entries.
pub(super) const ROOM: usize = 4096;

/// What an entry takes beside the name.
const ENTRY: usize = 9;

/// The component with `buckets`, which are to be [checked](Buckets::check) before.
pub(super) fn bake(component: &[u8], buckets: &Buckets) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, ttl) in buckets.ttls() {
        block.extend(nanos(ttl).to_le_bytes());
        block.extend(u8::try_from(name.len()));
        block.extend(name.bytes());
    }
    let mut baked = component.to_vec();
    if let Some(at) = find(component)
        && let Some(place) = baked.get_mut(at..at + block.len())
    {
        place.copy_from_slice(&block);
    }
    baked
}

/// The bytes that so many entries take.
pub(super) fn size<'a>(names: impl Iterator<Item = &'a str>) -> usize {
    names.map(|name| ENTRY + name.len()).sum()
}

/// Where the entries begin.
fn find(component: &[u8]) -> Option<usize> {
    let mark = component
        .windows(MARK.len())
        .position(|window| window == MARK)?;
    Some(mark + MARK.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyvalue::KEYVALUE;
    use std::time::Duration;

    #[test]
    fn the_mark_is_there_once_and_room_for_the_entries_behind_it() {
        let marks = KEYVALUE.windows(MARK.len()).filter(|w| *w == MARK);
        assert_eq!(marks.count(), 1);
        let at = find(KEYVALUE).unwrap();
        assert_eq!(KEYVALUE[at..at + ROOM], [0; ROOM]);
    }

    #[test]
    fn baking_changes_the_block_alone() {
        assert_eq!(bake(KEYVALUE, &Buckets::new()), KEYVALUE);
        let buckets = Buckets::new()
            .ttl("a", Duration::from_secs(1))
            .ttl("", Duration::from_nanos(5));
        let baked = bake(KEYVALUE, &buckets);
        let at = find(KEYVALUE).unwrap();
        let expected = [
            &5u64.to_le_bytes()[..],
            &[0],
            &1_000_000_000u64.to_le_bytes(),
            &[1, b'a'],
        ]
        .concat();
        assert_eq!(baked[..at], KEYVALUE[..at]);
        assert_eq!(baked[at..at + expected.len()], expected);
        assert_eq!(baked[at + ROOM..], KEYVALUE[at + ROOM..]);
    }
}
