//! The fields of a schema file, as they are written.
//!
//! `schema/localmap-schema.json` describes the same fields for editors and other programs; the
//! tests compare the two.

use crate::amount::{Size, Time, parse_time, shortened};
use crate::bytes::{Bytes, Value};
use crate::version::VersionRange;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::time::Duration;

/// The version of the file format that this crate reads.
pub const FORMAT: u64 = 1;

/// The part of a schema that tells whether this program knows the rest.
#[derive(Deserialize)]
pub(crate) struct Head {
    pub(crate) format: Option<u64>,
}

/// A schema file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    /// The address of the published JSON Schema, which editors read.
    #[serde(rename = "$schema", default)]
    _schema: Option<String>,
    /// Checked before, in `Head`.
    #[serde(rename = "format")]
    _format: u64,
    pub(crate) version: VersionRange,
    #[serde(default)]
    pub(crate) limits: LimitFields,
    #[serde(default)]
    pub(crate) prefix: Vec<PrefixFields>,
    #[serde(default)]
    pub(crate) entry: Vec<EntryFields>,
    pub(crate) entries: Option<EntriesFields>,
}

/// A file of entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesDocument {
    pub(crate) entry: Vec<EntryFields>,
}

/// The limits of a map. The names are those of the options of the program.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct LimitFields {
    pub(crate) max_entries: Option<u64>,
    pub(crate) max_bytes: Option<Size>,
    pub(crate) max_key: Option<u32>,
    pub(crate) max_value: Option<Size>,
    pub(crate) default_ttl: Option<Time>,
    pub(crate) utf8_keys: Option<bool>,
    pub(crate) policy: Option<PolicyField>,
    pub(crate) max_pins: Option<u32>,
}

/// The policy of a full map.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum PolicyField {
    Refuse,
    Lru,
    S3Fifo,
}

/// The rules for the keys with a prefix.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PrefixFields {
    pub(crate) prefix: Bytes,
    #[serde(rename = "type", default)]
    pub(crate) kind: KindField,
    pub(crate) max_key: Option<u32>,
    pub(crate) max_value: Option<Size>,
    pub(crate) default_ttl: Option<TtlField>,
    pub(crate) max_ttl: Option<Time>,
}

/// What values are.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum KindField {
    #[default]
    Bytes,
    #[serde(rename = "utf-8")]
    Utf8,
    Counter,
}

/// A first entry of each map.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntryFields {
    pub(crate) key: Bytes,
    pub(crate) value: Value,
    pub(crate) ttl: Option<TtlField>,
}

/// A file with more entries.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesFields {
    pub(crate) file: String,
    pub(crate) sha256: String,
}

/// A time to live: a time, or `never`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TtlField {
    Never,
    After(Duration),
}

impl<'de> Deserialize<'de> for TtlField {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TtlVisitor)
    }
}

struct TtlVisitor;

impl Visitor<'_> for TtlVisitor {
    type Value = TtlField;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"never\", or a time such as \"30s\"")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<TtlField, E> {
        if text == "never" {
            return Ok(TtlField::Never);
        }
        parse_time(text).map(TtlField::After).ok_or_else(|| {
            E::custom(format_args!(
                "`{}` is no TTL: use \"never\", or a time such as \"30s\" or \"1h 30m\", more than \
                 zero and at most 584 years",
                shortened(text)
            ))
        })
    }
}
