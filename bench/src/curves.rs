//! The charts, each of one `work`, with a curve for each system. Groups name their rows by
//! these constants, and charts find the rows by them.
//!
//! Rows of one curve have the same `work` and `system`, and differ in `size` or in `entries`.
//! A row whose `value` is not a number (`null` in JSON) could not be measured on this machine,
//! and is not a point of a curve.

/// The field of a row on the horizontal axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Axis {
    /// `Row::size`: bytes of a value.
    Size,
    /// `Row::entries`, which counts what `Curve::along` names.
    Entries,
}

/// One chart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Curve {
    /// Its title.
    pub(crate) title: &'static str,
    /// The `work` of its rows.
    pub(crate) work: &'static str,
    pub(crate) x: Axis,
    /// The label of the horizontal axis.
    pub(crate) along: &'static str,
    /// The unit of the rows.
    pub(crate) unit: &'static str,
}

pub(crate) const GET_BY_SIZE: &str = "get, by value size";
pub(crate) const SET_BY_SIZE: &str = "set over a value, by value size";
pub(crate) const GET_BY_ENTRIES: &str = "get, by entries";
pub(crate) const SET_BY_ENTRIES: &str = "set over a value, by entries";
pub(crate) const MEMORY_BY_ENTRIES: &str = "memory for each entry, by entries";
pub(crate) const LIFE_BY_MAPS: &str = "make and drop a map, by live maps";
pub(crate) const MEMORY_BY_MAPS: &str = "resident memory of a map, by live maps";
pub(crate) const GET_BY_THREADS: &str = "get, by threads";

/// Hit ratios by capacity: the name of a trace, and the work of its rows.
pub(crate) const HITS_BY_CAPACITY: &[(&str, &str)] = &[
    ("zipf", "hit ratio by capacity, zipf"),
    ("multi3", "hit ratio by capacity, multi3"),
    ("sprite", "hit ratio by capacity, sprite"),
    ("gli", "hit ratio by capacity, gli"),
    ("loop", "hit ratio by capacity, loop"),
    ("web07", "hit ratio by capacity, web07"),
    ("2_pools", "hit ratio by capacity, 2_pools"),
];

/// All charts.
pub(crate) const CURVES: &[Curve] = &[
    of_size("Cost of a get by value size", GET_BY_SIZE),
    of_size("Cost of a set by value size", SET_BY_SIZE),
    of_entries(
        "Cost of a get by number of entries",
        GET_BY_ENTRIES,
        ENTRIES,
        "ns",
    ),
    of_entries(
        "Cost of a set by number of entries",
        SET_BY_ENTRIES,
        ENTRIES,
        "ns",
    ),
    of_entries(
        "Memory by number of entries",
        MEMORY_BY_ENTRIES,
        ENTRIES,
        "bytes",
    ),
    hits(0, "Hit ratio by capacity: Zipf, 0.99"),
    hits(1, "Hit ratio by capacity: multi3"),
    hits(2, "Hit ratio by capacity: sprite"),
    hits(3, "Hit ratio by capacity: gli"),
    hits(4, "Hit ratio by capacity: loop"),
    hits(5, "Hit ratio by capacity: web07"),
    hits(6, "Hit ratio by capacity: 2_pools"),
    of_entries(
        "Cost of creating and dropping a map by number of live maps",
        LIFE_BY_MAPS,
        MAPS,
        "ns",
    ),
    of_entries(
        "Memory of a map by number of live maps",
        MEMORY_BY_MAPS,
        MAPS,
        "bytes",
    ),
    of_entries(
        "Cost of a get by number of threads",
        GET_BY_THREADS,
        "threads",
        "ns",
    ),
];

const ENTRIES: &str = "entries";
const MAPS: &str = "live maps";

const fn of_size(title: &'static str, work: &'static str) -> Curve {
    Curve {
        title,
        work,
        x: Axis::Size,
        along: "value size in bytes",
        unit: "ns",
    }
}

const fn of_entries(
    title: &'static str,
    work: &'static str,
    along: &'static str,
    unit: &'static str,
) -> Curve {
    Curve {
        title,
        work,
        x: Axis::Entries,
        along,
        unit,
    }
}

const fn hits(at: usize, title: &'static str) -> Curve {
    of_entries(
        title,
        HITS_BY_CAPACITY[at].1,
        "entries of capacity",
        "percent",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_belongs_to_one_chart_at_most_and_a_chart_says_what_it_shows() {
        for (at, curve) in CURVES.iter().enumerate() {
            let others = CURVES.iter().skip(at + 1);
            assert!(others.clone().all(|other| other.work != curve.work));
            assert!(others.clone().all(|other| other.title != curve.title));
            for text in [curve.title, curve.along, curve.unit] {
                assert!(!text.is_empty(), "{curve:?}");
            }
            assert_eq!(curve.x == Axis::Size, curve.work.ends_with("by value size"));
        }
        for (trace, work) in HITS_BY_CAPACITY {
            assert!(work.ends_with(trace));
            assert!(CURVES.iter().any(|curve| curve.work == *work), "{trace}");
        }
    }
}
