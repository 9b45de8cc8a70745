//! The answers of each function, in both drafts and by both ways.

use super::{DRAFTS, WAYS, all_print, prints};
use localmap_tests::{guest, localmap};

#[test]
fn store() {
    all_print(
        &[],
        &[
            ("get b k", "none"),
            ("exists b k", "false"),
            ("set b k v", "ok"),
            ("get b k", "v"),
            ("exists b k", "true"),
            ("set b k 100000*x", "ok"),
            ("get b k", "100000 bytes"),
            ("set b k 0*x", "ok"),
            ("get b k", ""),
            ("delete b k", "ok"),
            ("delete b k", "ok"),
            ("get b k", "none"),
            ("keys b", "[]"),
            ("two b", "of one false"),
        ],
    );
}

#[test]
fn buckets_are_separate() {
    all_print(
        &[],
        &[
            ("set a k 1", "ok"),
            ("set 0*x k 2", "ok"),
            ("set ak k 3", "ok"),
            ("set a kk 4", "ok"),
            ("keys a", r#"["k", "kk"]"#),
            ("keys 0*x", r#"["k"]"#),
            ("keys ak", r#"["k"]"#),
            ("get 0*x k", "2"),
            ("delete ak k", "ok"),
            ("get a kk", "4"),
        ],
    );
}

#[test]
fn names_and_keys_have_up_to_255_bytes_and_what_is_longer_is_an_error() {
    let too_long = "error: the key has 256 bytes: shorten it to 255…";
    let empty = "error: the key is empty: give it 1 to 255 bytes…";
    all_print(
        &["--utf8-keys"],
        &[
            ("set 255*n 255*k v", "ok"),
            ("get 255*n 255*k", "v"),
            ("exists 255*n 255*k", "true"),
            ("increment 255*n 255*c 1", "1"),
            ("get-many 255*n x 255*c", "none ccc…"),
            ("set-many 255*n 255*m=1 255*l=2", "ok"),
            ("pages 255*n 0", "one page, 4 keys, 4 different"),
            ("delete-many 255*n 255*k 255*m 255*l 255*c", "ok"),
            ("keys 255*n", "[]"),
            (
                "set 256*n k v",
                "error: the name of the bucket has 256 bytes…",
            ),
            ("set b 256*k v", too_long),
            ("get b 256*k", too_long),
            ("exists b 256*k", too_long),
            ("delete b 256*k", too_long),
            ("increment b 256*k 1", too_long),
            ("get-many b k 256*k", too_long),
            ("set-many b a=1 256*k=2", too_long),
            ("delete-many b a 256*k", too_long),
            ("set b 0*k v", empty),
            ("get b 0*k", empty),
            ("set-many b a=1 0*k=2", empty),
            ("keys b", "[]"),
        ],
    );
}

#[test]
fn batches_answer_in_the_order_of_their_keys() {
    all_print(
        &[],
        &[
            ("set-many b a=1 b=2 a=3", "ok"),
            ("get-many b b x a b", "b=2 none a=3 b=2"),
            ("get-many b", ""),
            ("set-many b", "ok"),
            ("delete-many b a x", "ok"),
            ("delete-many b", "ok"),
            ("keys b", r#"["b"]"#),
        ],
    );
}

#[test]
fn batches_of_any_size_are_accepted() {
    all_print(
        &[],
        &[
            ("fill b 5000 1000*x", "ok"),
            ("get b k4999", "1000 bytes"),
            ("ask b k0 5000", "5000"),
            ("pages b 0", "one page, 5000 keys, 5000 different"),
        ],
    );
}

/// Batches are larger than the map accepts in one call.
#[test]
fn set_many_is_all_or_nothing() {
    all_print(
        &["--max-value", "10"],
        &[
            (
                "set-many b a=1 b=11*x c=3",
                "error: the value is longer than the 10 bytes…",
            ),
            ("keys b", "[]"),
        ],
    );
    all_print(
        &["--max-entries", "2"],
        &[
            ("set-many b a=1 b=2 c=3", "error: the map is full: …"),
            ("keys b", "[]"),
            ("set-many b a=1 b=2", "ok"),
        ],
    );
}

#[test]
fn counters_are_decimal_text() {
    let no_counter = "error: the value is not a counter, …";
    all_print(
        &[],
        &[
            ("increment b n 5", "5"),
            ("get b n", "5"),
            ("increment b n 0", "5"),
            ("set b n 41", "ok"),
            ("increment b n 1", "42"),
            ("set b n 007", "ok"),
            ("increment b n 1", "8"),
            ("set b n +8", "ok"),
            ("increment b n 1", "9"),
            ("set b n 60*0", "ok"),
            ("increment b n 1", "1"),
            ("set b n -", "ok"),
            ("increment b n 1", no_counter),
            ("set b n 0x1", "ok"),
            ("increment b n 1", no_counter),
            ("set b n seven", "ok"),
            ("increment b n 1", no_counter),
            ("get b n", "seven"),
            ("set b n 0*x", "ok"),
            ("increment b n 1", no_counter),
            ("set b n 100*9", "ok"),
            ("increment b n 1", no_counter),
            ("set b n 1.5", "ok"),
            ("increment b n 1", no_counter),
        ],
    );
}

#[test]
fn counters_stay_within_the_range_of_their_draft() {
    let beyond = "error: the counter would leave the range of 0 to 18446744073709551615…";
    prints(
        "kv-draft",
        &[],
        &[
            ("increment b n 18446744073709551615", "18446744073709551615"),
            ("increment b n 1", beyond),
            ("get b n", "18446744073709551615"),
            // A number below 0 is none of this draft, even if the sum would be.
            ("set b n -5", "ok"),
            (
                "increment b n 7",
                "error: the value is not a counter, which is a whole number from 0 to \
                 18446744073709551615 in decimal digits: …",
            ),
            ("get b n", "-5"),
            ("set b n -0", "ok"),
            ("increment b n 1", "error: the value is not a counter, …"),
        ],
    );
    let beyond =
        "error: the counter would leave the range of -9223372036854775808 to 9223372036854775807…";
    prints(
        "kv-draft2",
        &[],
        &[
            ("increment b n -3", "-3"),
            ("increment b n 9223372036854775807", "9223372036854775804"),
            ("increment b n 4", beyond),
            ("get b n", "9223372036854775804"),
            ("set b n -0", "ok"),
            ("increment b n 1", "1"),
            ("set b n 18446744073709551615", "ok"),
            (
                "increment b n -1",
                "error: the value is not a counter, which is a whole number from \
                 -9223372036854775808 to 9223372036854775807 in decimal digits: …",
            ),
        ],
    );
}

#[test]
fn a_swap_is_made_if_nothing_has_happened_to_the_key() {
    prints(
        "kv-draft2",
        &[],
        &[
            ("current b k", "none"),
            ("swap b k 1", "swapped"),
            ("current b k", "1"),
            ("swap b k 2", "swapped"),
            ("swap b k 3 set b other x", "swapped"),
            ("swap b k 4 set b k 3", "failed, now 3, again true"),
            ("get b k", "4"),
            ("swap b k 5 delete b k", "failed, now none, again true"),
            ("swap b new 6 set b new 7", "failed, now 7, again true"),
            ("get b new", "6"),
            // The value is the same as before, but the key has been changed in between.
            ("swap b k 8 swap b k 5", "failed, now 5, again true"),
            ("swap b 256*k 8", "error: the key has 256 bytes…"),
            (
                "swap b k 2000000*x",
                "error: the value is longer than the 1048576 bytes…",
            ),
        ],
    );
}

#[test]
fn pages_end_and_hold_every_key_once_also_while_keys_are_written() {
    all_print(
        &[],
        &[
            ("fill b 60000 1*x", "ok"),
            ("set other k v", "ok"),
            ("pages b 0", "several pages, 60000 keys, 60000 different"),
        ],
    );
    // Some of the new keys are listed, and no key is listed twice.
    for name in DRAFTS {
        let printed = super::run(&[], &[], name, "fill b 60000 1*x then pages b 500").ok();
        let told = printed.lines().last().unwrap_or_default();
        let words: Vec<&str> = told
            .split([' ', ','])
            .filter(|word| !word.is_empty())
            .collect();
        let ["several", "pages", all, "keys", different, "different"] = words[..] else {
            panic!("{told}");
        };
        assert_eq!(all, different, "{told}");
        assert!(all.parse::<u32>().is_ok_and(|all| all >= 60_000), "{told}");
    }
}

#[test]
fn an_invalid_cursor_does_no_harm() {
    prints(
        "kv-draft",
        &[],
        &[
            ("set b k v", "ok"),
            ("list b 0", "1 keys"),
            ("list b 18446744073709551615", "0 keys"),
            ("list b 4294967295", "…"),
        ],
    );
    let bogus = |cursor: &str| format!("error: `{cursor}` is not a cursor: …");
    prints(
        "kv-draft2",
        &[],
        &[
            ("set b k v", "ok"),
            ("list b 0", "1 keys"),
            ("list b 18446744073709551615", "0 keys"),
            ("list b k", &bogus("k")),
            ("list b 0*x", &bogus("")),
            ("list b -1", &bogus("-1")),
            ("list b 100*é", &bogus(&"é".repeat(32))),
        ],
    );
}

/// The lines set the clock, so the test does not have to wait.
#[test]
fn what_is_set_lives_as_long_as_its_bucket_says() {
    let lines: String = [0, 9, 10, 11, 20, 100]
        .map(|second: u32| format!("{}\n", 1_431_857_103 + second))
        .concat();
    let commands = "set short k v then set long k v then set-many short m=1 n=2 \
        then increment short c 1 then line then line then get short k \
        then increment short c 1 then line then get short k then get short c \
        then keys short then increment short c 1 then get long k then line \
        then line then line then get short c then get long k then get others k";
    let expected = "ok\nok\nok\n1\n1431857103\n1431857112\nv\n2\n1431857113\nnone\nnone\n[]\n1\nv\n\
        1431857114\n1431857123\n1431857203\nnone\nv\nkept\n";
    for name in DRAFTS {
        for way in WAYS {
            let printed = localmap()
                .args(["run", "--clock", "unix", "--bucket-ttl", "short=10s"])
                .args(["--bucket-entry", "others/k=kept"])
                .args(way)
                .arg(guest(name))
                .args(commands.split_whitespace())
                .run_with(lines.as_bytes())
                .ok();
            assert_eq!(printed, expected, "{name} {way:?}");
        }
    }
}

#[test]
fn a_bucket_without_a_ttl_has_that_of_the_map() {
    let lines = "1431857103\n1431857114\n";
    let commands = "line then set a k v then set b k v then line then get a k then get b k";
    for name in DRAFTS {
        let printed = localmap()
            .args(["run", "--clock", "unix", "--default-ttl", "10s"])
            .args(["--bucket-ttl", "b=1m"])
            .arg(guest(name))
            .args(commands.split_whitespace())
            .run_with(lines.as_bytes())
            .ok();
        assert!(printed.ends_with("\nnone\nv\n"), "{name}: {printed}");
    }
}
