//! The table of tenants: its columns, their order, and the rows that match a filter.

use super::answer::Row;
use super::names;
use super::numbers::{bytes, count, known, rate, share, span};
use super::rates::Watch;
use std::cmp::Ordering;
use std::time::Duration;

/// The columns, in the order in which they are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Column {
    Name,
    Class,
    Entries,
    Bytes,
    /// Reads and writes a second.
    Ops,
    /// The share of hits among all reads.
    #[value(alias = "hit_ratio")]
    Hits,
    /// Entries evicted a second.
    Evicted,
    /// Writes refused since the map was created.
    Refused,
    /// The time since the last use.
    Idle,
}

impl Column {
    pub(super) const ALL: [Self; 9] = [
        Self::Name,
        Self::Class,
        Self::Entries,
        Self::Bytes,
        Self::Ops,
        Self::Hits,
        Self::Evicted,
        Self::Refused,
        Self::Idle,
    ];

    /// Returns the head of the column.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Name => "NAME",
            Self::Class => "CLASS",
            Self::Entries => "ENTRIES",
            Self::Bytes => "BYTES",
            Self::Ops => "R+W/S",
            Self::Hits => "HITS",
            Self::Evicted => "EVICTED/S",
            Self::Refused => "REFUSED",
            Self::Idle => "IDLE",
        }
    }

    /// Returns the key that orders the rows by this column.
    pub(super) fn key(self) -> char {
        match self {
            Self::Name => 'n',
            Self::Class => 'c',
            Self::Entries => 'e',
            Self::Bytes => 'b',
            Self::Ops => 'o',
            Self::Hits => 'h',
            Self::Evicted => 'v',
            Self::Refused => 'x',
            Self::Idle => 'i',
        }
    }

    /// Returns the name of the server's order that is nearest.
    pub(super) fn server_sort(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Class => "class",
            Self::Entries => "entries",
            Self::Bytes => "bytes",
            Self::Ops => "hits",
            Self::Hits => "hit_ratio",
            Self::Evicted => "evicted",
            Self::Refused => "refused",
            Self::Idle => "idle",
        }
    }

    /// Returns the width of the column. What is left of a line belongs to the name.
    pub(super) fn width(self) -> usize {
        match self {
            Self::Name => 8,
            Self::Class => 10,
            Self::Entries | Self::Refused | Self::Ops => 8,
            Self::Bytes => 10,
            Self::Hits => 7,
            Self::Evicted => 10,
            Self::Idle => 7,
        }
    }

    /// Returns `true` for columns of text.
    pub(super) fn is_text(self) -> bool {
        matches!(self, Self::Name | Self::Class)
    }

    /// Returns the column that stays when there is room for fewer: a higher number stays longer.
    fn weight(self) -> usize {
        match self {
            Self::Name => 9,
            Self::Bytes => 8,
            Self::Entries => 7,
            Self::Ops => 6,
            Self::Hits => 5,
            Self::Evicted => 4,
            Self::Class => 3,
            Self::Refused => 2,
            Self::Idle => 1,
        }
    }

    /// Returns the columns for which there is room, and the width of each.
    pub(super) fn layout(columns: usize) -> Vec<(Self, usize)> {
        let mut shown = Self::ALL.to_vec();
        // One space between two columns.
        let needs = |shown: &[Self]| shown.iter().map(|column| column.width() + 1).sum::<usize>();
        while shown.len() > 1 && needs(&shown) > columns + 1 {
            let least = shown.iter().map(|column| column.weight()).min();
            shown.retain(|column| Some(column.weight()) != least);
        }
        let rest = (columns + 1).saturating_sub(needs(&shown));
        let widths = shown.into_iter().map(|column| match column {
            Self::Name => (column, (column.width() + rest).min(columns)),
            _ => (column, column.width()),
        });
        widths.collect()
    }

    /// Returns the text of the column in a row.
    pub(super) fn text(self, row: &Row, watch: &Watch) -> String {
        let counts = &row.counts;
        let growth = watch.growth_of(row);
        match self {
            // A tenant can have any name, but not brackets around an escape.
            Self::Name if row.is_map() => format!("(map {})", names::shown(&row.name_hex)),
            Self::Name => names::shown(&row.name_hex),
            Self::Class => names::escape(row.class.as_bytes()),
            Self::Entries => count(counts.entries),
            Self::Bytes => bytes(counts.bytes),
            Self::Ops => known(growth, |growth| {
                rate(growth.per_second(|counters| counters.operations()))
            }),
            Self::Hits => known(counts.counters.hit_ratio(), share),
            Self::Evicted => known(growth, |growth| {
                rate(growth.per_second(|counters| counters.evicted))
            }),
            Self::Refused => count(counts.counters.refused),
            Self::Idle => match row.idle_ms {
                None => "in use".to_owned(),
                Some(idle) => span(Duration::from_millis(idle)),
            },
        }
    }

    /// Compares two rows. What is not known is the least.
    fn compare(self, one: &Row, other: &Row, watch: &Watch) -> Ordering {
        let by = |key: &dyn Fn(&Row) -> Option<f64>| {
            let (one, other) = (key(one), key(other));
            one.partial_cmp(&other).unwrap_or(Ordering::Equal)
        };
        match self {
            Self::Name => one.name_hex.cmp(&other.name_hex),
            Self::Class => one.class.cmp(&other.class),
            Self::Entries => one.counts.entries.cmp(&other.counts.entries),
            Self::Bytes => one.counts.bytes.cmp(&other.counts.bytes),
            Self::Ops => by(&|row| {
                let growth = watch.growth_of(row)?;
                Some(growth.per_second(|counters| counters.operations()))
            }),
            Self::Hits => by(&|row| row.counts.counters.hit_ratio()),
            Self::Evicted => by(&|row| {
                let growth = watch.growth_of(row)?;
                Some(growth.per_second(|counters| counters.evicted))
            }),
            Self::Refused => {
                let refused = |row: &Row| row.counts.counters.refused;
                refused(one).cmp(&refused(other))
            }
            Self::Idle => one.idle_ms.cmp(&other.idle_ms),
        }
    }
}

/// The order of the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) column: Column,
    pub(super) reversed: bool,
}

impl Order {
    /// Returns `true` if the greatest is first: for numbers, unless the order is reversed.
    pub(super) fn descends(self) -> bool {
        self.column.is_text() == self.reversed
    }

    /// Moves to a column that is `by` columns away, without an end.
    pub(super) fn moved(self, right: bool) -> Self {
        let at = Column::ALL.iter().position(|column| *column == self.column);
        let len = Column::ALL.len();
        let step = if right { 1 } else { len - 1 };
        let next = (at.unwrap_or_default() + step) % len;
        Self {
            column: Column::ALL.get(next).copied().unwrap_or(self.column),
            reversed: false,
        }
    }
}

/// Returns the rows whose names contain `filter`, in order. Case of ASCII letters does not matter. Rows
/// that are equal in the column are in the order of their names.
pub(super) fn rows<'a>(watch: &'a Watch, order: Order, filter: &str) -> Vec<&'a Row> {
    let filter = filter.to_ascii_lowercase();
    let tenants = watch.sample().map(|sample| sample.maps.tenants.as_slice());
    let rows = tenants.unwrap_or_default().iter();
    let matches = |row: &&Row| filter.is_empty() || lossy(row).contains(&filter);
    let mut rows: Vec<&Row> = rows.filter(matches).collect();
    rows.sort_by(|one, other| {
        let by_column = order.column.compare(one, other, watch);
        let by_column = match order.descends() {
            true => by_column.reverse(),
            false => by_column,
        };
        by_column
            .then_with(|| one.name_hex.cmp(&other.name_hex))
            .then_with(|| one.is_map().cmp(&other.is_map()))
    });
    rows
}

/// Returns a name as the filter of the server sees it.
fn lossy(row: &Row) -> String {
    String::from_utf8_lossy(&names::bytes(&row.name_hex)).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::super::example::{Example, names_of};
    use super::*;
    use serde_json::json;

    #[test]
    fn the_ratio_of_hits_also_has_its_name_in_maps() {
        use clap::ValueEnum;
        assert_eq!(Column::from_str("hit_ratio", false), Ok(Column::Hits));
    }

    fn watch() -> Watch {
        let mut watch = Watch::default();
        for (up, of_b) in [(1.0, 0), (2.0, 9)] {
            let example = Example::up(up)
                .tenant(b"b", &json!({"bytes": 10, "hits": of_b, "idle_ms": 5}))
                .tenant(b"A", &json!({"bytes": 10, "misses": 2, "class": "free"}))
                .tenant("Größe".as_bytes(), &json!({"bytes": 30, "evicted": of_b}));
            watch.add(example.sample());
        }
        watch
    }

    fn order(column: Column) -> Order {
        Order {
            column,
            reversed: false,
        }
    }

    #[test]
    fn numbers_descend_and_names_ascend() {
        let watch = watch();
        for (column, expected) in [
            (Column::Name, ["A", "Größe", "b"]),
            (Column::Class, ["A", "Größe", "b"]),
            (Column::Bytes, ["Größe", "A", "b"]),
            (Column::Ops, ["b", "A", "Größe"]),
            (Column::Hits, ["b", "A", "Größe"]),
            (Column::Evicted, ["Größe", "A", "b"]),
            (Column::Idle, ["b", "A", "Größe"]),
        ] {
            let sorted = names_of(&rows(&watch, order(column), ""));
            assert_eq!(sorted, expected, "{column:?}");
            // Equal ones stay in the order of their names.
            let reversed = Order {
                column,
                reversed: true,
            };
            let mut sorted = names_of(&rows(&watch, reversed, ""));
            sorted.sort();
            assert_eq!(sorted, ["A", "Größe", "b"]);
        }
    }

    #[test]
    fn a_filter_matches_a_part_of_a_name() {
        let watch = watch();
        let filtered = |filter| names_of(&rows(&watch, order(Column::Name), filter));
        assert_eq!(filtered("B"), ["b"]);
        assert_eq!(filtered("größe"), ["Größe"]);
        assert_eq!(filtered("x"), [""; 0]);
    }

    #[test]
    fn the_columns_fit_into_each_width() {
        for width in 0..200 {
            let layout = Column::layout(width);
            let total: usize = layout.iter().map(|(_, width)| width + 1).sum();
            assert!(total <= width + 1, "{width}: {layout:?}");
            assert_eq!(layout[0].0, Column::Name);
        }
        assert_eq!(Column::layout(100).len(), Column::ALL.len());
        assert_eq!(Column::layout(80).len(), Column::ALL.len() - 1);
    }

    #[test]
    fn the_next_column_comes_round() {
        let mut at = order(Column::Name);
        for _ in Column::ALL {
            at = at.moved(true);
        }
        assert_eq!(at.column, Column::Name);
        assert_eq!(at.moved(false).column, Column::Idle);
    }

    #[test]
    fn each_column_has_a_key_of_its_own() {
        let taken = "qrjkgG";
        let mut keys: Vec<char> = Column::ALL.map(Column::key).into();
        assert!(keys.iter().all(|key| !taken.contains(*key)));
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), Column::ALL.len());
    }
}
