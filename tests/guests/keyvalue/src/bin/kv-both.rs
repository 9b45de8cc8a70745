//! A guest that imports both drafts, and the map behind them. A command starts with the
//! interface to use: `1`, `2` or `map`.

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
    keyvalue::main(|args| match args {
        ["1", args @ ..] => draft::run(args),
        ["2", args @ ..] => draft2::run(args),
        ["map", args @ ..] => map(args),
        _ => Err(format!("no such interface: {args:?}")),
    })
}

fn map(args: &[&str]) -> Result<String, String> {
    let map = LocalMap::new();
    match args {
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
        _ => Err(format!("no such command: {args:?}")),
    }
}
