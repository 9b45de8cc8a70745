//! The line of statistics.

use crate::terminal::stdio::note;
use localmap::Stats;
use std::fmt;

/// Writes the statistics of a map to standard error. If there are none, reports that they are lost
/// with `lost_with`.
pub(crate) fn report_stats(stats: Option<Stats>, lost_with: &str) {
    match stats {
        Some(stats) => note(format_args!("map: {}", StatsLine(stats))),
        None => note(format_args!(
            "map: the statistics are lost with {lost_with}"
        )),
    }
}

/// Formats statistics in one line, with their names.
pub(crate) struct StatsLine(pub(crate) Stats);

impl fmt::Display for StatsLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = &self.0;
        let fields = [
            ("entries", stats.entries),
            ("bytes", stats.bytes),
            ("payload", stats.payload),
            ("overhead", stats.overhead),
            ("free", stats.free),
            ("pinned", stats.pinned),
            ("high-water", stats.high_water),
            ("hits", stats.hits),
            ("misses", stats.misses),
            ("writes", stats.writes),
            ("expired", stats.expired),
            ("evicted", stats.evicted),
            ("refused", stats.refused),
        ];
        for (at, (name, number)) in fields.into_iter().enumerate() {
            let space = if at == 0 { "" } else { " " };
            write!(f, "{space}{name}={number}")?;
        }
        Ok(())
    }
}
