//! `--entry KEY=VALUE[;ttl=TIME]`.

use crate::values::parse_ttl;
use anyhow::anyhow;
use clap::builder::{OsStringValueParser, TypedValueParser};
use localmap::{Preload, PreloadError, Ttl};
use std::ffi::OsString;

/// An entry of the command line. Keys and values are bytes, as the system passes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) Preload);

/// Those that a map starts with.
pub(crate) fn preloads(entries: &[Entry]) -> Vec<Preload> {
    entries.iter().map(|entry| entry.0.clone()).collect()
}

/// Names the entry that was refused.
pub(crate) fn refused_entry(entries: &[Preload], refused: PreloadError) -> anyhow::Error {
    match refused {
        PreloadError::Refused { index, source, .. } => {
            let key = entries.get(index).map(|entry| entry.key.as_slice());
            let key = String::from_utf8_lossy(key.unwrap_or_default());
            anyhow!("--entry `{key}`: {source}")
        }
        other => other.into(),
    }
}

/// Reads the option; what is wrong with it is the last thing said.
pub(crate) fn parser() -> impl TypedValueParser<Value = Entry> {
    OsStringValueParser::new().try_map(|text: OsString| parse(text.as_encoded_bytes()))
}

fn parse(text: &[u8]) -> Result<Entry, String> {
    let equals = text
        .iter()
        .position(|byte| *byte == b'=')
        .ok_or("expected KEY=VALUE or KEY=VALUE;ttl=TIME")?;
    let (key, rest) = (&text[..equals], &text[equals + 1..]);
    if !(1..=localmap::LONGEST_KEY).contains(&key.len()) {
        return Err(format!(
            "its key has {} bytes; a key has 1 to {}, or as many as --max-key says",
            key.len(),
            localmap::MAX_KEY_LEN
        ));
    }
    let mark = b";ttl=";
    let last = rest.rsplit(|byte| *byte == b';').next().unwrap_or_default();
    let like = last.trim_ascii_start().to_ascii_lowercase();
    if rest.contains(&b';') && like.starts_with(b"ttl") && !last.starts_with(b"ttl=") {
        return Err(
            "its TTL: expected ;ttl=TIME at the end, in lower case and without spaces".into(),
        );
    }
    let (value, ttl) = match rest.windows(mark.len()).rposition(|part| part == mark) {
        None => (rest, Ttl::Default),
        Some(at) => {
            let ttl = String::from_utf8_lossy(&rest[at + mark.len()..]);
            (
                &rest[..at],
                parse_ttl(&ttl).map_err(|why| format!("its TTL: {why}"))?,
            )
        }
    };
    Ok(Entry(Preload {
        key: key.to_vec(),
        value: value.to_vec(),
        ttl,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn entry(key: &[u8], value: &[u8], ttl: Ttl) -> Result<Entry, String> {
        Ok(Entry(Preload {
            key: key.to_vec(),
            value: value.to_vec(),
            ttl,
        }))
    }

    #[test]
    fn entries_have_a_key_a_value_and_perhaps_a_ttl() {
        let half = Ttl::After(Duration::from_secs(30));
        assert_eq!(parse(b"a=1"), entry(b"a", b"1", Ttl::Default));
        assert_eq!(parse(b"a="), entry(b"a", b"", Ttl::Default));
        assert_eq!(parse(b"a=b=c;d"), entry(b"a", b"b=c;d", Ttl::Default));
        assert_eq!(parse(b"a=1;ttl=30s"), entry(b"a", b"1", half));
        assert_eq!(parse(b"a=;ttl=1s;ttl=30s"), entry(b"a", b";ttl=1s", half));
        assert_eq!(
            parse(b"\xff=\xfe;ttl=never"),
            entry(b"\xff", b"\xfe", Ttl::Never)
        );
    }

    #[test]
    fn what_is_no_entry_says_why() {
        for bad in [
            "",
            "a",
            "=1",
            "a=1;ttl=",
            "a=1;ttl=0s",
            "a=1;ttl=soon",
            "a=1; ttl=30s",
            "a=1;TTL=30s",
            "a=1;ttl 30s",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(&[vec![b'k'; 513], b"=1".to_vec()].concat()).is_err());
    }
}
