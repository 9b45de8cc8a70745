//! Warnings about stamps that are far from those before them.

use crate::terminal::stdio::note;
use std::time::Duration;

/// A stamp that is further ahead or behind than this is reported.
const FAR: u64 = 86_400 * 1_000_000_000;

/// The maximum number of characters of a line that are shown.
const SHOWN: usize = 300;

/// Watches the stamps of an input.
#[derive(Debug, Default)]
pub(super) struct JumpWatch {
    latest: Option<u64>,
    is_ahead_reported: bool,
    is_behind_reported: bool,
}

impl JumpWatch {
    /// Reports the first stamp that is more than a day ahead of the latest, and the first one that
    /// is more than a day behind it, on standard error.
    pub(super) fn see(&mut self, stamp: u64, number: u64, line: &[u8]) {
        if let Some(warning) = self.check(stamp, number, line) {
            note(warning);
        }
    }

    fn check(&mut self, stamp: u64, number: u64, line: &[u8]) -> Option<String> {
        let before = self.latest;
        self.latest = before.max(Some(stamp));
        let before = before?;
        if stamp.abs_diff(before) <= FAR {
            return None;
        }
        let is_reported = match stamp > before {
            true => &mut self.is_ahead_reported,
            false => &mut self.is_behind_reported,
        };
        if std::mem::replace(is_reported, true) {
            return None;
        }
        let far = Duration::from_secs(Duration::from_nanos(stamp.abs_diff(before)).as_secs());
        let far = humantime::format_duration(far);
        let line = shown(line);
        Some(match stamp > before {
            true => format!(
                "Warning: line {number} of standard input moves the clock {far} ahead: {line}\n\
                 The clock never goes back. If this is not the time of the line, check --clock, \
                 or name the field of its time with --clock-field."
            ),
            false => format!(
                "Warning: line {number} of standard input is {far} behind the clock: {line}\n\
                 The clock never goes back, so nothing expires until the stamps have caught up. \
                 Give several logs with the oldest first. If an earlier stamp was wrong, check \
                 --clock, or name the field of the time with --clock-field."
            ),
        })
    }
}

/// Returns the beginning of a line as text without control characters.
fn shown(line: &[u8]) -> String {
    let line = String::from_utf8_lossy(line.trim_ascii());
    let mut text = String::new();
    for (at, char) in line.chars().enumerate() {
        if at == SHOWN {
            text.push('…');
            break;
        }
        match char.is_control() {
            true => text.extend(char.escape_default()),
            false => text.push(char),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_stamp_far_ahead_of_the_latest_is_reported() {
        let mut watch = JumpWatch::default();
        let mut see = |stamp, number| watch.check(stamp, number, b"a\tb\x1b[0m\r\n");
        assert_eq!(see(50 * FAR, 1), None);
        assert_eq!(see(51 * FAR, 2), None);
        assert_eq!(see(50 * FAR, 3), None);
        assert_eq!(see(52 * FAR, 4), None);
        let warning = see(54 * FAR + 7, 5).unwrap();
        let words = r"line 5 of standard input moves the clock 2days ahead: a\tb\u{1b}[0m";
        assert!(warning.contains(words), "{warning}");
        assert_eq!(see(90 * FAR, 6), None);
    }

    #[test]
    fn the_first_stamp_far_behind_the_latest_is_reported() {
        let mut watch = JumpWatch::default();
        let mut see = |stamp, number| watch.check(stamp, number, b"a line\n");
        assert_eq!(see(50 * FAR, 1), None);
        assert_eq!(see(49 * FAR, 2), None);
        assert_eq!(see(51 * FAR, 3), None);
        let warning = see(48 * FAR - 7, 4).unwrap();
        let words = "line 4 of standard input is 3days behind the clock: a line\n";
        assert!(warning.contains(words), "{warning}");
        assert_eq!(see(3, 5), None);
        // The other direction is reported, too.
        assert!(see(60 * FAR, 6).unwrap().contains("9days ahead"));
        assert_eq!(see(3, 7), None);
    }

    #[test]
    fn a_long_line_is_cut() {
        assert_eq!(shown("é".repeat(400).as_bytes()).chars().count(), SHOWN + 1);
    }
}
