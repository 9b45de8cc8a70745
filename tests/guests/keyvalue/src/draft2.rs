//! The commands, with 0.2.0-draft2.

use crate::bindings2::wasi::keyvalue0_2_0_draft2::atomics::{Cas, CasError, swap};
use crate::bindings2::wasi::keyvalue0_2_0_draft2::{atomics, batch, store};
use commands::{open, told};
use keyvalue::{number, shown, text};

keyvalue::commands!(
    crate::draft2::store,
    crate::draft2::atomics,
    crate::draft2::batch,
    i64,
    crate::draft2::cursor,
    crate::draft2::more
);

pub(crate) use commands::run;

fn cursor(cursor: &Option<String>) -> Option<&str> {
    cursor.as_deref()
}

fn more(args: &[&str]) -> Result<String, String> {
    match args {
        ["list", bucket, cursor] => {
            let page = open(bucket)?.list_keys(Some(&text(cursor)));
            Ok(format!("{} keys", page.map_err(told)?.keys.len()))
        }
        ["current", bucket, key] => {
            let cas = Cas::new(&open(bucket)?, &text(key)).map_err(told)?;
            let value = cas.current().map_err(told)?;
            Ok(value.map_or("none".to_owned(), |value| shown(&value)))
        }
        // Runs the command `between` after creating the handle and before the swap.
        ["swap", bucket, key, value, between @ ..] => {
            let cas = Cas::new(&open(bucket)?, &text(key)).map_err(told)?;
            if !between.is_empty() {
                run(between)?;
            }
            match swap(cas, text(value).as_bytes()) {
                Ok(()) => Ok("swapped".to_owned()),
                Err(CasError::StoreError(error)) => Err(told(error)),
                Err(CasError::CasFailed(next)) => {
                    let now = next.current().map_err(told)?;
                    let now = now.map_or("none".to_owned(), |value| shown(&value));
                    let again = swap(next, text(value).as_bytes()).is_ok();
                    Ok(format!("failed, now {now}, again {again}"))
                }
            }
        }
        ["cas-handles", bucket, count] => {
            let bucket = open(bucket)?;
            let mut held = Vec::new();
            let refused = (0..number::<u32>(count)?).find_map(|_| {
                let made = Cas::new(&bucket, "k");
                made.map(|cas| held.push(cas)).map_err(told).err()
            });
            Ok(format!("{}, {}", held.len(), refused.unwrap_or_default()))
        }
        _ => Err(format!("no such command: {args:?}")),
    }
}
