//! Schemas and maps: their limits and first entries.

use localmap::{Host, Limits, ManualClock, MapOptions, Policy};
use localmap_schema::Schema;
use std::time::Duration;

const SCHEMA: &[u8] = br#"
    format = 1
    version = 1

    [limits]
    max-entries = 3
    max-key = 300
    default-ttl = "1m"
    policy = "lru"

    [[prefix]]
    prefix = "short:"
    default-ttl = "1s"

    [[prefix]]
    prefix = ""

    [[entry]]
    key = "short:a"
    value = "1"

    [[entry]]
    key = "b"
    value = 5

    [[entry]]
    key = "c"
    value = { hex = "00ff" }
    ttl = "never"
"#;

#[test]
fn a_map_gets_the_limits_and_the_entries_of_a_schema() {
    let schema = Schema::parse(SCHEMA).expect("a schema");
    let limits = schema.limits().over(Limits::default().max_pins(7));
    let expected = Limits::default()
        .max_pins(7)
        .max_entries(3)
        .max_key(300)
        .default_ttl(Some(Duration::from_secs(60)))
        .policy(Policy::Lru);
    assert_eq!(limits, expected);

    let clock = ManualClock::new();
    let options = MapOptions::new().limits(limits).clock(clock.clone());
    let mut map = Host::new().expect("a host").map(&options).expect("a map");
    map.preload(&schema.preloads()).expect("room");
    assert_eq!(
        map.get(b"short:a").expect("alive").as_deref(),
        Some(&b"1"[..])
    );
    assert_eq!(
        map.increment(b"b", 1, localmap::Ttl::Default)
            .expect("a counter"),
        6
    );
    clock.advance(Duration::from_secs(1));
    assert_eq!(map.get(b"short:a").expect("alive"), None);
    clock.advance(Duration::from_secs(59));
    assert_eq!(map.get(b"b").expect("alive"), None);
    assert_eq!(
        map.get(b"c").expect("alive").as_deref(),
        Some(&b"\x00\xff"[..])
    );
}
