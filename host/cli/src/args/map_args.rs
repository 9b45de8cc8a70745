//! What the command line says of the map of a guest, shared by the subcommands that run
//! guests.

use crate::args::buckets::BucketArgs;
use crate::args::entry::{self, BucketEntry, Entry, Given};
use crate::args::limits::LimitArgs;
use anyhow::bail;
use localmap::{Buckets, Inspection, Limits};

/// What a map starts with, and its bounds.
#[derive(clap::Args)]
#[command(next_help_heading = "The map")]
pub(crate) struct MapArgs {
    /// Put an entry into each map when it is made; may be repeated.
    ///
    /// Quote it, since `;` ends a command in most shells: --entry 'token=abc;ttl=30s'
    #[arg(long = "entry", value_name = "KEY=VALUE[;ttl=TIME]", value_parser = entry::parser())]
    entries: Vec<Entry>,

    /// Put an entry into a bucket of wasi:keyvalue when its map is made; may be repeated.
    ///
    /// The bucket ends at the first `/`, the key at the first `=` behind it.
    #[arg(long = "bucket-entry", value_name = "BUCKET/KEY=VALUE[;ttl=TIME]", value_parser = entry::bucket_parser())]
    bucket_entries: Vec<BucketEntry>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    #[command(flatten)]
    buckets: BucketArgs,
}

impl MapArgs {
    /// Refuses what does not go with a guest that has a map.
    pub(crate) fn check(&self, guest: &Inspection) -> anyhow::Result<()> {
        let keyvalue = !guest.keyvalue.is_empty();
        if !keyvalue && (self.buckets.given() || !self.bucket_entries.is_empty()) {
            bail!(
                "--bucket-ttl and --bucket-entry are for guests that use wasi:keyvalue, which \
                 this one does not import"
            );
        }
        if keyvalue && !self.entries.is_empty() && !imports_map(guest) {
            bail!(
                "--entry is for guests that import {}; this one uses wasi:keyvalue: name the \
                 bucket with --bucket-entry BUCKET/KEY=VALUE",
                localmap::names::LOCAL_MAP
            );
        }
        Ok(())
    }

    /// Refuses what a guest without a map has no use for; `stats`: statistics were asked
    /// for, too.
    pub(crate) fn check_no_map(&self, stats: bool) -> anyhow::Result<()> {
        if self.limits.given() || !self.entries.is_empty() || stats {
            bail!(
                "the guest has no map, which the options --entry, --stats and those under \
                 `The map` are for: it does not import {}",
                localmap::names::LOCAL_MAP
            );
        }
        Ok(())
    }

    pub(crate) fn buckets(&self) -> Buckets {
        self.buckets.buckets()
    }

    /// The limits in place of `before`, with what the guest needs.
    pub(crate) fn limits_over(&self, before: Limits, guest: &Inspection) -> Limits {
        let limits = self.limits.over(before);
        if guest.keyvalue.is_empty() {
            limits
        } else {
            limits.for_buckets()
        }
    }

    /// What a map starts with.
    pub(crate) fn entries(&self) -> Vec<Given> {
        let buckets = self.buckets();
        let in_buckets = self.bucket_entries.iter();
        let in_buckets = in_buckets.map(|entry| entry.given(&buckets));
        let entries = self.entries.iter().map(Entry::given);
        entries.chain(in_buckets).collect()
    }
}

/// Whether it calls the map itself.
fn imports_map(guest: &Inspection) -> bool {
    let map = [localmap::names::LOCAL_MAP, localmap::names::BLOCKS].map(without_version);
    let mut imports = guest.imports.iter();
    imports.any(|import| map.contains(&without_version(&import.name)))
}

fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
