//! The commands, with 0.2.0-draft.

use crate::bindings::wasi::keyvalue0_2_0_draft::{atomics, batch, store};

keyvalue::commands!(
    crate::draft::store,
    crate::draft::atomics,
    crate::draft::batch,
    u64,
    crate::draft::cursor,
    crate::draft::more
);

pub(crate) use commands::run;

fn cursor(cursor: &Option<u64>) -> Option<u64> {
    *cursor
}

fn more(args: &[&str]) -> Result<String, String> {
    match args {
        ["list", bucket, cursor] => {
            let cursor = Some(keyvalue::number(cursor)?);
            let page = commands::open(bucket)?.list_keys(cursor);
            let page = page.map_err(commands::told)?;
            Ok(format!("{} keys", page.keys.len()))
        }
        _ => Err(format!("no such command: {args:?}")),
    }
}
