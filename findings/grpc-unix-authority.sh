#!/usr/bin/env bash
# gRPC over a Unix socket: grpcio names the path of the socket as the authority, which Rust's HTTP/2 refuses.
#
# Tools: grpcio 1.85.3 from PyPI, @grpc/grpc-js 1.14.7 from npm, http 1.5.0 from crates.io.
#
# A request of HTTP/2 has an `:authority`. For the target `unix:/tmp/demo.sock`, one expects a client to
# send a fixed name, since a socket has no host. grpc-js sends `localhost`. grpcio sends the path, without
# its first slash and with the others percent-encoded. RFC 3986 permits percent-encoding in the name of a host, and servers on
# top of gRPC's C core accept it. The Rust crate `http` rejects it in a host, so servers on top of the
# crate `h2`, such as tonic's, reset the stream before any handler sees the request. grpcio then reports
# INTERNAL, "Stream removed", and nothing of the cause. Its channel option `grpc.default_authority`
# replaces the path.
#
# Seen: the lines below. The authorities are those that a small server on top of the Python package h2
# receives.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check grpcio==1.85.3 h2==4.4.1
mkdir js
echo '{ "private": true, "dependencies": { "@grpc/grpc-js": "1.14.7" } }' > js/package.json
(cd js && npm install --no-fund --no-audit --loglevel error > /dev/null)
mkdir -p rust/src
cat > rust/Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.1.0"
edition = "2021"

[dependencies]
http = "=1.5.0"

[workspace]
TOML
cat > rust/src/main.rs <<'RS'
use http::uri::Authority;

fn main() {
    for text in ["localhost", "demo.sock", "tmp%2Fdemo.sock"] {
        let accepted = text.parse::<Authority>().is_ok();
        println!("http 1.5.0: {text}: {}", if accepted { "valid" } else { "invalid" });
    }
}
RS

cat > expected <<'TXT'
grpcio: the path, percent-encoded
grpcio with grpc.default_authority: demo
grpc-js: localhost
http 1.5.0: localhost: valid
http 1.5.0: demo.sock: valid
http 1.5.0: tmp%2Fdemo.sock: invalid
TXT

cat > client.mjs <<'JS'
import { createRequire } from 'node:module';
const grpc = createRequire(`${process.cwd()}/js/package.json`)('@grpc/grpc-js');
const client = new grpc.Client(process.argv[2], grpc.credentials.createInsecure());
const bytes = (value) => value;
client.makeUnaryRequest('/demo.Demo/Ask', bytes, bytes, Buffer.alloc(0), () => process.exit(0));
JS

cat > try.py <<'PY'
import os
import socket
import subprocess
import threading
import urllib.parse

import grpc
import h2.config
import h2.connection
import h2.events


def authority(path, ask):
    """Returns the `:authority` of the first request that `ask` sends to a socket at `path`."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    asking = threading.Thread(target=ask, args=[f"unix:{path}"])
    asking.start()
    client, _ = listener.accept()
    server = h2.connection.H2Connection(h2.config.H2Configuration(client_side=False))
    server.initiate_connection()
    client.sendall(server.data_to_send())
    found = None
    while found is None:
        for event in server.receive_data(client.recv(65536)):
            if isinstance(event, h2.events.RequestReceived):
                found = dict(event.headers)[b":authority"].decode()
        client.sendall(server.data_to_send())
    client.close()
    listener.close()
    os.remove(path)
    asking.join()
    return found


def with_grpcio(options):
    def ask(target):
        with grpc.insecure_channel(target, options=options) as channel:
            try:
                channel.unary_unary("/demo.Demo/Ask")(b"", timeout=10)
            except grpc.RpcError:
                pass

    return ask


def with_grpc_js(target):
    subprocess.run(["node", "client.mjs", target], check=True)


path = os.path.abspath("demo.sock")
found = authority(path, with_grpcio([]))
encoded = urllib.parse.quote(path.removeprefix("/"), safe="")
print("grpcio:", "the path, percent-encoded" if found == encoded else found)
found = authority(path, with_grpcio([("grpc.default_authority", "demo")]))
print("grpcio with grpc.default_authority:", found)
print("grpc-js:", authority(path, with_grpc_js))
PY
venv/bin/python try.py > found
(cd rust && cargo run --quiet) >> found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
