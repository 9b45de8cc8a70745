//! The options for a map: its limits, its initial entries and its schema. Those for the buckets of
//! guests are in `map_args`.

use crate::args::entry::{self, CliEntry, Entry};
use crate::args::limits::LimitArgs;
use anyhow::Context;
use localmap::Limits;
use localmap_schema::Schema;
use std::sync::Arc;

/// The initial entries and the limits of a map.
#[derive(clap::Args)]
#[command(next_help_heading = "The map")]
pub(crate) struct PlainMapArgs {
    /// Add an entry to each map when it is created; may be repeated
    ///
    /// Quote it, since `;` ends a command in most shells: --entry 'token=abc;ttl=30s'
    #[arg(long = "entry", value_name = "KEY=VALUE[;ttl=TIME]", value_parser = entry::parser())]
    entries: Vec<Entry>,

    #[command(flatten)]
    pub(crate) limits: LimitArgs,

    /// The schema, if there is one. `plug` has none.
    #[arg(skip)]
    schema: Option<Arc<Schema>>,

    /// Whether writes must fit the schema.
    #[arg(skip)]
    enforced: bool,
}

impl PlainMapArgs {
    /// Adds the limits and the entries of a schema. With `enforced`, writes must fit it.
    pub(crate) fn set_schema(&mut self, schema: Schema, enforced: bool) {
        self.schema = Some(Arc::new(schema));
        self.enforced = enforced;
    }

    /// Returns `true` if there is a schema.
    pub(crate) fn has_schema(&self) -> bool {
        self.schema.is_some()
    }

    /// Returns the schema that writes must fit.
    pub(crate) fn enforced(&self) -> Option<Arc<Schema>> {
        self.schema.clone().filter(|_| self.enforced)
    }

    /// Rejects entries that do not fit the schema, if it is enforced: nobody could write them.
    pub(crate) fn check_entries(&self, entries: &[CliEntry]) -> anyhow::Result<()> {
        let Some(schema) = self.enforced() else {
            return Ok(());
        };
        for CliEntry { option, entry } in entries {
            let checked = schema.check_value(&entry.key, &entry.value, entry.ttl.into());
            checked.with_context(|| format!("{option} does not fit the schema"))?;
        }
        Ok(())
    }

    /// Returns the limits that were given, with those of the schema and defaults for the others.
    pub(crate) fn limits(&self) -> Limits {
        self.over(Limits::default())
    }

    /// Returns the limits `before`, replaced by those of the schema and by those that were given.
    pub(crate) fn over(&self, before: Limits) -> Limits {
        let schema = self.schema.as_ref();
        let of_schema = schema.map_or(before.clone(), |schema| schema.limits().over(before));
        self.limits.over(of_schema)
    }

    /// Returns the entries of the schema.
    pub(crate) fn entries_of_schema(&self) -> Vec<CliEntry> {
        let schema = self.schema.iter().flat_map(|schema| schema.preloads());
        let of_schema = schema.map(|entry| CliEntry {
            option: format!("--schema: the entry `{}`", entry.key.escape_ascii()),
            entry,
        });
        of_schema.collect()
    }

    /// Returns the entries that were given, which replace those of the schema.
    pub(crate) fn own_entries(&self) -> Vec<CliEntry> {
        self.entries.iter().map(Entry::cli_entry).collect()
    }

    /// Returns all initial entries of a map.
    pub(crate) fn entries(&self) -> Vec<CliEntry> {
        [self.entries_of_schema(), self.own_entries()].concat()
    }
}
