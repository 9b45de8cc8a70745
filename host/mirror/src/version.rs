//! What versions of etcd can do.

/// Returns `true` if a server of this version answers a request for progress only when it has sent all
/// events up to the revision of its answer.
///
/// Earlier versions let answers overtake events (etcd #15220) or do not answer (#17507): 3.4.31, 3.5.13 and
/// 3.6.0 are the first without these faults. A version that is not understood counts as an earlier one.
pub(crate) fn has_reliable_progress(version: &str) -> bool {
    let Some((major, minor, patch)) = parse(version) else {
        return false;
    };
    match (major, minor) {
        (3, 4) => patch >= 31,
        (3, 5) => patch >= 13,
        _ => (major, minor) >= (3, 6),
    }
}

/// Splits a version of three numbers. Those of pre-releases have more, and are not understood.
fn parse(version: &str) -> Option<(u32, u32, u32)> {
    let mut parts = version.split('.').map(|part| part.parse().ok());
    let version = (parts.next()??, parts.next()??, parts.next()??);
    parts.next().is_none().then_some(version)
}

#[cfg(test)]
mod tests {
    use super::has_reliable_progress;

    #[test]
    fn versions_with_faults_are_refused() {
        for version in [
            "3.4.23",
            "3.4.30",
            "3.5.0",
            "3.5.1",
            "3.5.12",
            "3.3.27",
            "2.3.8",
            "3.6.0-alpha.0",
            "3.6.0-rc.1",
            "",
            "3",
            "3.6",
            "3.6.x",
            "v3.6.0",
            "3.6.0.1",
            "-3.6.0",
            "99999999999.0.0",
        ] {
            assert!(!has_reliable_progress(version), "{version}");
        }
    }

    #[test]
    fn later_versions_are_accepted() {
        for version in [
            "3.4.31", "3.4.40", "3.5.13", "3.5.21", "3.6.0", "3.6.1", "3.7.0", "4.0.0",
        ] {
            assert!(has_reliable_progress(version), "{version}");
        }
    }
}
