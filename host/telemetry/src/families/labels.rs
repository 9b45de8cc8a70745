//! Label values that come from tenants.

use localmap::TenantName;

/// The label of all tenants that have no metrics of their own.
pub(crate) const OTHER: &str = "other";

/// Returns the label of a tenant: its name in printable ASCII, from which the bytes can be read back.
/// A tenant that is called `other` is not the others, and one without a name has a label, as an empty one
/// is none.
pub(crate) fn tenant_label(name: Option<&TenantName>) -> String {
    match name.map(ToString::to_string) {
        None => OTHER.to_owned(),
        Some(name) if name == OTHER => "\\x6fther".to_owned(),
        Some(name) if name.is_empty() => "\"\"".to_owned(),
        Some(name) => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_called_other_is_not_the_others() {
        let label = |name: &[u8]| tenant_label(TenantName::new(name).ok().as_ref());
        assert_eq!(tenant_label(None), "other");
        assert_eq!(label(b"other"), "\\x6fther");
        // It has a label of its own, as backslashes are escaped.
        assert_eq!(label(b"\\x6fther"), "\\\\x6fther");
        assert_eq!((&*label(b""), &*label(b"\"\"")), ("\"\"", "\\\"\\\""));
        assert_eq!(label(b"\xff\"\n\0"), "\\xff\\\"\\n\\x00");
    }
}
