//! The options that bound a map, shared by the subcommands that make one.

use crate::args::values::{parse_duration, parse_size};
use clap::ValueEnum;
use localmap::{Limits, Policy};
use std::time::Duration;

/// The bounds of the map.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "The map")]
pub(crate) struct LimitArgs {
    /// Bytes of memory that the map may hold, with what entries cost beside keys and
    /// values, for example 4MiB; at least 128KiB [default: 32MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,

    /// How many entries the map may hold, 1 to 4294967295 [default: 1048576]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    max_entries: Option<u64>,

    /// Bytes that one key may have, at most 512 [default: 128]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=512))]
    max_key: Option<u32>,

    /// Bytes that one value may have, at most 1GiB [default: 1MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_value: Option<u64>,

    /// The time to live of entries whose writer gives none, for example 30s
    /// [default: they do not expire]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    default_ttl: Option<Duration>,

    /// Refuse keys that are not UTF-8
    #[arg(long)]
    utf8_keys: bool,

    /// What the map does when it is full [default: refuse]
    #[arg(long, value_enum, value_name = "POLICY")]
    policy: Option<PolicyArg>,

    /// How many values may be pinned at a time, at most 65536 [default: 1024]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=65_536))]
    max_pins: Option<u32>,
}

/// The policies, by their names in the contract.
#[derive(Clone, Copy, ValueEnum)]
enum PolicyArg {
    /// Refuse what is new and keep what is there
    Refuse,
    /// Evict the entries that were used least recently
    Lru,
    /// Evict as S3-FIFO does: what was not used again soon, then not for long
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
    /// The defaults, with what was given in their place.
    pub(crate) fn limits(&self) -> Limits {
        self.over(Limits::default())
    }

    /// `limits`, with what was given in their place.
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

    /// Whether any of them was given.
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

/// Memory for a map in a store of its own: the default, or what lets it grow to `max_bytes` with room to
/// spare for calls.
pub(crate) fn max_memory(max_bytes: u64) -> usize {
    const DEFAULT: usize = 64 << 20;
    usize::try_from(max_bytes.saturating_mul(2))
        .unwrap_or(usize::MAX)
        .max(DEFAULT)
}
