//! Writes initial entries into the bytes of the map component.
//!
//! They are in one more core module at the end of the component, as a passive segment. Its start
//! function passes them to the map's core module as the canonical ABI passes the parameters of
//! `preload`, one at a time, because a map guarantees room for one entry only. So the entries are
//! stored when the component is instantiated, they can have any size, and no memory holds a second
//! copy. It is no component of its own, because some hosts cannot call from one component into
//! another during instantiation.

use crate::contract::duration::nanos;
use crate::contract::entry::{Preload, Ttl};
use crate::contract::names::CONTROL;
use wasm_encoder::{
    BlockType, CodeSection, ComponentSection, DataCountSection, DataSection, EntityType, Function,
    FunctionSection, ImportSection, InstanceSection, MemArg, MemoryType, Module, ModuleArg,
    ModuleSection, NameMap, NameSection, StartSection, TypeSection, ValType,
};
use wasmparser::{Instance, Parser, Payload};

/// Entries that cannot be written into a component.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BakeError {
    /// They do not fit into the memory of a component.
    #[error("the entries have more bytes than a component can hold")]
    TooLarge,
    /// The component is not built as this crate builds maps.
    #[error("the map component has no core module that implements `preload`")]
    NoModule,
}

/// Returns the map component with these entries.
pub(crate) fn bake(component: &[u8], entries: &[Preload]) -> Result<Vec<u8>, BakeError> {
    let place = Place::find(component).ok_or(BakeError::NoModule)?;
    let module = module(entries)?;
    let mut instances = InstanceSection::new();
    instances.instantiate(place.modules, [(MAP, ModuleArg::Instance(place.map))]);
    let mut baked = component.to_vec();
    ModuleSection(&module).append_to_component(&mut baked);
    instances.append_to_component(&mut baked);
    Ok(baked)
}

/// The name under which the module imports the map.
const MAP: &str = "map";

/// Indices in a component.
struct Place {
    /// The number of its core modules.
    modules: u32,
    /// The core instance that implements the contract.
    map: u32,
}

impl Place {
    fn find(component: &[u8]) -> Option<Self> {
        let preload = format!("{CONTROL}#preload");
        let (mut modules, mut instances, mut depth) = (0, 0, 0_u32);
        let (mut implementing, mut map) = (None, None);
        for payload in Parser::new(0).parse_all(component) {
            match payload.ok()? {
                Payload::ModuleSection { .. } => {
                    modules += u32::from(depth == 0);
                    depth += 1;
                }
                Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                Payload::ExportSection(exports) if depth == 1 => {
                    let mut names = exports.into_iter().flatten().map(|export| export.name);
                    if names.any(|name| name == preload) {
                        implementing = Some(modules - 1);
                    }
                }
                Payload::InstanceSection(section) if depth == 0 => {
                    for instance in section {
                        if let Instance::Instantiate { module_index, .. } = instance.ok()?
                            && implementing == Some(module_index)
                        {
                            map = Some(instances);
                        }
                        instances += 1;
                    }
                }
                _ => {}
            }
        }
        Some(Self { modules, map: map? })
    }
}

/// The functions of the module, by their indices. The parts of the start function follow.
const REALLOC: u32 = 0;
const PRELOAD: u32 = 1;
const START: u32 = 2;
const STORE: u32 = 3;

/// The number of entries in a part of the start function. A function has a maximum size.
const PART: usize = 1_000;

/// The layout of a record `preloaded`.
const RECORD: i32 = 32;
const KEY: u64 = 0;
const VALUE: u64 = 8;
const TTL: u64 = 16;

/// Returns the core module that stores the entries when it is instantiated.
fn module(entries: &[Preload]) -> Result<Module, BakeError> {
    use ValType::{I32, I64};
    let mut types = TypeSection::new();
    types.ty().function([I32; 4], [I32]);
    types.ty().function([I32; 2], [I32]);
    types.ty().function([], []);
    types.ty().function([I32, I32, I32, I32, I64], []);

    let mut imports = ImportSection::new();
    let memory = MemoryType {
        minimum: 0,
        maximum: None,
        memory64: false,
        shared: false,
        page_size_log2: None,
    };
    let preload = format!("{CONTROL}#preload");
    imports.import(MAP, "memory", EntityType::Memory(memory));
    imports.import(MAP, "cabi_realloc", EntityType::Function(0));
    imports.import(MAP, &preload, EntityType::Function(1));

    let mut functions = FunctionSection::new();
    functions.function(2).function(3);
    let mut code = CodeSection::new();
    let mut start = Function::new([]);
    let mut bytes = Vec::new();
    let mut parts = Vec::new();
    for (part, entries) in (STORE + 1..).zip(entries.chunks(PART)) {
        functions.function(2);
        start.instructions().call(part);
        parts.push(store_all(entries, &mut bytes)?);
    }
    start.instructions().data_drop(0).end();
    code.function(&start).function(&store());
    for part in &parts {
        code.function(part);
    }
    let mut data = DataSection::new();
    data.passive(bytes);

    let mut names = NameMap::new();
    names.append(START, "store_baked_entries");
    names.append(STORE, "store_baked_entry");
    let mut name = NameSection::new();
    name.module("baked entries");
    name.functions(&names);

    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&StartSection {
            function_index: START,
        })
        .section(&DataCountSection { count: 1 })
        .section(&code)
        .section(&data)
        .section(&name);
    Ok(module)
}

/// Returns a function that stores these entries. Appends their keys and values to `bytes`.
fn store_all(entries: &[Preload], bytes: &mut Vec<u8>) -> Result<Function, BakeError> {
    let number = |number: usize| i32::try_from(number).map_err(|_| BakeError::TooLarge);
    let mut function = Function::new([]);
    for Preload { key, value, ttl } in entries {
        let at = number(bytes.len())?;
        bytes.extend(key);
        bytes.extend(value);
        number(bytes.len())?;
        let (case, after) = match ttl {
            Ttl::Default => (0, 0),
            Ttl::Never => (1, 0),
            Ttl::After(after) => (2, nanos(*after)),
        };
        function
            .instructions()
            .i32_const(at)
            .i32_const(number(key.len())?)
            .i32_const(number(value.len())?)
            .i32_const(case)
            .i64_const(after.cast_signed())
            .call(STORE);
    }
    function.instructions().end();
    Ok(function)
}

/// Returns the function that stores one entry: its parameters are the position of the key in the
/// segment, at whose end the value begins, the lengths of both, and the case and the nanoseconds of
/// the TTL. Traps if the map rejects the entry.
fn store() -> Function {
    let [at, key_len, value_len, case, after, record, block] = [0, 1, 2, 3, 4, 5, 6];
    let field = |offset: u64, align: u32| MemArg {
        offset,
        align,
        memory_index: 0,
    };
    let mut function = Function::new([(2, ValType::I32)]);
    let mut code = function.instructions();
    code.i32_const(0)
        .i32_const(0)
        .i32_const(8)
        .i32_const(RECORD)
        .call(REALLOC)
        .local_set(record);
    for (len, offset) in [(key_len, KEY), (value_len, VALUE)] {
        code.i32_const(0)
            .i32_const(0)
            .i32_const(1)
            .local_get(len)
            .call(REALLOC)
            .local_tee(block)
            .local_get(at)
            .local_get(len)
            .memory_init(0, 0)
            .local_get(record)
            .local_get(block)
            .i32_store(field(offset, 2))
            .local_get(record)
            .local_get(len)
            .i32_store(field(offset + 4, 2))
            .local_get(at)
            .local_get(len)
            .i32_add()
            .local_set(at);
    }
    code.local_get(record)
        .local_get(case)
        .i32_store(field(TTL, 2))
        .local_get(record)
        .local_get(after)
        .i64_store(field(TTL + 8, 3))
        .local_get(record)
        .i32_const(1)
        .call(PRELOAD)
        // The first byte of the result is not zero for an error.
        .i32_load8_u(field(0, 0))
        .if_(BlockType::Empty)
        .unreachable()
        .end()
        .end();
    function
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifact::components::MAP_COMPONENT;
    use std::time::Duration;
    use wasmparser::Validator;

    fn entry(value: &[u8], ttl: Ttl) -> Preload {
        Preload {
            key: b"k".to_vec(),
            value: value.to_vec(),
            ttl,
        }
    }

    #[test]
    fn the_map_component_stays_as_it_is_and_gets_a_module() {
        let ttls = [Ttl::Default, Ttl::Never, Ttl::After(Duration::from_secs(1))];
        let entries: Vec<Preload> = ttls.map(|ttl| entry(b"in every entry", ttl)).into();
        let baked = bake(MAP_COMPONENT, &entries).unwrap();
        assert!(baked.starts_with(MAP_COMPONENT));
        Validator::new().validate_all(&baked).unwrap();
        let found = baked.windows(14).filter(|part| part == b"in every entry");
        assert_eq!(found.count(), 3);
    }

    #[test]
    fn any_number_of_entries_makes_a_valid_component() {
        for count in [0, 1, PART, PART + 1, 10 * PART] {
            let entries = vec![entry(b"", Ttl::Never); count];
            let baked = bake(MAP_COMPONENT, &entries).unwrap();
            Validator::new().validate_all(&baked).unwrap();
        }
    }

    #[test]
    fn a_component_without_a_map_is_an_error() {
        for text in ["(component)", "(component (core module))"] {
            let component = wat::parse_str(text).unwrap();
            let baked = bake(&component, &[entry(b"", Ttl::Never)]);
            assert!(matches!(baked, Err(BakeError::NoModule)));
        }
    }
}
