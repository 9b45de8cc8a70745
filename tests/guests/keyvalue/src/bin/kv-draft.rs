//! A guest that imports 0.2.0-draft.

#[path = "../bindings.rs"]
mod bindings;
#[path = "../draft.rs"]
mod draft;

fn main() -> std::process::ExitCode {
    keyvalue::main(draft::run)
}
