//! Writes families of metrics: a name, a help text, and a series for each set of labels.

use crate::metrics::durations::Durations;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use std::fmt::Result;

/// A family of metrics: its name without the unit and without `_total`, and its help text.
#[derive(Clone, Copy)]
pub(crate) struct Family {
    name: &'static str,
    help: &'static str,
    unit: Option<&'static Unit>,
}

/// Creates a family of counts.
pub(crate) const fn family(name: &'static str, help: &'static str) -> Family {
    Family {
        name,
        help,
        unit: None,
    }
}

impl Family {
    /// Sets the unit to bytes, which ends the name.
    pub(crate) const fn bytes(self) -> Self {
        Self {
            unit: Some(&Unit::Bytes),
            ..self
        }
    }

    /// Sets the unit to seconds, which ends the name.
    pub(crate) const fn seconds(self) -> Self {
        Self {
            unit: Some(&Unit::Seconds),
            ..self
        }
    }
}

/// A label with its value.
pub(crate) type Label<'a> = (&'static str, &'a str);

/// Writes families, one after the other.
pub(crate) struct Families<'a>(pub(crate) DescriptorEncoder<'a>);

impl Families<'_> {
    /// Writes a family of counters.
    pub(crate) fn counters<L: EncodeLabelSet>(
        &mut self,
        family: Family,
        series: impl IntoIterator<Item = (L, u64)>,
    ) -> Result {
        let Family { name, help, unit } = family;
        let encoder = &mut self.0;
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
        for (labels, count) in series {
            let mut metric = metric.encode_family(&labels)?;
            metric.encode_counter::<NoLabelSet, _, f64>(&count, None)?;
        }
        Ok(())
    }

    /// Writes a counter that has no labels.
    pub(crate) fn counter(&mut self, family: Family, count: u64) -> Result {
        self.counters(family, [([] as [Label<'_>; 0], count)])
    }

    /// Writes a family of gauges.
    pub(crate) fn gauges<L: EncodeLabelSet>(
        &mut self,
        family: Family,
        series: impl IntoIterator<Item = (L, u64)>,
    ) -> Result {
        let Family { name, help, unit } = family;
        let encoder = &mut self.0;
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        for (labels, value) in series {
            metric.encode_family(&labels)?.encode_gauge(&value)?;
        }
        Ok(())
    }

    /// Writes a gauge that has no labels.
    pub(crate) fn gauge(&mut self, family: Family, value: u64) -> Result {
        self.gauges(family, [([] as [Label<'_>; 0], value)])
    }

    /// Writes a counter of seconds that has no labels.
    pub(crate) fn counter_of_seconds(&mut self, family: Family, seconds: f64) -> Result {
        let Family { name, help, unit } = family.seconds();
        let encoder = &mut self.0;
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Counter)?;
        metric.encode_counter::<NoLabelSet, _, f64>(&seconds, None)
    }

    /// Writes a gauge of seconds that has no labels.
    pub(crate) fn gauge_of_seconds(&mut self, family: Family, seconds: f64) -> Result {
        let Family { name, help, unit } = family.seconds();
        let encoder = &mut self.0;
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Gauge)?;
        metric.encode_gauge(&seconds)
    }

    /// Writes a family of histograms of durations.
    pub(crate) fn durations<'d, L: EncodeLabelSet>(
        &mut self,
        family: Family,
        series: impl IntoIterator<Item = (L, &'d Durations)>,
    ) -> Result {
        let Family { name, help, unit } = family.seconds();
        let encoder = &mut self.0;
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Histogram)?;
        for (labels, durations) in series {
            let (sum, count) = (durations.sum_seconds(), durations.count);
            let mut metric = metric.encode_family(&labels)?;
            metric.encode_histogram::<NoLabelSet>(sum, count, &durations.classic(), None)?;
        }
        Ok(())
    }

    /// Writes labels that say what the program is.
    pub(crate) fn info<L: EncodeLabelSet>(&mut self, family: Family, labels: &L) -> Result {
        let Family { name, help, unit } = family;
        let encoder = &mut self.0;
        let mut metric = encoder.encode_descriptor(name, help, unit, MetricType::Info)?;
        metric.encode_info(labels)
    }
}
