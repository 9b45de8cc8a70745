//! The error texts of the library, in `tests/snapshots/errors-of-the-library`.

use localmap::{
    CancelHandle, Change, Condition, Host, HostOptions, Limits, LocalMap, ManualClock, MapOptions,
    Policy, Preload, Ttl, bucket_key, inspect, plug,
};
use localmap_tests::{provider, snapshots};
use std::error::Error;
use std::fmt::Write;
use std::time::Duration;

/// Formats errors with the situations in which they occur and their causes.
#[derive(Default)]
struct Texts(String);

impl Texts {
    fn add<T>(&mut self, what: &str, answer: Result<T, impl Error>) {
        let error = answer.err().unwrap_or_else(|| panic!("{what}: no error"));
        let _ = writeln!(self.0, "{what}\n  {error}");
        let mut cause = error.source();
        while let Some(error) = cause {
            // Only the first line of Wasmtime's errors: the rest is a backtrace.
            let text = error.to_string();
            let _ = writeln!(
                self.0,
                "  because: {}",
                text.lines().next().unwrap_or_default()
            );
            cause = error.source();
        }
    }
}

fn map(limits: Limits) -> LocalMap {
    let options = MapOptions::new().limits(limits).clock(ManualClock::new());
    Host::new().expect("a host").map(&options).expect("a map")
}

fn operations() -> String {
    let mut texts = Texts::default();
    let limits = Limits::default().max_entries(1).max_pins(1).max_value(16);
    let mut map = map(limits.utf8_keys(true));
    let ttl = Ttl::Never;
    texts.add("no key", map.set(b"", b"v", ttl));
    texts.add("a long key", map.set(&[b'k'; 129], b"v", ttl));
    texts.add("a key that is no text", map.set(b"\xff", b"v", ttl));
    texts.add("a long value", map.set(b"k", &[7; 17], ttl));
    texts.add("no time", map.set(b"k", b"v", Ttl::After(Duration::ZERO)));
    let condition = Condition::Present;
    texts.add("nothing there", map.set_if(b"k", b"v", ttl, condition));
    let version = map.set(b"k", b"v", ttl).expect("room");
    texts.add("no room", map.set(b"l", b"v", ttl));
    let condition = Condition::Absent;
    texts.add("something there", map.set_if(b"k", b"v", ttl, condition));
    texts.add("another version", map.delete_if(b"k", version + 1));
    texts.add("no counter", map.increment(b"k", 1, ttl));
    let change = Change::Touch {
        key: b"k",
        ttl: Ttl::After(Duration::ZERO),
    };
    texts.add("no time, in a batch", map.apply(&[change]));
    let pin = map.pin(b"k").expect("room");
    texts.add("too many pins", map.pin(b"k"));
    drop(pin);
    let entry = Preload {
        key: b"l".to_vec(),
        value: b"v".to_vec(),
        ttl,
    };
    texts.add("no room at the start", map.preload(&[entry]));
    let limits = Limits::default().policy(Policy::Lru);
    texts.add("another policy", map.configure(&limits));
    let limits = Limits::default().max_entries(0);
    texts.add("limits out of range", map.configure(&limits));
    texts.add("a long bucket", bucket_key(&"b".repeat(256), "k"));
    texts.0
}

fn hosts() -> String {
    let mut texts = Texts::default();
    let one = HostOptions::new().max_maps(1).max_memory(4 << 20);
    let host = Host::with_options(&one).expect("a host");
    let too_much = MapOptions::new().max_memory(8 << 20);
    texts.add("more memory than there is", host.map(&too_much));
    let too_little = MapOptions::new().max_memory(1);
    texts.add("less memory than it starts with", host.map(&too_little));
    let limits = Limits::default().max_value(2 << 30);
    let wrong = MapOptions::new().limits(limits.clone());
    texts.add("limits out of range", host.map(&wrong));
    let handle = CancelHandle::new();
    handle.cancel();
    let cancelled = MapOptions::new().cancel_with(&handle);
    texts.add("a cancelled handle", host.map(&cancelled));
    let _map = host.map(&MapOptions::new()).expect("a map");
    texts.add("one map too many", host.map(&MapOptions::new()));
    let other = |wat: &str| wat::parse_str(wat).expect("valid text");
    let of = |component: &[u8]| Host::with_component(component, &HostOptions::new());
    texts.add("no component", of(b"hello"));
    texts.add("a module", of(&other("(module)")));
    texts.add("a component of another world", of(&other("(component)")));
    texts.add("no component, inspected", inspect(b"hello"));
    texts.add("no component, plugged", plug(b"hello", &Limits::default()));
    texts.add(
        "another world, plugged",
        plug(&other("(component)"), &Limits::default()),
    );
    texts.add("limits out of range, plugged", plug(b"", &limits));
    texts.0
}

/// Returns the errors of terminated maps, without the time of day.
fn ends() -> String {
    let mut texts = Texts::default();
    let endless = "(loop $endless (br $endless)) unreachable";
    let grow = "(drop (memory.grow (i32.const 200))) unreachable";
    let bodies = [("get", endless), ("len", "unreachable"), ("take", grow)];
    let component = wat::parse_str(provider(&bodies, "", 1)).expect("valid text");
    let host = Host::with_component(&component, &HostOptions::new()).expect("it fits");
    let options = MapOptions::new()
        .call_timeout(Duration::from_millis(20))
        .max_memory(8 << 20);
    let map = || host.map(&options).expect("a map");
    texts.add("a call without end", map().get(b"k"));
    texts.add("a trap", map().len());
    texts.add("a trap for want of memory", map().take(b"k"));
    let mut cancelled = map();
    cancelled.cancel_handle().cancel();
    texts.add("cancelled", cancelled.contains(b"k"));
    texts.0
}

#[test]
fn error_texts() {
    snapshots("errors-of-the-library", |snapshots| {
        snapshots.check("operations.txt", &operations());
        snapshots.check("hosts.txt", &hosts());
        snapshots.check("ends.txt", &localmap_tests::stable(&ends()));
    });
}
