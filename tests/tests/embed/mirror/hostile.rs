//! Guests that ask a mirror for too much, next to honest maps and an honest reader of the same mirror.

use super::Driven;
use super::relay::{Guest, linker, reader};
use crate::hostile::honest::with_honest_maps;
use localmap::wasmtime::component::Component;
use localmap::wasmtime::{self, Engine, Store, Trap};
use wit_component::StringEncoding;

const MIB: usize = 1 << 20;

/// Returns a mirror with a value of 1 MiB, and a key that its map cannot hold.
fn mirror() -> Driven {
    let mirror = Driven::new();
    let big = vec![7; MIB];
    mirror.list(
        7,
        &[(b"k", b"v", 5), (b"big", &big, 5), (&[b'x'; 600], b"v", 5)],
    );
    mirror
}

/// Runs a guest on a mirror, which another guest reads before and after.
fn run(name: &str, encoding: StringEncoding) -> wasmtime::Result<u64> {
    with_honest_maps(|| {
        let mirror = mirror();
        let mut honest = Guest::new(mirror.alone());
        let mut reads = || honest.get(b"k").is_ok_and(|found| found.entry.is_some());
        assert!(reads());
        let engine = Engine::default();
        let component = Component::new(&engine, reader(name, encoding)).expect("it compiles");
        let mut store = Store::new(&engine, mirror.alone());
        let instance = linker(&engine).instantiate(&mut store, &component);
        let instance = instance.expect("an instance");
        let run = instance.get_typed_func::<(), (u64,)>(&mut store, "run");
        let ran = run.expect("its export").call(&mut store, ());
        assert!(reads());
        Ok(ran?.0)
    })
}

/// The case of `err`, and that of `unknown-mirror`.
const UNKNOWN_MIRROR: u64 = 1 << 8;

#[test]
fn a_name_of_many_megabytes_is_that_of_no_mirror() {
    for encoding in [StringEncoding::UTF8, StringEncoding::CompactUTF16] {
        let ran = run("name_of_48_megabytes", encoding);
        assert_eq!(ran.expect("it lives"), UNKNOWN_MIRROR, "{encoding}");
    }
    // 96 MiB, which the host converts.
    let ran = run("name_of_48_megabytes", StringEncoding::UTF16);
    let error = ran.expect_err("it does not have so much memory");
    assert!(format!("{error:#}").contains("out of bounds"), "{error:#}");
}

#[test]
fn arguments_that_are_invalid_end_the_guest() {
    let error = run("name_not_utf8", StringEncoding::UTF8).expect_err("it is no text");
    assert!(format!("{error:#}").contains("utf-8"), "{error:#}");
    for name in ["key_past_the_end", "keys_past_the_end"] {
        let error = run(name, StringEncoding::UTF8).expect_err("it has no such memory");
        assert!(
            format!("{error:#}").contains("out of bounds"),
            "{name}: {error:#}"
        );
        assert_eq!(error.downcast_ref::<Trap>(), None, "{name}");
    }
}

/// One value takes all of the room.
#[test]
fn a_million_keys_get_one_answer() {
    let ran = run("a_million_keys", StringEncoding::UTF8);
    assert_eq!(ran.expect("it lives"), 1);
}

/// They are compared with no key, since none is as long.
#[test]
fn keys_that_are_too_long_are_absent_at_once() {
    let ran = run("long_keys", StringEncoding::UTF8);
    assert_eq!(ran.expect("it lives"), 102_400);
}

#[test]
fn a_large_value_is_read_again_and_again() {
    let ran = run("large_values", StringEncoding::UTF8);
    assert_eq!(ran.expect("it lives"), 100 * MIB as u64);
}
