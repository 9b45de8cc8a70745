//! The years of stamps that have none.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The source of the year of the first stamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum YearSource {
    /// This year.
    First(i16),
    /// The latest year in which the stamp is not after this time, at which the log was written.
    WrittenUntil(Timestamp),
}

/// A log may have been written in a zone that differs from the one that is assumed.
const TOLERANCE: SignedDuration = SignedDuration::from_hours(24);
/// A stamp this long before the latest one, or after it, may belong to another year.
const HALF_A_YEAR: SignedDuration = SignedDuration::from_hours(24 * 183);
/// The longest gap across the end of a year.
const LONGEST_GAP: SignedDuration = SignedDuration::from_hours(24 * 90);

/// Finds the years of stamps, which follow each other in a log.
#[derive(Debug, Clone)]
pub(super) struct Years {
    source: YearSource,
    zone: TimeZone,
    /// The latest stamp.
    last: Option<Timestamp>,
}

impl Years {
    pub(super) fn new(source: YearSource, zone: TimeZone) -> Self {
        Self {
            source,
            zone,
            last: None,
        }
    }

    /// Returns the stamp that `at` creates for the right year. `at` returns `None` for a year in
    /// which there is no such day.
    pub(super) fn find(&self, at: impl Fn(i16) -> Option<Timestamp>) -> Option<Timestamp> {
        let Some(last) = self.last else {
            return self.first(at);
        };
        let year = last.to_zoned(self.zone.clone()).year();
        let gap = |stamp: &Timestamp| stamp.duration_since(last);
        let same = at(year);
        let near = |stamp: &Timestamp| gap(stamp).abs() <= LONGEST_GAP;
        match same.as_ref().map(gap) {
            // The first days of a year follow the last ones of the year before.
            Some(early) if early < -HALF_A_YEAR => at(year + 1).filter(near).or(same),
            // A late line of the year before.
            Some(late) if late > HALF_A_YEAR => at(year - 1).filter(near).or(same),
            Some(_) => same,
            None => at(year + 1).or_else(|| at(year - 1)).filter(near),
        }
    }

    fn first(&self, at: impl Fn(i16) -> Option<Timestamp>) -> Option<Timestamp> {
        match self.source {
            YearSource::First(year) => at(year),
            YearSource::WrittenUntil(end) => {
                let year = end.to_zoned(self.zone.clone()).year();
                // 29 February can be eight years ago.
                (year - 8..=year)
                    .rev()
                    .filter_map(at)
                    .find(|stamp| stamp.duration_since(end) <= TOLERANCE)
            }
        }
    }

    /// Records the stamp that has been found. The latest determines the years of the next ones.
    pub(super) fn found(&mut self, stamp: Timestamp) {
        self.last = self.last.max(Some(stamp));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::Date;

    /// Returns the dates of these days, which follow each other.
    fn dates(source: YearSource, days: &[(i8, i8)]) -> Vec<String> {
        let mut years = Years::new(source, TimeZone::UTC);
        let date = |&(month, day): &(i8, i8)| {
            let stamp = years.find(|year| {
                let date = Date::new(year, month, day).ok()?;
                Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
            });
            if let Some(stamp) = stamp {
                years.found(stamp);
            }
            stamp.map_or("none".to_owned(), |stamp| {
                stamp.strftime("%Y-%m-%d").to_string()
            })
        };
        days.iter().map(date).collect()
    }

    fn until(text: &str) -> YearSource {
        YearSource::WrittenUntil(text.parse().unwrap())
    }

    #[test]
    fn the_first_year_is_the_one_given() {
        let found = dates(YearSource::First(2015), &[(5, 17), (5, 18)]);
        assert_eq!(found, ["2015-05-17", "2015-05-18"]);
        assert_eq!(dates(YearSource::First(2015), &[(2, 29)]), ["none"]);
    }

    #[test]
    fn the_first_year_is_the_latest_before_the_log_was_written() {
        for (written, day, expected) in [
            ("2015-05-17T12:00:00Z", (5, 17), "2015-05-17"),
            ("2015-05-17T12:00:00Z", (5, 18), "2015-05-18"),
            ("2015-05-17T12:00:00Z", (5, 19), "2014-05-19"),
            ("2015-01-02T12:00:00Z", (12, 30), "2014-12-30"),
            ("2015-12-31T12:00:00Z", (1, 1), "2015-01-01"),
            ("2015-05-17T12:00:00Z", (2, 29), "2012-02-29"),
        ] {
            assert_eq!(dates(until(written), &[day]), [expected], "{written}");
        }
    }

    #[test]
    fn a_log_goes_over_the_end_of_the_year() {
        let days = [(12, 30), (12, 31), (1, 1), (12, 31), (1, 2), (2, 1)];
        let expected = [
            "2014-12-30",
            "2014-12-31",
            "2015-01-01",
            "2014-12-31",
            "2015-01-02",
            "2015-02-01",
        ];
        assert_eq!(dates(YearSource::First(2014), &days), expected);
        assert_eq!(dates(until("2015-02-01T12:00:00Z"), &days), expected);
    }

    /// A machine without a clock of its own writes 1 January when it starts.
    #[test]
    fn a_day_of_another_season_does_not_change_the_year() {
        let found = dates(YearSource::First(2015), &[(7, 17), (1, 1), (7, 17), (1, 5)]);
        assert_eq!(
            found,
            ["2015-07-17", "2015-01-01", "2015-07-17", "2015-01-05"]
        );
    }

    #[test]
    fn a_leap_day_is_of_a_leap_year() {
        let found = dates(YearSource::First(2015), &[(12, 31), (2, 29), (3, 1)]);
        assert_eq!(found, ["2015-12-31", "2016-02-29", "2016-03-01"]);
    }
}
