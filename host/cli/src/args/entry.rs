//! `--entry KEY=VALUE[;ttl=TIME]` and `--bucket-entry BUCKET/KEY=VALUE[;ttl=TIME]`.

use crate::args::values::parse_ttl;
use anyhow::anyhow;
use clap::builder::{OsStringValueParser, TypedValueParser};
use localmap::{Buckets, Preload, PreloadError, Ttl, bucket_key};
use std::ffi::OsString;

/// An entry from the command line. Keys and values are bytes, as passed by the operating system.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry(pub(crate) Preload);

/// Returns the parser of `--entry`. Its error says what is wrong with the entry.
pub(crate) fn parser() -> impl TypedValueParser<Value = Entry> {
    OsStringValueParser::new().try_map(|text: OsString| parse(text.as_encoded_bytes()))
}

/// An initial entry of a map, and the option that sets it.
#[derive(Clone)]
pub(crate) struct CliEntry {
    pub(crate) option: String,
    pub(crate) entry: Preload,
}

impl Entry {
    pub(crate) fn cli_entry(&self) -> CliEntry {
        let key = String::from_utf8_lossy(&self.0.key);
        CliEntry {
            option: format!("--entry `{key}`"),
            entry: self.0.clone(),
        }
    }
}

/// Returns the entries without their options.
pub(crate) fn preloads(entries: &[CliEntry]) -> Vec<Preload> {
    entries.iter().map(|entry| entry.entry.clone()).collect()
}

/// Adds the option whose entry was rejected.
pub(crate) fn refused_entry(entries: &[CliEntry], refused: PreloadError) -> anyhow::Error {
    match refused {
        PreloadError::Refused { index, source, .. } => {
            let option = entries.get(index).map(|entry| entry.option.as_str());
            anyhow!("{}: {source}", option.unwrap_or_default())
        }
        other => other.into(),
    }
}

/// An entry of a bucket, from the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BucketEntry {
    bucket: String,
    key: String,
    /// The same entry, with its key in the map.
    entry: Preload,
}

impl BucketEntry {
    /// Returns the entry, with the TTL of its bucket unless it has its own.
    pub(crate) fn cli_entry(&self, buckets: &Buckets) -> CliEntry {
        let mut entry = self.entry.clone();
        if entry.ttl == Ttl::Default {
            entry.ttl = buckets.ttl_of(&self.bucket);
        }
        CliEntry {
            option: format!("--bucket-entry `{}/{}`", self.bucket, self.key),
            entry,
        }
    }
}

/// Returns the parser of `--bucket-entry`.
pub(crate) fn bucket_parser() -> impl TypedValueParser<Value = BucketEntry> {
    OsStringValueParser::new().try_map(|text: OsString| parse_bucket(text.as_encoded_bytes()))
}

fn parse_bucket(text: &[u8]) -> Result<BucketEntry, String> {
    let form = "expected BUCKET/KEY=VALUE or BUCKET/KEY=VALUE;ttl=TIME";
    let slash = text.iter().position(|byte| *byte == b'/').ok_or(form)?;
    let (bucket, rest) = (&text[..slash], &text[slash + 1..]);
    let (key, rest) = split(rest).ok_or(form)?;
    let utf8 = |what: &str, bytes: &[u8]| {
        String::from_utf8(bytes.to_vec()).map_err(|_| format!("the {what} is not UTF-8"))
    };
    let (bucket, key) = (utf8("bucket", bucket)?, utf8("key", key)?);
    let (value, ttl) = value_and_ttl(rest)?;
    let entry = Preload {
        key: bucket_key(&bucket, &key).map_err(|why| why.to_string())?,
        value,
        ttl,
    };
    Ok(BucketEntry { bucket, key, entry })
}

/// Splits at the first `=`.
fn split(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let equals = text.iter().position(|byte| *byte == b'=')?;
    Some((&text[..equals], &text[equals + 1..]))
}

/// Parses `KEY=VALUE[;ttl=TIME]`.
pub(crate) fn parse(text: &[u8]) -> Result<Entry, String> {
    let (key, rest) = split(text).ok_or("expected KEY=VALUE or KEY=VALUE;ttl=TIME")?;
    if !(1..=localmap::MAX_KEY_LEN).contains(&key.len()) {
        return Err(format!(
            "the key has {} bytes; use 1 to {} bytes, or up to --max-key",
            key.len(),
            localmap::DEFAULT_MAX_KEY_LEN
        ));
    }
    let (value, ttl) = value_and_ttl(rest)?;
    Ok(Entry(Preload {
        key: key.to_vec(),
        value,
        ttl,
    }))
}

fn value_and_ttl(rest: &[u8]) -> Result<(Vec<u8>, Ttl), String> {
    let mark = b";ttl=";
    let last = rest.rsplit(|byte| *byte == b';').next().unwrap_or_default();
    let like = last.trim_ascii_start().to_ascii_lowercase();
    if rest.contains(&b';') && like.starts_with(b"ttl") && !last.starts_with(b"ttl=") {
        return Err(
            "invalid TTL: expected ;ttl=TIME at the end, in lower case and without spaces".into(),
        );
    }
    if rest.contains(&b';')
        && let Some((name, time)) = split(last)
        && is_slip_of_ttl(name)
        && parse_ttl(&String::from_utf8_lossy(time)).is_ok()
    {
        return Err(format!(
            "`;{}` looks like a TTL: write ;ttl=TIME, or add ;ttl=default if it is part of the value",
            String::from_utf8_lossy(last)
        ));
    }
    match rest.windows(mark.len()).rposition(|part| part == mark) {
        None => Ok((rest.to_vec(), Ttl::Default)),
        Some(at) => {
            let ttl = String::from_utf8_lossy(&rest[at + mark.len()..]);
            let ttl = parse_ttl(&ttl).map_err(|why| format!("invalid TTL: {why}"))?;
            Ok((rest[..at].to_vec(), ttl))
        }
    }
}

/// Returns `true` for `ttl` with one letter missing, added or changed, or two exchanged.
fn is_slip_of_ttl(name: &[u8]) -> bool {
    let name = name.trim_ascii().to_ascii_lowercase();
    let without = |word: &[u8], at: usize| [&word[..at], &word[at + 1..]].concat();
    let shorter: Vec<Vec<u8>> = (0..3).map(|at| without(b"ttl", at)).collect();
    match name.len() {
        2 => shorter.contains(&name),
        3 if name == b"ttl" => false,
        3 => name == b"tlt" || (0..3).any(|at| without(&name, at) == shorter[at]),
        4 => (0..4).any(|at| without(&name, at) == b"ttl"),
        _ => false,
    }
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
        for value in [
            "1;t=5s",
            "1;age=5s",
            "1;tt=five",
            "1;tt=5s;b",
            "tt=5s",
            "1;tt",
        ] {
            let text = format!("a={value}");
            let kept = entry(b"a", value.as_bytes(), Ttl::Default);
            assert_eq!(parse(text.as_bytes()), kept, "{value}");
        }
        assert_eq!(
            parse(b"a=1;tt=5s;ttl=default"),
            entry(b"a", b"1;tt=5s", Ttl::Default)
        );
        assert_eq!(
            parse(b"\xff=\xfe;ttl=never"),
            entry(b"\xff", b"\xfe", Ttl::Never)
        );
    }

    #[test]
    fn entries_of_buckets_have_the_key_and_the_ttl_of_their_bucket() {
        let second = Ttl::After(Duration::from_secs(1));
        let buckets = Buckets::new().ttl("b", Duration::from_secs(1));
        for (text, key, value, ttl) in [
            ("b/k=v", &b"\x01bk"[..], &b"v"[..], second),
            ("b/k/l=v=w;ttl=never", b"\x01bk/l", b"v=w", Ttl::Never),
            ("/k=", b"\x00k", b"", Ttl::Default),
        ] {
            let entry = parse_bucket(text.as_bytes()).unwrap();
            let entry = entry.cli_entry(&buckets).entry;
            assert_eq!((&entry.key[..], &entry.value[..]), (key, value), "{text}");
            assert_eq!(entry.ttl, ttl, "{text}");
        }
        for bad in ["", "k=v", "b/", "b/k", "b/=v", "b/k=v;ttl=soon"] {
            assert!(parse_bucket(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn other_texts_are_errors() {
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
            "a=1;tt=5s",
            "a=1;tl=5s",
            "a=1;tlt=5s",
            "a=1;til=never",
            "a=1;ttls=5s",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
        assert!(parse(&[vec![b'k'; 513], b"=1".to_vec()].concat()).is_err());
    }
}
