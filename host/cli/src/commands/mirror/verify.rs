//! `--verify`: whether the copy is what etcd has.

use super::text::counted;
use crate::commands::shell::tokens::Quoted;
use crate::exit_code::FAILED;
use crate::terminal::stdio::unless_closed;
use anyhow::Context;
use localmap_mirror::{Comparison, Difference, Mirror};
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;
use tokio::runtime::Builder;

/// Compares the copy with etcd, and writes what differs.
pub(super) fn verify(mirror: &Mirror) -> anyhow::Result<ExitCode> {
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start a timer")?;
    let compared = runtime.block_on(mirror.audit());
    let compared = compared.context("cannot compare the copy with etcd")?;
    let written = write(&compared, &mut BufWriter::new(io::stdout().lock()));
    let code = unless_closed(written.context("cannot write to standard output"))?;
    match compared.is_equal() {
        false if code == ExitCode::SUCCESS => Ok(ExitCode::from(FAILED)),
        _ => Ok(code),
    }
}

fn write(compared: &Comparison, out: &mut impl Write) -> io::Result<()> {
    for difference in &compared.differences {
        writeln!(out, "{}", describe(difference))?;
    }
    if compared.more > 0 {
        writeln!(out, "and {} more", compared.more)?;
    }
    let keys = counted(compared.keys, "key", "keys");
    let count = compared.differences.len() as u64 + compared.more;
    match count {
        0 => write!(out, "equal: {keys} at revision {}", compared.revision)?,
        count => write!(
            out,
            "{} in {keys} at revision {}",
            counted(count, "difference", "differences"),
            compared.revision
        )?,
    }
    match compared.omitted {
        0 => writeln!(out)?,
        omitted => writeln!(out, ", {omitted} of them omitted")?,
    }
    out.flush()
}

fn describe(difference: &Difference) -> String {
    let key = Quoted(&difference.key);
    match (difference.source, difference.mirror) {
        (Some(source), Some(mirror)) if source == mirror => {
            format!("{key} has another value at revision {source}")
        }
        (Some(source), Some(mirror)) => {
            format!("{key} is of revision {source} in etcd, and of {mirror} in the copy")
        }
        (Some(source), None) => format!("{key} is missing in the copy; it is of revision {source}"),
        (None, Some(mirror)) => format!("{key} is not in etcd; it is of revision {mirror}"),
        (None, None) => format!("{key} differs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(key: &[u8], source: Option<u64>, mirror: Option<u64>) -> Difference {
        let mut difference = Difference::default();
        difference.key = key.to_vec();
        (difference.source, difference.mirror) = (source, mirror);
        difference
    }

    fn written(compared: &Comparison) -> String {
        let mut out = Vec::new();
        write(compared, &mut out).expect("memory can be written to");
        String::from_utf8(out).expect("text")
    }

    #[test]
    fn a_comparison_ends_with_what_was_found() {
        let mut compared = Comparison::default();
        (compared.revision, compared.keys) = (7, 1);
        assert_eq!(written(&compared), "equal: 1 key at revision 7\n");
        (compared.keys, compared.omitted) = (3, 2);
        assert_eq!(
            written(&compared),
            "equal: 3 keys at revision 7, 2 of them omitted\n"
        );
    }

    #[test]
    fn each_difference_has_a_line() {
        let mut compared = Comparison::default();
        (compared.revision, compared.keys, compared.more) = (9, 5, 10);
        compared.differences = vec![
            difference(b"a", Some(4), Some(4)),
            difference(b"b", Some(5), Some(4)),
            difference(b"\xff", Some(6), None),
            difference(b"d", None, Some(3)),
        ];
        let expected = r#"
"a" has another value at revision 4
"b" is of revision 5 in etcd, and of 4 in the copy
"\xff" is missing in the copy; it is of revision 6
"d" is not in etcd; it is of revision 3
and 10 more
14 differences in 5 keys at revision 9
"#;
        assert_eq!(written(&compared), expected.trim_start());
    }
}
