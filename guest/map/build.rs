//! Linker arguments of the component.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    for arg in [
        // The component does not use WASI 0.1. The adapter would add imports of its own
        // and change the version of ours.
        "--wasi-adapter=none",
        // The component does not recurse. With a small stack, the stack, the data and the
        // first entries share a page of 64 KiB. The top of the stack, the data and the first entry
        // lie in three pages of the host, of 4 KiB each, which are all that a small map takes.
        "-zstack-size=19200",
    ] {
        println!("cargo::rustc-link-arg-cdylib={arg}");
    }
}
