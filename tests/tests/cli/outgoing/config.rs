//! `--config`: the values of `wasi:config`.

use super::outside;

#[test]
fn values_are_read_by_each_draft() {
    let options = ["--config", "a=1=2", "--config", "b=", "--config", "ü x=é"];
    let commands = [
        "config", "a", "then", "config", "b", "then", "config", "ü x", "then", "config", "A",
    ];
    let said = outside(&options, &commands).run().ok();
    assert_eq!(said, "Some(\"1=2\")\nSome(\"\")\nSome(\"é\")\nNone\n");
    let all = outside(&options, &["config-all"]).run().ok();
    assert_eq!(
        all,
        "Ok([(\"a\", \"1=2\"), (\"b\", \"\"), (\"ü x\", \"é\")])\n"
    );
}

#[test]
fn there_are_none_by_default_and_the_last_one_wins() {
    assert_eq!(outside(&[], &["config-all"]).run().ok(), "Ok([])\n");
    let twice = ["--config", "a=1", "--config", "b=2", "--config", "a=3"];
    let all = outside(&twice, &["config-all"]).run().ok();
    assert_eq!(all, "Ok([(\"b\", \"2\"), (\"a\", \"3\")])\n");
}

#[test]
fn other_texts_are_refused() {
    for text in ["", "a", "=1"] {
        let finished = outside(&["--config", text], &["config-all"]).run();
        assert_eq!(finished.code, Some(2));
        assert!(
            finished.stderr.contains("expected NAME=VALUE"),
            "{finished:?}"
        );
    }
}
