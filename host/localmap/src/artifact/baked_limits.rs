//! Writes limits into the bytes of the map component.
//!
//! The component reads its initial limits from a block of its data segment that follows a mark;
//! see `guest/map/src/baked.rs`.

use super::patch::{Mark, patch};
use crate::contract::duration::nanos;
use crate::contract::limits::{Limits, Policy};

const MARK: &Mark = b"localmap-limits4";

/// Returns the component, to be plugged, with `limits` in place of its built-in limits. The
/// limits must have been [checked](Limits::check).
pub(crate) fn bake(component: &[u8], limits: &Limits) -> Vec<u8> {
    let block: Vec<u8> = [
        limits.max_entries,
        limits.max_bytes,
        limits.max_value,
        limits.default_ttl.map_or(0, nanos),
        limits.utf8_keys.into(),
        match limits.policy {
            Policy::Refuse => 0,
            Policy::Lru => 1,
            Policy::S3Fifo => 2,
        },
        limits.max_pins.into(),
        limits.max_key.into(),
        1,
    ]
    .into_iter()
    .flat_map(u64::to_le_bytes)
    .collect();
    patch(component, MARK, &block)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::components::MAP_COMPONENT;
    use crate::artifact::patch::find;
    use std::time::Duration;

    #[test]
    fn the_component_has_one_mark() {
        let marks = MAP_COMPONENT.windows(MARK.len()).filter(|w| *w == MARK);
        assert_eq!(marks.count(), 1);
    }

    #[test]
    fn the_component_is_built_with_the_documented_defaults() {
        let baked = bake(MAP_COMPONENT, &Limits::default());
        let plugged = find(MAP_COMPONENT, MARK).unwrap() + 64;
        assert_eq!(baked[..plugged], MAP_COMPONENT[..plugged]);
        assert_eq!(MAP_COMPONENT[plugged], 0);
        assert_eq!(baked[plugged], 1);
        assert_eq!(baked[plugged + 1..], MAP_COMPONENT[plugged + 1..]);
    }

    #[test]
    fn baking_changes_the_block_alone() {
        let limits = Limits::default()
            .max_entries(7)
            .default_ttl(Some(Duration::from_secs(1)))
            .utf8_keys(true)
            .policy(Policy::S3Fifo)
            .max_pins(9)
            .max_key(300);
        let baked = bake(MAP_COMPONENT, &limits);
        let at = find(MAP_COMPONENT, MARK).unwrap();
        assert_eq!(baked[..at], MAP_COMPONENT[..at]);
        assert_eq!(baked[at + 72..], MAP_COMPONENT[at + 72..]);
        assert_eq!(baked[at..at + 8], 7u64.to_le_bytes());
        assert_eq!(baked[at + 24..at + 32], 1_000_000_000u64.to_le_bytes());
        assert_eq!(baked[at + 32..at + 40], 1u64.to_le_bytes());
        assert_eq!(baked[at + 40..at + 48], 2u64.to_le_bytes());
        assert_eq!(baked[at + 48..at + 56], 9u64.to_le_bytes());
        assert_eq!(baked[at + 56..at + 64], 300u64.to_le_bytes());
    }
}
