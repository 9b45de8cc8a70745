//! The query of `/maps`: which tenants, in which order.

use std::str::FromStr;

/// The maximum, and the default, number of tenants of one response.
pub(super) const MAX_LIMIT: usize = 1_000;
const DEFAULT_LIMIT: usize = 100;

/// Which tenants, in which order.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) sort: Sort,
    pub(super) descending: bool,
    /// A part of the name, without regard to the case of ASCII.
    pub(super) filter: Vec<u8>,
    pub(super) class: Option<Vec<u8>>,
    pub(super) offset: usize,
    pub(super) limit: usize,
}

/// What tenants are sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sort {
    Name,
    Class,
    Idle,
    HitRatio,
    Entries,
    Bytes,
    Payload,
    Overhead,
    Free,
    Pinned,
    HighWater,
    Granted,
    Hits,
    Misses,
    Writes,
    Expired,
    Evicted,
    Refused,
    RateLimited,
}

const SORTS: [(&str, Sort); 19] = [
    ("name", Sort::Name),
    ("class", Sort::Class),
    ("idle", Sort::Idle),
    ("hit_ratio", Sort::HitRatio),
    ("entries", Sort::Entries),
    ("bytes", Sort::Bytes),
    ("payload", Sort::Payload),
    ("overhead", Sort::Overhead),
    ("free", Sort::Free),
    ("pinned", Sort::Pinned),
    ("high_water", Sort::HighWater),
    ("granted", Sort::Granted),
    ("hits", Sort::Hits),
    ("misses", Sort::Misses),
    ("writes", Sort::Writes),
    ("expired", Sort::Expired),
    ("evicted", Sort::Evicted),
    ("refused", Sort::Refused),
    ("rate_limited", Sort::RateLimited),
];

impl Sort {
    /// Returns the name in queries.
    pub(super) fn name(self) -> &'static str {
        let found = SORTS.iter().find(|(_, sort)| *sort == self);
        found.map_or("", |(name, _)| name)
    }

    fn is_text(self) -> bool {
        matches!(self, Self::Name | Self::Class)
    }
}

impl FromStr for Sort {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let found = SORTS.iter().find(|(name, _)| *name == text);
        found.map(|(_, sort)| *sort).ok_or_else(|| {
            let names: Vec<_> = SORTS.iter().map(|(name, _)| *name).collect();
            format!("`sort` must be one of {}", names.join(", "))
        })
    }
}

impl Query {
    /// Parses the query of a URI. The error tells what to write instead.
    pub(super) fn parse(query: &str) -> Result<Self, String> {
        let (mut sort, mut order, mut filter) = (None, None, None);
        let (mut class, mut offset, mut limit) = (None, None, None);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "sort" => &mut sort,
                "order" => &mut order,
                "filter" => &mut filter,
                "class" => &mut class,
                "offset" => &mut offset,
                "limit" => &mut limit,
                _ => {
                    return Err(
                        "the parameters are sort, order, filter, class, offset and limit".into(),
                    );
                }
            };
            if place.replace(decode(value)?).is_some() {
                return Err(format!("`{name}` is given twice"));
            }
        }
        let sort = sort.map_or(Ok(Sort::Name), |sort| text(&sort).parse())?;
        let descending = match order.as_deref() {
            None => !sort.is_text(),
            Some(b"asc") => false,
            Some(b"desc") => true,
            Some(_) => return Err("`order` must be asc or desc".into()),
        };
        let offset = offset.map_or(Some(0), |offset| text(&offset).parse().ok());
        let limit = limit.map_or(Some(DEFAULT_LIMIT), |limit| text(&limit).parse().ok());
        Ok(Self {
            sort,
            descending,
            filter: filter.unwrap_or_default().to_ascii_lowercase(),
            class,
            offset: offset.ok_or("`offset` must be a number of tenants to leave out")?,
            limit: limit
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| format!("`limit` must be a number from 1 to {MAX_LIMIT}"))?,
        })
    }

    /// Returns `true` if the name has the part that was asked for.
    pub(super) fn matches_name(&self, name: &[u8]) -> bool {
        let part = &self.filter;
        part.is_empty()
            || name
                .windows(part.len())
                .any(|window| window.eq_ignore_ascii_case(part))
    }
}

/// Returns a text that is to be one of a few words or a number. What is no UTF-8 is none of them.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or("?")
}

/// Decodes a value of a form: percent signs, and plus signs for spaces.
fn decode(value: &str) -> Result<Vec<u8>, String> {
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(bytes.next()?).to_digit(16);
                let value = digit().zip(digit()).map(|(high, low)| high << 4 | low);
                value
                    .and_then(|value| u8::try_from(value).ok())
                    .ok_or("a percent sign must be followed by two hexadecimal digits")?
            }
            byte => byte,
        });
    }
    Ok(decoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_has_defaults_and_says_what_is_wrong() {
        let all = Query::parse("").expect("defaults");
        assert_eq!((all.sort, all.descending), (Sort::Name, false));
        assert_eq!((all.offset, all.limit), (0, DEFAULT_LIMIT));
        let query = Query::parse("sort=bytes&filter=A%42+%ff&class=gold&offset=5&limit=1000");
        let query = query.expect("a query");
        assert_eq!((query.sort, query.descending), (Sort::Bytes, true));
        assert_eq!(query.filter, b"ab \xff");
        assert!(query.matches_name(b"xAB \xffy") && !query.matches_name(b"ab"));
        assert_eq!(query.class.as_deref(), Some(b"gold".as_slice()));
        assert_eq!((query.offset, query.limit), (5, MAX_LIMIT));
        for (query, part) in [
            ("sort=size", "one of name, class"),
            ("order=up", "asc or desc"),
            ("limit=0", "1 to 1000"),
            ("limit=1001", "1 to 1000"),
            ("limit=", "1 to 1000"),
            ("limit=%ff", "1 to 1000"),
            ("offset=-1", "number of tenants"),
            ("offset=99999999999999999999", "number of tenants"),
            ("filter=%4", "two hexadecimal digits"),
            ("filter=%%41", "two hexadecimal digits"),
            ("sort=name&sort=name", "twice"),
            ("Sort=name", "the parameters are"),
            ("<b>", "the parameters are"),
        ] {
            let error = Query::parse(query).expect_err(query);
            assert!(error.contains(part), "{query}: {error}");
        }
    }

    #[test]
    fn each_sort_has_a_name_of_its_own() {
        for (name, sort) in SORTS {
            assert_eq!(sort.name(), name);
            assert_eq!(name.parse(), Ok(sort));
        }
    }
}
