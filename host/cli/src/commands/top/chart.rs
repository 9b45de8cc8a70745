//! Charts of one line, made of characters.

use std::collections::VecDeque;

const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns the last rates as columns, of which the highest is full. What is not known is empty.
pub(super) fn spark(history: &VecDeque<Option<f64>>, columns: usize) -> String {
    let rates = history.iter().skip(history.len().saturating_sub(columns));
    let highest = rates
        .clone()
        .flatten()
        .fold(0.0, |high: f64, rate| high.max(*rate));
    let space = " ".repeat(columns.saturating_sub(rates.len()));
    let bars = rates.map(|rate| match rate {
        None => ' ',
        Some(rate) if highest > 0.0 => level(rate / highest),
        Some(_) => level(0.0),
    });
    space + &bars.collect::<String>()
}

/// Returns the bar for a share of the highest rate.
fn level(share: f64) -> char {
    let steps = (share.clamp(0.0, 1.0) * 7.0).round();
    let at = LEVELS
        .iter()
        .zip(0_u8..)
        .find(|(_, step)| f64::from(*step) >= steps);
    at.map_or('█', |(bar, _)| *bar)
}

/// Returns a bar that is full to a share of its columns.
pub(super) fn gauge(share: f64, columns: usize) -> String {
    let share = share.clamp(0.0, 1.0);
    let full = |column: usize| (column as f64 + 0.5) / columns as f64 <= share;
    let bar = (0..columns).map(|column| if full(column) { '█' } else { '░' });
    bar.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rate_is_full() {
        let history = VecDeque::from([Some(9.0), None, Some(0.0), Some(1.0), Some(2.0)]);
        assert_eq!(spark(&history, 7), "  █ ▁▂▃");
        assert_eq!(spark(&history, 2), "▅█");
        assert_eq!(spark(&history, 0), "");
    }

    #[test]
    fn rates_of_zero_are_low() {
        assert_eq!(spark(&VecDeque::from([Some(0.0); 2]), 3), " ▁▁");
    }

    #[test]
    fn a_gauge_is_as_full_as_its_share() {
        assert_eq!(gauge(0.0, 4), "░░░░");
        assert_eq!(gauge(0.5, 4), "██░░");
        assert_eq!(gauge(7.0, 4), "████");
        assert_eq!(gauge(f64::NAN, 2), "░░");
        assert_eq!(gauge(1.0, 0), "");
    }
}
