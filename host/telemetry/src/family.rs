//! A metric as data: a family of series, each with its labels and its value. Formats are made from it.

use crate::metrics::durations::Durations;

/// A family of metrics.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Family {
    /// The name without the unit, and without `_total`.
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    pub(crate) unit: Option<Unit>,
    pub(crate) kind: Kind,
    pub(crate) series: Vec<Series>,
}

/// The unit of a family, which ends its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Bytes,
    Seconds,
}

/// The kind of a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Counts that only grow.
    Counter,
    Gauge,
    Histogram,
    /// Labels that say what the program is; the value is 1.
    Info,
}

/// One series of a family.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Series {
    pub(crate) labels: Vec<Label>,
    pub(crate) value: Value,
}

/// The name and the value of a label.
pub(crate) type Label = (&'static str, String);

/// The value of a series.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Count(u64),
    Float(f64),
    Durations(Durations),
}

impl Family {
    /// Creates a family of counters.
    pub(crate) fn counters(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Counter, name, help)
    }

    /// Creates a family of gauges.
    pub(crate) fn gauges(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Gauge, name, help)
    }

    /// Creates a family of histograms of durations.
    pub(crate) fn durations(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Histogram, name, help).unit(Unit::Seconds)
    }

    pub(crate) fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self {
            name,
            help,
            unit: None,
            kind,
            series: Vec::new(),
        }
    }

    /// Sets the unit.
    pub(crate) fn unit(self, unit: Unit) -> Self {
        Self {
            unit: Some(unit),
            ..self
        }
    }

    /// Adds a series.
    pub(crate) fn with<const N: usize>(
        mut self,
        labels: [(&'static str, &str); N],
        value: Value,
    ) -> Self {
        let labels = labels.map(|(name, value)| (name, value.to_owned()));
        self.series.push(Series {
            labels: labels.into(),
            value,
        });
        self
    }

    /// Adds the only series, without labels.
    pub(crate) fn is(self, count: u64) -> Self {
        self.with([], Value::Count(count))
    }
}

impl Unit {
    /// Returns the name of the unit.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
        }
    }
}
