//! Mirrors: copies that equal the map at each response without `more`, whatever happens to the map and to
//! their streams.

mod ends;
mod instants;
mod peer;
mod writers;

use localmap::{
    Checkout, Host, HostOptions, Limits, ManualClock, MapOptions, Policy, TenantClass, Tenants,
    TenantsOptions,
};
use localmap_sidecar::{Sidecar, SidecarOptions, Socket};
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::{
    DeleteRequest, ScanRequest, SetRequest, StatsRequest, StatsResponse, Ttl, set_response, ttl,
};
use peer::{Copy, Entries, Stored};
use std::collections::BTreeSet;
use std::time::Duration;
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};

const TENANT: &str = "tenant";

/// A sidecar in this process, whose clock moves only when a test moves it.
struct Server {
    tenants: Tenants,
    clock: ManualClock,
    client: MapsClient<Channel>,
    /// Ends with the runtime of the test.
    _folder: TempDir,
}

impl Server {
    async fn start(class: TenantClass, options: SidecarOptions) -> Self {
        let host = Host::with_options(&HostOptions::new().max_maps(10)).expect("a host");
        let clock = ManualClock::new();
        let all = TenantsOptions::new().class(class).clock(clock.clone());
        let tenants = Tenants::new(&host, all).expect("tenants");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("map.sock");
        let socket = Socket::bind(&path, 0o600).expect("a socket");
        let sidecar = Sidecar::new(tenants.clone(), options);
        tokio::spawn(async move { sidecar.serve(socket).await });
        let uri = format!("unix://{}", path.display());
        let endpoint = Endpoint::from_shared(uri).expect("an address");
        let channel = endpoint.connect().await.expect("a connection");
        Self {
            tenants,
            clock,
            client: MapsClient::new(channel),
            _folder: folder,
        }
    }

    fn checkout(&self) -> Checkout {
        self.tenants.checkout(TENANT.as_bytes()).expect("a map")
    }

    fn now(&self) -> Duration {
        localmap::Clock::now(&self.clock)
    }

    /// Returns all entries of the map.
    async fn scan(&self) -> Entries {
        let (mut all, mut next) = (Entries::new(), Some(0));
        let mut client = self.client.clone();
        while let Some(cursor) = next {
            let request = ScanRequest {
                tenant: TENANT.to_owned(),
                cursor,
                ..ScanRequest::default()
            };
            let page = client.scan(request).await.expect("a page").into_inner();
            for entry in page.entries {
                let left = entry.expires_in_nanos.map(Duration::from_nanos);
                let stored = Stored {
                    value: entry.value,
                    version: entry.version,
                    deadline: left.map(|left| self.now() + left),
                };
                all.insert(entry.key, stored);
            }
            next = page.next;
        }
        all
    }

    /// Sets a key that never expires. Makes room for it if the map is full.
    async fn end(&self, key: &str) {
        let mut client = self.client.clone();
        let kind = Some(ttl::Kind::Never(true));
        let set = SetRequest {
            tenant: TENANT.to_owned(),
            key: key.to_owned().into(),
            value: "".into(),
            ttl: Some(Ttl { kind }),
        };
        loop {
            let result = client.set(set.clone()).await.expect("a map").into_inner();
            if let Some(set_response::Result::Version(_)) = result.result {
                return;
            }
            let entries = self.scan().await;
            let delete = DeleteRequest {
                tenant: TENANT.to_owned(),
                key: entries.into_keys().next().expect("it is full"),
                version: None,
            };
            client.delete(delete).await.expect("a map");
        }
    }

    /// Makes a call that may have written something.
    async fn wake(&self) {
        let request = DeleteRequest {
            tenant: TENANT.to_owned(),
            key: "absent".into(),
            version: None,
        };
        let deleted = self.client.clone().delete(request).await;
        deleted.expect("a map");
    }

    async fn stats(&self) -> StatsResponse {
        let tenant = TENANT.to_owned();
        let stats = self.client.clone().stats(StatsRequest { tenant }).await;
        stats.expect("statistics").into_inner()
    }

    /// Checks that a copy equals the map, but for what it has refused.
    async fn assert_equals(&self, copy: &Copy) {
        let but_refused = |mut entries: Entries| {
            entries.retain(|key, _| !copy.refused.contains(key));
            entries
        };
        let (copied, all) = (copy.entries.clone(), self.scan().await);
        assert_eq!(but_refused(copied), but_refused(all));
    }
}

/// A class whose maps have little room.
fn small(policy: Policy) -> TenantClass {
    let limits = Limits::default().max_entries(150).policy(policy);
    TenantClass::new("all").map(MapOptions::new().limits(limits))
}

/// Returns how often something is done, which `just chaos` makes many times as often.
fn many(times: u64) -> u64 {
    match std::env::var_os("LOCALMAP_CHAOS") {
        Some(_) => 40 * times,
        None => times,
    }
}

fn none() -> BTreeSet<bytes::Bytes> {
    BTreeSet::new()
}
