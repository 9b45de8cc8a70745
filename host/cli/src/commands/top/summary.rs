//! The lines above the table: what the program does, in figures.

use super::numbers::{bytes, count, known, nanos, rate, share};
use super::rates::{Flow, Watch};
use std::collections::VecDeque;

/// A line: a number, and what belongs to it.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) label: &'static str,
    pub(super) value: String,
    pub(super) chart: Chart<'a>,
    pub(super) details: String,
}

/// What is drawn next to a number.
#[derive(Debug)]
pub(super) enum Chart<'a> {
    /// Rates, oldest first.
    History(&'a VecDeque<Option<f64>>),
    /// The part that is used; `None` if there is no limit.
    Share(Option<f64>),
}

/// Returns the lines, the most important ones first. There are none until there is a sample.
pub(super) fn lines(watch: &Watch) -> Vec<Line<'_>> {
    let Some(stats) = watch.sample().map(|sample| &sample.stats) else {
        return Vec::new();
    };
    let counts = stats.counts();
    let growth = watch.growth;
    let each_second = |counter: fn(&super::answer::Counters) -> u64| {
        known(growth, |growth| {
            format!("{}/s", rate(growth.per_second(counter)))
        })
    };
    let per_second =
        |flow: Option<Flow>| known(flow, |flow| format!("{}/s", rate(flow.per_second)));
    let latency = |flow: Option<Flow>| {
        let p50 = known(flow.and_then(|flow| flow.p50), nanos);
        let p99 = known(flow.and_then(|flow| flow.p99), nanos);
        format!("p50 {p50}  p99 {p99}")
    };
    let failed = known(watch.requests, |flow| {
        format!("{}/s", rate(flow.failed_per_second))
    });
    let hits = known(growth.and_then(|growth| growth.counters.hit_ratio()), share);
    let of_memory = |part_of: u64| known(part(part_of, counts.bytes), share);
    let mut lines = vec![
        Line {
            label: "requests",
            value: per_second(watch.requests),
            chart: Chart::History(&watch.history.requests),
            details: format!("{}  failed {failed}", latency(watch.requests)),
        },
        Line {
            label: "operations",
            value: per_second(watch.operations),
            chart: Chart::History(&watch.history.operations),
            details: format!("{}  hits {hits}", latency(watch.operations)),
        },
        Line {
            label: "evictions",
            value: each_second(|counters| counters.evicted),
            chart: Chart::History(&watch.history.evicted),
            details: format!(
                "expired {}  refused {}  limited {}",
                each_second(|counters| counters.expired),
                each_second(|counters| counters.refused),
                each_second(|counters| counters.rate_limited),
            ),
        },
        Line {
            label: "memory",
            value: bytes(counts.bytes),
            chart: Chart::Share(part(counts.bytes, counts.granted)),
            details: format!(
                "payload {}  overhead {}  free {}",
                of_memory(counts.payload),
                of_memory(counts.overhead),
                of_memory(counts.free),
            ),
        },
    ];
    if let Some(host) = &stats.host {
        lines.push(Line {
            label: "maps",
            value: format!("{} of {}", count(host.live), count(host.max_maps)),
            chart: Chart::Share(part(host.live, host.max_maps)),
            details: format!(
                "waiting {}  refused {}  memory denied {}",
                count(host.waiting),
                count(host.refused),
                count(host.memory_denied),
            ),
        });
    }
    lines
}

fn part(used: u64, of: u64) -> Option<f64> {
    (of > 0).then(|| used as f64 / of as f64)
}
