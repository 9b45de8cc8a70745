//! Builds the guests that the tests run.

use localmap_guest_build::Guests;

const GUESTS: [&str; 18] = [
    "dedupe",
    "flags",
    "handled",
    "http-feed",
    "http-limiter",
    "keyvalue",
    "limiter",
    "outside",
    "probe-guest",
    "quota",
    "served",
    "sessions",
    "waits",
    "watchdog",
    "wasip3-command",
    "wasip3-handler",
    "wasip3-outside",
    "ways",
];

/// Built apart: it needs features of wit-bindgen that Cargo would otherwise turn on for all guests.
const RELAY: &str = "wasip3-relay";

fn main() {
    let guests = Guests::new("tests/guests");
    guests.components(&GUESTS);
    let folder = guests.components(&[RELAY]);
    println!("cargo::rustc-env=LOCALMAP_GUESTS={}", folder.display());
}
