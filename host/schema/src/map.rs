//! A schema in the types of `localmap`: limits, first entries, and the rule for the writes of apps.

use crate::limits::{SchemaLimits, SchemaPolicy};
use crate::schema::Schema;
use crate::ttl::Ttl;
use crate::violation::Violation;
use localmap::{Change, Limits, Policy, Preload, WriteRule, WriteViolation};

impl SchemaLimits {
    /// Returns `limits`, replaced by those that the schema sets.
    ///
    /// ```
    /// use localmap::Limits;
    /// use localmap_schema::Schema;
    ///
    /// let schema = b"format = 1\nversion = 1\nlimits = { max-key = 300 }";
    /// let limits = Schema::parse(schema)?.limits().over(Limits::default());
    /// assert_eq!(limits, Limits::default().max_key(300));
    /// # Ok::<(), localmap_schema::SchemaError>(())
    /// ```
    #[must_use]
    pub fn over(&self, limits: Limits) -> Limits {
        let before = limits.clone();
        limits
            .max_entries(self.max_entries.unwrap_or(before.max_entries))
            .max_bytes(self.max_bytes.unwrap_or(before.max_bytes))
            .max_key(self.max_key.unwrap_or(before.max_key))
            .max_value(self.max_value.unwrap_or(before.max_value))
            .default_ttl(self.default_ttl.or(before.default_ttl))
            .utf8_keys(self.utf8_keys.unwrap_or(before.utf8_keys))
            .policy(self.policy.map_or(before.policy, Policy::from))
            .max_pins(self.max_pins.unwrap_or(before.max_pins))
    }
}

impl From<SchemaPolicy> for Policy {
    fn from(policy: SchemaPolicy) -> Self {
        match policy {
            SchemaPolicy::Refuse => Self::Refuse,
            SchemaPolicy::Lru => Self::Lru,
            SchemaPolicy::S3Fifo => Self::S3Fifo,
        }
    }
}

impl From<Ttl> for localmap::Ttl {
    fn from(ttl: Ttl) -> Self {
        match ttl {
            Ttl::Default => Self::Default,
            Ttl::Never => Self::Never,
            Ttl::After(time) => Self::After(time),
        }
    }
}

impl From<localmap::Ttl> for Ttl {
    fn from(ttl: localmap::Ttl) -> Self {
        match ttl {
            localmap::Ttl::Default => Self::Default,
            localmap::Ttl::Never => Self::Never,
            localmap::Ttl::After(time) => Self::After(time),
        }
    }
}

impl Schema {
    /// Returns the first entries of each map, for [`LocalMap::preload`](localmap::LocalMap::preload).
    ///
    /// ```
    /// use localmap_schema::Schema;
    ///
    /// let schema = br#"{"format": 1, "version": 1, "entry": [{"key": "k", "value": "v"}]}"#;
    /// let entries = Schema::parse(schema)?.preloads();
    /// assert_eq!(entries[0].key, b"k");
    /// # Ok::<(), localmap_schema::SchemaError>(())
    /// ```
    pub fn preloads(&self) -> Vec<Preload> {
        let entries = self.entries().iter().map(|entry| Preload {
            key: entry.key().to_vec(),
            value: entry.value().to_vec(),
            ttl: entry.ttl().into(),
        });
        entries.collect()
    }

    /// Checks a write. Returns the TTL that it gets: `ttl`, or that of its prefix for
    /// [`Ttl::Default`](localmap::Ttl::Default). Deletes always fit.
    ///
    /// ```
    /// use localmap::{Change, Ttl};
    /// use localmap_schema::{Schema, Violation};
    ///
    /// let schema = br#"{"format": 1, "version": 1, "prefix": [{"prefix": "a:"}]}"#;
    /// let schema = Schema::parse(schema)?;
    /// let ttl = Ttl::Never;
    /// let set = Change::Set { key: b"b", value: b"", ttl };
    /// assert_eq!(schema.check_change(&set, ttl), Err(Violation::NoPrefix));
    /// # Ok::<(), localmap_schema::SchemaError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the [`Violation`] if the change does not fit its prefix.
    pub fn check_change(
        &self,
        change: &Change<'_>,
        ttl: localmap::Ttl,
    ) -> Result<localmap::Ttl, Violation> {
        let checked = match change {
            Change::Set { key, value, .. } | Change::SetIf { key, value, .. } => {
                self.check_value(key, value, ttl.into())
            }
            Change::Increment { key, .. } => self.check_increment(key, ttl.into()),
            Change::Touch { key, .. } => self.check_touch(key, ttl.into()),
            Change::Delete { .. } | Change::DeleteIf { .. } => Ok(ttl.into()),
        };
        checked.map(Into::into)
    }
}

/// Enforces the schema: see [`MapOptions::write_rule`](localmap::MapOptions::write_rule).
///
/// A write that does not fit its prefix is rejected with an error of the contract:
///
/// | [`Violation`] | error |
/// |---|---|
/// | [`NoPrefix`](Violation::NoPrefix), [`KeyTooLong`](Violation::KeyTooLong) | `invalid-key(too-long)`, with the length of the key |
/// | [`ValueTooLarge`](Violation::ValueTooLarge) | `value-too-large`, with `max-value` of the prefix |
/// | [`NotUtf8`](Violation::NotUtf8) | `value-too-large`, with the number of bytes that are UTF-8 |
/// | [`NotACounter`](Violation::NotACounter) | `not-a-counter` |
/// | [`TtlTooLong`](Violation::TtlTooLong) | `invalid-ttl` |
///
/// ```
/// use localmap::{Change, Ttl, WriteRule, WriteViolation};
/// use localmap_schema::Schema;
///
/// let schema = b"format = 1\nversion = 1\nprefix = [{ prefix = \"a:\", max-ttl = \"1m\" }]";
/// let schema = Schema::parse(schema)?;
/// let touch = Change::Touch { key: b"a:1", ttl: Ttl::Never };
/// assert_eq!(schema.check(&touch, Ttl::Never), Err(WriteViolation::InvalidTtl));
/// # Ok::<(), localmap_schema::SchemaError>(())
/// ```
impl WriteRule for Schema {
    fn check(
        &self,
        change: &Change<'_>,
        ttl: localmap::Ttl,
    ) -> Result<localmap::Ttl, WriteViolation> {
        Ok(self.check_change(change, ttl)?)
    }
}

impl From<Violation> for WriteViolation {
    fn from(violation: Violation) -> Self {
        match violation {
            Violation::NoPrefix | Violation::KeyTooLong { .. } => Self::InvalidKey,
            Violation::ValueTooLarge { max, .. } => Self::ValueTooLarge { max },
            Violation::NotUtf8 { valid } => Self::ValueTooLarge { max: valid },
            Violation::NotACounter => Self::NotACounter,
            Violation::TtlTooLong { .. } => Self::InvalidTtl,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::*;

    /// The ranges are written twice, so that a schema can be checked without Wasmtime.
    #[test]
    fn the_ranges_and_defaults_are_those_of_the_map() {
        let map = Limits::default();
        assert_eq!(map.max_entries, DEFAULT_MAX_ENTRIES);
        assert_eq!(map.max_key, DEFAULT_MAX_KEY);
        assert_eq!(map.max_value, DEFAULT_MAX_VALUE);
        for (inside, outside) in [
            (map.clone().max_entries(1), map.clone().max_entries(0)),
            (
                map.clone().max_entries(MAX_ENTRIES),
                map.clone().max_entries(MAX_ENTRIES + 1),
            ),
            (
                map.clone().max_bytes(MIN_BYTES),
                map.clone().max_bytes(MIN_BYTES - 1),
            ),
            (map.clone().max_key(1), map.clone().max_key(0)),
            (
                map.clone().max_key(MAX_KEY),
                map.clone().max_key(MAX_KEY + 1),
            ),
            (
                map.clone().max_value(MAX_VALUE),
                map.clone().max_value(MAX_VALUE + 1),
            ),
            (
                map.clone().max_pins(MAX_PINS),
                map.clone().max_pins(MAX_PINS + 1),
            ),
        ] {
            assert!(inside.check().is_ok(), "{inside:?}");
            assert!(outside.check().is_err(), "{outside:?}");
        }
    }
}
