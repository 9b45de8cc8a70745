//! What happens in a second, from the answers of an admin address one after the other.

use super::answer::{Counted, Counters, Row, Sample, Stats};
use super::histogram::Histogram;
use std::collections::{HashMap, VecDeque};

/// The number of rates that are kept for a chart.
const HISTORY: usize = 240;
/// Surveys of the maps that are closer than this are the same one: their ages are rounded.
const SAME_SURVEY_US: u64 = 50_000;

/// Operations or requests, between two samples.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Flow {
    pub(super) per_second: f64,
    pub(super) failed_per_second: f64,
    /// Durations in nanoseconds; `None` if there were none.
    pub(super) p50: Option<f64>,
    pub(super) p99: Option<f64>,
}

/// What maps counted between two surveys.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Growth {
    pub(super) counters: Counters,
    seconds: f64,
}

impl Growth {
    /// Returns a counter for each second.
    pub(super) fn per_second(&self, counter: impl Fn(&Counters) -> u64) -> f64 {
        counter(&self.counters) as f64 / self.seconds
    }
}

/// The identity of a row: whether it is a map, its class and the bytes of its name.
type RowId = (bool, String, String);

fn id(row: &Row) -> RowId {
    (row.is_map(), row.class.clone(), row.name_hex.clone())
}

/// The samples of a program, and the rates between them. Rates are `None` until there are two samples of
/// the same run of the program.
#[derive(Debug, Default)]
pub(super) struct Watch {
    sample: Option<Sample>,
    survey: Option<Survey>,
    live: Option<Live>,
    pub(super) requests: Option<Flow>,
    pub(super) operations: Option<Flow>,
    /// The sum of all maps.
    pub(super) growth: Option<Growth>,
    rows: HashMap<RowId, Growth>,
    pub(super) history: History,
}

/// The rates of the past, oldest first. `None` where there was no answer.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) requests: VecDeque<Option<f64>>,
    pub(super) operations: VecDeque<Option<f64>>,
    pub(super) evicted: VecDeque<Option<f64>>,
}

/// The counters of the last survey of the maps.
#[derive(Debug)]
struct Survey {
    at_us: u64,
    all: Counters,
    rows: HashMap<RowId, Counters>,
}

/// The counters that are never old.
#[derive(Debug)]
struct Live {
    at_us: u64,
    requests: Totals,
    operations: Totals,
}

#[derive(Debug, Default)]
struct Totals {
    count: u64,
    failed: u64,
    durations: Histogram,
}

impl Watch {
    /// Returns the last sample.
    pub(super) fn sample(&self) -> Option<&Sample> {
        self.sample.as_ref()
    }

    /// Returns what a row counted in the last second; `None` if it was not there before.
    pub(super) fn growth_of(&self, row: &Row) -> Option<&Growth> {
        self.rows.get(&id(row))
    }

    /// Adds the next sample.
    pub(super) fn add(&mut self, sample: Sample) {
        let stats = &sample.stats;
        let earlier = self.sample.as_ref().map(|sample| &sample.stats);
        let same_run = earlier.is_none_or(|earlier| {
            earlier.started_ms == stats.started_ms && earlier.uptime_us <= stats.uptime_us
        });
        if !same_run {
            let history = std::mem::take(&mut self.history);
            *self = Self {
                history,
                ..Self::default()
            };
        }
        self.add_live(stats);
        self.add_survey(&sample);
        let evicted = |growth: Growth| growth.per_second(|counters| counters.evicted);
        self.remember(
            self.requests.map(|flow| flow.per_second),
            self.operations.map(|flow| flow.per_second),
            self.growth.map(evicted),
        );
        self.sample = Some(sample);
    }

    /// Notes that there was no answer.
    pub(super) fn miss(&mut self) {
        self.remember(None, None, None);
    }

    fn remember(&mut self, requests: Option<f64>, operations: Option<f64>, evicted: Option<f64>) {
        let History {
            requests: all_requests,
            operations: all_operations,
            evicted: all_evicted,
        } = &mut self.history;
        for (history, rate) in [
            (all_requests, requests),
            (all_operations, operations),
            (all_evicted, evicted),
        ] {
            history.push_back(rate);
            if history.len() > HISTORY {
                history.pop_front();
            }
        }
    }

    fn add_live(&mut self, stats: &Stats) {
        let live = Live {
            at_us: stats.uptime_us,
            requests: Totals::of(stats.requests.iter()),
            operations: Totals::of(stats.operations()),
        };
        if let Some(earlier) = &self.live {
            let Some(seconds) = seconds(earlier.at_us, live.at_us) else {
                return;
            };
            let flow =
                |now: &Totals, earlier| stats.metrics.then(|| now.flow(earlier, seconds, stats));
            self.requests = flow(&live.requests, &earlier.requests);
            self.operations = flow(&live.operations, &earlier.operations);
        }
        self.live = Some(live);
    }

    /// Compares the maps with the survey before. Several answers may come from one survey.
    fn add_survey(&mut self, sample: &Sample) {
        let at_us = sample.stats.surveyed_us();
        let rows = sample.maps.tenants.iter();
        let rows = rows.map(|row| (id(row), row.counts.counters));
        if let Some(earlier) = &mut self.survey
            && at_us < earlier.at_us.saturating_add(SAME_SURVEY_US)
        {
            // Another filter may show other rows of it.
            earlier.rows.extend(rows);
            return;
        }
        let earlier = self.survey.as_ref();
        let survey = Survey {
            at_us,
            all: sample.stats.counts().counters,
            rows: rows.collect(),
        };
        if let Some((earlier, seconds)) =
            earlier.and_then(|earlier| Some((earlier, seconds(earlier.at_us, at_us)?)))
        {
            let growth = |now: &Counters, earlier: &Counters| {
                let counters = now.since(earlier)?;
                Some(Growth { counters, seconds })
            };
            self.growth = growth(&survey.all, &earlier.all);
            let rows = survey.rows.iter().filter_map(|(id, now)| {
                let earlier = earlier.rows.get(id)?;
                Some((id.clone(), growth(now, earlier)?))
            });
            self.rows = rows.collect();
        }
        self.survey = Some(survey);
    }
}

impl Totals {
    fn of<'a>(all: impl Iterator<Item = &'a Counted>) -> Self {
        let mut totals = Self::default();
        for counted in all {
            totals.count = totals.count.saturating_add(counted.count);
            totals.failed = totals.failed.saturating_add(counted.failed);
            totals.durations.add(&counted.buckets);
        }
        totals
    }

    fn flow(&self, earlier: &Self, seconds: f64, stats: &Stats) -> Flow {
        let durations = self.durations.since(&earlier.durations);
        let per_second = |now: u64, earlier: u64| now.saturating_sub(earlier) as f64 / seconds;
        Flow {
            per_second: per_second(self.count, earlier.count),
            failed_per_second: per_second(self.failed, earlier.failed),
            p50: durations.quantile(0.5, &stats.bounds_ns),
            p99: durations.quantile(0.99, &stats.bounds_ns),
        }
    }
}

/// Returns the seconds between two times in microseconds; `None` if there are none.
fn seconds(earlier: u64, now: u64) -> Option<f64> {
    let between = now.checked_sub(earlier).filter(|between| *between > 0)?;
    Some(between as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::super::example::Example;
    use super::*;
    use serde_json::json;

    fn evicted(growth: Option<&Growth>) -> Option<f64> {
        growth.map(|growth| growth.per_second(|counters| counters.evicted))
    }

    #[test]
    fn rates_need_two_samples() {
        let mut watch = Watch::default();
        watch.add(Example::up(10.0).sample());
        assert_eq!(watch.requests, None);
        assert_eq!(watch.growth, None);
        let mut next = Example::up(12.0);
        (next.gets, next.requests, next.failed) = (100, 40, 4);
        watch.add(next.sample());
        let flow = watch.requests.expect("two samples");
        assert_eq!((flow.per_second, flow.failed_per_second), (20.0, 2.0));
        assert_eq!(flow.p50, Some(3_000.0));
        let flow = watch.operations.expect("two samples");
        assert_eq!((flow.per_second, flow.p50), (50.0, Some(1_500.0)));
    }

    #[test]
    fn without_operations_there_are_no_durations() {
        let mut watch = Watch::default();
        let mut example = Example::up(10.0);
        example.gets = 1_000_000;
        watch.add(example.sample());
        example.up = 11.0;
        watch.add(example.sample());
        assert_eq!(watch.operations, Some(Flow::default()));
    }

    #[test]
    fn after_a_restart_rates_need_two_samples_again() {
        let mut watch = Watch::default();
        let mut example = Example::up(10.0);
        example.gets = 1_000;
        watch.add(example.sample());
        example.up = 11.0;
        watch.add(example.sample());
        assert!(watch.operations.is_some());
        let mut restarted = Example::up(20.0);
        restarted.started_ms = 2;
        watch.add(restarted.sample());
        assert_eq!(watch.operations, None);
        (restarted.up, restarted.gets) = (21.0, 5);
        watch.add(restarted.sample());
        assert_eq!(watch.operations.map(|flow| flow.per_second), Some(5.0));
        assert_eq!(watch.history.operations.len(), 4);
    }

    #[test]
    fn two_answers_from_one_survey_do_not_halve_a_rate() {
        let mut watch = Watch::default();
        let mut example = Example::up(10.0).tenant(b"a", &json!({"evicted": 0}));
        watch.add(example.sample());
        example = Example::up(11.0).tenant(b"a", &json!({"evicted": 6}));
        example.evicted = 8;
        watch.add(example.sample());
        assert_eq!(evicted(watch.growth.as_ref()), Some(8.0));
        // The same numbers, half a second older.
        (example.up, example.survey_age) = (11.5, 0.5);
        let sample = example.sample();
        watch.add(sample.clone());
        assert_eq!(evicted(watch.growth.as_ref()), Some(8.0));
        let row = &sample.maps.tenants[0];
        assert_eq!(evicted(watch.growth_of(row)), Some(6.0));
    }

    #[test]
    fn a_tenant_that_was_created_again_has_no_rate_yet() {
        let mut watch = Watch::default();
        let sample = |up, hits, evicted| {
            Example::up(up)
                .tenant(b"a", &json!({"hits": hits, "evicted": evicted}))
                .sample()
        };
        watch.add(sample(1.0, 5, 5));
        watch.add(sample(2.0, 7, 0));
        let next = sample(4.0, 8, 2);
        assert_eq!(evicted(watch.growth_of(&next.maps.tenants[0])), None);
        watch.add(next.clone());
        assert_eq!(evicted(watch.growth_of(&next.maps.tenants[0])), Some(1.0));
    }

    #[test]
    fn a_tenant_and_a_map_of_the_same_name_are_two() {
        let mut watch = Watch::default();
        let sample = |up, evicted| {
            Example::up(up)
                .tenant(b"gold", &json!({"evicted": evicted}))
                .tenant(b"gold", &json!({"kind": "map"}))
                .sample()
        };
        watch.add(sample(1.0, 0));
        let next = sample(2.0, 3);
        watch.add(next.clone());
        let rates = next
            .maps
            .tenants
            .iter()
            .map(|row| evicted(watch.growth_of(row)));
        assert_eq!(rates.collect::<Vec<_>>(), [Some(3.0), Some(0.0)]);
    }

    #[test]
    fn the_history_has_an_end_and_gaps() {
        let mut watch = Watch::default();
        for up in 0..300 {
            watch.add(Example::up(f64::from(up)).sample());
            watch.miss();
        }
        let history = &watch.history.requests;
        assert_eq!(history.len(), HISTORY);
        assert_eq!((history[0], history[1]), (Some(0.0), None));
    }
}
