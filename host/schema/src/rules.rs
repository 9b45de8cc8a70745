//! Checks the writes of apps against a schema.

use crate::prefix::Prefix;
use crate::schema::Schema;
use crate::ttl::Ttl;
use crate::violation::Violation;

/// # Rules
///
/// The prefix of a write is the longest with which its key begins. A schema without prefixes accepts
/// every write.
impl Schema {
    /// Checks a write of a value. Returns the TTL to write it with: `ttl`, or that of the prefix for
    /// [`Ttl::Default`].
    ///
    /// ```
    /// use localmap_schema::{Schema, Ttl, Violation};
    /// use std::time::Duration;
    ///
    /// let schema = br#"
    ///     format = 1
    ///     version = 7
    ///     prefix = [{ prefix = "s:", type = "utf-8", default-ttl = "30m", max-ttl = "1h" }]
    /// "#;
    /// let schema = Schema::parse(schema)?;
    /// let half_an_hour = Ttl::After(Duration::from_secs(1800));
    /// assert_eq!(schema.check_value(b"s:1", b"alice", Ttl::Default), Ok(half_an_hour));
    /// assert_eq!(schema.check_value(b"t:1", b"", Ttl::Never), Err(Violation::NoPrefix));
    /// # Ok::<(), localmap_schema::SchemaError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`Violation::NoPrefix`] if the key begins with none of the prefixes.
    /// - Returns [`Violation::KeyTooLong`], [`Violation::ValueTooLarge`], [`Violation::NotUtf8`],
    ///   [`Violation::NotACounter`] or [`Violation::TtlTooLong`] if the prefix does not allow the
    ///   write.
    pub fn check_value(&self, key: &[u8], value: &[u8], ttl: Ttl) -> Result<Ttl, Violation> {
        self.check(key, ttl, |prefix| prefix.check_value(value))
    }

    /// Checks an increment. Returns the TTL for a counter that it creates. See
    /// [`check_value`](Self::check_value) for an example.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`check_value`](Self::check_value) for a value of 8 bytes, and
    /// [`Violation::NotACounter`] if the type of the prefix is `utf-8`.
    pub fn check_increment(&self, key: &[u8], ttl: Ttl) -> Result<Ttl, Violation> {
        self.check(key, ttl, Prefix::check_increment)
    }

    /// Checks a new TTL for an entry. See [`check_value`](Self::check_value) for an example.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`check_value`](Self::check_value), except for those of values.
    pub fn check_touch(&self, key: &[u8], ttl: Ttl) -> Result<Ttl, Violation> {
        self.check(key, ttl, |_| Ok(()))
    }

    fn check(
        &self,
        key: &[u8],
        ttl: Ttl,
        check: impl FnOnce(&Prefix) -> Result<(), Violation>,
    ) -> Result<Ttl, Violation> {
        let Some(prefix) = self.prefix_of(key) else {
            return match self.prefixes().is_empty() {
                true => Ok(ttl),
                false => Err(Violation::NoPrefix),
            };
        };
        prefix.check_key(key)?;
        let ttl = prefix.check_ttl(ttl)?;
        check(prefix)?;
        Ok(ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn schema() -> Schema {
        Schema::parse(
            br#"
                format = 1
                version = 1
                limits = { default-ttl = "2h" }
                [[prefix]]
                prefix = "s:"
                type = "utf-8"
                max-key = 4
                max-value = 3
                max-ttl = "1h"
                [[prefix]]
                prefix = "s:n"
                type = "counter"
                default-ttl = "never"
                [[prefix]]
                prefix = "b:"
                max-value = 7
                [[prefix]]
                prefix = "c:"
                max-ttl = "3h"
            "#,
        )
        .expect("a schema")
    }

    const HOUR: Duration = Duration::from_secs(3600);

    #[test]
    fn the_rules_of_the_longest_prefix_apply() {
        let schema = schema();
        assert_eq!(
            schema.check_value(b"s:n", &[0; 8], Ttl::Never),
            Ok(Ttl::Never)
        );
        let short = schema.check_value(b"s:n", b"abc", Ttl::Never);
        assert_eq!(short, Err(Violation::NotACounter));
        assert_eq!(
            schema.check_value(b"s:a", b"abc", Ttl::Default),
            Ok(Ttl::After(HOUR))
        );
    }

    #[test]
    fn keys_values_and_ttls_have_their_limits() {
        let schema = schema();
        let check = |key: &[u8], value: &[u8]| schema.check_value(key, value, Ttl::After(HOUR));
        assert_eq!(check(b"s:ab", "é1".as_bytes()), Ok(Ttl::After(HOUR)));
        assert_eq!(
            check(b"s:abc", b""),
            Err(Violation::KeyTooLong { len: 5, max: 4 })
        );
        assert_eq!(
            check(b"s:a", b"1234"),
            Err(Violation::ValueTooLarge { len: 4, max: 3 })
        );
        assert_eq!(
            check(b"s:a", b"1\xc3"),
            Err(Violation::NotUtf8 { valid: 1 })
        );
        assert_eq!(check(b"t", b""), Err(Violation::NoPrefix));
        assert_eq!(check(b"", b""), Err(Violation::NoPrefix));
        for asked in [Ttl::Never, Ttl::After(HOUR + Duration::from_nanos(1))] {
            let too_long = Err(Violation::TtlTooLong { asked, max: HOUR });
            assert_eq!(schema.check_value(b"s:a", b"", asked), too_long);
            assert_eq!(schema.check_touch(b"s:a", asked), too_long);
        }
    }

    #[test]
    fn the_default_of_a_prefix_is_no_longer_than_its_longest_ttl() {
        let schema = schema();
        let touched = |key: &[u8]| schema.check_touch(key, Ttl::Default);
        assert_eq!(touched(b"s:a"), Ok(Ttl::After(HOUR)));
        assert_eq!(touched(b"s:n"), Ok(Ttl::Never));
        assert_eq!(touched(b"b:"), Ok(Ttl::Default));
        assert_eq!(touched(b"c:"), Ok(Ttl::After(2 * HOUR)));
    }

    #[test]
    fn increments_store_counters() {
        let schema = schema();
        let incremented = |key: &[u8]| schema.check_increment(key, Ttl::Default);
        assert_eq!(incremented(b"s:n1"), Ok(Ttl::Never));
        assert_eq!(incremented(b"c:1"), Ok(Ttl::After(2 * HOUR)));
        assert_eq!(
            incremented(b"s:a"),
            Err(Violation::ValueTooLarge { len: 8, max: 3 })
        );
        assert_eq!(
            incremented(b"b:1"),
            Err(Violation::ValueTooLarge { len: 8, max: 7 })
        );
        let text = br#"{"format": 1, "version": 1, "prefix": [{"prefix": "", "type": "utf-8"}]}"#;
        let text = Schema::parse(text).expect("a schema");
        assert_eq!(
            text.check_increment(b"a", Ttl::Default),
            Err(Violation::NotACounter)
        );
    }

    #[test]
    fn a_schema_without_prefixes_accepts_every_write() {
        let schema = Schema::parse(b"format = 1\nversion = 1").expect("a schema");
        assert_eq!(
            schema.check_value(b"\xff", b"\xff", Ttl::Never),
            Ok(Ttl::Never)
        );
    }
}
