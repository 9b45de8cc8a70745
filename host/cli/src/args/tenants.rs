//! `--tenants FILE`: the classes of tenants, and their quotas.

use crate::args::entry::{self, CliEntry};
use crate::args::plain_map::PlainMapArgs;
use crate::args::values::{parse_duration, parse_size};
use anyhow::{Context, anyhow, bail};
use localmap::{Limits, MapOptions, Policy, RateLimit, TenantClass, TenantsOptions, WhenFull};
use serde::{Deserialize, Deserializer};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;
use wildmatch::WildMatch;

/// The maximum size of the file in bytes.
const MAX_SIZE: u64 = 1 << 20;
/// The idle timeout of a class that has none.
const IDLE_TIMEOUT: Duration = Duration::from_secs(300);

/// The classes of tenants, from a file.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) struct TenantsFile {
    /// The header whose value is the name of the tenant.
    header: Option<String>,
    max_tenants: Option<u32>,
    max_bytes: Option<Size>,
    drop_idlest_after: Option<Span>,
    #[serde(default)]
    class: Vec<Class>,
}

/// A class. Limits that it does not have are those of the command line.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct Class {
    name: String,
    /// The patterns of its tenants' names; `None` for all.
    tenants: Option<Vec<String>>,
    max_bytes: Option<Size>,
    max_entries: Option<u64>,
    max_value: Option<Size>,
    default_ttl: Option<Span>,
    policy: Option<PolicyName>,
    requests_per_second: Option<u32>,
    burst: Option<u32>,
    idle_timeout: Option<Span>,
    reserved_bytes: Option<Size>,
    reserved_tenants: Option<u32>,
    #[serde(default)]
    entries: Vec<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PolicyName {
    Refuse,
    Lru,
    S3Fifo,
}

/// A number of bytes: a number, or a text such as `64KiB`.
#[derive(Clone, Copy)]
struct Size(u64);

/// A time span, such as `30s`.
#[derive(Clone, Copy)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(
            untagged,
            expecting = "expected a number of bytes such as 4096 or \"64KiB\""
        )]
        enum Form {
            Number(u64),
            Text(String),
        }
        match Form::deserialize(from)? {
            Form::Number(bytes) => Ok(Self(bytes)),
            Form::Text(text) => parse_size(&text)
                .map(Self)
                .map_err(serde::de::Error::custom),
        }
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse_duration(&text)
            .map(Self)
            .map_err(serde::de::Error::custom)
    }
}

impl TenantsFile {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let name = || format!("--tenants {}", path.display());
        let mut text = String::new();
        let file = File::open(path).with_context(name)?;
        file.take(MAX_SIZE + 1)
            .read_to_string(&mut text)
            .with_context(name)?;
        if text.len() as u64 > MAX_SIZE {
            return Err(anyhow!("it is larger than {MAX_SIZE} bytes")).with_context(name);
        }
        Self::parse(&text).with_context(name)
    }

    fn parse(text: &str) -> anyhow::Result<Self> {
        let file: Self = toml::from_str(text)?;
        if file.class.is_empty() {
            bail!("it has no class: add one, with [[class]] and a name");
        }
        if file.max_tenants == Some(0) {
            bail!("max-tenants is at least 1");
        }
        if let Some(at) = file.class.iter().position(|class| class.name.is_empty()) {
            bail!("the name of class {} is empty", at + 1);
        }
        let mut classes = file.class.iter();
        if let Some(all) = classes.find(|class| class.tenants.is_none())
            && let Some(after) = classes.next()
        {
            bail!(
                "the class `{}` takes all names, so none is left for `{}`: move it to the end",
                all.name,
                after.name
            );
        }
        Ok(file)
    }

    /// Returns the header that names the tenant, if the file says which.
    pub(crate) fn header(&self) -> Option<&str> {
        self.header.as_deref()
    }

    /// Returns the number of maps that the tenants can have at a time, if the file says it.
    pub(crate) fn max_tenants(&self) -> Option<u32> {
        self.max_tenants
    }

    /// Returns the options of the tenants. `base` has the options of a class that the file does not
    /// mention, `map` the limits, and `entries` the first entries of each map. `limits` gives a class
    /// its final limits.
    pub(crate) fn options(
        &self,
        base: &MapOptions,
        map: &PlainMapArgs,
        entries: &[CliEntry],
        limits: impl Fn(Limits) -> anyhow::Result<Limits>,
    ) -> anyhow::Result<TenantsOptions> {
        let mut options = TenantsOptions::new().max_history(0);
        for class in &self.class {
            let drop_idlest_after = self.drop_idlest_after.map(|Span(time)| time);
            let built = limits(class.limits(map.limits()))
                .and_then(|limits| {
                    let options = base.clone().limits(limits);
                    class.build(options, map, entries, drop_idlest_after)
                })
                .with_context(|| format!("--tenants: class `{}`", class.name))?;
            options = options.class(built);
        }
        if let Some(tenants) = self.max_tenants {
            options = options.max_tenants(tenants);
        }
        if let Some(Size(bytes)) = self.max_bytes {
            options = options.max_bytes(bytes);
        }
        if let Some(Span(idle_for)) = self.drop_idlest_after {
            options = options.when_full(WhenFull::DropIdlest { idle_for });
        }
        Ok(options)
    }
}

impl Class {
    /// Returns its limits, and for those that it does not have, those of `base`.
    fn limits(&self, base: Limits) -> Limits {
        let Limits {
            max_bytes,
            max_entries,
            max_value,
            default_ttl,
            policy,
            ..
        } = base;
        base.max_bytes(self.max_bytes.map_or(max_bytes, |Size(bytes)| bytes))
            .max_entries(self.max_entries.unwrap_or(max_entries))
            .max_value(self.max_value.map_or(max_value, |Size(bytes)| bytes))
            .default_ttl(self.default_ttl.map(|Span(time)| time).or(default_ttl))
            .policy(self.policy.map_or(policy, Policy::from))
    }

    /// Rejects a rate that a tenant could exceed by being dropped, since one that comes again has all
    /// of its burst.
    fn check_rate(
        &self,
        rate: u32,
        burst: u32,
        drop_idlest_after: Option<Duration>,
    ) -> anyhow::Result<()> {
        let saved_up = Duration::from_secs(1) * burst / rate;
        let idle = self.idle_timeout.map_or(IDLE_TIMEOUT, |Span(time)| time);
        for (key, idle) in [
            ("idle-timeout", Some(idle)),
            ("drop-idlest-after", drop_idlest_after),
        ] {
            if idle.is_some_and(|idle| idle < saved_up) {
                bail!(
                    "a tenant saves up its burst in {}, and has all of it after it was dropped: \
                     raise {key} to that, or lower burst",
                    humantime::format_duration(saved_up)
                );
            }
        }
        Ok(())
    }

    fn build(
        &self,
        options: MapOptions,
        map: &PlainMapArgs,
        entries: &[CliEntry],
        drop_idlest_after: Option<Duration>,
    ) -> anyhow::Result<TenantClass> {
        let mut class = TenantClass::new(&self.name).map(options);
        // Later entries replace those before them that have the same key.
        let mut entries = entries.to_vec();
        for text in &self.entries {
            let parsed = entry::parse(text.as_bytes());
            let entry = parsed.map_err(|why| anyhow!("entry `{text}`: {why}"))?.0;
            let option = format!("entry `{}`", entry.key.escape_ascii());
            let entry = CliEntry { option, entry };
            map.check_entries(std::slice::from_ref(&entry))?;
            entries.push(entry);
        }
        class = class.entries(entry::preloads(&entries));
        if self.tenants.as_ref().is_some_and(Vec::is_empty) {
            bail!("tenants has no pattern: add one, or leave it out for all names");
        }
        if let Some(patterns) = &self.tenants {
            let patterns: Vec<WildMatch> =
                patterns.iter().map(|text| WildMatch::new(text)).collect();
            // A name that is not UTF-8 matches no pattern.
            class = class.matching(move |name| {
                let name = std::str::from_utf8(name);
                name.is_ok_and(|name| patterns.iter().any(|pattern| pattern.matches(name)))
            });
        }
        class = match (self.requests_per_second, self.burst) {
            (None, None) => class,
            (None, Some(_)) => bail!("burst requires requests-per-second"),
            (Some(0), _) | (_, Some(0)) => bail!("requests-per-second and burst are at least 1"),
            (Some(rate), burst) => {
                let burst = burst.unwrap_or(rate);
                self.check_rate(rate, burst, drop_idlest_after)?;
                class.rate_limit(RateLimit::per_second(rate).burst(burst))
            }
        };
        class = class.idle_timeout(self.idle_timeout.map_or(IDLE_TIMEOUT, |Span(time)| time));
        if let Some(Size(bytes)) = self.reserved_bytes {
            class = class.reserved_bytes(bytes);
        }
        if let Some(tenants) = self.reserved_tenants {
            class = class.reserved_tenants(tenants);
        }
        Ok(class)
    }
}

impl From<PolicyName> for Policy {
    fn from(policy: PolicyName) -> Self {
        match policy {
            PolicyName::Refuse => Self::Refuse,
            PolicyName::Lru => Self::Lru,
            PolicyName::S3Fifo => Self::S3Fifo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(text: &str) -> String {
        match TenantsFile::parse(text) {
            Ok(_) => String::new(),
            Err(error) => format!("{error:#}"),
        }
    }

    #[test]
    fn a_file_has_classes_with_sizes_and_time_spans() {
        let file = TenantsFile::parse(
            r#"
            header = "x-tenant"
            max-bytes = "1GiB"
            drop-idlest-after = "10s"
            [[class]]
            name = "gold"
            tenants = ["gold-*", "acme"]
            max-bytes = 1048576
            policy = "s3-fifo"
            requests-per-second = 100
            entries = ["k=v;ttl=30s"]
            [[class]]
            name = "others"
            "#,
        );
        let file = file.expect("it is valid");
        assert_eq!(file.header(), Some("x-tenant"));
        let gold = file.class[0].limits(Limits::default());
        assert_eq!((gold.max_bytes, gold.policy), (1 << 20, Policy::S3Fifo));
        let others = file.class[1].limits(Limits::default().max_entries(7));
        assert_eq!(others, Limits::default().max_entries(7));
    }

    #[test]
    fn an_error_names_what_is_wrong() {
        for (text, expected) in [
            ("", "no class: add one, with [[class]]"),
            ("class = []", "no class"),
            ("[[class]]\nname = \"\"", "name of class 1 is empty"),
            ("max-tenants = 0\n[[class]]\nname = \"a\"", "at least 1"),
            (
                "[[class]]\nname = \"a\"\n[[class]]\nname = \"b\"",
                "none is left for `b`",
            ),
            (
                "[[class]]\nname = \"a\"\nmax_bytes = 1",
                "unknown field `max_bytes`",
            ),
            (
                "[[class]]\nname = \"a\"\nmax-bytes = \"1 parsec\"",
                "number of bytes",
            ),
            ("[[class]]\nname = \"a\"\nmax-bytes = -1", "number of bytes"),
            (
                "[[class]]\nname = \"a\"\nidle-timeout = \"30\"",
                "time span",
            ),
            ("[[class]]\nname = \"a\"\npolicy = \"fifo\"", "fifo"),
            ("[[class]", "TOML"),
        ] {
            let error = error(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
    }
}
