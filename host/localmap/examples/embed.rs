//! The life of a map, for example that of one tenant.

use localmap::{Host, Limits, ManualClock, MapOptions, Ttl};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Compiles the map component, once per program.
    let host = Host::new()?;

    // A map for one tenant, request or connection. This clock moves only when it is advanced;
    // leave it out for the system's clock.
    let clock = ManualClock::new();
    let options = MapOptions::new()
        .limits(Limits::default().max_entries(1_000))
        .clock(clock.clone());
    let mut map = host.map(&options)?;

    // A session that expires after half an hour.
    map.set(b"session", b"alice", Duration::from_secs(1800).into())?;
    assert_eq!(map.get(b"session")?.as_deref(), Some(&b"alice"[..]));

    // A fixed window of a minute that begins with the first request.
    let window = Ttl::After(Duration::from_secs(60));
    assert_eq!(map.increment(b"requests", 1, window)?, 1);
    assert_eq!(map.increment(b"requests", 1, window)?, 2);

    clock.advance(Duration::from_secs(60));
    assert_eq!(map.get(b"requests")?, None);
    assert_eq!(map.len()?, 1);

    // Dropping the map frees everything that it held.
    drop(map);
    Ok(())
}
