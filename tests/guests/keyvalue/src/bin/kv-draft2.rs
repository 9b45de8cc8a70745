//! A guest that imports 0.2.0-draft2.

#[path = "../bindings2.rs"]
mod bindings2;
#[path = "../draft2.rs"]
mod draft2;

fn main() -> std::process::ExitCode {
    keyvalue::main(draft2::run)
}
