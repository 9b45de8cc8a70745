//! Options of mirrors that are refused, before anything is mirrored or served. With a real etcd, see the
//! suite `etcd`.

use localmap_tests::{guest, localmap};

/// Starts a server that is refused. Returns its standard error.
fn refused(options: &[&str], handler: &str) -> String {
    let serve = localmap().args(["serve", "--addr", "127.0.0.1:0"]);
    let refused = serve.args(options).arg(guest(handler)).run();
    assert_ne!(refused.code, Some(0), "{options:?}");
    assert!(!refused.stderr.contains("Listening"), "{}", refused.stderr);
    refused.stderr
}

#[test]
fn a_guest_that_reads_mirrors_is_refused_without_one_and_told_the_option() {
    let text = refused(&["--map-scope", "server"], "flags");
    assert!(text.contains("localmap:core/mirror@0.1.0"), "{text}");
    assert!(
        text.contains("--mirror NAME=etcd://HOST:2379/PREFIX/"),
        "{text}"
    );
    // It is a command, too, as each guest of wstd is. Only `serve` has mirrors.
    let run = localmap().arg("run").arg(guest("flags")).run();
    assert_eq!(run.code, Some(1));
    let text = run.stderr;
    assert!(
        text.contains("localmap:core/mirror@0.1.0, which this host"),
        "{text}"
    );
    assert!(text.contains("`localmap serve --mirror"), "{text}");
}

#[test]
fn inspect_says_which_option_it_takes() {
    let inspected = localmap().arg("inspect").arg(guest("flags")).run();
    let text = inspected.text();
    assert!(text.contains("with --mirror NAME=etcd://"), "{text}");
    assert!(
        text.contains("on a host that provides localmap:core/mirror@0.1.0"),
        "{text}"
    );
}

#[test]
fn options_of_mirrors_need_a_mirror() {
    for options in [
        &["--mirror-max-stale", "3s"][..],
        &["--mirror-accept-new-cluster"],
        &["--etcd-user-file", "no-such-file"],
    ] {
        let text = refused(options, "served");
        assert!(
            text.contains("--mirror NAME=etcd://HOST:2379/PREFIX/"),
            "{text}"
        );
    }
}

#[test]
fn a_mirror_has_a_name() {
    let long = format!("{}=etcd://a/x/", "n".repeat(65));
    for bad in [
        "flags",
        "=etcd://a/x/",
        "a b=etcd://a/x/",
        "ä=etcd://a/x/",
        &long,
    ] {
        let text = refused(&["--mirror", bad], "flags");
        assert!(
            text.contains("invalid value") && text.contains("--mirror"),
            "{bad}: {text}"
        );
    }
}

/// The program is built with the feature if the tests are.
#[test]
fn a_program_without_the_feature_says_how_to_build_it() {
    let text = refused(&["--mirror", "a=etcd://127.0.0.1:9/x/"], "served");
    let expected = match cfg!(feature = "etcd") {
        true => "the guest reads no mirror",
        false => "--features etcd",
    };
    assert!(text.contains(expected), "{text}");
}
