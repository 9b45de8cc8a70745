//! The commands of guests that use `wasi:keyvalue`, for any draft.
//!
//! `GUEST COMMAND [ARG…] [then COMMAND [ARG…]]…` runs the commands one after the other. Each
//! opens the bucket that it names, and prints one line. A value is text; `N*x` stands for `x`
//! repeated N times.

use std::io::{self, BufRead};
use std::process::ExitCode;

/// Runs the commands of the command line.
pub fn main(run: impl Fn(&[&str]) -> Result<String, String>) -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    for command in args.split(|arg| arg == "then") {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        let text = match args.as_slice() {
            // Reads a line of standard input, which sets a replayed clock.
            ["line"] => io::stdin().lock().lines().next().map_or_else(
                || "no line".to_owned(),
                |line| line.unwrap_or_else(|error| error.to_string()),
            ),
            args => run(args).unwrap_or_else(|error| format!("error: {error}")),
        };
        println!("{text}");
    }
    ExitCode::SUCCESS
}

/// Parses a value or a name of the command line.
pub fn text(word: &str) -> String {
    match word.split_once('*') {
        Some((count, part)) => part.repeat(count.parse().unwrap_or(1)),
        None => word.to_owned(),
    }
}

/// Formats a value, or the length of a long one.
pub fn shown(value: &[u8]) -> String {
    if value.len() > 64 {
        return format!("{} bytes", value.len());
    }
    String::from_utf8_lossy(value).into_owned()
}

/// Parses a number of the command line.
pub fn number<N: std::str::FromStr>(word: &str) -> Result<N, String> {
    word.parse()
        .map_err(|_| format!("`{word}` is not a number"))
}

/// Defines the commands for `store` and `batch`, which are the same in both drafts, and
/// `increment`, whose number type differs. `cursor` converts a cursor to a parameter.
#[macro_export]
macro_rules! commands {
    ($store:path, $atomics:path, $batch:path, $number:ty, $cursor:expr, $more:expr) => {
        mod commands {
            use $atomics as atomics;
            use $batch as batch;
            use $crate::{number, shown, text};
            use $store as store;

            /// Formats an error.
            pub(crate) fn told(error: store::Error) -> String {
                match error {
                    store::Error::NoSuchStore => "no such store".to_owned(),
                    store::Error::AccessDenied => "access denied".to_owned(),
                    store::Error::Other(text) => text,
                }
            }

            pub(crate) fn open(name: &str) -> Result<store::Bucket, String> {
                store::open(&text(name)).map_err(told)
            }

            pub(crate) fn run(args: &[&str]) -> Result<String, String> {
                match args {
                    ["get", bucket, key] => {
                        let found = open(bucket)?.get(&text(key)).map_err(told)?;
                        Ok(found.map_or("none".to_owned(), |value| shown(&value)))
                    }
                    ["set", bucket, key, value] => {
                        let value = text(value);
                        let set = open(bucket)?.set(&text(key), value.as_bytes());
                        set.map_err(told).map(|()| "ok".to_owned())
                    }
                    ["delete", bucket, key] => {
                        let deleted = open(bucket)?.delete(&text(key));
                        deleted.map_err(told).map(|()| "ok".to_owned())
                    }
                    ["exists", bucket, key] => {
                        let there = open(bucket)?.exists(&text(key)).map_err(told)?;
                        Ok(there.to_string())
                    }
                    // Lists the first page only, like a guest that ignores cursors.
                    ["keys", bucket] => {
                        let page = open(bucket)?.list_keys(None).map_err(told)?;
                        let mut keys = page.keys;
                        keys.sort();
                        Ok(format!("{keys:?}"))
                    }
                    ["increment", bucket, key, delta] => {
                        let delta: $number = number(delta)?;
                        let sum = atomics::increment(&open(bucket)?, &text(key), delta);
                        sum.map_err(told).map(|sum| sum.to_string())
                    }
                    ["get-many", bucket, keys @ ..] => {
                        let keys: Vec<String> = keys.iter().map(|key| text(key)).collect();
                        let found = batch::get_many(&open(bucket)?, &keys).map_err(told)?;
                        let shown = found.iter().map(|found| match found {
                            None => "none".to_owned(),
                            Some((key, value)) => format!("{key}={}", shown(value)),
                        });
                        Ok(shown.collect::<Vec<_>>().join(" "))
                    }
                    ["set-many", bucket, pairs @ ..] => {
                        let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
                        let pairs: Vec<_> = pairs
                            .map(|(key, value)| (text(key), text(value).into_bytes()))
                            .collect();
                        let set = batch::set_many(&open(bucket)?, &pairs);
                        set.map_err(told).map(|()| "ok".to_owned())
                    }
                    ["delete-many", bucket, keys @ ..] => {
                        let keys: Vec<String> = keys.iter().map(|key| text(key)).collect();
                        let deleted = batch::delete_many(&open(bucket)?, &keys);
                        deleted.map_err(told).map(|()| "ok".to_owned())
                    }
                    // Reads many keys at once: `k0`, `k1` and so on.
                    ["fill", bucket, count, value] => {
                        let value = text(value).into_bytes();
                        let pairs: Vec<_> = (0..number::<u32>(count)?)
                            .map(|n| (format!("k{n}"), value.clone()))
                            .collect();
                        let set = batch::set_many(&open(bucket)?, &pairs);
                        set.map_err(told).map(|()| "ok".to_owned())
                    }
                    // Reads one key many times at once.
                    ["ask", bucket, key, count] => {
                        let keys = vec![text(key); number(count)?];
                        let found = batch::get_many(&open(bucket)?, &keys).map_err(told)?;
                        Ok(found.into_iter().flatten().count().to_string())
                    }
                    // Reads all pages, with a write after each. Prints the number of keys, and
                    // of distinct keys.
                    ["pages", bucket, writes] => {
                        let bucket = open(bucket)?;
                        let (mut keys, mut pages, mut cursor) = (Vec::new(), 0, None);
                        loop {
                            let page = bucket.list_keys($cursor(&cursor)).map_err(told)?;
                            pages += 1;
                            keys.extend(page.keys);
                            for n in 0..number::<u32>(writes)? {
                                let key = format!("new-{pages}-{n}");
                                bucket.set(&key, b"").map_err(told)?;
                            }
                            cursor = match page.cursor {
                                Some(cursor) => Some(cursor),
                                None => break,
                            };
                        }
                        let all = keys.len();
                        keys.sort();
                        keys.dedup();
                        let many = if pages > 1 {
                            "several pages"
                        } else {
                            "one page"
                        };
                        Ok(format!("{many}, {all} keys, {} different", keys.len()))
                    }
                    // Opens one bucket twice.
                    ["two", bucket] => {
                        let (one, two) = (open(bucket)?, open(bucket)?);
                        one.set("k", b"of one").map_err(told)?;
                        let seen = two.get("k").map_err(told)?.unwrap_or_default();
                        two.delete("k").map_err(told)?;
                        let there = one.exists("k").map_err(told)?;
                        Ok(format!("{} {there}", shown(&seen)))
                    }
                    // Uses all functions with one handle, for hosts in which each handle has
                    // its own bucket.
                    ["story", bucket] => story(&open(bucket)?).map_err(told),
                    // Holds handles until one is refused, and opens one more after dropping
                    // them all.
                    ["handles", bucket, count] => {
                        let mut held = Vec::new();
                        let refused = (0..number::<u32>(count)?).find_map(|_| {
                            let opened = open(bucket);
                            opened.map(|handle| held.push(handle)).err()
                        });
                        let count = held.len();
                        drop(held);
                        let again = open(bucket).is_ok();
                        Ok(format!("{count}, {}, {again}", refused.unwrap_or_default()))
                    }
                    args => $more(args),
                }
            }

            fn story(bucket: &store::Bucket) -> Result<String, store::Error> {
                let mut lines = Vec::new();
                let keys = || -> Result<String, store::Error> {
                    let mut keys = bucket.list_keys(None)?.keys;
                    keys.sort();
                    Ok(format!("{keys:?}"))
                };
                lines.push(keys()?);
                lines.push(format!("{:?}", bucket.get("a")?));
                bucket.set("a", b"1")?;
                bucket.set("a", b"2")?;
                lines.push(format!("{:?} {}", bucket.get("a")?, bucket.exists("a")?));
                lines.push(format!("{}", atomics::increment(bucket, "a", 40)?));
                lines.push(format!("{:?}", bucket.get("a")?));
                lines.push(format!("{}", atomics::increment(bucket, "new", 7)?));
                lines.push(format!("{:?}", bucket.get("new")?));
                bucket.set("text", "zwölf".as_bytes())?;
                lines.push(format!(
                    "{}",
                    atomics::increment(bucket, "text", 1).is_err()
                ));
                bucket.set("last", <$number>::MAX.to_string().as_bytes())?;
                lines.push(format!(
                    "{}",
                    atomics::increment(bucket, "last", 1).is_err()
                ));
                lines.push(format!("{:?}", bucket.get("last")?));
                let zeros = "0".repeat(50) + "1";
                for text in [
                    "-1", "-0", "+1", " 1", "1 ", "", "1_0", "0x1", "1.0", "\u{663}", &zeros,
                ] {
                    bucket.set("number", text.as_bytes())?;
                    let sum = atomics::increment(bucket, "number", 2).ok();
                    lines.push(format!("{text:?} {sum:?} {:?}", bucket.get("number")?));
                }
                bucket.delete("number")?;
                bucket.set("empty", b"")?;
                lines.push(format!("{:?}", bucket.get("empty")?));
                let pairs = [("a", "x"), ("b", "y"), ("a", "z")];
                let pairs = pairs.map(|(key, value)| (key.to_owned(), value.into()));
                batch::set_many(bucket, &pairs)?;
                let asked = ["b", "none", "a", "b"].map(str::to_owned);
                lines.push(format!("{:?}", batch::get_many(bucket, &asked)?));
                lines.push(format!("{:?}", batch::get_many(bucket, &[])?));
                lines.push(keys()?);
                batch::delete_many(bucket, &asked)?;
                bucket.delete("text")?;
                bucket.delete("text")?;
                lines.push(keys()?);
                Ok(lines.join("\n"))
            }
        }
    };
}
