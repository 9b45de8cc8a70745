//! Tenants: their isolation, quotas, rates and ends, with a clock that moves only when a test moves it.

mod checkouts;
mod isolation;
mod observed;
mod quotas;
mod shards;
mod statistics;
mod threads;

use localmap::{
    Checkout, Host, HostOptions, Limits, ManualClock, MapOptions, TenantClass, TenantError,
    Tenants, TenantsOptions,
};
use std::sync::LazyLock;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The least that a map may hold, in bytes.
const LEAST: u64 = 128 << 10;

fn host(max_maps: u32) -> Host {
    Host::with_options(&HostOptions::new().max_maps(max_maps)).expect("a host")
}

/// Creates tenants of one class, with a clock of their own.
fn tenants_of(class: TenantClass) -> (Tenants, ManualClock) {
    tenants(TenantsOptions::new().class(class))
}

fn tenants(options: TenantsOptions) -> (Tenants, ManualClock) {
    let clock = ManualClock::new();
    let options = options.clock(clock.clone());
    // Compiled once.
    static HOST: LazyLock<Host> = LazyLock::new(|| host(1_000));
    let tenants = Tenants::new(&HOST, options).expect("the options are in their range");
    (tenants, clock)
}

fn class() -> TenantClass {
    TenantClass::new("all").idle_timeout(60 * SECOND)
}

/// A class of which each tenant may hold this many bytes.
fn class_of_bytes(name: &str, bytes: u64) -> TenantClass {
    let limits = Limits::default().max_bytes(bytes);
    TenantClass::new(name).map(MapOptions::new().limits(limits))
}

fn check_out(tenants: &Tenants, name: &str) -> Checkout {
    tenants.checkout(name.as_bytes()).expect("a map")
}

fn is_full(error: &TenantError) -> bool {
    matches!(error, TenantError::Map(localmap::Error::Full))
}

fn is_terminated(error: &TenantError) -> bool {
    matches!(error, TenantError::Map(localmap::Error::Terminated { .. }))
}
