//! Reduces a component to its declarations: what it imports, exports and defines, without the code
//! and the data of its modules. Most of a large component is code and data, which takes long to
//! validate, and which the compiler validates again.

use wasmparser::Parser;

/// Section ids of modules.
const CUSTOM: u8 = 0;
const CODE: u8 = 10;
const DATA: u8 = 11;
const DATA_COUNT: u8 = 12;
/// Section ids of components.
const MODULE: u8 = 1;
const COMPONENT: u8 = 4;
/// The length of the magic number and the version in bytes.
const HEADER: usize = 8;
/// A function that does nothing but trap, with its length before it.
const FUNCTION: [u8; 4] = [3, 0, 0x00, 0x0b];
/// The maximum depth of components in components, which validators limit too.
const MAX_DEPTH: u32 = 100;

/// Returns a component with the same declarations, in which every function traps and there is no
/// data. It is valid if `component` is. Returns `None` if the sections of `component` cannot be
/// told apart, so that it is not valid.
pub(crate) fn skeleton(component: &[u8]) -> Option<Vec<u8>> {
    Parser::is_component(component)
        .then(|| reduced(component, MAX_DEPTH))
        .flatten()
}

/// Reduces a component or a module.
fn reduced(binary: &[u8], depth: u32) -> Option<Vec<u8>> {
    let depth = depth.checked_sub(1)?;
    let is_module = Parser::is_core_wasm(binary);
    if !is_module && !Parser::is_component(binary) {
        return None;
    }
    let (header, mut rest) = binary.split_at_checked(HEADER)?;
    let mut to = header.to_vec();
    while let Some((&id, after)) = rest.split_first() {
        let (len, after) = number(after)?;
        let (section, after) = after.split_at_checked(len)?;
        rest = after;
        match (is_module, id) {
            (_, CUSTOM) | (true, DATA | DATA_COUNT) => {}
            (true, CODE) => {
                let (functions, _) = number(section)?;
                // Each function has at least two bytes.
                if functions > section.len() {
                    return None;
                }
                let mut code = encoded(functions);
                code.extend(FUNCTION.repeat(functions));
                push(&mut to, id, &code);
            }
            (false, MODULE | COMPONENT) => push(&mut to, id, &reduced(section, depth)?),
            _ => push(&mut to, id, section),
        }
    }
    Some(to)
}

/// Appends a section.
fn push(to: &mut Vec<u8>, id: u8, section: &[u8]) {
    to.push(id);
    to.extend(encoded(section.len()));
    to.extend_from_slice(section);
}

/// Reads a number in LEB128, of 32 bits. Returns what follows it, too.
fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0u64;
    for (at, &byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            let value = u32::try_from(value).ok()?;
            return Some((value.try_into().ok()?, bytes.get(at + 1..)?));
        }
    }
    None
}

/// Returns a number in LEB128.
fn encoded(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let [low, ..] = number.to_le_bytes();
        number >>= 7;
        if number == 0 {
            bytes.push(low & 0x7f);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::components::{KEYVALUE_ADAPTER, MAP_COMPONENT};
    use wasmparser::{Validator, WasmFeatures};

    fn is_valid(component: &[u8]) -> bool {
        let mut validator = Validator::new_with_features(WasmFeatures::all());
        validator.validate_all(component).is_ok()
    }

    #[test]
    fn a_skeleton_is_valid_and_small() {
        for component in [MAP_COMPONENT, KEYVALUE_ADAPTER] {
            let skeleton = skeleton(component).expect("its sections are valid");
            assert!(is_valid(&skeleton));
            assert!(skeleton.len() < component.len() / 2, "{}", skeleton.len());
        }
    }

    #[test]
    fn nested_components_are_reduced_too() {
        let component = wat::parse_str(
            r#"(component
                (component (core module
                    (memory 1)
                    (func (export "f") (result i32) (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 1)) i32.const 7)
                    (data "a long text, which is left out"))))"#,
        );
        let component = component.expect("it is valid");
        let skeleton = skeleton(&component).expect("its sections are valid");
        assert!(is_valid(&component) && is_valid(&skeleton));
        assert!(skeleton.len() < component.len() - 30);
    }

    #[test]
    fn truncated_components_have_none_or_an_invalid_one() {
        for len in 0..MAP_COMPONENT.len() {
            if let Some(skeleton) = skeleton(&MAP_COMPONENT[..len]) {
                let ends_between_sections = is_valid(&MAP_COMPONENT[..len]);
                assert_eq!(is_valid(&skeleton), ends_between_sections, "{len}");
            }
        }
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for value in [0, 1, 127, 128, 300, u32::MAX as usize] {
            let bytes = [encoded(value), vec![9]].concat();
            assert_eq!(number(&bytes), Some((value, &[9][..])));
        }
        for invalid in [
            &[][..],
            &[0x80],
            &[0xff; 6],
            &[0xff, 0xff, 0xff, 0xff, 0x1f],
        ] {
            assert_eq!(number(invalid), None);
        }
    }
}
