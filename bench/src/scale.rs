//! The axes of a chart: logarithmic if the range requires it, with marks at round numbers.

use crate::table::{bytes, thousands};
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use std::ops::Range;

/// The ratio of the largest to the smallest value from which an axis is logarithmic.
const WIDE: f64 = 15.0;

/// An axis.
pub(crate) struct Scale {
    logarithmic: bool,
    /// Whether its values are bytes.
    bytes: bool,
    /// The first value.
    from: f64,
    /// The last value.
    to: f64,
    /// The values that have a mark.
    marks: Vec<f64>,
}

impl Scale {
    /// Creates an axis with a mark at each point. `bytes` says that the values are bytes.
    pub(crate) fn of_points(values: impl Iterator<Item = f64>, bytes: bool) -> Self {
        let mut marks: Vec<f64> = values.collect();
        marks.sort_by(f64::total_cmp);
        marks.dedup();
        let (from, to) = ends(&marks);
        let logarithmic = from > 0.0 && to / from >= WIDE;
        // Leave some room before the first mark and after the last.
        let (from, to) = if logarithmic {
            let room = (to / from).powf(0.04);
            (from / room, to * room)
        } else {
            let room = (to - from) * 0.06;
            (from - room, to + room)
        };
        Self {
            logarithmic,
            bytes,
            from,
            to,
            marks: thinned(marks, 9),
        }
    }

    /// Creates an axis for figures. It starts at 0 unless it is logarithmic. `percent` limits it
    /// to 100.
    pub(crate) fn of_figures(values: impl Iterator<Item = f64>, percent: bool) -> Self {
        let values: Vec<f64> = values.collect();
        let (least, most) = ends(&values);
        if least > 0.0 && most / least >= WIDE && !percent {
            let (from, to) = (least / 1.3, most * 1.3);
            let decades = (to / from).log10();
            let steps: &[f64] = if decades > 3.5 {
                &[1.0]
            } else {
                &[1.0, 2.0, 5.0]
            };
            let marks = (-3..12).flat_map(|decade| {
                let one = 10f64.powi(decade);
                steps.iter().map(move |step| step * one)
            });
            return Self {
                logarithmic: true,
                bytes: false,
                from,
                to,
                marks: marks.filter(|mark| (from..=to).contains(mark)).collect(),
            };
        }
        let to = if percent {
            (most * 1.1).clamp(1.0, 100.0)
        } else {
            (most * 1.1).max(1e-9)
        };
        let step = step(to / 8.0);
        let marks = (0..20).map(|number| f64::from(number) * step);
        Self {
            logarithmic: false,
            bytes: false,
            from: 0.0,
            to,
            marks: marks.filter(|mark| *mark <= to).collect(),
        }
    }

    /// Returns the position of a value on a linear axis.
    fn place(&self, value: f64) -> f64 {
        if self.logarithmic {
            value.log10()
        } else {
            value
        }
    }

    pub(crate) fn in_words(&self) -> &'static str {
        if self.logarithmic {
            " (logarithmic)"
        } else {
            ""
        }
    }
}

impl Ranged for Scale {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, (first, last): (i32, i32)) -> i32 {
        let (from, to) = (self.place(self.from), self.place(self.to));
        let part = (self.place(*value) - from) / (to - from);
        // The image has a few hundred pixels.
        #[expect(clippy::cast_possible_truncation)]
        let pixels = (f64::from(last - first) * part).round() as i32;
        first + pixels
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.marks.clone()
    }

    fn range(&self) -> Range<f64> {
        self.from..self.to
    }
}

impl ValueFormatter<f64> for Scale {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        short(*value, self.bytes)
    }
}

fn ends(values: &[f64]) -> (f64, f64) {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    (least, most)
}

/// Keeps about `most` marks at most.
fn thinned(marks: Vec<f64>, most: usize) -> Vec<f64> {
    let each = marks.len().div_ceil(most).max(1);
    marks.into_iter().step_by(each).collect()
}

/// Returns the smallest number of the form 1, 2 or 5 times a power of ten that is not below
/// `least`.
fn step(least: f64) -> f64 {
    let decade = 10f64.powf(least.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0].map(|step| step * decade);
    steps
        .into_iter()
        .find(|step| *step >= least)
        .unwrap_or(decade)
}

/// `64`, `4 KiB`, `1,000`, `20k`, `1M`, `0.5`.
fn short(mark: f64, of_bytes: bool) -> String {
    if mark.fract() != 0.0 {
        return format!("{mark}");
    }
    // Marks are whole here, and not negative.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = mark as u64;
    match whole {
        whole if of_bytes => bytes(whole),
        1_000_000.. if whole.is_multiple_of(100_000) => format!("{}M", mark / 1e6),
        10_000.. if whole.is_multiple_of(1_000) => format!("{}k", thousands(whole / 1_000)),
        whole => thousands(whole),
    }
}
