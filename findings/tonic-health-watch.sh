#!/usr/bin/env bash
# tonic-health: watching a service that is not registered ends the stream, and it cannot appear later.
#
# Tool: tonic-health 0.14.9 from crates.io.
#
# The health protocol of gRPC has two methods. `Check` answers for an unknown service with NOT_FOUND.
# `Watch` is to answer SERVICE_UNKNOWN instead and go on, so that the client learns when the service is
# registered; a client retries only if the method is UNIMPLEMENTED. tonic-health ends `Watch` with
# NOT_FOUND as well, and has no way to send SERVICE_UNKNOWN for a name that it has never had. So a
# client that starts before its service is registered has to ask again.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.1.0"
edition = "2021"

[dependencies]
tokio = { version = "1", features = ["macros", "rt"] }
tokio-stream = "0.1"
tonic = { version = "=0.14.9", default-features = false }
tonic-health = { version = "=0.14.9", default-features = false }
TOML
cat > src/main.rs <<'RS'
use tokio_stream::StreamExt;
use tonic::Request;
use tonic_health::pb::{health_server::Health, HealthCheckRequest};
use tonic_health::server::{HealthReporter, HealthService};
use tonic_health::ServingStatus;

fn request(service: &str) -> Request<HealthCheckRequest> {
    Request::new(HealthCheckRequest { service: service.into() })
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let reporter = HealthReporter::new();
    let service = HealthService::from_health_reporter(reporter.clone());
    reporter.set_service_status("known", ServingStatus::Serving).await;
    let mut watch = service.watch(request("known")).await.unwrap().into_inner();
    let status = watch.next().await.unwrap().unwrap().status();
    println!("watch of a registered service: {}", status.as_str_name());
    let check = service.check(request("later")).await.unwrap_err();
    println!("check of another: {:?}", check.code());
    match service.watch(request("later")).await {
        Ok(stream) => {
            let status = stream.into_inner().next().await.unwrap().unwrap().status();
            println!("watch of another: {}", status.as_str_name());
        }
        Err(status) => println!("watch of another: ends with {:?}", status.code()),
    }
}
RS

cat > expected <<'TXT'
watch of a registered service: SERVING
check of another: NotFound
watch of another: ends with NotFound
TXT
cargo run --quiet > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
