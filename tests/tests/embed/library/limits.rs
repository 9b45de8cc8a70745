//! Limits, and entries that are preloaded.

use super::{host, map};
use localmap::{
    ConfigureError, CreateError, Limits, MapOptions, PlugError, Policy, Preload, PreloadError,
    SetError, Setting, Ttl, plug,
};
use std::time::Duration;

#[test]
fn limits_out_of_range_make_no_map() {
    let host = host();
    for (limits, expected) in [
        (Limits::default().max_entries(0), Setting::MaxEntries),
        (Limits::default().max_entries(1 << 32), Setting::MaxEntries),
        (
            Limits::default().max_value((1 << 30) + 1),
            Setting::MaxValue,
        ),
        (
            Limits::default().default_ttl(Some(Duration::ZERO)),
            Setting::DefaultTtl,
        ),
        (Limits::default().max_bytes(131_071), Setting::MaxBytes),
        (Limits::default().max_pins(65_537), Setting::MaxPins),
    ] {
        let refused = host.map(&MapOptions::new().limits(limits.clone()));
        let Err(CreateError::Limits {
            source: ConfigureError::OutOfRange { setting, .. },
            ..
        }) = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!(setting, expected);
        assert!(limits.check().is_err());
        assert!(matches!(plug(b"", &limits), Err(PlugError::Limits { .. })));
    }
}

#[test]
fn what_may_not_change_any_more_is_told() {
    let mut map = map(&MapOptions::new());
    map.set(b"k", b"v", Ttl::Never).expect("room");
    for (limits, words) in [
        (
            Limits::default().policy(Policy::Lru),
            "policy cannot be changed",
        ),
        (Limits::default().max_pins(1), "max-pins cannot be lowered"),
    ] {
        let refused = map.configure(&limits).expect_err(words);
        assert!(matches!(refused, ConfigureError::Lowered { .. }));
        assert!(refused.to_string().contains(words), "{refused}");
    }
}

#[test]
fn rule_11_in_preloading_names_the_entry_that_was_refused() {
    let mut map = map(&MapOptions::new().limits(Limits::default().max_entries(1)));
    let entry = |key: &[u8]| Preload {
        key: key.to_vec(),
        value: b"v".to_vec(),
        ttl: Ttl::Never,
    };
    let refused = map
        .preload(&[entry(b"a"), entry(b"b")])
        .expect_err("no room");
    let PreloadError::Refused { index, source, .. } = refused else {
        panic!("{refused}");
    };
    assert_eq!(index, 1);
    assert!(matches!(source, SetError::Full));
    assert!(map.contains(b"a").expect("alive"));
}
