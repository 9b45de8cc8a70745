//! The options for the map of a guest, shared by the commands that run guests.

use crate::args::buckets::BucketArgs;
use crate::args::entry::{self, BucketEntry, CliEntry};
use crate::args::plain_map::PlainMapArgs;
use anyhow::bail;
use localmap::{Buckets, Inspection, Limits};
use localmap_schema::Schema;
use std::sync::Arc;

/// The initial entries and the limits of a map.
#[derive(clap::Args)]
#[command(next_help_heading = "The map")]
pub(crate) struct MapArgs {
    #[command(flatten)]
    pub(crate) plain: PlainMapArgs,

    /// Add an entry to a bucket of wasi:keyvalue when its map is created; may be repeated
    ///
    /// The bucket ends at the first `/`, the key at the first `=` after it.
    #[arg(long = "bucket-entry", value_name = "BUCKET/KEY=VALUE[;ttl=TIME]", value_parser = entry::bucket_parser())]
    bucket_entries: Vec<BucketEntry>,

    #[command(flatten)]
    buckets: BucketArgs,
}

impl MapArgs {
    /// Adds the limits and the entries of a schema. With `enforced`, the guest's writes must fit it.
    pub(crate) fn set_schema(&mut self, schema: Schema, enforced: bool) {
        self.plain.set_schema(schema, enforced);
    }

    /// Returns the schema that the guest's writes must fit.
    pub(crate) fn enforced(&self) -> Option<Arc<Schema>> {
        self.plain.enforced()
    }

    /// Rejects options that do not match the imports of a guest.
    pub(crate) fn check(&self, guest: &Inspection) -> anyhow::Result<()> {
        let keyvalue = !guest.keyvalue.is_empty();
        if !keyvalue && (self.buckets.given() || !self.bucket_entries.is_empty()) {
            bail!(
                "--bucket-ttl and --bucket-entry are for guests that import wasi:keyvalue, which \
                 this one does not"
            );
        }
        if keyvalue && !self.plain.own_entries().is_empty() && !imports_map(guest) {
            bail!(
                "--entry is for guests that import {}; this one imports wasi:keyvalue: name the \
                 bucket with --bucket-entry BUCKET/KEY=VALUE",
                localmap::names::LOCAL_MAP
            );
        }
        self.plain.check_entries(&self.own_entries())?;
        if self.plain.limits.raised_for(guest) {
            bail!(
                "--max-key has no effect on guests that import wasi:keyvalue: their keys have up \
                 to 255 bytes, and are stored with the names of their buckets"
            );
        }
        Ok(())
    }

    /// Rejects map options for a guest without a map. `stats` is `true` if statistics were
    /// requested.
    pub(crate) fn check_no_map(&self, stats: bool) -> anyhow::Result<()> {
        let plain = &self.plain;
        let entries = !plain.own_entries().is_empty();
        if plain.limits.given() || entries || stats || plain.has_schema() {
            bail!(
                "the guest has no map, since it imports neither {} nor wasi:keyvalue: leave out \
                 --entry, --stats, --schema and the options under `The map`",
                localmap::names::LOCAL_MAP
            );
        }
        Ok(())
    }

    pub(crate) fn buckets(&self) -> Buckets {
        self.buckets.buckets()
    }

    /// Returns the limits that were given, with those of the schema and defaults for the others.
    pub(crate) fn limits(&self) -> Limits {
        self.plain.limits()
    }

    /// Returns the limits `before`, replaced by those that were given, and raised to those that
    /// the guest needs.
    pub(crate) fn limits_over(&self, before: Limits, guest: &Inspection) -> Limits {
        guest.map_limits(self.plain.over(before))
    }

    /// Returns the initial entries of a map: those of the schema, then those that were given, which
    /// replace them.
    pub(crate) fn entries(&self) -> Vec<CliEntry> {
        [self.plain.entries_of_schema(), self.own_entries()].concat()
    }

    /// Returns the entries that were given.
    fn own_entries(&self) -> Vec<CliEntry> {
        let buckets = self.buckets();
        let in_buckets = self.bucket_entries.iter();
        let in_buckets = in_buckets.map(|entry| entry.cli_entry(&buckets));
        let entries = self.plain.own_entries().into_iter();
        entries.chain(in_buckets).collect()
    }
}

/// Returns `true` if the guest imports the map itself.
fn imports_map(guest: &Inspection) -> bool {
    let map = [localmap::names::LOCAL_MAP, localmap::names::BLOCKS].map(without_version);
    let mut imports = guest.imports.iter();
    imports.any(|import| map.contains(&without_version(&import.name)))
}

fn without_version(name: &str) -> &str {
    name.split('@').next().unwrap_or(name)
}
