#!/usr/bin/env bash
# tonic: a client's own limit on what it sends shows as a lost connection, not as a message that is too large.
#
# Tools: tonic 0.14.9 and tonic-health 0.14.9 from crates.io, with hyper and h2.
#
# A generated client has `max_encoding_message_size` and `max_decoding_message_size`. A response that is
# longer than the second is OUT_OF_RANGE, and the message names both lengths. One expects the same of a
# request that is longer than the first, all the more as the limit is checked before anything is sent.
# But the limit is checked while the body of the request is read: that fails, and the client reports
# UNKNOWN, "transport error", without a word of the limit. A program that tries again after an error of
# the connection does so for nothing. Measure requests before the call instead
# (`prost::Message::encoded_len`).
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
h2 = "=0.4.20"
http = "1"
hyper = "=1.12.0"
tokio = { version = "1", features = ["macros", "net", "rt"] }
tonic = { version = "=0.14.9", default-features = false, features = ["channel"] }
tonic-health = { version = "=0.14.9", default-features = false }
TOML
cat > src/main.rs <<'RS'
use tokio::net::TcpListener;
use tonic::Status;
use tonic_health::pb::{health_client::HealthClient, HealthCheckRequest};

/// Reads requests, and answers with a response of 102 bytes.
async fn answer(listener: TcpListener) {
    let (socket, _) = listener.accept().await.unwrap();
    let mut connection = h2::server::handshake(socket).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let response = http::Response::builder().header("content-type", "application/grpc");
        if let Ok(mut body) = respond.send_response(response.body(()).unwrap(), false) {
            let _ = body.send_data([&[0, 0, 0, 0, 102][..], &[0; 102]].concat().into(), true);
        }
    }
}

fn describe(what: &str, status: Status) {
    let told = status.message().contains("too large");
    println!("{what}: {:?}, which {} the limit", status.code(), if told { "names" } else { "does not name" });
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(answer(listener));
    let channel = tonic::transport::Endpoint::from_shared(address).unwrap();
    let channel = channel.connect().await.unwrap();
    let mut client = HealthClient::new(channel.clone()).max_decoding_message_size(16);
    let request = HealthCheckRequest { service: "x".repeat(100) };
    describe("a response of 102 bytes, limit 16", client.check(request.clone()).await.unwrap_err());
    let mut client = HealthClient::new(channel).max_encoding_message_size(16);
    describe("a request of 102 bytes, limit 16", client.check(request).await.unwrap_err());
}
RS

cat > expected <<'TXT'
a response of 102 bytes, limit 16: OutOfRange, which names the limit
a request of 102 bytes, limit 16: Unknown, which does not name the limit
TXT
cargo run --quiet > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
