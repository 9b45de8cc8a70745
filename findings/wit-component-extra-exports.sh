#!/usr/bin/env bash
# wit-component: a core export that the world does not name disappears from the component in silence.
#
# Tool: wit-component 0.258.3 from crates.io, the library behind `wasm-tools component new` and
# rustc's wasm32-wasip2 (a minute of CPU to build).
#
# A core module becomes a component by the names of its exports: `demo:demo/api#get` is the function
# `get` of an interface. One expects an error for an export that looks like a function of that interface
# but is not in it, as there is one for a function of the interface that is missing. Instead, the
# component is encoded and leaves the export out; it stays in the core module inside, where a host that
# calls core modules can reach it. So a misspelt name is reported as a missing function at best, and an
# additional one is never reported.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > expected <<'TXT'
only `get`: encoded, with exports demo:demo/api
`get` and another name of the interface: encoded, with exports demo:demo/api
`get` and another interface: encoded, with exports demo:demo/api
`get` misspelt: error
the core module of the second still exports demo:demo/api#other: true
TXT

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.0.0"
edition = "2021"

[dependencies]
wat = "=1.263.0"
wasmparser = "=0.258.3"
wit-component = "=0.258.3"
wit-parser = "=0.258.3"

[profile.dev]
debug = false
TOML
cat > src/main.rs <<'RUST'
use wasmparser::{Parser, Payload};
use wit_component::{embed_component_metadata, ComponentEncoder, StringEncoding};
use wit_parser::Resolve;

const WIT: &str = "
package demo:demo;
interface api { get: func() -> u32; }
world demo { export api; }
";

fn encode(exports: &[&str]) -> Option<Vec<u8>> {
    let functions: String = exports
        .iter()
        .map(|name| format!("(func (export \"{name}\") (result i32) i32.const 1)"))
        .collect();
    let mut module = wat::parse_str(format!("(module {functions})")).unwrap();
    let mut resolve = Resolve::default();
    let package = resolve.push_str("demo.wit", WIT).unwrap();
    let world = resolve.select_world(&[package], Some("demo")).unwrap();
    embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
    let mut encoder = ComponentEncoder::default();
    encoder.validate(true).module(&module).ok()?.encode().ok()
}

/// Returns the exports of the component itself, and those of the core modules in it.
fn exports(component: &[u8]) -> (Vec<String>, Vec<String>) {
    let (mut outer, mut inner, mut depth) = (vec![], vec![], 0);
    for payload in Parser::new(0).parse_all(component) {
        match payload.unwrap() {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth -= 1,
            Payload::ComponentExportSection(section) if depth == 0 => {
                outer.extend(section.into_iter().map(|export| export.unwrap().name.name.to_owned()));
            }
            Payload::ExportSection(section) => {
                inner.extend(section.into_iter().map(|export| export.unwrap().name.to_owned()));
            }
            _ => {}
        }
    }
    (outer, inner)
}

fn main() {
    let other = "demo:demo/api#other";
    for (case, names) in [
        ("only `get`", &["demo:demo/api#get"][..]),
        ("`get` and another name of the interface", &["demo:demo/api#get", other]),
        ("`get` and another interface", &["demo:demo/api#get", "demo:demo/more#get"]),
        ("`get` misspelt", &["demo:demo/api#gett"]),
    ] {
        match encode(names) {
            Some(component) => {
                println!("{case}: encoded, with exports {}", exports(&component).0.join(", "));
            }
            None => println!("{case}: error"),
        }
    }
    let component = encode(&["demo:demo/api#get", other]).unwrap();
    let inside = exports(&component).1.iter().any(|name| name == other);
    println!("the core module of the second still exports {other}: {inside}");
}
RUST
CARGO_TARGET_DIR=$work/target cargo run --quiet > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
