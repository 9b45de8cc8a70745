//! Options that such guests accept, and options that they do not.

use super::{DRAFTS, WAYS, prints, run};
use localmap_tests::{guest, localmap};

#[test]
fn entries_of_buckets_can_be_preloaded() {
    for name in DRAFTS {
        let options = ["--bucket-entry", "b/k=v", "--bucket-entry", "/n=5"];
        prints(
            name,
            &options,
            &[("get b k", "v"), ("increment 0*x n 1", "6")],
        );
    }
}

#[test]
fn an_entry_that_does_not_fit_is_named() {
    let options = [
        "--max-entries",
        "1",
        "--bucket-entry",
        "b/k=v",
        "--bucket-entry",
        "b/l=v",
    ];
    for way in WAYS {
        run(way, &options, "kv-draft", "keys b").refused(&["--bucket-entry `b/l`", "full"]);
    }
}

#[test]
fn options_for_other_guests_are_refused() {
    for way in WAYS {
        run(way, &["--entry", "k=v"], "kv-draft", "keys b").refused(&[
            "--entry is for guests that import",
            "--bucket-entry BUCKET/KEY=VALUE",
        ]);
        for option in [["--bucket-ttl", "b=1s"], ["--bucket-entry", "b/k=v"]] {
            for name in ["probe", "inside"] {
                run(way, &option, name, "len")
                    .refused(&["--bucket-ttl and --bucket-entry", "wasi:keyvalue"]);
            }
        }
    }
    // A guest that also imports the map accepts both.
    prints("kv-both", &["--entry", "k=v"], &[("map len", "1")]);
    let folder = tempfile::tempdir().expect("a folder");
    localmap()
        .args(["plug", "--bucket-ttl", "b=1s", "-o"])
        .arg(folder.path().join("plugged.wasm"))
        .arg(guest("probe"))
        .run()
        .refused(&[
            "cannot plug",
            "--bucket-ttl and --bucket-entry",
            "wasi:keyvalue",
        ]);
    let long = format!("{}=1s", "n".repeat(256));
    run(&[], &["--bucket-ttl", &long], "kv-draft", "keys b")
        .refused(&["buckets", "256 bytes: shorten it to 255"]);
}

#[test]
fn limits_hold_and_keys_may_be_long_whatever_they_are() {
    let options = ["--max-entries", "1"];
    for name in DRAFTS {
        prints(
            name,
            &options,
            &[
                ("set 255*n 255*k v", "ok"),
                ("set b k v", "error: the map is full: …"),
            ],
        );
    }
}

#[test]
fn the_statistics_are_those_of_the_map() {
    for way in WAYS {
        let finished = run(way, &["--stats"], "kv-draft", "set b k v then get b k");
        let told = finished.stderr.lines().last().unwrap_or_default();
        assert!(told.starts_with("map: entries=1 "), "{told}");
        assert!(told.contains(" hits=1 misses=0 writes=1 "), "{told}");
    }
}
