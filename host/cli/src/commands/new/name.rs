//! What a crate can be called, and its component.

use anyhow::bail;

/// Words of the language, of any edition.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate",
    "do", "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl",
    "in", "let", "loop", "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref",
    "return", "self", "static", "struct", "super", "trait", "true", "try", "type", "typeof",
    "unsafe", "unsized", "use", "virtual", "where", "while", "yield", "_",
];

/// Crates that every crate can name already.
const CRATES: &[&str] = &[
    "alloc",
    "core",
    "localmap_client",
    "proc_macro",
    "std",
    "test",
];

/// Folders that cargo makes beside what it builds.
const FOLDERS: &[&str] = &["build", "deps", "examples", "incremental"];

/// Whether a crate can have this name. That is what `cargo new` takes, but for names that
/// it warns of.
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
        "it may have letters and digits of ASCII, `-` and `_`"
    } else if KEYWORDS.contains(&lower.as_str()) {
        "it is a word of the language"
    } else if CRATES.contains(&known.as_str()) {
        "it is that of a crate which the guest has already"
    } else if FOLDERS.contains(&lower.as_str()) {
        "it is that of a folder which cargo makes"
    } else if is_device(&lower) {
        "it is that of a device on Windows"
    } else {
        return Ok(());
    };
    bail!("a crate cannot have the name `{name}`: {why}; give it another with --name")
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

/// The name of the component's package, for cargo-component: words of small letters and
/// digits that begin with a letter, and `-` between them.
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
    fn names_that_cargo_takes_are_taken() {
        for name in ["hits", "my-guest", "my_guest", "Hits2", "_x", "h", "comet"] {
            assert!(check(name).is_ok(), "{name}");
        }
    }

    #[test]
    fn names_that_a_crate_cannot_have_are_refused_with_a_reason() {
        for (name, why) in [
            ("", "empty"),
            ("9lives", "digit"),
            ("-hits", "begins with `-`"),
            ("tee sorten", "letters and digits"),
            ("t\u{e9}", "letters and digits"),
            ("a.b", "letters and digits"),
            ("fn", "word of the language"),
            ("Self", "word of the language"),
            ("_", "word of the language"),
            ("test", "crate which the guest has"),
            ("proc-macro", "crate which the guest has"),
            ("localmap-client", "crate which the guest has"),
            ("deps", "folder"),
            ("COM1", "device"),
        ] {
            let refused = check(name).unwrap_err().to_string();
            assert!(refused.contains(why), "{refused}");
            assert!(refused.contains("--name"), "{refused}");
        }
    }

    #[test]
    fn a_component_has_a_name_in_words() {
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
