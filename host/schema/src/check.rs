//! Checks that the parts of a schema fit each other.

use crate::amount::{self, Size};
use crate::bytes::readable;
use crate::document::{Document, EntryFields, KindField, LimitFields, PrefixFields};
use crate::error::SchemaError;
use crate::limits::{
    DEFAULT_MAX_ENTRIES, DEFAULT_MAX_KEY, DEFAULT_MAX_VALUE, MAX_ENTRIES, MAX_KEY, MAX_PINS,
    MAX_VALUE, MIN_BYTES, SchemaLimits,
};
use crate::prefix::{COUNTER, Kind, Prefix, Prefixes};
use crate::schema::{EntriesFile, Entry, Schema};
use crate::ttl::Ttl;
use std::collections::HashSet;
use std::fmt::Display;

/// The maximum number of prefixes.
const MAX_PREFIXES: usize = 1024;

/// Checks the fields of a schema and of its file of entries.
pub(crate) fn check(
    document: Document,
    entries_file: Option<EntriesFile>,
    more: Vec<EntryFields>,
) -> Result<Schema, SchemaError> {
    let limits = limits(&document.limits)?;
    let count = document.prefix.len();
    if count > MAX_PREFIXES {
        let why = format!("{count} are too many: use at most {MAX_PREFIXES}");
        return Err(SchemaError::invalid("prefixes", why));
    }
    let prefixes = document.prefix.into_iter().enumerate();
    let prefixes = prefixes.map(|(at, fields)| {
        let name = name("prefix", at, &fields.prefix.0);
        prefix(fields, &limits).map_err(|why| SchemaError::invalid(name, why))
    });
    let prefixes = Prefixes::new(prefixes.collect::<Result<_, _>>()?).map_err(|twice| {
        let why = format!("\"{}\" occurs twice", readable(&twice));
        SchemaError::invalid("prefixes", why)
    })?;
    let mut schema = Schema {
        version: document.version,
        limits,
        prefixes,
        entries: Vec::new(),
        entries_file,
    };
    schema.entries = entries(&schema, document.entry, more)?;
    Ok(schema)
}

fn name(what: &str, at: usize, bytes: &[u8]) -> String {
    format!("{what} {} (\"{}\")", at + 1, readable(bytes))
}

fn limits(fields: &LimitFields) -> Result<SchemaLimits, SchemaError> {
    fn within<T: Copy + PartialOrd + Display>(
        name: &str,
        value: Option<T>,
        (min, max): (T, T),
    ) -> Result<Option<T>, SchemaError> {
        match value {
            Some(value) if value < min || value > max => {
                let why = format!("`{name}` is {value}: use {min} to {max}");
                Err(SchemaError::invalid("limits", why))
            }
            value => Ok(value),
        }
    }
    let size = |size: &Size| size.0;
    let max_bytes = fields.max_bytes.as_ref().map(size);
    let max_value = fields.max_value.as_ref().map(size);
    Ok(SchemaLimits {
        max_entries: within("max-entries", fields.max_entries, (1, MAX_ENTRIES))?,
        max_bytes: within("max-bytes", max_bytes, (MIN_BYTES, u64::MAX))?,
        max_key: within("max-key", fields.max_key, (1, MAX_KEY))?,
        max_value: within("max-value", max_value, (0, MAX_VALUE))?,
        default_ttl: fields.default_ttl.map(|time| time.0),
        utf8_keys: fields.utf8_keys,
        policy: fields.policy.map(Into::into),
        max_pins: within("max-pins", fields.max_pins, (0, MAX_PINS))?,
    })
}

/// Checks a prefix. The error says what is wrong with it.
fn prefix(fields: PrefixFields, limits: &SchemaLimits) -> Result<Prefix, String> {
    let prefix = fields.prefix.0;
    let of_map = limits.max_key.unwrap_or(DEFAULT_MAX_KEY);
    let max_key = fields.max_key.unwrap_or(of_map);
    if max_key > of_map {
        return Err(format!(
            "`max-key` is {max_key}, but the maps accept keys of up to {of_map} bytes: lower it, or \
             raise `max-key` in `limits`"
        ));
    }
    if prefix.len() > max_key as usize || max_key == 0 {
        return Err(format!(
            "it has {} bytes, but `max-key` is {max_key}, so that no key could begin with it",
            prefix.len()
        ));
    }
    if limits.utf8_keys == Some(true)
        && str::from_utf8(&prefix).is_err_and(|error| error.error_len().is_some())
    {
        return Err("it is not UTF-8, which `utf8-keys` in `limits` requires of keys".to_owned());
    }
    let kind = match fields.kind {
        KindField::Bytes => Kind::Bytes,
        KindField::Utf8 => Kind::Utf8,
        KindField::Counter => Kind::Counter,
    };
    let of_map = limits.max_value.unwrap_or(DEFAULT_MAX_VALUE);
    let max_value = fields.max_value.map_or(of_map, |size| size.0);
    if max_value > of_map {
        return Err(format!(
            "`max-value` is {}, but the maps accept values of up to {}: lower it, or raise \
             `max-value` in `limits`",
            amount::size(max_value),
            amount::size(of_map)
        ));
    }
    if kind == Kind::Counter && max_value < COUNTER as u64 {
        return Err(format!(
            "`max-value` is {max_value}, but a counter has {COUNTER} bytes"
        ));
    }
    let max_ttl = fields.max_ttl.map(|time| time.0);
    let default_ttl = match (fields.default_ttl.map(Ttl::from), max_ttl) {
        (Some(Ttl::Never), Some(max)) => {
            let max = amount::time(max);
            return Err(format!("`default-ttl` is never, but `max-ttl` is {max}"));
        }
        (Some(Ttl::After(time)), Some(max)) if time > max => {
            let (time, max) = (amount::time(time), amount::time(max));
            return Err(format!("`default-ttl` is {time}, but `max-ttl` is {max}"));
        }
        (Some(ttl), _) => ttl,
        // An entry without a TTL must not stay longer than one that has the longest.
        (None, Some(max)) => Ttl::After(limits.default_ttl.map_or(max, |time| time.min(max))),
        (None, None) => Ttl::Default,
    };
    Ok(Prefix {
        prefix,
        kind,
        max_key: fields.max_key,
        max_value: fields.max_value.map(|size| size.0),
        default_ttl,
        max_ttl,
    })
}

fn entries(
    schema: &Schema,
    inside: Vec<EntryFields>,
    more: Vec<EntryFields>,
) -> Result<Vec<Entry>, SchemaError> {
    let count = inside.len() + more.len();
    let max = schema.limits.max_entries.unwrap_or(DEFAULT_MAX_ENTRIES);
    if count as u64 > max {
        let why = format!("{count} do not fit into a map, whose `max-entries` is {max}");
        return Err(SchemaError::invalid("entries", why));
    }
    let inside = inside
        .into_iter()
        .enumerate()
        .map(|(at, fields)| ("entry", at, fields));
    let more = more.into_iter().enumerate();
    let more = more.map(|(at, fields)| ("file of entries: entry", at, fields));
    let mut entries = Vec::with_capacity(count);
    let mut keys = HashSet::with_capacity(count);
    for (what, at, fields) in inside.chain(more) {
        let name = || name(what, at, &fields.key.0);
        if !keys.insert(fields.key.0.clone()) {
            return Err(SchemaError::invalid(name(), "its key occurs twice"));
        }
        let ttl = entry_ttl(schema, &fields);
        let ttl = ttl.map_err(|why| SchemaError::invalid(name(), why))?;
        entries.push(Entry {
            key: fields.key.0,
            value: fields.value.0,
            ttl,
        });
    }
    Ok(entries)
}

/// Checks an entry and returns its TTL. The error says what is wrong with it.
fn entry_ttl(schema: &Schema, fields: &EntryFields) -> Result<Ttl, String> {
    let (key, value) = (&fields.key.0, &fields.value.0);
    let max_key = schema.limits.max_key.unwrap_or(DEFAULT_MAX_KEY);
    if key.is_empty() || key.len() > max_key as usize {
        let len = key.len();
        return Err(format!("the key has {len} bytes: use 1 to {max_key}"));
    }
    if schema.limits.utf8_keys == Some(true) && str::from_utf8(key).is_err() {
        return Err("the key is not UTF-8, which `utf8-keys` in `limits` requires".to_owned());
    }
    let max_value = schema.limits.max_value.unwrap_or(DEFAULT_MAX_VALUE);
    if value.len() as u64 > max_value {
        return Err(format!(
            "the value has {} bytes, but the maps accept at most {max_value}",
            value.len()
        ));
    }
    let ttl = fields.ttl.map_or(Ttl::Default, Ttl::from);
    schema
        .check_value(key, value, ttl)
        .map_err(|violation| violation.to_string())
}
