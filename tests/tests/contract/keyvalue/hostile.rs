//! Guests that exceed limits, which get an error instead of a trap.

use super::{all_print, prints};

#[test]
fn handles_are_bounded_and_dropping_them_makes_room() {
    let refused = "10000, limit of 10000 open buckets and cas handles reached: drop those no \
                   longer in use, true";
    all_print(
        &[],
        &[("handles b 100000", refused), ("handles b 9", "9, , true")],
    );
    prints(
        "kv-draft2",
        &[],
        &[
            // The bucket counts as one of them.
            (
                "cas-handles b 100000",
                "9999, limit of 10000 open buckets and cas handles reached: drop those no longer in use",
            ),
            ("handles b 9", "9, , true"),
        ],
    );
}

#[test]
fn large_arguments_are_refused_and_the_guest_goes_on() {
    all_print(
        &[],
        &[
            ("set b 1000000*k v", "error: the key has 1000000 bytes…"),
            ("get b 1000000*k", "error: the key has 1000000 bytes…"),
            (
                "get 1000000*n k",
                "error: the name of the bucket has 1000000 bytes…",
            ),
            (
                "set b k 3000000*x",
                "error: the value is longer than the 1048576 bytes…",
            ),
            (
                "set-many b k=3000000*x l=1",
                "error: the value is longer than…",
            ),
            ("set b k 1000000*x", "ok"),
            (
                "ask b k 1000",
                "error: the keys and values have more than 16777216…",
            ),
            ("ask b k 16", "16"),
            ("fill b 100 1000000*x", "error: the map is full: …"),
            ("get b k", "1000000 bytes"),
        ],
    );
}
