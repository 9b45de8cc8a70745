//! Tests of the text, with real tenants.

use crate::{GuardSample, MirrorSample, Protocol, RenderedMetrics, Telemetry, TelemetryOptions};
use localmap::{Host, TenantClass, Tenants, TenantsOptions, Ttl};
use std::collections::BTreeSet;
use std::time::Duration;

/// Returns telemetry of tenants with these names, each of which has an entry and has missed one.
fn telemetry(names: &[&[u8]], named: usize) -> (Telemetry, Tenants) {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true).named_tenants(named));
    let host = Host::new().expect("the options are the defaults");
    let options = TenantsOptions::new()
        .class(TenantClass::new("all"))
        .observer(telemetry.tenants_observer());
    let tenants = Tenants::new(&host, options).expect("the options fit");
    telemetry.watch_host(&host);
    telemetry.watch_tenants(&tenants);
    for name in names {
        let checkout = tenants.checkout(name).expect("it has a class");
        checkout.set(b"k", b"v", Ttl::Never).expect("there is room");
        checkout.get(b"absent").expect("the map is live");
    }
    (telemetry, tenants)
}

fn text(metrics: RenderedMetrics) -> String {
    String::from_utf8(metrics.body).expect("it is text")
}

fn prometheus(telemetry: &Telemetry) -> String {
    text(telemetry.render_metrics(""))
}

fn open_metrics(telemetry: &Telemetry) -> String {
    text(telemetry.render_metrics("application/openmetrics-text"))
}

/// Returns the value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok())
}

#[test]
fn the_format_is_the_one_that_is_accepted() {
    let (telemetry, _tenants) = telemetry(&[], 10);
    let metrics = telemetry.render_metrics("*/*");
    assert_eq!(
        metrics.content_type,
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let body = text(metrics);
    assert!(body.contains("# TYPE localmap_hits_total counter\n"));
    assert!(!body.contains("# EOF"));
    let metrics = telemetry.render_metrics("application/openmetrics-text; version=1.0.0");
    assert_eq!(
        metrics.content_type,
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    let body = text(metrics);
    assert!(body.contains("# TYPE localmap_hits counter\n"));
    assert!(body.ends_with("\n# EOF\n"));
    assert_eq!(body.matches("# EOF").count(), 1);
}

#[test]
fn operations_are_counted_by_outcome_and_timed() {
    let (telemetry, _tenants) = telemetry(&[b"a", b"b"], 10);
    for text in [prometheus(&telemetry), open_metrics(&telemetry)] {
        let miss = r#"localmap_operations_total{class="all",operation="get",outcome="miss"}"#;
        assert_eq!(value(&text, miss), Some(2.0));
        let count = r#"localmap_operation_duration_seconds_count{class="all",operation="set"}"#;
        assert_eq!(value(&text, count), Some(2.0));
        let entries = r#"localmap_tenant_entries{class="all",tenant="a"}"#;
        assert_eq!(value(&text, entries), Some(1.0));
        assert_eq!(value(&text, r#"localmap_entries{class="all"}"#), Some(2.0));
        assert_eq!(value(&text, "localmap_maps"), Some(2.0));
    }
}

#[test]
fn requests_are_counted_by_status() {
    let (telemetry, _tenants) = telemetry(&[], 10);
    let requests = &telemetry.shared.metrics.requests;
    requests.end(requests.begin(Protocol::Http, "GET"), Some(503), 1_000);
    requests.begin(Protocol::Grpc, "Get");
    let text = prometheus(&telemetry);
    let failed = r#"localmap_requests_total{protocol="http",method="GET",status="503"}"#;
    assert_eq!(value(&text, failed), Some(1.0));
    assert_eq!(
        value(&text, r#"localmap_requests_in_flight{protocol="grpc"}"#),
        Some(1.0)
    );
    let last =
        "localmap_request_duration_seconds_bucket{protocol=\"http\",method=\"GET\",le=\"+Inf\"}";
    assert_eq!(value(&text, last), Some(1.0));
}

#[test]
fn hostile_names_are_on_one_line_and_can_be_told_apart() {
    let names: [&[u8]; 9] = [
        b"\"} 1\nlocalmap_maps 666\n# EOF\n",
        b"\\",
        b"\\\\",
        b"\n",
        b"\xff\xfe",
        "\u{202e}\u{1b}[2J<script>".as_bytes(),
        b"other",
        b"",
        b"\xff\xff is the last in the order of names",
    ];
    let (telemetry, _tenants) = telemetry(&names, 8);
    for text in [prometheus(&telemetry), open_metrics(&telemetry)] {
        assert!(
            text.bytes()
                .all(|byte| byte == b'\n' || (b' '..=b'~').contains(&byte))
        );
        let series: BTreeSet<&str> = text
            .lines()
            .filter(|line| line.starts_with("localmap_tenant_entries{"))
            .collect();
        assert_eq!(series.len(), 9, "8 have a label of their own: {series:?}");
        assert_eq!(
            value(
                &text,
                r#"localmap_tenant_entries{class="all",tenant="other"}"#
            ),
            Some(1.0)
        );
        assert_eq!(value(&text, "localmap_maps"), Some(9.0));
        // In an escaped name each backslash is escaped again.
        let label = r#"localmap_tenant_entries{class="all",tenant="\\n"}"#;
        assert_eq!(value(&text, label), Some(1.0));
    }
}

#[test]
fn the_number_of_series_does_not_grow_with_tenants() {
    let names: Vec<Vec<u8>> = (0..40_u8).map(|name| vec![name]).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let lines = |tenants: usize| {
        let (telemetry, _tenants) = telemetry(&names[..tenants], 5);
        prometheus(&telemetry).lines().count()
    };
    assert_eq!(lines(6), lines(40));
}

#[test]
fn each_family_has_a_sentence_and_its_name_says_its_unit() {
    let (telemetry, _tenants) = telemetry(&[b"a"], 10);
    let text = prometheus(&telemetry);
    let mut types = 0;
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (_, help) = help.split_once(' ').expect("there is a help text");
            assert!(
                help.ends_with('.') && help.starts_with(char::is_uppercase),
                "{help}"
            );
        }
        if let Some(family) = line.strip_prefix("# TYPE ") {
            let (name, kind) = family.split_once(' ').expect("there is a type");
            assert!(
                name.starts_with("localmap_") || name.starts_with("process_"),
                "{name}"
            );
            assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
            types += 1;
        }
    }
    assert!(types > 40, "{types}");
}

/// Counters of one scrape are at least those of the scrape before, whatever happens to tenants.
#[test]
fn counters_never_decrease() {
    let (telemetry, tenants) = telemetry(&[b"a", b"b", b"c"], 1);
    let mut last = prometheus(&telemetry);
    for round in 0..4_u8 {
        tenants.remove(b"a");
        tenants.remove(b"b");
        let checkout = tenants.checkout(&[round]).expect("it has a class");
        checkout.get(b"absent").expect("the map is live");
        telemetry.shared.surveyor.forget();
        let text = prometheus(&telemetry);
        for line in last.lines().filter(|line| line.contains("_total")) {
            let Some((series, before)) = line.rsplit_once(' ') else {
                continue;
            };
            if let Ok(before) = before.parse::<f64>() {
                assert!(value(&text, series) >= Some(before), "{series}");
            }
        }
        last = text;
    }
}

#[test]
fn mirrors_have_metrics_by_name() {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    telemetry.watch_mirrors(|| {
        vec![MirrorSample {
            name: "config".to_owned(),
            state: "live".to_owned(),
            readable: true,
            fresh: true,
            age: Some(Duration::from_millis(250)),
            revision: Some(17),
            omitted: 2,
            differences: 1,
            ..MirrorSample::default()
        }]
    });
    telemetry.watch_mirrors(|| {
        vec![MirrorSample {
            name: "a\"\n\\".to_owned(),
            state: "starting".to_owned(),
            ..MirrorSample::default()
        }]
    });
    for text in [prometheus(&telemetry), open_metrics(&telemetry)] {
        for (series, expected) in [
            (r#"localmap_mirror_readable{mirror="config"}"#, Some(1.0)),
            (
                r#"localmap_mirror_state{mirror="config",state="live"}"#,
                Some(1.0),
            ),
            (
                r#"localmap_mirror_age_seconds{mirror="config"}"#,
                Some(0.25),
            ),
            (r#"localmap_mirror_revision{mirror="config"}"#, Some(17.0)),
            (
                r#"localmap_mirror_omitted_keys{mirror="config"}"#,
                Some(2.0),
            ),
            (
                r#"localmap_mirror_audits_total{mirror="config",result="different"}"#,
                Some(1.0),
            ),
            // Without a copy, there is neither an age nor a revision, rather than 0.
            (r#"localmap_mirror_readable{mirror="a\"\n\\"}"#, Some(0.0)),
            (r#"localmap_mirror_age_seconds{mirror="a\"\n\\"}"#, None),
            (r#"localmap_mirror_revision{mirror="a\"\n\\"}"#, None),
        ] {
            assert_eq!(value(&text, series), expected, "{series}: {text}");
        }
    }
}

#[test]
fn a_guard_has_metrics_and_refusals_have_reasons() {
    let telemetry = Telemetry::new(TelemetryOptions::new().metrics(true));
    let none = prometheus(&telemetry);
    assert_eq!(value(&none, "localmap_guard_available"), None);
    telemetry.watch_guard(|| GuardSample {
        available: true,
        waiting: 2,
        acquired: 9,
        no_lease: 4,
        leases: 1,
        ..GuardSample::default()
    });
    for text in [prometheus(&telemetry), open_metrics(&telemetry)] {
        for (name, expected) in [
            ("localmap_guard_available", 1.0),
            ("localmap_guard_keys", 0.0),
            ("localmap_guard_waiting", 2.0),
            ("localmap_guard_acquired_total", 9.0),
            (r#"localmap_guard_refused_total{reason="no-lease"}"#, 4.0),
            (r#"localmap_guard_refused_total{reason="held"}"#, 0.0),
            ("localmap_guard_leases_total", 1.0),
            ("localmap_guard_leases_lost_total", 0.0),
        ] {
            assert_eq!(value(&text, name), Some(expected), "{name}: {text}");
        }
    }
}
