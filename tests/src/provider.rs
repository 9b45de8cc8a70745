//! Map components for tests, as text. Each implements `world provider` with empty answers,
//! except for the functions that a test replaces.

/// Returns the text of a map component that is always empty and stores nothing.
///
/// `bodies` replaces functions by name. A body consists of instructions of the core function,
/// with parameters and results as in the canonical ABI; functions can call each other by name.
/// The instructions in `start` run when the component is instantiated. `pages` is the initial
/// number of memory pages.
pub fn provider(bodies: &[(&str, &str)], start: &str, pages: u32) -> String {
    let local_map = interface(&LOCAL_MAP, bodies, start, pages);
    let control = interface(&CONTROL, bodies, "", pages);
    format!(
        r#"(component
            (component $local-map {LOCAL_MAP_TYPES} {local_map})
            (component $control {CONTROL_TYPES} {control})
            (instance $local-map (instantiate $local-map))
            (instance $control (instantiate $control))
            (export "localmap:core/local-map@0.1.0" (instance $local-map))
            (export "localmap:core/control@0.1.0" (instance $control)))"#
    )
}

/// A function: its name, its core type and its component type.
type Function = (&'static str, &'static str, &'static str);

fn interface(functions: &[Function], bodies: &[(&str, &str)], start: &str, pages: u32) -> String {
    let mut core = String::new();
    let mut lifted = String::new();
    for (number, (name, flat, full)) in functions.iter().enumerate() {
        let body = bodies.iter().find(|(of, _)| of == name);
        let body = body.map_or(answer(flat), |(_, body)| body);
        let id = name.replace(['[', ']'], "");
        core += &format!("(func ${id} (export \"{name}\") {flat} {body})\n");
        let options = "(memory $memory) (realloc $realloc)";
        lifted += &format!(
            "(alias core export $core \"{name}\" (core func $f{number}))\n\
             (func (export \"{name}\") {full} (canon lift (core func $f{number}) {options}))\n"
        );
    }
    format!(
        r#"(core module $core
            (memory (export "memory") {pages})
            (func (export "realloc") (param i32 i32 i32 i32) (result i32) i32.const 1024)
            (func $start {start})
            (start $start)
            {core})
        (core instance $core (instantiate $core))
        (alias core export $core "memory" (core memory $memory))
        (alias core export $core "realloc" (core func $realloc))
        {lifted}"#
    )
}

/// Returns the body of an empty answer: the memory at address 0 is zero, which is an empty answer
/// of any type.
fn answer(flat: &str) -> &'static str {
    match flat.split_once("(result ") {
        Some((_, "i64)")) => "i64.const 0",
        Some(_) => "i32.const 0",
        None => "",
    }
}

const LOCAL_MAP_TYPES: &str = r#"
    (type $ttl' (variant (case "default") (case "never") (case "after" u64)))
    (export $ttl "ttl" (type $ttl'))
    (type $entry' (record (field "value" (list u8)) (field "version" u64)
        (field "expires-in" (option u64))))
    (export $entry "entry" (type $entry'))
    (type $condition' (variant (case "absent") (case "present") (case "version" u64)))
    (export $condition "condition" (type $condition'))
    (type $fault' (variant (case "empty") (case "too-long" u64) (case "not-utf8")))
    (export $fault "key-fault" (type $fault'))
    (type $error' (variant (case "invalid-key" $fault) (case "value-too-large" u64)
        (case "invalid-ttl") (case "full") (case "conflict" (option u64))
        (case "not-a-counter") (case "overflow")))
    (export $error "error" (type $error'))
    (type $set' (record (field "key" (list u8)) (field "value" (list u8)) (field "ttl" $ttl)))
    (export $set "set-change" (type $set'))
    (type $set-if' (record (field "key" (list u8)) (field "value" (list u8)) (field "ttl" $ttl)
        (field "condition" $condition)))
    (export $set-if "set-if-change" (type $set-if'))
    (type $increment' (record (field "key" (list u8)) (field "delta" s64) (field "ttl" $ttl)))
    (export $increment "increment-change" (type $increment'))
    (type $touch' (record (field "key" (list u8)) (field "ttl" $ttl)))
    (export $touch "touch-change" (type $touch'))
    (type $delete-if' (record (field "key" (list u8)) (field "version" u64)))
    (export $delete-if "delete-if-change" (type $delete-if'))
    (type $change' (variant (case "set" $set) (case "set-if" $set-if)
        (case "increment" $increment) (case "touch" $touch) (case "delete" (list u8))
        (case "delete-if" $delete-if)))
    (export $change "change" (type $change'))
    (type $outcome' (variant (case "stored" u64) (case "counter" s64) (case "touched" bool)
        (case "deleted" bool)))
    (export $outcome "outcome" (type $outcome'))
    (type $pinned' (resource (rep i32)))
    (export $pinned "pinned" (type $pinned'))
    (type $scanned' (record (field "key" (list u8)) (field "value" (list u8))
        (field "version" u64) (field "expires-in" (option u64))))
    (export $scanned "scanned" (type $scanned'))
    (type $page' (record (field "entries" (list $scanned)) (field "next" (option u64))))
    (export $page "page" (type $page'))"#;

const LOCAL_MAP: [Function; 17] = [
    (
        "get",
        "(param i32 i32) (result i32)",
        r#"(param "key" (list u8)) (result (option (list u8)))"#,
    ),
    (
        "get-entry",
        "(param i32 i32) (result i32)",
        r#"(param "key" (list u8)) (result (option $entry))"#,
    ),
    (
        "get-many",
        "(param i32 i32) (result i32)",
        r#"(param "keys" (list (list u8))) (result (list (option (list u8))))"#,
    ),
    (
        "contains",
        "(param i32 i32) (result i32)",
        r#"(param "key" (list u8)) (result bool)"#,
    ),
    (
        "set",
        "(param i32 i32 i32 i32 i32 i64) (result i32)",
        r#"(param "key" (list u8)) (param "value" (list u8)) (param "ttl" $ttl)
            (result (result u64 (error $error)))"#,
    ),
    (
        "set-if",
        "(param i32 i32 i32 i32 i32 i64 i32 i64) (result i32)",
        r#"(param "key" (list u8)) (param "value" (list u8)) (param "ttl" $ttl)
            (param "condition" $condition) (result (result u64 (error $error)))"#,
    ),
    (
        "increment",
        "(param i32 i32 i64 i32 i64) (result i32)",
        r#"(param "key" (list u8)) (param "delta" s64) (param "ttl" $ttl)
            (result (result s64 (error $error)))"#,
    ),
    (
        "touch",
        "(param i32 i32 i32 i64) (result i32)",
        r#"(param "key" (list u8)) (param "ttl" $ttl) (result (result bool (error $error)))"#,
    ),
    (
        "take",
        "(param i32 i32) (result i32)",
        r#"(param "key" (list u8)) (result (option (list u8)))"#,
    ),
    (
        "delete",
        "(param i32 i32) (result i32)",
        r#"(param "key" (list u8)) (result bool)"#,
    ),
    (
        "delete-if",
        "(param i32 i32 i64) (result i32)",
        r#"(param "key" (list u8)) (param "version" u64) (result (result (error $error)))"#,
    ),
    (
        "apply",
        "(param i32 i32) (result i32)",
        r#"(param "changes" (list $change))
            (result (result (list $outcome) (error (tuple u32 $error))))"#,
    ),
    (
        "[method]pinned.value",
        "(param i32) (result i32)",
        r#"(param "self" (borrow $pinned)) (result (list u8))"#,
    ),
    (
        "[method]pinned.version",
        "(param i32) (result i64)",
        r#"(param "self" (borrow $pinned)) (result u64)"#,
    ),
    (
        "pin",
        "(param i32 i32) (result i32)",
        r#"(param "key" (list u8)) (result (result (option (own $pinned)) (error $error)))"#,
    ),
    (
        "scan",
        "(param i32 i32 i64 i32) (result i32)",
        r#"(param "prefix" (list u8)) (param "cursor" u64) (param "limit" u32)
            (result $page)"#,
    ),
    ("len", "(result i64)", "(result u64)"),
];

const CONTROL_TYPES: &str = r#"
    (type $ttl' (variant (case "default") (case "never") (case "after" u64)))
    (export $ttl "ttl" (type $ttl'))
    (type $policy' (enum "refuse" "lru" "s3-fifo"))
    (export $policy "policy" (type $policy'))
    (type $limits' (record (field "max-entries" u64) (field "max-bytes" u64)
        (field "max-key" u32) (field "max-value" u64) (field "default-ttl" (option u64))
        (field "utf8-keys" bool) (field "policy" $policy) (field "max-pins" u32)))
    (export $limits "limits" (type $limits'))
    (type $setting' (enum "max-entries" "max-bytes" "max-key" "max-value" "default-ttl"
        "utf8-keys" "policy" "max-pins"))
    (export $setting "setting" (type $setting'))
    (type $configure-error' (variant (case "out-of-range" $setting) (case "lowered" $setting)))
    (export $configure-error "configure-error" (type $configure-error'))
    (type $preloaded' (record (field "key" (list u8)) (field "value" (list u8))
        (field "ttl" $ttl)))
    (export $preloaded "preloaded" (type $preloaded'))
    (type $refusal' (enum "invalid-key" "value-too-large" "invalid-ttl" "full"))
    (export $refusal "refusal" (type $refusal'))
    (type $statistics' (record (field "entries" u64) (field "bytes" u64) (field "payload" u64)
        (field "overhead" u64) (field "free" u64) (field "pinned" u64)
        (field "high-water" u64) (field "hits" u64) (field "misses" u64) (field "writes" u64)
        (field "expired" u64) (field "evicted" u64) (field "refused" u64)))
    (export $statistics "statistics" (type $statistics'))"#;

const CONTROL: [Function; 6] = [
    (
        "configure",
        "(param i64 i64 i32 i64 i32 i64 i32 i32 i32) (result i32)",
        r#"(param "limits" $limits) (result (result (error $configure-error)))"#,
    ),
    ("current-limits", "(result i32)", "(result $limits)"),
    (
        "preload",
        "(param i32 i32) (result i32)",
        r#"(param "entries" (list $preloaded)) (result (result (error (tuple u32 $refusal))))"#,
    ),
    ("stats", "(result i32)", "(result $statistics)"),
    (
        "sweep",
        "(param i32) (result i32)",
        r#"(param "max" u32) (result u32)"#,
    ),
    ("clear", "", ""),
];
