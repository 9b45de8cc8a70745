//! Tenants of two classes, each with a map of its own.

use localmap::{
    Host, Limits, ManualClock, MapOptions, Policy, RateLimit, TenantClass, TenantError, Tenants,
    TenantsOptions, Ttl,
};
use std::time::Duration;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Tenants whose names begin with `gold-` may store more than others, and as often as they like.
    let gold = TenantClass::new("gold").matching(|name| name.starts_with(b"gold-"));
    let limits = Limits::default()
        .max_entries(1_000)
        .max_bytes(1 << 20)
        .policy(Policy::S3Fifo);
    let others = TenantClass::new("others")
        .map(MapOptions::new().limits(limits))
        .rate_limit(RateLimit::per_second(100).burst(2))
        .idle_timeout(Duration::from_secs(60));

    // This clock moves only when it is advanced; leave it out for the system's clock.
    let clock = ManualClock::new();
    let options = TenantsOptions::new()
        .class(gold)
        .class(others)
        .clock(clock.clone());
    let tenants = Tenants::new(&Host::new()?, options)?;

    // The first checkout of a tenant creates its map. The same keys are different entries.
    tenants
        .checkout(b"gold-a")?
        .set(b"k", b"of a", Ttl::Never)?;
    let b = tenants.checkout(b"b")?;
    assert_eq!(b.get(b"k")?, None);
    assert_eq!(
        tenants.checkout(b"gold-a")?.get(b"k")?.as_deref(),
        Some(&b"of a"[..])
    );

    // The second tenant has used up its rate, and is told when to come again.
    b.set(b"k", b"of b", Ttl::Never)?;
    match b.get(b"k") {
        Err(TenantError::RateLimited(limited)) => clock.advance(limited.retry_after),
        other => return Err(format!("expected the limit on the rate, got {other:?}").into()),
    }
    assert_eq!(b.get(b"k")?.as_deref(), Some(&b"of b"[..]));
    drop(b);

    // A tenant that is not used for a while is dropped. Its statistics are kept.
    clock.advance(Duration::from_secs(60));
    assert_eq!(tenants.sweep().len(), 1);
    let stats = tenants.stats(b"b").ok_or("it is unknown")?;
    assert!(!stats.live && stats.maps.writes == 1);
    Ok(())
}
