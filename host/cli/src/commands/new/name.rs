//! Names of crates and of their components.

use anyhow::bail;

/// Keywords of Rust, in any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "_",
];

/// Reserved names: crates that the guest uses, and built-in crates.
const CRATES: &[&str] = &[
    "alloc",
    "core",
    "localmap_client",
    "proc_macro",
    "std",
    "test",
];

/// Folders that Cargo creates in its target folder.
const FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];

/// Checks that a crate can have this name. Accepts what `cargo new` accepts without a warning.
pub(super) fn check(name: &str) -> anyhow::Result<()> {
    let lower = name.to_ascii_lowercase();
    let known = lower.replace('-', "_");
    let why = if name.is_empty() {
        "it is empty"
    } else if name.starts_with(|first: char| first.is_ascii_digit()) {
        "it begins with a digit"
    } else if name.starts_with('-') {
        "it begins with `-`"
    } else if !name.bytes().all(is_allowed) {
        "only ASCII letters, digits, `-` and `_` are allowed"
    } else if KEYWORDS.contains(&lower.as_str()) {
        "it is a Rust keyword"
    } else if CRATES.contains(&known.as_str()) {
        "it is a reserved name"
    } else if FOLDERS.contains(&lower.as_str()) {
        "Cargo creates a folder of this name"
    } else if is_device(&lower) {
        "it is the name of a device on Windows"
    } else {
        return Ok(());
    };
    bail!("the name `{name}` is not allowed for a crate: {why}; choose another with --name")
}

const fn is_allowed(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_device(name: &str) -> bool {
    let numbered = |name: &str| matches!(name.as_bytes(), [b'0'..=b'9']);
    matches!(name, "aux" | "con" | "nul" | "prn")
        || ["com", "lpt"]
            .iter()
            .any(|port| name.strip_prefix(port).is_some_and(numbered))
}

/// Returns the name of the component's package for cargo-component: words of lower-case
/// letters and digits that begin with a letter, joined with `-`.
pub(super) fn package(name: &str) -> String {
    let mut package = String::new();
    for word in name.split(['-', '_']).filter(|word| !word.is_empty()) {
        if word.starts_with(|first: char| first.is_ascii_alphabetic()) && !package.is_empty() {
            package.push('-');
        }
        package.push_str(&word.to_ascii_lowercase());
    }
    if !package.starts_with(|first: char| first.is_ascii_alphabetic()) {
        package.insert_str(0, "guest");
    }
    format!("component:{package}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_cargo_accepts_are_accepted() {
        for name in ["hits", "my-guest", "my_guest", "Hits2", "_x", "h", "comet"] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn other_names_are_rejected_with_a_reason() {
        for (name, why) in [
            ("", "empty"),
            ("9lives", "digit"),
            ("-hits", "begins with `-`"),
            ("tee sorten", "letters, digits"),
            ("t\u{e9}", "letters, digits"),
            ("a.b", "letters, digits"),
            ("fn", "keyword"),
            ("Self", "keyword"),
            ("_", "keyword"),
            ("test", "reserved name"),
            ("proc-macro", "reserved name"),
            ("localmap-client", "reserved name"),
            ("deps", "folder"),
            ("COM1", "device"),
        ] {
            let error = check(name).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
            assert!(error.contains("--name"), "{error}");
        }
    }

    #[test]
    fn the_package_of_a_component_has_a_valid_name() {
        for (name, package_name) in [
            ("hits", "component:hits"),
            ("My_Guest", "component:my-guest"),
            ("my--2nd-guest", "component:my2nd-guest"),
            ("_9", "component:guest9"),
            ("__", "component:guest"),
        ] {
            assert_eq!(package(name), package_name);
        }
    }
}
