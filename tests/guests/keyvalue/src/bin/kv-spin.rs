//! A guest that imports Spin's form of 0.2.0-draft2. `BUCKET KEY…` stores the first key, and prints
//! what it finds under all of them.

mod bindings {
    #![allow(
        missing_docs,
        unreachable_pub,
        unsafe_code,
        unused_qualifications,
        clippy::all,
        clippy::pedantic,
        clippy::undocumented_unsafe_blocks,
        reason = "generated"
    )]

    wit_bindgen::generate!({
        path: "wit-spin",
        world: "wasi:keyvalue/spin",
        generate_all,
    });
}

use bindings::wasi::keyvalue::batch::{delete_many, get_many, set_many};
use bindings::wasi::keyvalue::store::{Error, open};

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let bucket = open(&args.next().unwrap_or_default())?;
    let keys: Vec<String> = args.collect();
    let first = keys.first().cloned().unwrap_or_default();
    set_many(&bucket, &[(first.clone(), b"set".to_vec())])?;
    show(&get_many(&bucket, &keys)?);
    delete_many(&bucket, &[first])?;
    show(&get_many(&bucket, &keys)?);
    Ok(())
}

/// Prints each key with its value.
fn show(found: &[(String, Option<Vec<u8>>)]) {
    let shown = found.iter().map(|(key, value)| match value {
        None => format!("{key}=none"),
        Some(value) => format!("{key}={:?}", String::from_utf8_lossy(value)),
    });
    println!("{}", shown.collect::<Vec<_>>().join(" "));
}
