//! Map components for tests, as text. Each has one core module, which implements the contract with
//! empty answers, except for the functions that a test replaces.

/// The functions of a map's core module: interface, name, core parameters and core result.
pub const FUNCTIONS: [(&str, &str, &str, &str); 28] = [
    (MAP, "get", "i32 i32", "i32"),
    (MAP, "get-entry", "i32 i32", "i32"),
    (MAP, "get-many", "i32 i32", "i32"),
    (MAP, "contains", "i32 i32", "i32"),
    (MAP, "set", "i32 i32 i32 i32 i32 i64", "i32"),
    (MAP, "set-if", "i32 i32 i32 i32 i32 i64 i32 i64", "i32"),
    (MAP, "increment", "i32 i32 i64 i32 i64", "i32"),
    (MAP, "touch", "i32 i32 i32 i64", "i32"),
    (MAP, "take", "i32 i32", "i32"),
    (MAP, "delete", "i32 i32", "i32"),
    (MAP, "delete-if", "i32 i32 i64", "i32"),
    (MAP, "apply", "i32 i32", "i32"),
    (MAP, "pin", "i32 i32", "i32"),
    (MAP, "scan", "i32 i32 i64 i32", "i32"),
    (MAP, "len", "", "i64"),
    (MAP, "[method]pinned.value", "i32", "i32"),
    (MAP, "[method]pinned.version", "i32", "i64"),
    (MAP, "[dtor]pinned", "i32", ""),
    (
        CONTROL,
        "configure",
        "i64 i64 i32 i64 i32 i64 i32 i32 i32",
        "i32",
    ),
    (CONTROL, "current-limits", "", "i32"),
    (CONTROL, "preload", "i32 i32", "i32"),
    (CONTROL, "stats", "", "i32"),
    (CONTROL, "sweep", "i32", "i32"),
    (CONTROL, "clear", "", ""),
    (CHANGES, "watch", "i32", "i32"),
    (CHANGES, "drain", "", "i32"),
    (CHANGES, "peek", "i32 i32", "i32"),
    ("", "cabi_realloc", "i32 i32 i32 i32", "i32"),
];

const MAP: &str = "localmap:core/local-map@0.1.0#";
const CONTROL: &str = "localmap:core/control@0.1.0#";
const CHANGES: &str = "localmap:core/changes@0.1.0#";

/// Returns the text of a map component that is always empty and stores nothing.
///
/// `bodies` replaces functions by name. A body consists of instructions of the core function, with
/// parameters and results as in the canonical ABI; functions can call each other by name. The
/// instructions in `start` run when the module is instantiated. `pages` is the initial number of
/// memory pages.
pub fn provider(bodies: &[(&str, &str)], start: &str, pages: u32) -> String {
    let mut functions = String::new();
    for (interface, name, params, result) in FUNCTIONS {
        // The memory at address 0 is zero, which is an empty answer of any type.
        let empty = match (name, result) {
            ("cabi_realloc", _) => "i32.const 1024",
            (_, "i32") => "i32.const 0",
            (_, "i64") => "i64.const 0",
            _ => "",
        };
        let body = bodies.iter().find(|(of, _)| *of == name);
        let body = body.map_or(empty, |(_, body)| body);
        let id = name.replace(['[', ']'], "");
        functions += &format!(
            "(func ${id} (export \"{interface}{name}\") (param {params}) (result {result}) {body})\n"
        );
    }
    format!(
        r#"(component
            (core module
                (memory (export "memory") {pages})
                (func $start {start})
                (start $start)
                {functions}))"#
    )
}
