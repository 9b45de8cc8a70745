//! Compares the metrics that there are with those that alerts, the dashboard and the documents name.

use localmap::Host;
use localmap_telemetry::{Telemetry, TelemetryOptions};
use localmap_tests::root;
use regex::Regex;
use std::collections::BTreeSet;
use std::fs;

const ALERTS: &str = "deploy/prometheus/rules.yaml";
const DASHBOARD: &str = "deploy/grafana/dashboard.json";
const DOCUMENT: &str = "docs/operating.md";

fn read(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect(file)
}

/// Returns the text of a scrape.
fn scrape() -> String {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    telemetry.watch_host(&Host::new().expect("the options are the defaults"));
    let body = telemetry.render_metrics("").body;
    String::from_utf8(body).expect("it is text")
}

/// Returns the names of all metrics.
fn metrics() -> BTreeSet<String> {
    let text = scrape();
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let names = types.filter_map(|line| line.split(' ').next());
    names.map(str::to_owned).collect()
}

/// Returns the metrics that a text names. Those of a histogram are named by their buckets.
fn named(text: &str) -> BTreeSet<String> {
    let name = Regex::new(r"(?:localmap|process)_[a-z_]+").expect("a pattern");
    let names = name.find_iter(text).map(|name| name.as_str());
    let names = names.map(|name| name.strip_suffix("_bucket").unwrap_or(name));
    names.map(str::to_owned).collect()
}

/// Returns the names of alerts in a text.
fn alerts(text: &str, pattern: &str) -> BTreeSet<String> {
    let alert = Regex::new(pattern).expect("a pattern");
    let names = alert.captures_iter(text).map(|found| found[1].to_owned());
    names.collect()
}

#[test]
fn alerts_and_the_dashboard_use_only_metrics_that_there_are() {
    let metrics = metrics();
    assert!(metrics.len() > 40, "{metrics:?}");
    for file in [ALERTS, DASHBOARD] {
        let named = named(&read(file));
        assert!(named.len() > 10, "{file}: {named:?}");
        let unknown: Vec<_> = named.difference(&metrics).collect();
        assert!(unknown.is_empty(), "{file}: {unknown:?}");
    }
}

#[test]
fn the_document_has_all_metrics_and_no_other() {
    // It also names a job of Prometheus and the like, but no metric that there is not.
    let mut metrics = metrics();
    // Only systems with /proc have those of the process.
    metrics.retain(|name| name.starts_with("localmap_"));
    let mut documented = named(&read(DOCUMENT));
    documented.retain(|name| name.starts_with("localmap_"));
    // What the export by OTLP says of itself.
    assert!(documented.remove("localmap_otlp_spans"));
    assert_eq!(documented, metrics);
}

#[test]
fn the_document_has_all_alerts_and_each_has_a_test() {
    let rules = alerts(&read(ALERTS), r"alert: ([A-Za-z]+)");
    assert!(rules.len() > 10, "{rules:?}");
    assert_eq!(alerts(&read(DOCUMENT), r"`(Localmap[A-Za-z]+)`"), rules);
    let tests = read("deploy/prometheus/rules.test.yaml");
    assert_eq!(alerts(&tests, r#"alertname="([A-Za-z]+)""#), rules);
}

#[test]
fn the_dashboard_can_be_imported() {
    let dashboard: serde_json::Value = serde_json::from_str(&read(DASHBOARD)).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let ids: BTreeSet<u64> = panels
        .iter()
        .filter_map(|panel| panel["id"].as_u64())
        .collect();
    assert_eq!(
        ids.len(),
        panels.len(),
        "each panel has a number of its own"
    );
    for panel in panels {
        let targets = panel["targets"].as_array();
        assert!(targets.is_some() || panel["type"] == "row", "{panel}");
        for target in targets.into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{panel}");
        }
    }
}

#[test]
fn the_version_of_wasmtime_is_that_of_the_lock_file() {
    let lock: toml::Table = read("Cargo.lock").parse().expect("TOML");
    let packages = lock["package"].as_array().expect("packages");
    let mut wasmtimes = packages
        .iter()
        .filter(|package| package["name"].as_str() == Some("wasmtime"));
    let version = wasmtimes
        .next()
        .and_then(|package| package["version"].as_str());
    let version = version.expect("it is in the lock file");
    let label = format!("wasmtime=\"{version}\"");
    assert!(scrape().contains(&label), "{label}");
}
