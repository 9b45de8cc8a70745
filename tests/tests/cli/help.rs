//! The contents of the help, and their correctness. Its whole text is checked in `texts`.

use localmap_tests::localmap;

fn help(args: &[&str]) -> String {
    let finished = localmap().args(args).run();
    assert!(finished.stderr.is_empty(), "{args:?}: {}", finished.stderr);
    finished.ok()
}

#[test]
fn the_help_lists_the_commands_and_each_has_a_help_of_its_own() {
    let all = help(&["--help"]);
    for command in [
        "run", "serve", "sidecar", "mirror", "new", "shell", "inspect", "plug", "schema", "top",
        "doctor",
    ] {
        assert!(all.contains(&format!("\n  {command} ")), "{all}");
        let own = help(&[command, "--help"]);
        assert!(
            own.contains(&format!("Usage: localmap {command} ")),
            "{own}"
        );
    }
}

#[test]
fn the_help_shows_the_defaults_of_all_limits() {
    for command in ["run", "serve", "sidecar", "shell", "plug"] {
        let own = help(&[command, "--help"]);
        let limits = own.split("The map:").nth(1).unwrap_or_default();
        let default = localmap::Limits::default();
        assert_eq!(default.default_ttl, None);
        assert_eq!(default.policy, localmap::Policy::Refuse);
        for (option, default) in [
            ("--max-bytes", format!("{}MiB", default.max_bytes >> 20)),
            ("--max-entries", default.max_entries.to_string()),
            ("--max-key", default.max_key.to_string()),
            ("--max-value", format!("{}MiB", default.max_value >> 20)),
            ("--default-ttl", "they do not expire".to_owned()),
            ("--policy", "refuse".to_owned()),
            ("--max-pins", default.max_pins.to_string()),
        ] {
            let told = limits.split(option).nth(1).unwrap_or_default();
            let told = told.split("--").next().unwrap_or_default();
            let told: Vec<&str> = told.split_whitespace().collect();
            let told = told.join(" ");
            assert!(told.contains(&format!("[default: {default}]")), "{told}");
        }
    }
}

#[test]
fn the_help_of_serve_shows_its_defaults() {
    let own = help(&["serve", "--help"]);
    let own = own.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "[default: 127.0.0.1:8080]",
        "[default: request, or server if GUEST imports wasi:keyvalue]",
        "[default: 5m]",
        "[default: 1000]",
        "[default: 10s]",
        "timeout=TIME (30s by default)",
        "max-memory-size=SIZE (256MiB by default)",
        "At most 1000 requests",
    ] {
        assert!(own.contains(told), "`{told}` is not in: {own}");
    }
}

#[test]
fn unknown_commands_and_options_are_refused_with_a_hint() {
    for args in [&["walk"][..], &[], &["inspect"], &["plug", "app.wasm"]] {
        let finished = localmap().args(args).run();
        assert_eq!(finished.code, Some(2), "{args:?}");
        let said = finished.stderr;
        assert!(said.contains("Usage: localmap"), "{args:?}: {said}");
    }
}
