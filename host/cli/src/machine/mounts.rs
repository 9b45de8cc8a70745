//! Parses `/proc/self/mountinfo`. The crate `procfs` would reject the whole file for one line that
//! it does not know, and leaves escapes as they are.

/// One mount.
pub(super) struct Mount {
    /// The folder of the file system that is mounted.
    pub(super) root: String,
    /// The folder where it is mounted.
    pub(super) point: String,
    /// The type of the file system, such as `cgroup2`.
    pub(super) kind: String,
    /// The options of the file system, such as the controllers of a cgroup.
    pub(super) options: Vec<String>,
}

/// Returns the mounts of all lines that can be understood.
pub(super) fn parse(text: &str) -> Vec<Mount> {
    text.lines().filter_map(parse_line).collect()
}

/// Parses a line such as
/// `36 35 98:0 /root /point rw,noatime master:1 - cgroup2 cgroup2 rw,nsdelegate`.
fn parse_line(line: &str) -> Option<Mount> {
    let (mount, file_system) = line.split_once(" - ")?;
    let mut mount = mount.split(' ').skip(3);
    let mut file_system = file_system.split(' ');
    Some(Mount {
        root: unescape(mount.next()?),
        point: unescape(mount.next()?),
        kind: file_system.next()?.to_owned(),
        options: file_system
            .nth(1)
            .unwrap_or_default()
            .split(',')
            .map(str::to_owned)
            .collect(),
    })
}

/// Replaces the escapes of the kernel, such as `\040` for a space.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let code = part
            .get(..3)
            .and_then(|code| u8::from_str_radix(code, 8).ok());
        match code {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend(part.as_bytes().iter().skip(3));
            }
            None => {
                bytes.push(b'\\');
                bytes.extend(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_is_found_next_to_lines_that_cannot_be_understood() {
        let text = "garbage\n\
            36 35 98:0 /a\\040b /mnt/c\\134d rw master:1 shared:2 - cgroup cgroup rw,cpu,cpuacct\n\
            1 2 - \n\
            37 35 0:29 / /sys rw - sysfs\n";
        let mounts = parse(text);
        assert_eq!(mounts.len(), 2);
        assert_eq!(mounts[0].root, "/a b");
        assert_eq!(mounts[0].point, "/mnt/c\\d");
        assert_eq!(mounts[0].kind, "cgroup");
        assert_eq!(mounts[0].options, ["rw", "cpu", "cpuacct"]);
        assert_eq!(mounts[1].kind, "sysfs");
    }

    #[test]
    fn what_is_no_escape_is_kept() {
        for (escaped, name) in [
            ("a", "a"),
            ("\\040", " "),
            ("a\\04", "a\\04"),
            ("\\999", "\\999"),
            ("\\ü40", "\\ü40"),
            ("\\011\\012", "\t\n"),
        ] {
            assert_eq!(unescape(escaped), name, "{escaped}");
        }
    }
}
