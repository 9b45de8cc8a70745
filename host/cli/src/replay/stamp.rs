//! Time stamps in lines of bytes.

mod civil;
mod field;
mod notation;
mod offset;
mod unix;
mod year;

pub(crate) use field::FieldPath;
pub(crate) use offset::parse_offset;
pub(crate) use year::YearSource;

use civil::CivilFinder;
use jiff::tz::TimeZone;
use unix::UnixFinder;

/// The format of stamps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StampFormat {
    /// `[17/May/2015:10:05:03 +0000]`, as in the common and combined log formats.
    Clf,
    /// `2015-05-17T10:05:03.25Z` and dates that are written similarly.
    Rfc3339,
    /// `May 17 10:05:03`, without a year.
    Rfc3164,
    /// `1431857103`: a stand-alone number of 10 digits for seconds, with an optional fraction, or
    /// of 13, 16 or 19 digits for milliseconds, microseconds or nanoseconds.
    Unix,
}

/// How stamps are read.
#[derive(Debug, Clone)]
pub(crate) struct StampOptions {
    pub(crate) format: StampFormat,
    /// The time zone of stamps without an offset, which are otherwise not recognised.
    pub(crate) zone: Option<TimeZone>,
    /// The field of lines of JSON that holds the stamp; otherwise, the first stamp of a line is
    /// used.
    pub(crate) field: Option<FieldPath>,
    /// The year of the first stamp that has none. Without it, such stamps are not recognised.
    pub(crate) year: Option<YearSource>,
}

impl StampOptions {
    /// Creates options for stamps in this format.
    #[cfg(test)]
    pub(super) fn new(format: StampFormat) -> Self {
        Self {
            format,
            zone: None,
            field: None,
            year: None,
        }
    }

    /// Creates a finder for these stamps.
    pub(crate) fn finder(self) -> Result<StampFinder, regex::Error> {
        // A field holds nothing but the stamp, so it need not be marked by brackets.
        let notation = match (self.format, &self.field) {
            (StampFormat::Clf, None) => notation::CLF,
            (StampFormat::Clf, Some(_)) => notation::CLF_FIELD,
            (StampFormat::Rfc3339, _) => notation::RFC3339,
            (StampFormat::Rfc3164, _) => notation::RFC3164,
            (StampFormat::Unix, _) => {
                return Ok(StampFinder {
                    field: self.field,
                    reader: Reader::Unix(UnixFinder::new()?),
                });
            }
        };
        let finder = CivilFinder::new(notation, self.zone, self.year)?;
        Ok(StampFinder {
            field: self.field,
            reader: Reader::Civil(finder),
        })
    }
}

/// Finds the stamp of a line.
#[derive(Debug)]
pub(crate) struct StampFinder {
    field: Option<FieldPath>,
    reader: Reader,
}

#[derive(Debug)]
enum Reader {
    Civil(CivilFinder),
    Unix(UnixFinder),
}

impl StampFinder {
    /// Returns the first stamp in `line`, or the one in its field, in nanoseconds since 1970.
    /// Earlier times are no stamps. If the line `goes_on`, a match that touches the end of this
    /// part is no stamp, since it may continue.
    pub(crate) fn find(&mut self, line: &[u8], goes_on: bool) -> Option<u64> {
        match &self.field {
            Some(field) => self.reader.find(field.find(line)?.as_bytes(), false),
            None => self.reader.find(line, goes_on),
        }
    }
}

impl Reader {
    fn find(&mut self, text: &[u8], goes_on: bool) -> Option<u64> {
        match self {
            Self::Civil(finder) => finder.find(text, goes_on),
            Self::Unix(finder) => finder.find(text, goes_on),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_bytes_make_it_panic() {
        for format in [
            StampFormat::Clf,
            StampFormat::Rfc3339,
            StampFormat::Rfc3164,
            StampFormat::Unix,
        ] {
            for field in [None, Some("a.b")] {
                let mut finder = StampOptions {
                    zone: Some(TimeZone::UTC),
                    field: field.map(|path| path.parse().unwrap()),
                    year: Some(YearSource::First(2015)),
                    ..StampOptions::new(format)
                }
                .finder()
                .unwrap();
                for line in [
                    &b"\xff\x00[\xfe/\xfd/2015:10:05:03 +0000]"[..],
                    b"{\"a\":{\"b\":\"\\ud800 [17/",
                    b"9999-99-99 99:99:99 +9999 Foo 99 99:99:99",
                    &[b'1'; 70_000],
                    &[b'{'; 70_000],
                ] {
                    assert_eq!(finder.find(line, false), None);
                    assert_eq!(finder.find(line, true), None);
                }
            }
        }
    }

    #[test]
    fn a_field_is_searched_alone_and_without_brackets() {
        let line = r#"{"msg":"[18/May/2015:10:05:03 +0000]","at":"17/May/2015:10:05:03 +0000"}"#;
        let mut finder = StampOptions {
            field: Some("at".parse().unwrap()),
            ..StampOptions::new(StampFormat::Clf)
        }
        .finder()
        .unwrap();
        let found = finder.find(line.as_bytes(), false);
        assert_eq!(found, Some(1_431_857_103_000_000_000));
        assert_eq!(finder.find(br#"{"at":"soon"}"#, false), None);
        assert_eq!(finder.find(b"[18/May/2015:10:05:03 +0000]", false), None);
    }
}
