//! Linker arguments of the component.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for arg in [
        // The component does not use WASI 0.1, and the adapter would add imports of its own.
        "--wasi-adapter=none",
        // The component does not recurse: stack and data share the first page.
        "-zstack-size=32768",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}
