//! Operations on several keys. Batches that are too large for one call of the map are split.

use crate::bindings::localmap::core::local_map::{self as map, ChangeParam, SetChangeParam};
use crate::bucket::Bucket;
use crate::error_text::error_text;
use crate::names;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The maximum number of changes in one batch of the map.
const CHANGES: usize = 1024;

/// The maximum size of the keys and values in one batch, in bytes. The map guarantees 1 MiB
/// and 64 KiB, regardless of its limits.
const BATCH: usize = 1 << 20;

/// The maximum size of the keys in one `get-many` of the map, in bytes, including 8 bytes that
/// point to each key. The map guarantees 64 KiB.
const READ: usize = 32 << 10;
const POINTER: usize = 8;

/// The maximum size of the keys and values in one result, in bytes. An app may request the
/// same value many times.
const ANSWER: usize = 16 << 20;

/// A key as the app passed it, and its value.
pub(crate) type Pair = (String, Vec<u8>);

/// A key as the app passed it, and its value if it is present.
pub(crate) type Found = (String, Option<Vec<u8>>);

/// Returns keys and their values, in the order of `keys`.
pub(crate) fn get_many(bucket: &Bucket, keys: Vec<String>) -> Result<Vec<Found>, String> {
    check(keys.iter())?;
    let mut answer = Vec::with_capacity(keys.len());
    let mut bytes = 0;
    let mut keys = keys.into_iter();
    while !keys.as_slice().is_empty() {
        let size = |key: &String| bucket.key_len(key) + POINTER;
        let count = fits(keys.as_slice(), usize::MAX, READ, size);
        let now = keys.as_slice().iter().take(count);
        let now: Vec<String> = now.map(|key| bucket.key(key)).collect::<Result<_, _>>()?;
        let now: Vec<&[u8]> = now.iter().map(String::as_bytes).collect();
        // The map may return fewer values than keys, but at least one.
        let values = map::get_many(&now);
        if values.is_empty() {
            return Err("the map returned no value: try again".into());
        }
        for (value, key) in values.into_iter().zip(keys.by_ref()) {
            bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            if bytes > ANSWER && !answer.is_empty() {
                return Err(format!(
                    "the keys and values have more than {ANSWER} bytes in total: ask for fewer \
                     keys at a time"
                ));
            }
            answer.push((key, value));
        }
    }
    Ok(answer)
}

/// Stores all pairs, in order. If they fit into one batch, stores all of them or none.
pub(crate) fn set_many(bucket: &Bucket, pairs: &[Pair]) -> Result<(), String> {
    check(pairs.iter().map(|(key, _)| key))?;
    let mut rest = pairs;
    while !rest.is_empty() {
        let size = |(key, value): &Pair| bucket.key_len(key) + value.len();
        let count = fits(rest, CHANGES, BATCH, size);
        let (now, later) = rest.split_at(count);
        rest = later;
        // A single value may be larger than a batch.
        if let [(key, value)] = now {
            bucket.set(key, value).map_err(|why| at(key, &why))?;
            continue;
        }
        let keys = now.iter().map(|(key, _)| bucket.key(key));
        let keys: Vec<String> = keys.collect::<Result<_, _>>()?;
        let changes = keys.iter().zip(now).map(|(key, (_, value))| {
            ChangeParam::Set(SetChangeParam {
                key: key.as_bytes(),
                value,
                ttl: bucket.ttl(),
            })
        });
        apply(&changes.collect::<Vec<_>>(), |index| {
            now.get(index).map(|(key, _)| key.as_str())
        })?;
    }
    Ok(())
}

/// Deletes all keys that are present.
pub(crate) fn delete_many(bucket: &Bucket, keys: &[String]) -> Result<(), String> {
    check(keys.iter())?;
    for keys in keys.chunks(CHANGES) {
        let inside: Vec<String> = keys
            .iter()
            .map(|key| bucket.key(key))
            .collect::<Result<_, _>>()?;
        let changes = inside.iter().map(|key| ChangeParam::Delete(key.as_bytes()));
        apply(&changes.collect::<Vec<_>>(), |index| {
            keys.get(index).map(String::as_str)
        })?;
    }
    Ok(())
}

/// Checks all keys, before any entry is changed.
fn check<'a>(mut keys: impl Iterator<Item = &'a String>) -> Result<(), String> {
    keys.try_for_each(|key| names::check(key))
}

/// Returns the number of remaining items that fit into one call, at least one.
fn fits<T>(rest: &[T], max: usize, max_bytes: usize, size: impl Fn(&T) -> usize) -> usize {
    let mut bytes = 0;
    let more = rest.iter().enumerate().take_while(|(count, one)| {
        bytes += size(one);
        *count == 0 || *count < max && bytes <= max_bytes
    });
    more.count()
}

fn apply<'a>(
    changes: &[ChangeParam<'_>],
    key: impl FnOnce(usize) -> Option<&'a str>,
) -> Result<(), String> {
    match map::apply(changes) {
        Ok(_) => Ok(()),
        Err((index, error)) => {
            let why = error_text(error);
            Err(at(key(index as usize).unwrap_or_default(), &why))
        }
    }
}

fn at(key: &str, why: &str) -> String {
    format!("{why} (at the key `{key}`)")
}
