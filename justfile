# What there is to do here. CI runs the same commands: see .ci/run.

set shell := ["bash", "-euo", "pipefail", "-c"]

# Lists the recipes.
default:
    @just --list

# What must pass before a commit.
pre: fmt lint guest-same doc test

# Checks the form of the code.
fmt:
    cargo fmt --all --check

# Clippy, for the host and for the sandbox.
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings
    cargo clippy --locked -p localmap-map -p localmap-keyvalue --target wasm32-wasip2 -- -D warnings

# Checks the documentation.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps -p localmap -p localmap-engine -p localmap-client

# Builds the command-line program.
build:
    cargo build --release

# All tests.
test:
    cargo test --workspace

# Builds the components that the host embeds.
guest:
    cargo build --locked -p localmap-map -p localmap-keyvalue --profile guest --target wasm32-wasip2
    cp target/wasm32-wasip2/guest/localmap_map.wasm host/guest.wasm
    cp target/wasm32-wasip2/guest/localmap_keyvalue.wasm host/keyvalue.wasm

# Checks that the embedded components are what their source gives.
guest-same:
    cargo build --locked -p localmap-map -p localmap-keyvalue --profile guest --target wasm32-wasip2
    cmp target/wasm32-wasip2/guest/localmap_map.wasm host/guest.wasm
    cmp target/wasm32-wasip2/guest/localmap_keyvalue.wasm host/keyvalue.wasm

# Packs the crates that are published and builds each out of its package; `--config` is for
# the profiles, so that what is compiled already serves.
publish-check:
    cargo publish --dry-run --locked --config Cargo.toml -p localmap-engine -p localmap-client -p localmap

# The WIT package in its binary form, with wasm-tools.
wit:
    mkdir -p target
    wasm-tools component wit wit --wasm -o target/localmap-core.wasm

# Builds an example as guest authors do who use cargo-component.
cargo-component:
    cargo run --release -- run --with-cargo-component --clock clf guest/examples/sessions --idle 30m < tests/data/access.log

# Guests in Python and JavaScript; the map under Node and wasmtime for Python.
interop *parts:
    tests/interop/run.sh {{parts}}

# A guest in Python, as the same guest in Rust.
interop-python: (interop "python")

# A guest in JavaScript, as the same guest in Rust.
interop-javascript: (interop "javascript")

# The vectors against the committed component under Node.
interop-node: (interop "node")

# The same under wasmtime for Python.
interop-wasmtime-py: (interop "wasmtime-py")

# The three examples on a log.
demo:
    cargo run --release -- run --clock clf guest/examples/sessions --idle 30m < tests/data/access.log
    cargo run --release -- run --clock clf guest/examples/limiter --limit 10 --window 60s < tests/data/access.log | tail -n 1
    cargo run --release -- run --clock clf guest/examples/dedupe --window 1h < tests/data/access.log > /dev/null

# Measures ours and the peers, in minutes; `just bench quick` is a look, `just bench --write`
# fills README.md and docs, `just bench --help` tells the rest.
bench *options:
    cargo run --release --locked -p localmap-bench -- {{ if options =~ '^quick\b' { "--" + options } else { options } }}

# Instructions of the engine's operations, with valgrind: compares them with those stored, or
# stores them (`--write`).
instructions *options:
    cargo run --locked -p bench-instructions --profile guest -- {{options}}

# The soak, for half an hour unless told otherwise: `just soak 60`.
soak seconds="1800":
    LOCALMAP_SOAK_SECONDS={{seconds}} cargo test --release -p localmap-tests --test soak -- --nocapture

# Licences, sources and duplicates of what we depend on.
deny:
    cargo test -p localmap-tests --test dependencies

# The rules of the engine and a short replay of the model under Miri, which finds undefined
# behaviour: in minutes.
miri:
    rustup toolchain install nightly --profile minimal --component miri,rust-src
    MIRIFLAGS=-Zmiri-disable-isolation cargo +nightly miri test --locked -p localmap-engine --test rules --test model

# Fuzzes the engine, out of the corpus, and keeps what is worth keeping. Needs a nightly
# toolchain and cargo-fuzz (`cargo install cargo-fuzz`).
fuzz seconds="60":
    guest/engine/fuzz/corpus.sh unpack
    cd guest/engine && cargo +nightly fuzz run model -- -max_total_time={{seconds}}
    cd guest/engine && cargo +nightly fuzz cmin model
    guest/engine/fuzz/corpus.sh pack
