//! How the component is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for arg in [
        // Nothing of WASI 0.1 is used. The adapter would bring imports of its own,
        // and turn ours into those of its version.
        "--wasi-adapter=none",
        // Nothing here recurses. A small stack lets stack, data and the first
        // entries share a page.
        "-zstack-size=16384",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}
