//! An app that relays every call to its map.
//!
//! It exports the interfaces that it imports. Arguments and results pass through its memory
//! unchanged, so each function only calls the imported function of the same name.

use localmap::names::{BLOCKS, LOCAL_MAP};

/// The types of `local-map` that its functions use.
const TYPES: &[(&str, &str)] = &[
    (
        "ttl",
        r#"(variant (case "default") (case "never") (case "after" u64))"#,
    ),
    (
        "entry",
        r#"(record (field "value" (list u8)) (field "version" u64)
            (field "expires-in" (option u64)))"#,
    ),
    (
        "condition",
        r#"(variant (case "absent") (case "present") (case "version" u64))"#,
    ),
    (
        "key-fault",
        r#"(variant (case "empty") (case "too-long" u64) (case "not-utf8"))"#,
    ),
    (
        "error",
        r#"(variant (case "invalid-key" $key-fault) (case "value-too-large" u64)
            (case "invalid-ttl") (case "full") (case "conflict" (option u64))
            (case "not-a-counter") (case "overflow"))"#,
    ),
    (
        "set-change",
        r#"(record (field "key" (list u8)) (field "value" (list u8)) (field "ttl" $ttl))"#,
    ),
    (
        "set-if-change",
        r#"(record (field "key" (list u8)) (field "value" (list u8)) (field "ttl" $ttl)
            (field "condition" $condition))"#,
    ),
    (
        "increment-change",
        r#"(record (field "key" (list u8)) (field "delta" s64) (field "ttl" $ttl))"#,
    ),
    (
        "touch-change",
        r#"(record (field "key" (list u8)) (field "ttl" $ttl))"#,
    ),
    (
        "delete-if-change",
        r#"(record (field "key" (list u8)) (field "version" u64))"#,
    ),
    (
        "change",
        r#"(variant (case "set" $set-change) (case "set-if" $set-if-change)
            (case "increment" $increment-change) (case "touch" $touch-change)
            (case "delete" (list u8)) (case "delete-if" $delete-if-change))"#,
    ),
    (
        "outcome",
        r#"(variant (case "stored" u64) (case "counter" s64) (case "touched" bool)
            (case "deleted" bool))"#,
    ),
    (
        "scanned",
        r#"(record (field "key" (list u8)) (field "value" (list u8)) (field "version" u64)
            (field "expires-in" (option u64)))"#,
    ),
    (
        "page",
        r#"(record (field "entries" (list $scanned)) (field "next" (option u64)))"#,
    ),
];

/// The types of `blocks`, without those that it uses from `local-map`.
const BLOCKS_TYPES: &[(&str, &str)] = &[
    ("block", "(tuple u64 u64 u64 u64 u64 u64 u64 u64)"),
    (
        "key",
        r#"(record (field "length" u32) (field "bytes" $block))"#,
    ),
    (
        "bytes",
        r#"(record (field "length" u32) (field "blocks" (list $block)) (field "rest" $block))"#,
    ),
    ("packed", "(list $block)"),
];

/// A function: its name and type, and the parameters and result of its core function. If
/// `gives` is empty, the result is in memory.
struct Function {
    name: &'static str,
    ty: &'static str,
    takes: &'static str,
    gives: &'static str,
}

const fn function(
    name: &'static str,
    ty: &'static str,
    takes: &'static str,
    gives: &'static str,
) -> Function {
    Function {
        name,
        ty,
        takes,
        gives,
    }
}

const BYTES: &str = "i32 i32";

const FUNCTIONS: &[Function] = &[
    function(
        "get",
        r#"(param "key" (list u8)) (result (option (list u8)))"#,
        BYTES,
        "",
    ),
    function(
        "get-entry",
        r#"(param "key" (list u8)) (result (option $entry))"#,
        BYTES,
        "",
    ),
    function(
        "get-many",
        r#"(param "keys" (list (list u8))) (result (list (option (list u8))))"#,
        BYTES,
        "",
    ),
    function(
        "contains",
        r#"(param "key" (list u8)) (result bool)"#,
        BYTES,
        "i32",
    ),
    function(
        "set",
        r#"(param "key" (list u8)) (param "value" (list u8)) (param "ttl" $ttl)
            (result (result u64 (error $error)))"#,
        "i32 i32 i32 i32 i32 i64",
        "",
    ),
    function(
        "set-if",
        r#"(param "key" (list u8)) (param "value" (list u8)) (param "ttl" $ttl)
            (param "condition" $condition) (result (result u64 (error $error)))"#,
        "i32 i32 i32 i32 i32 i64 i32 i64",
        "",
    ),
    function(
        "increment",
        r#"(param "key" (list u8)) (param "delta" s64) (param "ttl" $ttl)
            (result (result s64 (error $error)))"#,
        "i32 i32 i64 i32 i64",
        "",
    ),
    function(
        "touch",
        r#"(param "key" (list u8)) (param "ttl" $ttl) (result (result bool (error $error)))"#,
        "i32 i32 i32 i64",
        "",
    ),
    function(
        "take",
        r#"(param "key" (list u8)) (result (option (list u8)))"#,
        BYTES,
        "",
    ),
    function(
        "delete",
        r#"(param "key" (list u8)) (result bool)"#,
        BYTES,
        "i32",
    ),
    function(
        "delete-if",
        r#"(param "key" (list u8)) (param "version" u64) (result (result (error $error)))"#,
        "i32 i32 i64",
        "",
    ),
    function(
        "apply",
        r#"(param "changes" (list $change))
            (result (result (list $outcome) (error (tuple u32 $error))))"#,
        BYTES,
        "",
    ),
    function(
        "pin",
        r#"(param "key" (list u8)) (result (result (option (own $pinned)) (error $error)))"#,
        BYTES,
        "",
    ),
    function(
        "[method]pinned.value",
        r#"(param "self" (borrow $pinned)) (result (list u8))"#,
        "i32",
        "",
    ),
    function(
        "[method]pinned.version",
        r#"(param "self" (borrow $pinned)) (result u64)"#,
        "i32",
        "i64",
    ),
    function(
        "scan",
        r#"(param "prefix" (list u8)) (param "cursor" u64) (param "limit" u32) (result $page)"#,
        "i32 i32 i64 i32",
        "",
    ),
    function("len", "(result u64)", "", "i64"),
];

const BLOCKS_FUNCTIONS: &[Function] = &[
    function(
        "get",
        r#"(param "key" $key) (result (option $bytes))"#,
        "i32 i64 i64 i64 i64 i64 i64 i64 i64",
        "",
    ),
    // Too many parameters to pass directly: they are in memory.
    function(
        "set",
        r#"(param "key" $key) (param "value" $bytes) (param "ttl" $ttl)
            (result (result u64 (error $error)))"#,
        "i32",
        "",
    ),
    function(
        "get-packed",
        r#"(param "keys" $packed) (result $packed)"#,
        BYTES,
        "",
    ),
    function(
        "apply-packed",
        r#"(param "changes" $packed) (result $packed)"#,
        BYTES,
        "",
    ),
];

/// Memory that a call allocates, and frees when it has returned. Results are at address 1024.
const MEMORY: &str = r#"
    (core module $memory
        (memory (export "memory") 1)
        (global $top (mut i32) (i32.const 4096))
        (func (export "forget") (global.set $top (i32.const 4096)))
        (func (export "realloc")
            (param $old i32) (param $old_len i32) (param $align i32) (param $len i32)
            (result i32) (local $at i32)
            (local.set $at (i32.and
                (i32.add (global.get $top) (i32.sub (local.get $align) (i32.const 1)))
                (i32.sub (i32.const 0) (local.get $align))))
            (global.set $top (i32.add (local.get $at) (local.get $len)))
            (if (i32.gt_u (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
                (then (drop (memory.grow (i32.add (i32.const 1) (i32.shr_u
                    (i32.sub (global.get $top) (i32.mul (memory.size) (i32.const 65536)))
                    (i32.const 16)))))))
            (memory.copy (local.get $at) (local.get $old) (local.get $old_len))
            (local.get $at)))
    (core instance $memory (instantiate $memory))
    (alias core export $memory "memory" (core memory $mem))
    (alias core export $memory "realloc" (core func $realloc))
"#;

/// Returns the component.
///
/// # Panics
///
/// Never panics: the text of the component is constant.
pub fn relay() -> Vec<u8> {
    let types = declare(TYPES);
    let imports = declare_functions(FUNCTIONS);
    let aliases = alias("map", TYPES);
    let map = interface("map", FUNCTIONS);
    let blocks_types = declare(BLOCKS_TYPES);
    let blocks_imports = declare_functions(BLOCKS_FUNCTIONS);
    let blocks_aliases = alias("blocks", BLOCKS_TYPES);
    let blocks = interface("blocks", BLOCKS_FUNCTIONS);
    let map_exports = exported("map", TYPES, FUNCTIONS);
    let all_types = [TYPES, BLOCKS_TYPES].concat();
    let blocks_exports = exported("blocks", &all_types, BLOCKS_FUNCTIONS);
    let text = format!(
        r#"(component $relay
            (import "{LOCAL_MAP}" (instance $map
                {types} (export "pinned" (type $pinned (sub resource))) {imports}))
            {aliases}
            (alias export $map "pinned" (type $pinned))
            (import "{BLOCKS}" (instance $blocks
                (alias outer $relay $ttl (type $ttl')) (export "ttl" (type $ttl (eq $ttl')))
                (alias outer $relay $error (type $error')) (export "error" (type $error (eq $error')))
                {blocks_types} {blocks_imports}))
            {blocks_aliases}
            (core func $drop (canon resource.drop $pinned))
            {MEMORY} {map} {blocks} {map_exports} {blocks_exports}
            (export "{LOCAL_MAP}" (instance $relayed-map))
            (export "{BLOCKS}" (instance $relayed-blocks)))"#
    );
    wat::parse_str(&text).expect("a component")
}

/// Declares types within the type of an instance.
fn declare(types: &[(&str, &str)]) -> String {
    let declare = |(name, ty): &(&str, &str)| {
        format!("(type ${name}' {ty}) (export \"{name}\" (type ${name} (eq ${name}')))\n")
    };
    types.iter().map(declare).collect()
}

fn declare_functions(functions: &[Function]) -> String {
    let declare =
        |Function { name, ty, .. }: &Function| format!("(export \"{name}\" (func {ty}))\n");
    functions.iter().map(declare).collect()
}

/// Aliases the types of an instance by the same names.
fn alias(instance: &str, types: &[(&str, &str)]) -> String {
    let alias = |(name, _): &(&str, &str)| {
        format!("(alias export ${instance} \"{name}\" (type ${name}))\n")
    };
    types.iter().map(alias).collect()
}

/// Returns the instance to export. Its types must be named, which is possible only inside a
/// component.
fn exported(instance: &str, types: &[(&str, &str)], functions: &[Function]) -> String {
    let (mut imports, mut with, mut exports) = (String::new(), String::new(), String::new());
    for (name, ty) in types {
        imports += &format!(
            "(type ${name}' {ty})
            (import \"type-{name}\" (type ${name} (eq ${name}')))\n"
        );
        with += &format!("(with \"type-{name}\" (type ${name}))\n");
    }
    for (number, Function { name, ty, .. }) in functions.iter().enumerate() {
        let given = ty.replace("$pinned", "$given");
        imports += &format!("(import \"func-{number}\" (func $func-{number} {given}))\n");
        with += &format!("(with \"func-{number}\" (func $relay-{instance}{number}))\n");
        exports += &format!("(export \"{name}\" (func $func-{number}) (func {ty}))\n");
    }
    format!(
        r#"(component $relayed-{instance}
            (import "type-pinned" (type $given (sub resource)))
            {imports}
            (export $pinned "pinned" (type $given))
            {exports})
        (instance $relayed-{instance} (instantiate $relayed-{instance}
            (with "type-pinned" (type $pinned)) {with}))"#
    )
}

/// Returns a module that relays the calls of an interface.
fn interface(instance: &str, functions: &[Function]) -> String {
    let (mut lowered, mut given, mut imports) = (String::new(), String::new(), String::new());
    let (mut relays, mut lifted) = (String::new(), String::new());
    for (number, function) in functions.iter().enumerate() {
        let Function {
            name, ty, takes, ..
        } = function;
        let in_memory = function.gives.is_empty();
        let gives = if in_memory { "i32" } else { function.gives };
        let (to, at, result) = match in_memory {
            true => ("i32", "(i32.const 1024)", ""),
            false => ("", "", gives),
        };
        let gets: String = (0..takes.split_whitespace().count())
            .map(|number| format!("(local.get {number})"))
            .collect();
        // A borrowed handle must be dropped.
        let give_back = match name.starts_with("[method]") {
            true => "(call $drop (local.get 0))",
            false => "",
        };
        lowered += &format!(
            "(core func ${instance}{number} (canon lower (func ${instance} \"{name}\")
                (memory $mem) (realloc $realloc)))\n"
        );
        given += &format!("(export \"{number}\" (func ${instance}{number}))\n");
        imports += &format!(
            "(import \"map\" \"{number}\" (func $ask{number}
                (param {takes} {to}) (result {result})))\n"
        );
        relays += &format!(
            "(func (export \"{number}\") (param {takes}) (result {gives})
                (call $ask{number} {gets} {at}) {at} {give_back})
            (func (export \"forget{number}\") (param {gives}) (call $forget))\n"
        );
        lifted += &format!(
            "(func $relay-{instance}{number} {ty} (canon lift
                (core func $relay-{instance} \"{number}\") (memory $mem) (realloc $realloc)
                (post-return (core func $relay-{instance} \"forget{number}\"))))\n"
        );
    }
    format!(
        r#"{lowered}
        (core module $relay-{instance}
            {imports}
            (import "own" "drop" (func $drop (param i32)))
            (import "own" "forget" (func $forget))
            {relays})
        (core instance $relay-{instance} (instantiate $relay-{instance}
            (with "map" (instance {given}))
            (with "own" (instance
                (export "drop" (func $drop)) (export "forget" (func $memory "forget"))))))
        {lifted}"#
    )
}
