#!/usr/bin/env bash
# wac: `plug` reports success when it has left an import open because the types differ.
#
# Tool: wac-graph 0.12.0 from crates.io, the library behind `wac plug` (a minute of CPU to build).
#
# `plug` connects the exports of one component to the imports of another. The app here imports two
# interfaces. If one of them is exported with a function of another type, one expects an error that
# names it. Instead, `plug` skips that export, connects the other interface and returns `Ok`; the
# composed component still imports the interface that did not fit. `plug` fails only if it cannot
# connect anything at all, and even then does not say which type is wrong. So check the imports of
# the result: one that remains is the only sign of an incompatible provider.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > expected <<'TXT'
both fit: Ok, still imported: nothing
one has another type: Ok, still imported: demo:demo/second
both have another type: the socket component had no matching imports for the plugs that were provided
TXT

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.0.0"
edition = "2021"

[dependencies]
wac-graph = "=0.12.0"
wat = "=1.263.0"

[profile.dev]
debug = false
TOML
cat > src/main.rs <<'RUST'
use wac_graph::types::Package;
use wac_graph::{plug, CompositionGraph, EncodeOptions, PackageId};

const APP: &str = r#"
(component
  (import "demo:demo/first" (instance (export "number" (func (result u32)))))
  (import "demo:demo/second" (instance (export "number" (func (result u32))))))
"#;

/// A component that exports both interfaces, with these types as results.
fn provider(first: &str, second: &str) -> String {
    format!(
        r#"
(component
  (core module $code (func (export "number") (result i32) i32.const 1))
  (core instance $core (instantiate $code))
  (alias core export $core "number" (core func $number))
  (func $one (result {first}) (canon lift (core func $number)))
  (func $two (result {second}) (canon lift (core func $number)))
  (instance $first (export "number" (func $one)))
  (instance $second (export "number" (func $two)))
  (export "demo:demo/first" (instance $first))
  (export "demo:demo/second" (instance $second)))
"#
    )
}

fn register(graph: &mut CompositionGraph, name: &str, bytes: Vec<u8>) -> PackageId {
    let package = Package::from_bytes(name, None, bytes, graph.types_mut()).unwrap();
    graph.register_package(package).unwrap()
}

fn imports(bytes: Vec<u8>) -> String {
    let mut graph = CompositionGraph::new();
    let id = register(&mut graph, "composed", bytes);
    let names: Vec<_> = graph.types()[graph[id].ty()].imports.keys().cloned().collect();
    if names.is_empty() {
        return "nothing".into();
    }
    names.join(", ")
}

fn main() {
    for (case, first, second) in [
        ("both fit", "u32", "u32"),
        ("one has another type", "u32", "s32"),
        ("both have another type", "s32", "s32"),
    ] {
        let mut graph = CompositionGraph::new();
        let app = register(&mut graph, "app", wat::parse_str(APP).unwrap());
        let provider = wat::parse_str(provider(first, second)).unwrap();
        let provider = register(&mut graph, "provider", provider);
        match plug(&mut graph, vec![provider], app) {
            Ok(()) => {
                let composed = graph.encode(EncodeOptions::default()).unwrap();
                println!("{case}: Ok, still imported: {}", imports(composed));
            }
            Err(error) => println!("{case}: {error}"),
        }
    }
}
RUST
CARGO_TARGET_DIR=$work/target cargo run --quiet > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
