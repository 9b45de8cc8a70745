//! Builds the guests that the tests run.

use localmap_guest_build::Guests;

const GUESTS: [&str; 13] = [
    "dedupe",
    "http-limiter",
    "keyvalue",
    "limiter",
    "outside",
    "probe",
    "served",
    "sessions",
    "waits",
    "wasip3-command",
    "wasip3-handler",
    "wasip3-relay",
    "ways",
];

fn main() {
    let folder = Guests::new("tests/guests").components(&GUESTS);
    println!("cargo::rustc-env=LOCALMAP_GUESTS={}", folder.display());
}
