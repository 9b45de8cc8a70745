//! `run` and `serve` with a schema: they start only with one that fits, give its limits and entries to
//! each map, and enforce it on request.

use super::{Place, SCHEMA};
use crate::serve::client::Server;
use localmap_tests::{Finished, Program, guest};
use std::fs;

fn run(place: &Place, options: &[&str], commands: &[&str]) -> Finished {
    let program = place
        .program()
        .args(["run", "--schema", "dest"])
        .args(options);
    program.arg(guest("probe")).args(commands).run()
}

#[test]
fn a_guest_finds_the_entries_and_the_limits_of_a_schema() {
    let place = Place::preloaded(SCHEMA);
    let get = [
        "get",
        "session:demo",
        "then",
        "get",
        "hits:total",
        "then",
        "len",
    ];
    for options in [
        &[][..],
        &["--linked"],
        &["--enforce-schema"],
        &["--schema-version", "6"],
    ] {
        let shown = run(&place, options, &get).ok();
        assert_eq!(
            shown, "alice\n\\x05\\x00\\x00\\x00\\x00\\x00\\x00\\x00\n2\n",
            "{options:?}"
        );
    }
    for options in [&[][..], &["--linked"]] {
        let filled = run(&place, options, &["fill"]).ok();
        assert!(filled.starts_with("100: the map is full"), "{filled}");
        // An option replaces the limit, and an entry that of the same key.
        let options = [
            options,
            &["--max-entries", "3", "--entry", "session:demo=bob"],
        ]
        .concat();
        let filled = run(&place, &options, &["get", "session:demo", "then", "fill"]).ok();
        assert!(filled.starts_with("bob\n3: the map is full"), "{filled}");
    }
}

#[test]
fn an_entry_begins_its_time_to_live_with_its_map() {
    let place = Place::preloaded(SCHEMA);
    for options in [&[][..], &["--linked"]] {
        let options = [options, &["--clock", "unix"]].concat();
        let dumped = run(&place, &options, &["dump"]).ok();
        assert!(
            dumped.contains("session:demo=alice 3600000000000\n"),
            "{dumped}"
        );
        assert!(dumped.contains(" never\n"), "{dumped}");
    }
}

/// Both programs, as they would start.
fn starts(place: &Place, options: &[&str]) -> [Finished; 2] {
    let start = |program: Program, name: &str| {
        let program = program.args(["--schema", "dest"]).args(options);
        program.arg(guest(name)).run()
    };
    let serve = place.program().args(["serve", "--addr", "127.0.0.1:0"]);
    [
        start(place.program().arg("run"), "probe"),
        start(serve, "served"),
    ]
}

#[test]
fn neither_run_nor_serve_starts_with_a_schema_that_does_not_fit() {
    let place = Place::new(SCHEMA);
    let refused = |options: &[&str], texts: &[&str]| {
        for finished in starts(&place, options) {
            finished.refused(texts);
            assert!(!finished.stderr.contains("Listening"), "{finished:?}");
        }
    };
    refused(
        &[],
        &[
            "the schema is missing",
            "Run `localmap schema preload SRC dest` first",
        ],
    );
    place.preload(&[]).ok();
    refused(
        &["--schema-version", "8"],
        &["the schema in dest is older", "preload a newer schema"],
    );
    refused(
        &["--schema-version", "..4"],
        &["the schema in dest is newer"],
    );
    let whole = fs::read(place.file()).expect("a file");
    fs::write(place.file(), &whole[..whole.len() - 10]).expect("a file");
    refused(
        &[],
        &[
            "the schema in dest is damaged",
            "Run `localmap schema preload` again",
        ],
    );
    fs::remove_file(place.file()).expect("a file");
    fs::create_dir(place.file()).expect("a folder");
    refused(
        &[],
        &["the schema in dest is unreadable: `localmap-schema` is a folder"],
    );
}

#[test]
fn an_enforced_schema_rejects_writes_that_do_not_fit() {
    let place = Place::preloaded(SCHEMA);
    let enforced = |commands: &[&str]| run(&place, &["--enforce-schema"], commands);
    enforced(&["set", "session:1", "bob", "10m"]).ok();
    for (commands, said) in [
        (&["set", "x", "1"][..], "the key has 1 bytes"),
        (&["set", "session:1", "bob", "2h"], "the TTL is zero"),
        (&["set", "session:1", "bob", "never"], "the TTL is zero"),
        (&["set", "hits:1", "bob"], "the value is not a counter"),
    ] {
        enforced(commands).refused(&[said]);
        // Without, it is only a description.
        run(&place, &[], commands).ok();
    }
    // The guest knows the errors of the contract alone; the host says more.
    let said = enforced(&["set", "\x1b[31m", "1"]).stderr;
    let warning = "Warning: the schema rejects a write of \"\\x1b[31m\": the key begins with none of \
                   the prefixes\n";
    assert!(said.contains(warning), "{said}");
    let dumped = run(
        &place,
        &["--enforce-schema", "--clock", "unix"],
        &["set", "session:2", "eve", "then", "dump"],
    );
    assert!(
        dumped.ok().contains("session:2=eve 3600000000000\n"),
        "{dumped:?}"
    );
    let options = ["--enforce-schema", "--entry", "x=1"];
    run(&place, &options, &["len"]).refused(&[
        "--entry `x` does not fit the schema",
        "the key begins with none of the prefixes",
    ]);
}

#[test]
fn a_served_guest_has_the_schema_in_each_map() {
    let place = Place::preloaded(SCHEMA);
    let dest = place.dest();
    let schema = ["--schema", dest.to_str().expect("UTF-8")];
    let scope = ["--map-scope", "header:x-tenant"];
    let server = Server::start(&[&schema[..], &["--enforce-schema"]].concat());
    assert_eq!(server.text("/get/session:demo"), "alice");
    assert_eq!(server.text("/len"), "2");
    // It writes a key without a prefix, and panics.
    assert_eq!(server.get("/count").status, 500);
    server.line("Warning: the schema rejects a write of \"n\": the key begins with none of");
    assert_eq!(server.get("/set/session:1/bob").status, 500);
    server.line("Warning: the schema rejects a write of \"session:1\": the TTL is never");
    assert_eq!(server.text("/set/hits:1/12345678"), "set\n");
    drop(server);
    let server = Server::start(&[&schema[..], &scope, &["--enforce-schema"]].concat());
    for tenant in ["a", "b"] {
        let headers = [("x-tenant", tenant)];
        let response = server
            .connect()
            .ask("GET", "/get/session:demo", &headers, b"");
        assert_eq!(response.ok(), "alice");
        let response = server.connect().ask("GET", "/count", &headers, b"");
        assert_eq!(response.status, 500);
    }
}

#[test]
fn options_that_need_a_schema_or_a_map_say_so() {
    let place = Place::preloaded(SCHEMA);
    for command in ["run", "serve"] {
        for option in [&["--enforce-schema"][..], &["--schema-version", "1"]] {
            let program = place.program().arg(command).args(option);
            let finished = program.arg("guest.wasm").run();
            assert_eq!(finished.code, Some(2), "{finished:?}");
            assert!(finished.stderr.contains("--schema <DIR>"), "{finished:?}");
        }
    }
    let program = place.program().args(["run", "--schema", "dest"]);
    program
        .arg(guest("inside"))
        .run()
        .refused(&["the guest has no map", "--schema"]);
    let program = place
        .program()
        .args(["run", "--schema", "dest", "--enforce-schema"]);
    let finished = program.arg(guest("inside")).run();
    finished.refused(&["--enforce-schema requires a guest that imports a map"]);
}

#[test]
fn the_entries_of_a_class_of_tenants_must_fit_an_enforced_schema() {
    let place = Place::preloaded(SCHEMA);
    for entry in ["plan=1", "hits:a=b", "session:a=b;ttl=2h"] {
        let text = format!("header = 'x'\n[[class]]\nname = 'a'\nentries = ['{entry}']");
        fs::write(place.path().join("tenants.toml"), text).expect("a file");
        let serve = place.program().args(["serve", "--addr", "127.0.0.1:0"]);
        let serve = serve.args(["--schema", "dest", "--enforce-schema"]);
        let serve = serve.args(["--tenants", "tenants.toml"]);
        let refused = serve.arg(guest("served")).run();
        refused.refused(&["does not fit the schema", "class `a`"]);
    }
}
