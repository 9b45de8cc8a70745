//! A component that stores initial entries in a map when it is instantiated.
//!
//! It imports `control`, has no exports, and consists of one core module: the entries as data, as
//! the canonical ABI lays out the parameters of `preload`, and a start function that passes them
//! on one at a time, because a map guarantees room for one entry only. It needs nothing of the map
//! beyond the contract, so entries may take any number of bytes.

use crate::contract::duration::nanos;
use crate::contract::entry::{Preload, Ttl};
use crate::contract::names::CONTROL;
use wasm_encoder::{
    BlockType, CanonicalOption, CodeSection, ComponentBuilder, ComponentExportKind,
    ComponentTypeRef, ComponentValType, ConstExpr, DataSection, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, ImportSection, InstanceType, MemArg, MemorySection,
    MemoryType, Module, ModuleArg, NameMap, NameSection, PrimitiveValType, StartSection,
    TypeBounds, TypeSection, ValType,
};

/// The entries do not fit into the memory of a component.
#[derive(Debug, thiserror::Error)]
#[error("the entries have more bytes than a component can hold")]
pub(crate) struct TooLarge;

/// Returns the component for these entries, of which there must be at least one.
pub(crate) fn preloader(entries: &[Preload]) -> Result<Vec<u8>, TooLarge> {
    let image = Image::of(entries)?;
    let mut component = ComponentBuilder::default();

    let control = component.type_instance(Some("control"), &control_type());
    let control = component.import(CONTROL, ComponentTypeRef::Instance(control));
    let preload = component.alias_export(control, PRELOAD, ComponentExportKind::Func);

    let memory = component.core_module(Some("entries"), &memory_module(&image));
    let memory = component.core_instantiate(Some("entries"), memory, []);
    let exported = component.core_alias_export(None, memory, MEMORY, ExportKind::Memory);
    let lowered = component.lower_func(Some(PRELOAD), preload, [CanonicalOption::Memory(exported)]);
    let imports = [(PRELOAD, ExportKind::Func, lowered)];
    let imports = component.core_instantiate_exports(None, imports);

    let start = component.core_module(Some("start"), &start_module(&image));
    let args = [
        (MEMORY, ModuleArg::Instance(memory)),
        (PRELOAD, ModuleArg::Instance(imports)),
    ];
    component.core_instantiate(Some("start"), start, args);
    Ok(component.finish())
}

/// The name of the function of `control`, and of the core module's imports.
const PRELOAD: &str = "preload";
const MEMORY: &str = "memory";

/// The address at which `preload` writes its result, whose first byte is not zero for an error.
const RESULT: u8 = 0;
/// The address of the first record, and the size of each.
const RECORDS: u8 = 16;
const RECORD: u8 = 32;

/// The initial memory of the core module.
struct Image {
    bytes: Vec<u8>,
    /// The address after the last record.
    end: i32,
}

impl Image {
    /// Lays out the records, and after them the keys and values.
    fn of(entries: &[Preload]) -> Result<Self, TooLarge> {
        let strings = entries
            .iter()
            .map(|entry| entry.key.len() + entry.value.len());
        let end = usize::from(RECORDS) + usize::from(RECORD) * entries.len();
        let len = end + strings.sum::<usize>();
        // Addresses are signed in the code of the start function.
        i32::try_from(len).map_err(|_| TooLarge)?;
        let mut bytes = vec![0; RECORDS.into()];
        let mut at = end;
        for entry in entries {
            for string in [&entry.key, &entry.value] {
                bytes.extend(word(at)?);
                bytes.extend(word(string.len())?);
                at += string.len();
            }
            let (case, after) = match entry.ttl {
                Ttl::Default => (0, 0),
                Ttl::Never => (1, 0),
                Ttl::After(after) => (2, nanos(after)),
            };
            bytes.extend(u64::to_le_bytes(case));
            bytes.extend(u64::to_le_bytes(after));
        }
        for entry in entries {
            bytes.extend(&entry.key);
            bytes.extend(&entry.value);
        }
        Ok(Self {
            bytes,
            end: i32::try_from(end).map_err(|_| TooLarge)?,
        })
    }

    fn memory(&self) -> MemoryType {
        MemoryType {
            minimum: (self.bytes.len() as u64).div_ceil(64 << 10),
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        }
    }
}

fn word(number: usize) -> Result<[u8; 4], TooLarge> {
    let number = u32::try_from(number).map_err(|_| TooLarge)?;
    Ok(number.to_le_bytes())
}

/// Returns the part of the interface `control` that is imported.
fn control_type() -> InstanceType {
    let mut control = InstanceType::new();
    let bytes = |control: &mut InstanceType| {
        let at = control.type_count();
        control.ty().defined_type().list(PrimitiveValType::U8);
        at
    };
    let named = |control: &mut InstanceType, name: &str| {
        let at = control.type_count();
        control.export(name, ComponentTypeRef::Type(TypeBounds::Eq(at - 1)));
        ComponentValType::Type(at)
    };
    control.ty().defined_type().primitive(PrimitiveValType::U64);
    let duration = named(&mut control, "duration");
    control.ty().defined_type().variant([
        ("default", None),
        ("never", None),
        ("after", Some(duration)),
    ]);
    let ttl = named(&mut control, "ttl");
    let bytes = ComponentValType::Type(bytes(&mut control));
    let fields = [("key", bytes), ("value", bytes), ("ttl", ttl)];
    control.ty().defined_type().record(fields);
    let preloaded = named(&mut control, "preloaded");
    let cases = ["invalid-key", "value-too-large", "invalid-ttl", "full"];
    control.ty().defined_type().enum_type(cases);
    let refusal = named(&mut control, "refusal");
    let entries = control.type_count();
    control.ty().defined_type().list(preloaded);
    let at_entry = [ComponentValType::Primitive(PrimitiveValType::U32), refusal];
    control.ty().defined_type().tuple(at_entry);
    let error = Some(ComponentValType::Type(entries + 1));
    control.ty().defined_type().result(None, error);
    let function = control.type_count();
    control
        .ty()
        .function()
        .params([("entries", ComponentValType::Type(entries))])
        .result(Some(ComponentValType::Type(entries + 2)));
    control.export(PRELOAD, ComponentTypeRef::Func(function));
    control
}

/// Returns the core module that holds the entries. It is separate, because `preload` needs its
/// memory before the start function runs.
fn memory_module(image: &Image) -> Module {
    let mut memories = MemorySection::new();
    memories.memory(image.memory());
    let mut exports = ExportSection::new();
    exports.export(MEMORY, ExportKind::Memory, 0);
    let mut data = DataSection::new();
    data.active(0, &ConstExpr::i32_const(0), image.bytes.iter().copied());
    let mut module = Module::new();
    module.section(&memories).section(&exports).section(&data);
    module
}

/// Returns the core module whose start function passes the entries on. It traps if the map rejects
/// one.
fn start_module(image: &Image) -> Module {
    let mut types = TypeSection::new();
    types.ty().function([ValType::I32; 3], []);
    types.ty().function([], []);
    let mut imports = ImportSection::new();
    imports.import(MEMORY, MEMORY, EntityType::Memory(image.memory()));
    imports.import(PRELOAD, PRELOAD, EntityType::Function(0));
    let mut functions = FunctionSection::new();
    functions.function(1);

    let mut start = Function::new([(1, ValType::I32)]);
    let [result, records, record] = [RESULT, RECORDS, RECORD].map(i32::from);
    let first_byte = MemArg {
        offset: 0,
        align: 0,
        memory_index: 0,
    };
    start
        .instructions()
        .i32_const(records)
        .local_set(0)
        .loop_(BlockType::Empty)
        .local_get(0)
        .i32_const(1)
        .i32_const(result)
        .call(0)
        .i32_const(result)
        .i32_load8_u(first_byte)
        .if_(BlockType::Empty)
        .unreachable()
        .end()
        .local_get(0)
        .i32_const(record)
        .i32_add()
        .local_tee(0)
        .i32_const(image.end)
        .i32_lt_u()
        .br_if(0)
        .end()
        .end();
    let mut code = CodeSection::new();
    code.function(&start);

    let mut names = NameMap::new();
    names.append(1, "store_baked_entries");
    let mut name = NameSection::new();
    name.module("localmap-preloader");
    name.functions(&names);

    let mut module = Module::new();
    module
        .section(&types)
        .section(&imports)
        .section(&functions)
        .section(&StartSection { function_index: 1 })
        .section(&code)
        .section(&name);
    module
}
