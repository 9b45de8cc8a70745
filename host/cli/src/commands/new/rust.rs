//! The files of a guest in Rust, for each version of WASI.

use super::wasi::Wasi;

/// The dependency of a guest for WASI 0.2 that answers HTTP requests.
const WSTD: &str = "\
# HTTP for components: turns an async `main` into the request handler.
wstd = { version = \"0.6.8\", default-features = false }
";

/// The files of a crate, with placeholders.
pub(super) struct Template {
    pub(super) manifest: &'static str,
    /// What replaces `{{more}}` in the manifest.
    pub(super) more: &'static str,
    pub(super) readme: &'static str,
    pub(super) sources: &'static [(&'static str, &'static str)],
}

/// What the guest remembers: the same for all.
const SEEN: (&str, &str) = ("src/seen.rs", include_str!("template/seen.rs"));

pub(super) const fn template(wasi: Wasi, is_http: bool) -> Template {
    match (wasi, is_http) {
        (Wasi::V0_2, false) => Template {
            manifest: include_str!("template/manifest.toml"),
            more: "",
            readme: include_str!("template/command/README.md"),
            sources: &[
                ("src/main.rs", include_str!("template/command/main.rs")),
                SEEN,
            ],
        },
        (Wasi::V0_2, true) => Template {
            manifest: include_str!("template/manifest.toml"),
            more: WSTD,
            readme: include_str!("template/http/README.md"),
            sources: &[("src/main.rs", include_str!("template/http/main.rs")), SEEN],
        },
        (Wasi::V0_3, false) => Template {
            manifest: include_str!("template/wasi-0.3/manifest.toml"),
            more: "",
            readme: include_str!("template/wasi-0.3/command/README.md"),
            sources: &[
                (
                    "src/lib.rs",
                    include_str!("template/wasi-0.3/command/lib.rs"),
                ),
                (
                    "src/lines.rs",
                    include_str!("template/wasi-0.3/command/lines.rs"),
                ),
                SEEN,
            ],
        },
        (Wasi::V0_3, true) => Template {
            manifest: include_str!("template/wasi-0.3/manifest.toml"),
            more: "",
            readme: include_str!("template/wasi-0.3/http/README.md"),
            sources: &[
                ("src/lib.rs", include_str!("template/wasi-0.3/http/lib.rs")),
                SEEN,
            ],
        },
    }
}
