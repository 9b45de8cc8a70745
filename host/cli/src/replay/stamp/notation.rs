//! The notations of dates and times in logs.

/// A notation of dates and times: regular expressions, of which the one that matches first in a
/// line counts. Their groups are `year`, `month`, `day`, `time`, `fraction`, `half` (AM or PM), and
/// `offset` or `zone`.
#[derive(Clone, Copy)]
pub(super) struct Notation {
    pub(super) patterns: &'static [&'static [&'static str]],
    /// Whether every stamp has a year.
    pub(super) has_years: bool,
}

/// Hours, minutes and seconds with an optional fraction, of 24 or of 12 hours.
const TIME: &str =
    r"(?<time>\d{1,2}:\d{2}:\d{2})(?:[.,](?<fraction>\d+))?(?:\x20(?<half>(?i:AM|PM))\b)?";
/// An optional offset that is in use somewhere. After a space, hours alone would be any number. A
/// letter or digit directly after it makes it something else.
const OFFSET: &str = concat!(
    r"(?:(?<offset>",
    r"\x20?(?:(?i:UTC|GMT)\x20?)?[+-](?:0\d|1[0-4]):?(?:00|15|30|45)",
    r"|\x20?(?i:UTC|GMT)[+-](?:0?\d|1[0-4])(?::?(?:00|15|30|45))?",
    r"|[+-](?:0\d|1[0-4])",
    r"|\x20?(?i:Z|UTC|GMT)",
    r")\b)?",
);
/// The zone before a year.
const ZONE: &str = r"(?:\x20(?<zone>(?:UTC|GMT)?[+-](?:0\d|1[0-4]):?(?:00|15|30|45)|[A-Z]{2,5}))?";
const DAY: &str = r"(?<day>\d{1,2})";
const YEAR: &str = r"(?<year>\d{4})";
const MONTH: &str = "(?<month>(?i:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec))";
const WEEKDAY: &str = r"\b(?i:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\x20+";

/// `17/May/2015:10:05:03.250 +0000`.
const DAY_MONTH_YEAR_TIME: &[&str] = &[DAY, "/", MONTH, "/", YEAR, r"[:\x20]", TIME, OFFSET];
const BRACKETED: &[&str] = &[
    r"\[", DAY, "/", MONTH, "/", YEAR, r"[:\x20]", TIME, OFFSET, r"\]",
];

/// `2015-05-17T10:05:03.250Z`, `2015/05/17 10:05:03` and `20150517 10:05:03`.
const YEAR_MONTH_DAY: &[&str] = &[
    YEAR,
    r"[-/]?(?<month>\d{2})[-/]?(?<day>\d{2})(?:[Tt_]|[\x20\t]+)",
    TIME,
    OFFSET,
];
/// `20150517T100503Z`.
const COMPACT: &[&str] = &[
    YEAR,
    r"(?<month>\d{2})(?<day>\d{2})T(?<time>\d{6})(?:[.,](?<fraction>\d+))?",
    OFFSET,
];
/// `2015 May 17 10:05:03` and `2015-May-17 10:05:03`.
const YEAR_MONTH_NAME_DAY: &[&str] = &[
    YEAR,
    r"(?:\x20|-)",
    MONTH,
    r"(?:\x20+|-)",
    DAY,
    r"\x20",
    TIME,
    OFFSET,
];
/// `17 May 2015 10:05:03.250`, `17-May-2015 10:05:03`, `17/May/2015 10:05:03` and
/// `17May2015 10:05:03`.
const DAY_MONTH_YEAR: &[&str] = &[
    DAY,
    r"[\x20/-]?",
    MONTH,
    r"[\x20/-]?",
    YEAR,
    r"(?:\x20|::?)",
    TIME,
    OFFSET,
];
/// `May 17, 2015 10:05:03 AM`, `May 17 2015 10:05:03` and `May 17, 2015 @ 10:05:03.250`.
const MONTH_DAY_YEAR: &[&str] = &[
    r"\b",
    MONTH,
    r"\x20+",
    DAY,
    r",?\x20",
    YEAR,
    r"(?:,|\x20@)?\x20",
    TIME,
    OFFSET,
];
/// `Sun May 17 10:05:03.250 2015`, with an optional zone before the year, or an offset after it.
const WEEKDAY_TO_YEAR: &[&str] = &[
    WEEKDAY, MONTH, r"\x20+", DAY, r"\x20", TIME, ZONE, r"\x20", YEAR, r"\b", OFFSET,
];

/// `May 17 10:05:03 2015 GMT`. Without the zone, the number might be something else.
const MONTH_DAY_TO_ZONE: &[&str] = &[
    r"\b",
    MONTH,
    r"\x20+",
    DAY,
    r"\x20",
    TIME,
    r"\x20",
    YEAR,
    r"(?<offset>\x20(?:UTC|GMT))\b",
];

/// `May 17 10:05:03.250`.
const MONTH_DAY: &[&str] = &[r"\b", MONTH, r"\x20+", DAY, r"\x20", TIME, OFFSET];
/// `17 May 10:05:03.250`.
const DAY_MONTH: &[&str] = &[DAY, r"\x20", MONTH, r"\x20", TIME, OFFSET];
/// `I0517 10:05:03.250000`, with the initial of a level.
const LEVEL_MONTH_DAY: &[&str] = &[r"\b[DIWEF](?<month>\d{2})(?<day>\d{2})\x20", TIME, OFFSET];

/// The stamps of the common and combined log formats, in brackets.
pub(super) const CLF: Notation = Notation {
    patterns: &[BRACKETED],
    has_years: true,
};

/// The same stamps, without brackets.
pub(super) const CLF_FIELD: Notation = Notation {
    patterns: &[DAY_MONTH_YEAR_TIME],
    has_years: true,
};

/// Dates with a year, of which RFC 3339 is one.
pub(super) const RFC3339: Notation = Notation {
    patterns: &[
        YEAR_MONTH_DAY,
        COMPACT,
        YEAR_MONTH_NAME_DAY,
        DAY_MONTH_YEAR,
        MONTH_DAY_YEAR,
        MONTH_DAY_TO_ZONE,
        WEEKDAY_TO_YEAR,
    ],
    has_years: true,
};

/// Dates without a year, or with one where others leave it out.
pub(super) const RFC3164: Notation = Notation {
    patterns: &[
        WEEKDAY_TO_YEAR,
        YEAR_MONTH_NAME_DAY,
        DAY_MONTH_YEAR,
        MONTH_DAY_YEAR,
        MONTH_DAY_TO_ZONE,
        MONTH_DAY,
        DAY_MONTH,
        LEVEL_MONTH_DAY,
    ],
    has_years: false,
};
