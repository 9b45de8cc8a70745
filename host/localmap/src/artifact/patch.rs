//! Overwrites the bytes after a mark in a component's data segment.

/// A mark of sixteen bytes. It occurs once in a component, directly before the block to
/// overwrite.
pub(super) type Mark = [u8; 16];

/// Returns `component` with `block` in place of the bytes after `mark`, or an unchanged copy if
/// it has no such mark or too few bytes after it.
pub(super) fn patch(component: &[u8], mark: &Mark, block: &[u8]) -> Vec<u8> {
    let mut patched = component.to_vec();
    if let Some(at) = find(component, mark)
        && let Some(place) = patched.get_mut(at..at + block.len())
    {
        place.copy_from_slice(block);
    }
    patched
}

/// Returns the position of the first byte after `mark`.
pub(super) fn find(component: &[u8], mark: &Mark) -> Option<usize> {
    let at = component
        .windows(mark.len())
        .position(|window| window == mark)?;
    Some(at + mark.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::components::MAP_COMPONENT;

    #[test]
    fn a_component_without_the_mark_or_without_room_is_unchanged() {
        let mark = b"no such mark ...";
        assert_eq!(patch(MAP_COMPONENT, mark, b"x"), MAP_COMPONENT);
        assert_eq!(patch(mark, mark, b"x"), mark);
        assert_eq!(patch(b"", mark, b"x"), b"");
    }
}
