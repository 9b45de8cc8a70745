//! Cases that have failed once.

#![allow(unused_imports, reason = "a case uses some of these names")]

use localmap_engine::{Limits, Policy::*, Ttl::*};

use super::machine::{
    Case, Change::*, Datum::*, Operation, Operation::*, Scale::*, Setup, Wanted::*, When::*,
};

fn replay(setup: Setup, operations: Vec<Operation>) {
    super::machine::run(&Case { setup, operations });
}

#[test]
fn sure_and_not_enough() {
    let setup = Setup {
        scale: Tiny,
        now: 282,
        seed: 159,
        watch: false,
        limits: Limits {
            max_entries: 7,
            max_bytes: 131072,
            max_key: 128,
            max_value: 1048576,
            default_ttl: None,
            utf8_keys: false,
            policy: Lru,
            max_pins: 5,
        },
    };
    replay(
        setup,
        vec![
            One(Set(6, Bytes(2481, 128), After(2))),
            Pin(6),
            One(Set(8, Bytes(58, 243), Never)),
            Pin(8),
            One(Increment(10, -1, Never)),
            Pin(10),
            Apply(vec![
                Set(7, Bytes(15, 199), Default),
                Delete(9),
                Set(10, Bytes(52, 119), After(255)),
                Set(6, Bytes(59, 228), After(33554431)),
                Set(9, Bytes(57, 84), After(2)),
                Set(11, Bytes(1880, 216), After(1386)),
            ]),
            One(Set(5, Bytes(59, 140), Never)),
            Apply(vec![
                Set(5, Bytes(9, 172), Never),
                Set(6, Bytes(38756, 224), After(1)),
            ]),
        ],
    );
}
