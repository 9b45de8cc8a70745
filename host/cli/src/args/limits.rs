//! The options for the limits of a map, shared by the commands that create one.

use crate::args::values::{parse_duration, parse_size};
use clap::ValueEnum;
use localmap::{Inspection, Limits, Policy};
use std::time::Duration;

/// The limits of the map.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "The map")]
pub(crate) struct LimitArgs {
    /// Maximum memory of the map in bytes, overhead included, for example 4MiB; at least 128KiB
    /// [default: 32MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,

    /// Maximum number of entries, 1 to 4294967295 [default: 1048576]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    max_entries: Option<u64>,

    /// Maximum length of a key in bytes, at most 512 [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    max_key: Option<u32>,

    /// Maximum size of a value in bytes, at most 1GiB [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_value: Option<u64>,

    /// Time to live of entries that are written without one, for example 30s
    /// [default: they do not expire]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    default_ttl: Option<Duration>,

    /// Reject keys that are not UTF-8
    #[arg(long)]
    utf8_keys: bool,

    /// How a full map handles new entries [default: refuse]
    #[arg(long, value_enum, value_name = "POLICY")]
    policy: Option<PolicyArg>,

    /// Maximum number of values pinned at a time, at most 65536 [default: 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    max_pins: Option<u32>,
}

/// The eviction policies, by their names in the contract.
#[derive(Clone, Copy, ValueEnum)]
enum PolicyArg {
    /// Reject new entries
    Refuse,
    /// Evict the least recently used entries
    Lru,
    /// Evict with S3-FIFO: first entries that were not used again soon after they were
    /// written, then those that have not been used for a long time
    S3Fifo,
}

impl From<PolicyArg> for Policy {
    fn from(policy: PolicyArg) -> Self {
        match policy {
            PolicyArg::Refuse => Self::Refuse,
            PolicyArg::Lru => Self::Lru,
            PolicyArg::S3Fifo => Self::S3Fifo,
        }
    }
}

impl LimitArgs {
    /// Returns the given limits, with defaults for the others.
    pub(crate) fn limits(&self) -> Limits {
        self.over(Limits::default())
    }

    /// Returns `limits`, replaced by those that were given.
    pub(crate) fn over(&self, limits: Limits) -> Limits {
        let Limits {
            max_bytes,
            max_entries,
            max_key,
            max_value,
            default_ttl,
            utf8_keys,
            policy,
            max_pins,
            ..
        } = limits;
        limits
            .max_bytes(self.max_bytes.unwrap_or(max_bytes))
            .max_entries(self.max_entries.unwrap_or(max_entries))
            .max_key(self.max_key.unwrap_or(max_key))
            .max_value(self.max_value.unwrap_or(max_value))
            .default_ttl(self.default_ttl.or(default_ttl))
            .utf8_keys(self.utf8_keys || utf8_keys)
            .policy(self.policy.map_or(policy, Policy::from))
            .max_pins(self.max_pins.unwrap_or(max_pins))
    }

    /// Returns `true` if the maximum length of a key was given, but the guest needs a greater one.
    pub(crate) fn raised_for(&self, guest: &Inspection) -> bool {
        let needed = guest.map_limits(self.limits()).max_key;
        self.max_key.is_some_and(|given| given < needed)
    }

    /// Returns `true` if any of these options was given.
    pub(crate) fn given(&self) -> bool {
        self.max_bytes.is_some()
            || self.max_entries.is_some()
            || self.max_key.is_some()
            || self.max_value.is_some()
            || self.default_ttl.is_some()
            || self.utf8_keys
            || self.policy.is_some()
            || self.max_pins.is_some()
    }
}
