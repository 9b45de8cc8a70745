//! Cases that failed in the past.

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

#[test]
fn the_least_recently_used_goes_where_a_table_cannot_grow() {
    let setup = Setup {
        scale: Tiny,
        now: 3253,
        seed: 43,
        watch: false,
        limits: Limits {
            max_entries: 4,
            max_bytes: 143341,
            max_key: 512,
            max_value: 1048576,
            default_ttl: None,
            utf8_keys: false,
            policy: Lru,
            max_pins: 4,
        },
    };
    replay(
        setup,
        vec![
            One(Set(3, Bytes(30230, 182), After(33554433))),
            Pin(3),
            One(Set(3, Bytes(51, 214), After(606))),
            Apply(vec![
                Set(0, Bytes(31357, 6), Default),
                Set(8, Bytes(17, 185), After(1)),
                Set(7, Bytes(44, 44), After(1)),
                Set(4, Bytes(2241, 188), After(524287)),
            ]),
            Pin(4),
            One(Set(2, Bytes(11, 61), After(2))),
            Pin(2),
            One(Set(4, Bytes(27, 138), Never)),
            Pin(4),
            Clear,
            Apply(vec![
                Set(1, Bytes(58, 9), After(1)),
                Set(4, Bytes(74413, 75), Never),
            ]),
            One(Set(1, Bytes(2353, 17), After(16777217))),
            One(Set(9, Counter(-9223372036854775808), Never)),
            Pin(4),
            One(Set(2, Bytes(7468, 232), After(33554432))),
        ],
    );
}
