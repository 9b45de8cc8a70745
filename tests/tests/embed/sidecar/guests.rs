//! Guests of a sidecar that is embedded: on the runtime that serves it, with maps that end and tenants
//! that have several.

use localmap::{Host, MAP_COMPONENT, TenantClass, Tenants, TenantsOptions};
use localmap_serve::SandboxConfig;
use localmap_sidecar::{GuestError, Guests, GuestsOptions, Sidecar, SidecarOptions, Socket};
use localmap_sidecar_proto::call_guest_response::Result as Answer;
use localmap_sidecar_proto::maps_client::MapsClient;
use localmap_sidecar_proto::{CallGuestRequest, CallGuestResponse};
use localmap_tests::guest;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// A sidecar in this process with the guest `handled`.
struct Server {
    tenants: Tenants,
    client: MapsClient<Channel>,
    /// Ends with the runtime of the test.
    _folder: TempDir,
}

impl Server {
    async fn start(class: TenantClass) -> Self {
        let host = Host::new().expect("a host");
        let mut guests = Guests::new(GuestsOptions::new());
        let handled = std::fs::read(guest("handled")).expect("it is built");
        guests.add("handled", &handled).expect("it is a guest");
        guests.try_instances(&host).await.expect("it can start");
        let tenants = Tenants::new(&host, TenantsOptions::new().class(class)).expect("tenants");
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("map.sock");
        let socket = Socket::bind(&path, 0o600).expect("a socket");
        let options = SidecarOptions::new().guests(guests);
        let sidecar = Sidecar::new(tenants.clone(), options);
        tokio::spawn(async move { sidecar.serve(socket).await });
        let endpoint = Endpoint::from_shared(format!("unix://{}", path.display()));
        let channel = endpoint.expect("an address").connect().await;
        Self {
            tenants,
            client: MapsClient::new(channel.expect("a connection")),
            _folder: folder,
        }
    }

    async fn call(&self, request: &'static str) -> Result<CallGuestResponse, Status> {
        let request = CallGuestRequest {
            tenant: "acme".to_owned(),
            guest: "handled".to_owned(),
            request: request.into(),
        };
        let response = self.client.clone().call_guest(request).await?;
        Ok(response.into_inner())
    }
}

/// Cancels the map while the guest waits for a key that nobody writes.
#[tokio::test]
async fn a_call_whose_map_ends_is_unavailable_and_the_next_one_gets_another_map() {
    let server = Server::start(TenantClass::new("all")).await;
    let cancel = async {
        let map = server.tenants.checkout(b"acme").expect("a map");
        let began = Instant::now();
        while !map.contains(b"me").expect("it is alive") {
            assert!(
                began.elapsed() < Duration::from_secs(60),
                "it was not called"
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        map.cancel_handle().cancel();
    };
    let (ended, ()) = tokio::join!(server.call("meet me nobody"), cancel);
    assert_eq!(
        ended.expect_err("its map has ended").code(),
        Code::Unavailable
    );
    let next = server.call("count n").await.expect("an answer");
    assert_eq!(next.result, Some(Answer::Response("1".into())));
}

#[tokio::test]
async fn a_guest_gets_no_part_of_a_map() {
    let server = Server::start(TenantClass::new("all").shards_per_tenant(2)).await;
    let refused = server.call("count n").await.expect_err("which of them?");
    assert_eq!(refused.code(), Code::Unimplemented);
}

#[tokio::test]
async fn errors_tell_why_a_component_is_no_guest() {
    let handled = std::fs::read(guest("handled")).expect("it is built");
    let mut guests = Guests::new(GuestsOptions::new());
    assert!(matches!(guests.add("a b", &handled), Err(GuestError::Name)));
    guests.add("a", &handled).expect("it is a guest");
    assert!(matches!(
        guests.add("a", &handled),
        Err(GuestError::Duplicate)
    ));
    assert!(matches!(
        guests.add("b", MAP_COMPONENT),
        Err(GuestError::NoHandler)
    ));
    assert!(matches!(
        guests.add("b", b"text"),
        Err(GuestError::Component(_))
    ));
    assert_eq!(guests.names().collect::<Vec<_>>(), ["a"]);

    let small = GuestsOptions::new().sandbox(SandboxConfig::new().max_memory(64 << 10));
    let mut guests = Guests::new(small);
    guests.add("large", &handled).expect("it is a guest");
    let host = Host::new().expect("a host");
    let (name, error) = guests
        .try_instances(&host)
        .await
        .expect_err("it is too large");
    assert_eq!(name, "large");
    assert!(matches!(error, GuestError::Instance(_)), "{error}");
}
