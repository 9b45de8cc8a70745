//! How the component is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for arg in [
        // Nothing of WASI 0.1 is used, and the adapter would bring imports of its own.
        "--wasi-adapter=none",
        // Nothing here recurses: stack and data share the first page.
        "-zstack-size=32768",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}
