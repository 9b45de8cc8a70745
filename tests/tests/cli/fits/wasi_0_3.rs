//! Components of WASI 0.3.

use super::*;

/// Returns an export of a command of WASI 0.3 that does nothing.
fn command_0_3() -> String {
    COMMAND
        .replace("@0.2.0", "@0.3.0")
        .replace(
            "(func $run (result (result))",
            "(func $run async (result (result))",
        )
        .replace("$code", "$code3")
        .replace("$run", "$run3")
        .replace("$command", "$command3")
}

#[test]
fn a_command_of_wasi_0_3_gets_a_map() {
    let command = guest("wasip3_command");
    let found = json_of(&command);
    let by_run = &found["commands"]["run"];
    assert_eq!(
        (&by_run["fits"], &by_run["map"]),
        (&json!(true), &json!("given"))
    );
    assert!(found["concurrency"].is_string(), "{found}");
    let by_serve = misfits(&command, "serve");
    assert!(by_serve[0].contains("use `localmap run`"), "{by_serve:?}");
    serve(&command).refused(&[&by_serve[0]]);
    let empty = Wat::new(&command_0_3());
    run(&empty.file).ok();
    assert_eq!(
        json_of(&empty.file)["commands"]["run"]["map"],
        json!("none")
    );
    localmap()
        .args(["run", "--stats"])
        .arg(&empty.file)
        .run()
        .refused(&["the guest has no map"]);
}

#[test]
fn of_a_command_of_two_versions_of_wasi_the_newest_is_run() {
    let old = COMMAND.replace("(i32.const 0)", "unreachable");
    let both = Wat::new(&format!("{old} {}", command_0_3()));
    assert_eq!(misfits(&both.file, "run"), [""; 0]);
    run(&both.file).ok();
    assert_eq!(run(&Wat::new(&old).file).code, Some(134));
}

/// Each of its imports may be of either version.
#[test]
fn a_command_of_wasi_0_2_may_import_interfaces_of_0_3() {
    let app = Wat::new(&format!(
        r#"(import "wasi:random/random@0.3.0" (instance
            (export "get-random-u64" (func (result u64)))))
        (import "wasi:random/random@0.2.0" (instance
            (export "get-random-u64" (func (result u64)))))
        (import "localmap:core/local-map@0.1.0" (instance
            (export "len" (func (result u64)))))
        {COMMAND}"#
    ));
    assert_eq!(misfits(&app.file, "run"), [""; 0]);
    run(&app.file).ok();
    let finished = localmap().args(["run", "--stats"]).arg(&app.file).run();
    finished.ok();
    assert!(
        finished.stderr.starts_with("map: entries=0 "),
        "{finished:?}"
    );
}

#[test]
fn an_http_handler_of_wasi_0_3_is_for_serve() {
    let reasons = misfits(&guest("wasip3_handler"), "run");
    let [reason] = &reasons[..] else {
        panic!("{reasons:?}");
    };
    assert!(reason.contains("use `localmap serve`"), "{reason}");
    run(&guest("wasip3_handler")).refused(&[reason]);
}
