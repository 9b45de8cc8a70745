//! The names of tenants, which peers choose, and of guests.

use tonic::Status;

/// The maximum length of a name in bytes.
const MAX_LEN: usize = 63;

/// The number of characters of an invalid name that are shown.
const SHOWN: usize = 64;

/// Returns `true` for a name that can be part of logs, of file names and of labels.
pub(crate) fn is_valid(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=MAX_LEN).contains(&name.len()) && name.bytes().all(allowed)
}

/// Checks the name of a tenant.
pub(crate) fn check_tenant(name: &str) -> Result<(), Status> {
    if is_valid(name) {
        return Ok(());
    }
    let shown: String = name.chars().take(SHOWN).collect();
    let more = if shown.len() < name.len() { "…" } else { "" };
    Err(Status::invalid_argument(format!(
        "invalid tenant \"{}\"{more}: use 1 to {MAX_LEN} of the characters A-Z a-z 0-9 - _ .",
        shown.escape_default()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;

    #[test]
    fn names_have_1_to_63_harmless_characters() {
        let longest = "x".repeat(63);
        for good in ["a", "A-Z_a.z-09", ".", "..", "-", &longest] {
            assert!(check_tenant(good).is_ok(), "{good}");
        }
        let too_long = "x".repeat(64);
        let huge = "\u{1f600}".repeat(100_000);
        for bad in [
            "", " ", "a b", "a/b", "a\n", "a\0", "ä", "\u{202e}", &too_long, &huge,
        ] {
            let status = check_tenant(bad).expect_err(bad);
            assert_eq!(status.code(), Code::InvalidArgument);
            let shown = status.message();
            assert!(
                shown.len() < 1_000 && !shown.contains(char::is_control),
                "{shown}"
            );
        }
    }
}
