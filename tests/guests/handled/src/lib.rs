//! A guest of the sidecar for tests that runs the command in a request: words with spaces between them.

use std::hint::black_box;
use std::{env, fs, process, thread, time::Duration};

use localmap_client::{Error, LocalMap, Ttl};

localmap_client::export_handler!(handle);

#[expect(
    clippy::needless_pass_by_value,
    reason = "a request belongs to its handler"
)]
fn handle(request: Vec<u8>) -> Result<Vec<u8>, String> {
    match str::from_utf8(&request) {
        Ok(text) => run(&text.split(' ').collect::<Vec<_>>()),
        Err(_) => Ok(request.iter().rev().copied().collect()),
    }
}

#[allow(clippy::panic, reason = "some commands panic")]
fn run(args: &[&str]) -> Result<Vec<u8>, String> {
    let map = LocalMap::new();
    let text = |error: Error| error.to_string();
    match args {
        // The map.
        ["count", key] => count(&map, key).map_err(text),
        ["set", key, value] => {
            let version = map.set(key, value, Ttl::Never).map_err(text)?;
            Ok(version.to_string().into_bytes())
        }
        ["get", key] => map.get(key).ok_or_else(|| format!("no {key}")),
        // Ends once another call has said that it is there, too.
        ["meet", me, other] => {
            map.set(me, "", Ttl::Never).map_err(text)?;
            while !map.contains(other) {
                thread::sleep(Duration::from_millis(1));
            }
            Ok(b"met".to_vec())
        }
        // Answers.
        ["fail", words @ ..] => Err(words.join(" ")),
        ["bytes", len] => Ok(vec![b'x'; len.parse().unwrap_or(0)]),
        ["fail-long", len] => Err("x".repeat(len.parse().unwrap_or(0))),
        ["env", name] => env::var(name)
            .map(String::into_bytes)
            .map_err(|error| error.to_string()),
        ["read", path] => fs::read(path).map_err(|error| error.to_string()),
        ["say", words @ ..] => {
            println!("{}", words.join(" "));
            eprintln!("{}", words.join(" "));
            Ok(Vec::new())
        }
        // Failures.
        ["count-and-panic", key] => {
            count(&map, key).map_err(text)?;
            panic!("as it was told");
        }
        ["count-and-spin", key] => {
            count(&map, key).map_err(text)?;
            loop {
                black_box(&map);
            }
        }
        ["count-and-wait", key] => {
            count(&map, key).map_err(text)?;
            loop {
                thread::sleep(Duration::from_secs(3_600));
            }
        }
        ["exit", code] => process::exit(code.parse().unwrap_or(0)),
        ["allocate"] => {
            let mut all = Vec::new();
            loop {
                all.push(black_box(vec![1_u8; 1 << 20]));
            }
        }
        ["flood"] => loop {
            println!("{}", "x".repeat(1_000));
        },
        _ => Err(format!("no such command: {args:?}")),
    }
}

fn count(map: &LocalMap, key: &str) -> Result<Vec<u8>, Error> {
    let count = map.increment(key, 1, Ttl::Never)?;
    Ok(count.to_string().into_bytes())
}
