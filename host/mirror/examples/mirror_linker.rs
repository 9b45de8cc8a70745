//! A guest in an engine, a linker and a store of yours, which reads a mirror.

use localmap::wasmtime::component::{Component, Linker};
use localmap::wasmtime::{Engine, Store};
use localmap::{Host, ManualClock};
use localmap_mirror::{Event, Feed, MirrorOptions, MirrorState, Mirrors};
use std::time::Duration;

/// The data of a guest's store.
struct Guest {
    mirrors: Mirrors,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Any engine, and the guest, compiled once.
    let engine = Engine::default();
    let guest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/guest.wat");
    let guest = Component::new(&engine, wat::parse_file(guest)?)?;
    let mut linker = Linker::<Guest>::new(&engine);
    localmap_mirror::add_to_linker(&mut linker, |guest| &guest.mirrors)?;

    // A mirror of a source of your own. That of a prefix of etcd is a `Mirror`.
    let clock = ManualClock::new();
    let options = MirrorOptions::new().clock(clock.clone());
    let feed = Feed::new(&Host::new()?, options)?;

    // Clones of the set are cheap, and read the same mirrors.
    let mirrors = Mirrors::new().mirror("settings", feed.reader());
    let mut store = Store::new(&engine, Guest { mirrors });
    let guest = linker.instantiate(&mut store, &guest)?;
    let color = guest.get_typed_func::<(), (Vec<u8>,)>(&mut store, "color")?;

    // There is no copy yet, so the guest uses its own value.
    assert_eq!(color.call(&mut store, ())?.0, b"grey");

    let sent = feed.now();
    let mut list = feed.list(7)?;
    list.load(&[Event {
        key: b"color",
        value: Some(b"blue"),
        revision: 5,
    }])?;
    feed.install(list, sent);
    feed.enter(MirrorState::Live, None);
    assert_eq!(color.call(&mut store, ())?.0, b"blue");

    // The source has not answered for too long.
    clock.advance(Duration::from_secs(6));
    assert_eq!(color.call(&mut store, ())?.0, b"grey");
    Ok(())
}
