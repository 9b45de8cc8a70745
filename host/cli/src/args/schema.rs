//! The options for the schema of a map, and the parsers of their values.

use localmap_schema::VersionRange;

/// The versions that are accepted.
#[derive(clap::Args)]
pub(crate) struct VersionArg {
    /// Refuse a schema that serves none of these versions: one such as 7, or a range such as 5..7,
    /// 5.. or ..7, both ends included [default: all are accepted]
    #[arg(long, value_name = "VERSIONS", value_parser = str::parse::<VersionRange>)]
    pub(crate) schema_version: Option<VersionRange>,
}
