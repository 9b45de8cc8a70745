//! tonic behind a guard: the service for health checks, whose method `Watch` is a stream.

use super::{PATIENCE, guard};
use localmap_lease::GuardLayer;
use std::net::SocketAddr;
use tokio::time::timeout;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

const RULES: &str = r#"
    otherwise = "refuse"
    [[rule]]
    grpc = "grpc.health.v1.Health/Watch"
    key = "{header:x-key}"
    wait = "0s"
    [[rule]]
    grpc = "grpc.health.v1.Health/Check"
    key = "{header:x-key}"
    mode = "read"
    wait = "0s"
"#;

/// A rule for something else.
const OTHER: &str = "[[rule]]\npath = \"/other\"\nmode = \"pass\"";

async fn serve(rules: &str) -> SocketAddr {
    let (_reporter, service) = tonic_health::server::health_reporter();
    let incoming = TcpIncoming::bind(([127, 0, 0, 1], 0).into()).expect("a port");
    let addr = incoming.local_addr().expect("an address");
    let layer = GuardLayer::new(guard(rules));
    let server = Server::builder().layer(layer).add_service(service);
    tokio::spawn(server.serve_with_incoming(incoming));
    addr
}

async fn client(addr: SocketAddr) -> HealthClient<Channel> {
    let endpoint = Endpoint::from_shared(format!("http://{addr}")).expect("an address");
    HealthClient::new(endpoint.connect().await.expect("it listens"))
}

fn request(keys: &[&str]) -> Request<HealthCheckRequest> {
    let mut request = Request::new(HealthCheckRequest::default());
    for key in keys {
        let value = key.parse().expect("a value");
        request.metadata_mut().append("x-key", value);
    }
    request
}

fn code(result: Result<impl Sized, Status>) -> Code {
    match result {
        Ok(_) => Code::Ok,
        Err(status) => {
            assert!(!status.message().is_empty(), "{status:?}");
            status.code()
        }
    }
}

#[tokio::test]
async fn a_call_holds_its_lock_until_its_stream_has_ended() {
    let addr = serve(RULES).await;
    let (mut first, mut second) = (client(addr).await, client(addr).await);
    let mut stream = first.watch(request(&["a"])).await.expect("it is free");
    let message = timeout(PATIENCE, stream.get_mut().message()).await;
    assert!(message.expect("a message").expect("no error").is_some());
    let refused = second.check(request(&["a"])).await;
    let status = refused.expect_err("it is locked");
    assert_eq!(status.code(), Code::Unavailable);
    assert_eq!(status.message(), "the resource is locked");
    assert_eq!(
        status
            .metadata()
            .get("grpc-retry-pushback-ms")
            .expect("a time"),
        "1000"
    );
    assert_eq!(code(second.check(request(&["b"])).await), Code::Ok);
    drop(stream);
    let free = async {
        while code(second.check(request(&["a"])).await) != Code::Ok {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, free).await.expect("the lock is free");
}

#[tokio::test]
async fn refusals_are_statuses() {
    let addr = serve(RULES).await;
    let mut client = client(addr).await;
    assert_eq!(code(client.check(request(&["a"])).await), Code::Ok);
    for keys in [&[][..], &[""], &["a", "a"]] {
        let refused = client.check(request(keys)).await;
        assert_eq!(code(refused), Code::InvalidArgument, "{keys:?}");
    }
    let addr = serve(&format!("otherwise = \"refuse\"\n{OTHER}")).await;
    let mut client = super::grpc::client(addr).await;
    assert_eq!(
        code(client.check(request(&[])).await),
        Code::PermissionDenied
    );
    let addr = serve(&format!("otherwise = \"pass\"\n{OTHER}")).await;
    let mut client = super::grpc::client(addr).await;
    assert_eq!(code(client.check(request(&[])).await), Code::Ok);
}
