//! The layout of the file that `preload` writes: a line that says what follows, then the schema and
//! its file of entries, byte for byte.
//!
//! One file, so that one `rename` replaces all of it. The line begins with `#`, so that a file with a
//! schema in TOML and no entries is TOML itself.

use crate::digest::Digest;
use std::fmt;

/// The version of the layout that this crate reads and writes.
const LAYOUT: u64 = 1;

/// The beginning of the first line.
const START: &str = "# localmap schema, written by preload, layout ";

/// The maximum length of the first line in bytes.
const MAX_LINE: usize = 512;

/// The maximum size of a schema and of a file of entries, each, in bytes: 64 MiB.
pub const MAX_SIZE: u64 = 64 << 20;

/// The maximum size of a preloaded file in bytes.
pub(crate) const MAX_FILE: u64 = 2 * MAX_SIZE + MAX_LINE as u64;

/// The contents of a preloaded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Contents {
    pub(crate) schema: Vec<u8>,
    pub(crate) entries: Option<Vec<u8>>,
}

/// Why a file is not what `preload` has written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LayoutFault {
    /// It has another layout.
    Layout(u64),
    /// It is damaged.
    Damaged(&'static str),
}

/// The length and the digest of a part.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Part {
    len: usize,
    digest: Digest,
}

/// The first line.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Line {
    schema: Part,
    entries: Option<Part>,
}

impl Part {
    fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len(),
            digest: Digest::of(bytes),
        }
    }

    /// Parses `NUMBER bytes sha256:DIGITS`.
    fn parse(text: &str) -> Option<Self> {
        let (len, digest) = text.split_once(" bytes ")?;
        let (len, digest) = (len.parse().ok()?, digest.parse().ok()?);
        Some(Self { len, digest })
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes sha256:{}", self.len, self.digest)
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{START}{LAYOUT}: schema {}", self.schema)?;
        match &self.entries {
            Some(entries) => write!(f, ", entries {entries}"),
            None => f.write_str(", no entries"),
        }
    }
}

impl Line {
    fn of(contents: &Contents) -> Self {
        Self {
            schema: Part::of(&contents.schema),
            entries: contents.entries.as_deref().map(Part::of),
        }
    }

    /// Parses a line. It must be as [`Line`] is written, to the byte.
    fn parse(line: &[u8]) -> Result<Self, LayoutFault> {
        let damaged = LayoutFault::Damaged("its first line is not that of `preload`");
        let parts = || {
            let (layout, rest) = str::from_utf8(line)
                .ok()?
                .strip_prefix(START)?
                .split_once(": ")?;
            Some((layout.parse().ok()?, rest))
        };
        let Some((layout, rest)) = parts() else {
            return Err(damaged);
        };
        if layout != LAYOUT {
            return Err(LayoutFault::Layout(layout));
        }
        let parts = || {
            let (schema, entries) = rest.strip_prefix("schema ")?.split_once(", ")?;
            let entries = match entries {
                "no entries" => None,
                entries => Some(Part::parse(entries.strip_prefix("entries ")?)?),
            };
            let schema = Part::parse(schema)?;
            Some(Self { schema, entries })
        };
        let parsed = parts().filter(|parsed| parsed.to_string().as_bytes() == line);
        parsed.ok_or(damaged)
    }
}

/// Returns the bytes of a file with these contents.
pub(crate) fn encode(contents: &Contents) -> Vec<u8> {
    let mut bytes = format!("{}\n", Line::of(contents)).into_bytes();
    bytes.extend_from_slice(&contents.schema);
    bytes.extend_from_slice(contents.entries.as_deref().unwrap_or_default());
    bytes
}

/// Returns the contents of a file, if they are those that were written.
pub(crate) fn decode(bytes: &[u8]) -> Result<Contents, LayoutFault> {
    if bytes.is_empty() {
        return Err(LayoutFault::Damaged("it is empty"));
    }
    let end = bytes.iter().take(MAX_LINE).position(|byte| *byte == b'\n');
    let split = end.and_then(|end| bytes.split_at_checked(end));
    let Some((line, [_, rest @ ..])) = split else {
        return Err(LayoutFault::Damaged(
            "its first line is not that of `preload`",
        ));
    };
    let line = Line::parse(line)?;
    let of_entries = line.entries.map_or(0, |entries| entries.len);
    if Some(rest.len()) != line.schema.len.checked_add(of_entries) {
        let why = "its length is not what its first line says";
        return Err(LayoutFault::Damaged(why));
    }
    let (schema, entries) = rest.split_at(line.schema.len);
    let contents = Contents {
        schema: schema.to_vec(),
        entries: line.entries.map(|_| entries.to_vec()),
    };
    match Line::of(&contents) == line {
        true => Ok(contents),
        false => Err(LayoutFault::Damaged(
            "its digests are not what its first line says",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contents(schema: &[u8], entries: Option<&[u8]>) -> Contents {
        Contents {
            schema: schema.to_vec(),
            entries: entries.map(<[u8]>::to_vec),
        }
    }

    #[test]
    fn contents_are_read_as_they_were_written() {
        for contents in [
            contents(b"", None),
            contents(b"format = 1\n", None),
            contents(b"a", Some(b"")),
            contents(b"\n\n", Some(b"# \xff")),
        ] {
            assert_eq!(decode(&encode(&contents)), Ok(contents));
        }
    }

    #[test]
    fn a_file_without_entries_is_still_toml() {
        let bytes = encode(&contents(b"format = 1\n", None));
        let text = String::from_utf8(bytes).expect("text");
        let table: toml::Table = toml::from_str(&text).expect("TOML");
        assert_eq!(table["format"].as_integer(), Some(1));
    }

    #[test]
    fn every_change_of_a_byte_and_every_cut_is_found() {
        let bytes = encode(&contents(b"format = 1\n", Some(b"{\"entry\": []}")));
        for at in 0..bytes.len() {
            assert!(decode(&bytes[..at]).is_err(), "cut at {at}");
            for bit in 0..8 {
                let mut changed = bytes.clone();
                changed[at] ^= 1 << bit;
                assert!(decode(&changed).is_err(), "bit {bit} of byte {at}");
            }
        }
        let longer = [&bytes[..], b"\n"].concat();
        assert!(matches!(decode(&longer), Err(LayoutFault::Damaged(_))));
    }

    #[test]
    fn another_layout_is_recognised() {
        let line = b"# localmap schema, written by preload, layout 2: whatever follows\nrest";
        assert_eq!(decode(line), Err(LayoutFault::Layout(2)));
        for bad in [&b"format = 1\n"[..], b"\n", b"no line", &[b'#'; 2000]] {
            assert!(matches!(decode(bad), Err(LayoutFault::Damaged(_))));
        }
    }
}
