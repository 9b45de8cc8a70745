//! Gives the maps of tenants to other processes of this user.

use localmap::{Host, Limits, MapOptions, TenantClass, Tenants, TenantsOptions};
use localmap_sidecar::{Sidecar, SidecarOptions, Socket};
use std::path::Path;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Each tenant has a map of at most 4 MiB, which ends when it has not been used for a minute.
    let limits = Limits::default().max_bytes(4 << 20);
    let class = TenantClass::new("all")
        .map(MapOptions::new().limits(limits))
        .idle_timeout(Duration::from_secs(60));
    let tenants = Tenants::new(&Host::new()?, TenantsOptions::new().class(class))?;
    let sidecar = Sidecar::new(tenants, SidecarOptions::new());

    // Only processes of this user can connect.
    let socket = Socket::bind(Path::new("/run/localmap/map.sock"), 0o600)?;
    tokio::select! {
        () = sidecar.serve(socket) => {}
        _ = tokio::signal::ctrl_c() => {}
    }
    // Streams end now, calls within ten seconds.
    sidecar.shutdown(Duration::from_secs(10)).await;
    Ok(())
}
