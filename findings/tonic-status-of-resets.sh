#!/usr/bin/env bash
# tonic: the status of a client for a stream that was reset depends on the cargo feature `server`.
#
# Tools: tonic 0.14.9 and tonic-health 0.14.9 from crates.io, with hyper and h2.
#
# gRPC says which status a client reports if HTTP/2 resets a stream: UNAVAILABLE for REFUSED_STREAM,
# CANCELLED for CANCEL, RESOURCE_EXHAUSTED for ENHANCE_YOUR_CALM. One expects tonic's client to do so,
# whatever else is built. It does if the feature `server` of tonic is on, anywhere in the build. With
# `channel` alone, all of them are UNKNOWN, because the function that translates the reasons is part of
# that feature. So a client that retries on UNAVAILABLE behaves differently in a program that also has
# a server, and its tests, which often do have one, do not show it.
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

[features]
server = ["tonic/server"]

[dependencies]
h2 = "=0.4.20"
http = "1"
hyper = "=1.12.0"
tokio = { version = "1", features = ["macros", "net", "rt"] }
tonic = { version = "=0.14.9", default-features = false, features = ["channel"] }
tonic-health = { version = "=0.14.9", default-features = false }
TOML
cat > src/main.rs <<'RS'
use h2::Reason;
use tokio::net::TcpListener;
use tonic_health::pb::{health_client::HealthClient, HealthCheckRequest};

/// Resets the only request of each connection.
async fn reset(listener: TcpListener, reason: Reason) {
    let (socket, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        respond.send_reset(reason);
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let feature = if cfg!(feature = "server") { "with" } else { "without" };
    for reason in [Reason::REFUSED_STREAM, Reason::CANCEL, Reason::ENHANCE_YOUR_CALM] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(reset(listener, reason));
        let channel = tonic::transport::Endpoint::from_shared(address).unwrap();
        let mut client = HealthClient::new(channel.connect().await.unwrap());
        let status = client.check(HealthCheckRequest::default()).await.unwrap_err();
        println!("{feature} the feature `server`: {reason:?}: {:?}", status.code());
    }
}
RS

cat > expected <<'TXT'
without the feature `server`: REFUSED_STREAM: Unknown
without the feature `server`: CANCEL: Unknown
without the feature `server`: ENHANCE_YOUR_CALM: Unknown
with the feature `server`: REFUSED_STREAM: Unavailable
with the feature `server`: CANCEL: Cancelled
with the feature `server`: ENHANCE_YOUR_CALM: ResourceExhausted
TXT
cargo run --quiet > found
cargo run --quiet --features server >> found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
