//! One app, once with the map of its host and once with a map inside it. The two differ in one
//! line, and print the same.

use localmap_tests::{guest, localmap, root};
use serde_json::Value;

fn run(name: &str, input: &str) -> String {
    localmap()
        .args(["run", "--clock", "unix"])
        .arg(guest(name))
        .run_with(input.as_bytes())
        .ok()
}

#[test]
fn an_app_moves_by_changing_one_line() {
    let source = |name: &str| {
        let path = root().join(format!("tests/guests/ways/src/bin/{name}.rs"));
        std::fs::read_to_string(path).expect("its source")
    };
    let (behind, inside) = (source("behind"), source("inside"));
    let other: Vec<_> = behind
        .lines()
        .zip(inside.lines())
        .filter(|(one, other)| one != other)
        .collect();
    assert_eq!(behind.lines().count(), inside.lines().count());
    assert_eq!(
        other,
        [(
            "use localmap_client as client;",
            "use localmap_client::in_process as client;",
        )]
    );
}

#[test]
fn both_answer_alike_while_time_goes_on() {
    let input: String = [0, 1, 2, 3, 3, 13, 3_600, 999_999]
        .map(|second: u32| format!("{}\n", 1_431_857_103 + second))
        .concat();
    let (behind, inside) = (run("behind", &input), run("inside", &input));
    for (number, (behind, inside)) in behind.lines().zip(inside.lines()).enumerate() {
        assert_eq!(behind, inside, "line {}", number + 1);
    }
    assert_eq!(behind.lines().count(), inside.lines().count());
    // Two maps without any answers would be equal too.
    for shown in ["increment: Ok(-4)", "pins: (1023, 977)", "scan_page: 600"] {
        assert!(behind.contains(shown), "{shown} is not in: {behind}");
    }
}

#[test]
fn with_the_map_inside_none_is_imported() {
    let imports = |name: &str| {
        let printed = localmap()
            .args(["inspect", "--json"])
            .arg(guest(name))
            .run()
            .ok();
        let found: Value = serde_json::from_str(&printed).expect("JSON");
        found["imports"].to_string()
    };
    assert!(imports("behind").contains("localmap:core/local-map"));
    let inside = imports("inside");
    assert!(!inside.contains("localmap:"), "{inside}");
    // It imports a clock, and a seed for its hash function.
    for import in ["wasi:clocks/monotonic-clock", "wasi:random/"] {
        assert!(inside.contains(import), "{inside}");
    }
}

#[test]
fn a_guest_with_the_map_of_its_host_has_none_of_its_own() {
    let has_engine = |name: &str| {
        let component = std::fs::read(guest(name)).expect("a guest");
        component
            .windows("localmap_engine".len())
            .any(|part| part == b"localmap_engine")
    };
    assert!(has_engine("inside"));
    for name in ["behind", "sessions", "limiter", "dedupe"] {
        assert!(!has_engine(name), "{name}");
    }
}
