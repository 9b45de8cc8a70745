//! The options that bound a map, shared by the subcommands that make one.

use crate::values::{parse_duration, parse_size};
use localmap::Limits;
use std::time::Duration;

/// The bounds of the map.
#[derive(clap::Args, Clone)]
#[command(next_help_heading = "The map")]
pub(crate) struct LimitArgs {
    /// Bytes that the entries may take up, with what they cost beside keys and
    /// values, for example 4MiB [default: 32MiB]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    max_bytes: Option<u64>,

    /// How many entries the map may hold, 1 to 4294967295 [default: 1048576]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=u64::from(u32::MAX)))]
    max_entries: Option<u64>,

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
            max_value,
            default_ttl,
            utf8_keys,
            ..
        } = limits;
        limits
            .max_bytes(self.max_bytes.unwrap_or(max_bytes))
            .max_entries(self.max_entries.unwrap_or(max_entries))
            .max_value(self.max_value.unwrap_or(max_value))
            .default_ttl(self.default_ttl.or(default_ttl))
            .utf8_keys(self.utf8_keys || utf8_keys)
    }

    /// Whether any of them was given.
    pub(crate) fn given(&self) -> bool {
        self.max_bytes.is_some()
            || self.max_entries.is_some()
            || self.max_value.is_some()
            || self.default_ttl.is_some()
            || self.utf8_keys
    }
}
