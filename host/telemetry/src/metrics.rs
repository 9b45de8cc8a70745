//! What is counted and timed: operations by class, and requests.

pub(crate) mod class;
mod counts;
pub(crate) mod durations;
pub(crate) mod outcome;
pub(crate) mod requests;

use crate::metrics::class::ClassMetrics;
use crate::metrics::requests::RequestMetrics;
use localmap::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The counts of all classes and of all requests.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    classes: Mutex<BTreeMap<Arc<str>, Arc<ClassMetrics>>>,
    pub(crate) requests: RequestMetrics,
}

impl Metrics {
    /// Returns the counts of a class, which may be a new one. Takes a lock: call it once for each map,
    /// and not for each operation.
    pub(crate) fn class(&self, name: &str) -> Arc<ClassMetrics> {
        let mut classes = lock(&self.classes);
        if let Some(class) = classes.get(name) {
            return Arc::clone(class);
        }
        let class = Arc::new(ClassMetrics::new());
        classes.insert(name.into(), Arc::clone(&class));
        class
    }

    /// Returns all classes, in the order of their names.
    pub(crate) fn classes(&self) -> Vec<(Arc<str>, Arc<ClassMetrics>)> {
        let classes = lock(&self.classes);
        let classes = classes.iter();
        classes
            .map(|(name, class)| (Arc::clone(name), Arc::clone(class)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_found_again_by_its_name() {
        let metrics = Metrics::default();
        let gold = metrics.class("gold");
        metrics.class("free");
        assert!(Arc::ptr_eq(&gold, &metrics.class("gold")));
        let names: Vec<_> = metrics
            .classes()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, ["free".into(), "gold".into()]);
    }
}
