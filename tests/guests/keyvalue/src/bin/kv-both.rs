//! A guest that knows both drafts, and the map behind them: the first word of a command
//! says by which way, `1`, `2` or `map`.

#[path = "../bindings.rs"]
mod bindings;
#[path = "../bindings2.rs"]
mod bindings2;
#[path = "../draft.rs"]
mod draft;
#[path = "../draft2.rs"]
mod draft2;

use localmap_client::{LocalMap, Ttl};

fn main() -> std::process::ExitCode {
    keyvalue::main(|words| match words {
        ["1", words @ ..] => draft::run(words),
        ["2", words @ ..] => draft2::run(words),
        ["map", words @ ..] => map(words),
        _ => Err(format!("no such way: {words:?}")),
    })
}

fn map(words: &[&str]) -> Result<String, String> {
    let map = LocalMap::new();
    match words {
        ["set", key, value] => {
            let set = map.set(key, value, Ttl::Default);
            set.map_err(|error| error.to_string())?;
            Ok("ok".to_owned())
        }
        ["len"] => Ok(map.len().to_string()),
        ["keys"] => {
            let mut keys: Vec<String> = map
                .scan("")
                .map(|entry| entry.key.escape_ascii().to_string())
                .collect();
            keys.sort();
            Ok(keys.join(" "))
        }
        _ => Err(format!("no such command: {words:?}")),
    }
}
