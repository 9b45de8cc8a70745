#!/usr/bin/env bash
# prometheus-client: the bound of a bucket is written differently in its two text formats.
#
# Tool: prometheus-client 0.26.0 from crates.io, the Rust client of the Prometheus project (a minute of CPU
# to build).
#
# The label `le` of a bucket is text, and a part of the name of its series. One expects a client to write it
# in the same way in each format, and OpenMetrics 1.0 says how ("Considerations: Canonical Numbers": 1.0,
# 0.0001, 1e-05). The encoder of Prometheus' text writes numbers as Go does. That of OpenMetrics uses `dtoa`,
# which has no exponent down to 1e-6, an exponent without a leading zero below, and a last digit that is not
# the nearest one. So a Prometheus before version 3, which does not rewrite `le`, stores other series when
# the format that it accepts changes, and a query that names a bound finds none.
#
# Compare bounds as numbers, and do not select a series by its bound.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > expected <<'TXT'
2^-23: Prometheus 1.1920928955078125e-07, OpenMetrics 1.1920928955078126e-7
2^-17: Prometheus 7.62939453125e-06, OpenMetrics 0.00000762939453125
2^-10: Prometheus 0.0009765625, OpenMetrics 0.0009765625
2^0: Prometheus 1, OpenMetrics 1.0
TXT

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.0.0"
edition = "2021"

[dependencies]
prometheus-client = "=0.26.0"

[profile.dev]
debug = false
TOML
cat > src/main.rs <<'RUST'
use prometheus_client::encoding::{prometheus_text, text};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

fn bound(text: &str) -> &str {
    let start = text.find("le=\"").unwrap() + 4;
    &text[start..][..text[start..].find('"').unwrap()]
}

fn main() {
    for exponent in [-23, -17, -10, 0] {
        let mut registry = Registry::default();
        registry.register("h", "A histogram", Histogram::new([2_f64.powi(exponent)]));
        let (mut one, mut other) = (String::new(), String::new());
        prometheus_text::encode(&mut one, &registry).unwrap();
        text::encode(&mut other, &registry).unwrap();
        let (one, other) = (bound(&one), bound(&other));
        assert_eq!(one.parse::<f64>(), other.parse::<f64>());
        println!("2^{exponent}: Prometheus {one}, OpenMetrics {other}");
    }
}
RUST
cargo run --quiet > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
