//! The options for the schema of a map.

use localmap_schema::{Preloaded, VersionRange, load};
use std::path::PathBuf;

/// The schema of the map of a guest.
#[derive(clap::Args)]
#[command(next_help_heading = "The schema")]
pub(crate) struct SchemaArgs {
    /// Folder into which `localmap schema preload` has written a schema: each map gets its limits and
    /// its entries
    ///
    /// The program does not start if the schema is missing, newer or older than --schema-version,
    /// damaged or unreadable. The options for limits replace those of the schema, and --entry those
    /// of its entries that have the same key.
    #[arg(long, value_name = "DIR")]
    schema: Option<PathBuf>,

    /// Do not start unless the schema serves one of these versions: one such as 7, or a range such as
    /// 5..7, 5.. or ..7, both ends included [default: all are accepted]
    #[arg(long, value_name = "VERSIONS", requires = "schema", value_parser = str::parse::<VersionRange>)]
    schema_version: Option<VersionRange>,

    /// Reject writes of the guest that do not fit the schema, with an error of the contract: a key that
    /// begins with none of its prefixes, a value of another type or size, a TTL that is too long
    ///
    /// Writes without a TTL get that of their prefix. The map is linked, as with `run --linked`,
    /// because the calls of a plugged guest do not pass through the host.
    #[arg(long, requires = "schema")]
    pub(crate) enforce_schema: bool,
}

impl SchemaArgs {
    /// Reads the schema, if one was named.
    pub(crate) fn load(&self) -> anyhow::Result<Option<Preloaded>> {
        let accepted = self.schema_version.as_ref();
        let load = |folder: &PathBuf| load(folder, accepted);
        Ok(self.schema.as_ref().map(load).transpose()?)
    }
}

/// The versions that `localmap schema` accepts.
#[derive(clap::Args)]
pub(crate) struct VersionArg {
    /// Refuse a schema that serves none of these versions: one such as 7, or a range such as 5..7,
    /// 5.. or ..7, both ends included [default: all are accepted]
    #[arg(long, value_name = "VERSIONS", value_parser = str::parse::<VersionRange>)]
    pub(crate) schema_version: Option<VersionRange>,
}
