//! What the toolchains of all languages are asked for.

/// Options for building a folder.
#[derive(Clone, Copy)]
pub(crate) struct Build<'a> {
    /// Use `cargo component build` instead of `cargo build --target wasm32-wasip2`.
    pub(crate) with_cargo_component: bool,
    pub(crate) profile: &'a str,
}
