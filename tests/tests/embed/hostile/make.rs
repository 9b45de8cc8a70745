//! Builds components from the core modules in `tests/guests/hostile`, which contain only the
//! hostile code.

use localmap_tests::{FUNCTIONS, root};
use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::Resolve;

/// The world of the apps.
const APPS: &str = "
    package hostile:guests;

    world app {
        import localmap:core/local-map@0.1.0;
        export run: func() -> u64;
        export bytes: func() -> list<u8>;
        export text: func() -> string;
    }
";

/// The world of apps for the program, which runs commands.
const CLI: &str = "
    package wasi:cli@0.2.0;

    interface run { run: func() -> result; }
    world command {
        import localmap:core/local-map@0.1.0;
        export run;
    }
";

/// Returns a map component with the code of `guests/hostile/maps/{name}.wat`. The functions that
/// the file does not define return empty answers: the memory at address 1024 is zero, which means
/// `none`, `ok(0)`, an empty list, or limits of 0.
pub(crate) fn map(name: &str) -> Vec<u8> {
    let fields = read("maps", name);
    let mut module = format!("(module {fields}\n");
    for (interface, name, params, result) in FUNCTIONS {
        let export = format!("\"{interface}{name}\"");
        if fields.contains(&export) {
            continue;
        }
        let answer = match (name, result) {
            // An address that nothing else uses.
            ("cabi_realloc", _) => "i32.const 32768",
            ("delete" | "contains" | "sweep" | "watch", _) => "i32.const 0",
            (_, "i32") => "i32.const 1024",
            (_, "i64") => "i64.const 0",
            _ => "",
        };
        module +=
            &format!("(func (export {export}) (param {params}) (result {result}) {answer})\n");
    }
    if !fields.contains("(memory (export") {
        module += "(memory (export \"memory\") 2)\n";
    }
    component(&(module + ")"), "localmap:core", "changes-provider")
}

/// The functions in which a map can lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lies {
    /// Those of the contract, those that allocate parameters, and those for this crate's host.
    All,
    /// Those of the contract, and those that allocate parameters and free results.
    Contract,
    /// Those of the contract alone. Parameters are at address 1024.
    Functions,
}

/// Returns a map component that does what its clock says; see `guests/hostile/liar.wat`.
pub(crate) fn lying_map(lies: Lies) -> Vec<u8> {
    let path = root().join("tests/guests/hostile/liar.wat");
    let fields = std::fs::read_to_string(path).expect("liar.wat");
    let mut module = format!("(module {fields}\n");
    let host = [
        ("localmap:host#", "room", "", "i64"),
        ("localmap:host#", "get", "i32", "i32"),
        ("localmap:host#", "set", "i32 i32 i32 i64", "i32"),
    ];
    let host = host.into_iter().filter(|_| lies == Lies::All);
    for (interface, name, params, result) in FUNCTIONS.into_iter().chain(host) {
        let answer = match (name, result) {
            ("cabi_realloc", _) if lies == Lies::Functions => "(i32.const 1024)",
            (_, "i32") => "(call $obey)",
            (_, "i64") => {
                "(i64.or (i64.extend_i32_u (call $obey))
                    (i64.shl (i64.extend_i32_u (call $obey)) (i64.const 32)))"
            }
            _ => "(drop (call $obey))",
        };
        let export = format!("{interface}{name}");
        module +=
            &format!("(func (export \"{export}\") (param {params}) (result {result}) {answer})\n");
        let is_contract = interface.starts_with("localmap:core") && !name.starts_with("[dtor]");
        if is_contract && lies == Lies::Contract {
            module += &format!(
                "(func (export \"cabi_post_{export}\") (param {result}) (drop (call $obey)))\n"
            );
        }
    }
    component(&(module + ")"), "localmap:core", "changes-provider")
}

/// Returns an app with the code of `guests/hostile/apps/{name}.wat`.
pub(crate) fn app(name: &str) -> Vec<u8> {
    let fields = read("apps", name);
    let mut module = format!("(module {fields}\n");
    for (name, result, answer) in [
        ("run", "i64", "i64.const 0"),
        ("bytes", "i32", "i32.const 1024"),
        ("text", "i32", "i32.const 1024"),
    ] {
        if !fields.contains(&format!("\"{name}\"")) {
            module += &format!("(func (export \"{name}\") (result {result}) {answer})\n");
        }
    }
    component(
        &format!("{module}{})", realloc(&fields)),
        "hostile:guests",
        "app",
    )
}

/// Returns the same app as a command, whose `run` is that of `wasi:cli/run`.
pub(crate) fn command(name: &str) -> Vec<u8> {
    let fields = read("apps", name).replace("(func (export \"run\")", "(func $run");
    let run = "(func (export \"wasi:cli/run@0.2.0#run\") (result i32)
        (drop (call $run)) (i32.const 0))";
    let module = format!("(module {fields} {run} {})", realloc(&fields));
    component(&module, "wasi:cli", "command")
}

/// An allocator that places results of the map one after the other, and grows the memory.
const REALLOC: &str = r#"
    (global $top (mut i32) (i32.const 65536))
    (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
        (local $at i32)
        (local.set $at (i32.and (i32.add (global.get $top) (i32.const 15)) (i32.const -16)))
        (global.set $top (i32.add (local.get $at) (local.get 3)))
        (block $fits
            (br_if $fits (i32.le_u (global.get $top) (i32.mul (memory.size) (i32.const 65536))))
            (drop (memory.grow (i32.add (i32.shr_u (local.get 3) (i32.const 16)) (i32.const 1)))))
        (local.get $at))
"#;

fn realloc(fields: &str) -> &'static str {
    if fields.contains("\"cabi_realloc\"") {
        ""
    } else {
        REALLOC
    }
}

fn read(folder: &str, name: &str) -> String {
    let path = root().join(format!("tests/guests/hostile/{folder}/{name}.wat"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn component(module: &str, package: &str, world: &str) -> Vec<u8> {
    let mut bytes = wat::parse_str(module).unwrap_or_else(|error| panic!("{error}\n{module}"));
    let mut wit = Resolve::default();
    let (core, _) = wit.push_dir(root().join("wit")).expect("the contract");
    let package = match package {
        "localmap:core" => core,
        "wasi:cli" => wit.push_str("cli.wit", CLI).expect("WIT"),
        _ => wit.push_str("apps.wit", APPS).expect("WIT"),
    };
    let world = wit.select_world(&[package], Some(world)).expect("a world");
    embed_component_metadata(&mut bytes, &wit, world, StringEncoding::UTF8).expect("it is in");
    let encoded = ComponentEncoder::default()
        .module(&bytes)
        .and_then(|encoder| encoder.validate(true).encode());
    encoded.unwrap_or_else(|error| panic!("{error:#}\n{module}"))
}
