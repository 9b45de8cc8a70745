//! `localmap schema show`: prints a schema for people and for programs.

use super::check::open;
use super::output::print;
use localmap_schema::{FORMAT, Kind, Prefix, Preloaded, Schema, SchemaLimits, Ttl};
use serde_json::{Map, Value, json};
use std::fmt::Write;
use std::path::PathBuf;
use std::process::ExitCode;

/// Prints the schema in a folder.
///
/// Text that a schema has is printed in quotes, with escapes for control characters, and cut after
/// 64 bytes. The exit code is that of `localmap schema check`.
#[derive(clap::Args)]
pub(crate) struct ShowCommand {
    /// Folder of `localmap schema preload`, or a schema file that is still to be preloaded
    #[arg(value_name = "DIR")]
    path: PathBuf,

    /// Print JSON, whole
    ///
    /// Prints an object with the fields of a schema in JSON, where version is always an object, bytes
    /// are text or an object with the key hex, and entry also has the entries of the file of entries;
    /// and with the keys sha256, the digest of the schema's file, and path.
    #[arg(long)]
    json: bool,

    /// Print the bytes of the schema's file
    #[arg(long, conflicts_with = "json")]
    source: bool,
}

impl ShowCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let preloaded = open(&self.path, None)?;
        if self.source {
            return print(preloaded.source());
        }
        let path = self.path.display().to_string();
        let text = match self.json {
            true => format!("{:#}\n", to_json(&path, &preloaded)),
            false => to_text(&path, &preloaded)?,
        };
        print(text.as_bytes())
    }
}

fn to_json(path: &str, preloaded: &Preloaded) -> Value {
    let schema = preloaded.schema();
    let version = schema.version();
    let prefix = |prefix: &Prefix| {
        let mut fields = Map::new();
        fields.insert("prefix".to_owned(), bytes(prefix.prefix()));
        fields.insert("type".to_owned(), prefix.kind().name().into());
        let mut set = |name: &str, value: Option<Value>| {
            value.map(|value| fields.insert(name.to_owned(), value));
        };
        set("max-key", prefix.max_key().map(Value::from));
        set("max-value", prefix.max_value().map(Value::from));
        set("default-ttl", ttl(prefix.default_ttl()));
        set(
            "max-ttl",
            prefix.max_ttl().and_then(|max| ttl(Ttl::After(max))),
        );
        Value::Object(fields)
    };
    let entry = |entry: &localmap_schema::Entry| {
        let mut fields = Map::new();
        fields.insert("key".to_owned(), bytes(entry.key()));
        let counter = schema.prefix_of(entry.key()).is_some_and(is_counter);
        let number = counter.then(|| counter_of(entry.value())).flatten();
        let value = number.map_or_else(|| bytes(entry.value()), Value::from);
        fields.insert("value".to_owned(), value);
        ttl(entry.ttl()).map(|ttl| fields.insert("ttl".to_owned(), ttl));
        Value::Object(fields)
    };
    let mut json = json!({
        "path": path,
        "sha256": preloaded.digest().to_string(),
        "format": FORMAT,
        "version": { "min": version.min(), "max": version.max() },
        "limits": limits(schema.limits()),
        "prefix": schema.prefixes().iter().map(prefix).collect::<Vec<_>>(),
        "entry": schema.entries().iter().map(entry).collect::<Vec<_>>(),
    });
    if let (Some(file), Some(object)) = (schema.entries_file(), json.as_object_mut()) {
        let file = json!({ "file": file.name(), "sha256": file.digest().to_string() });
        object.insert("entries".to_owned(), file);
    }
    json
}

/// Returns the limits that are set, by their names.
fn limits(limits: &SchemaLimits) -> Map<String, Value> {
    let default_ttl = limits.default_ttl.and_then(|time| ttl(Ttl::After(time)));
    let all = [
        ("max-entries", limits.max_entries.map(Value::from)),
        ("max-bytes", limits.max_bytes.map(Value::from)),
        ("max-key", limits.max_key.map(Value::from)),
        ("max-value", limits.max_value.map(Value::from)),
        ("default-ttl", default_ttl),
        ("utf8-keys", limits.utf8_keys.map(Value::from)),
        ("policy", limits.policy.map(|policy| policy.name().into())),
        ("max-pins", limits.max_pins.map(Value::from)),
    ];
    let set = all.into_iter();
    set.filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}

/// Returns bytes as text if they are UTF-8, and otherwise as hexadecimal digits.
fn bytes(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => {
            let digits = bytes.iter().map(|byte| format!("{byte:02x}"));
            json!({ "hex": digits.collect::<String>() })
        }
    }
}

fn ttl(ttl: Ttl) -> Option<Value> {
    (ttl != Ttl::Default).then(|| ttl.to_string().into())
}

fn is_counter(prefix: &Prefix) -> bool {
    prefix.kind() == Kind::Counter
}

fn counter_of(value: &[u8]) -> Option<i64> {
    value.try_into().ok().map(i64::from_le_bytes)
}

fn to_text(path: &str, preloaded: &Preloaded) -> Result<String, std::fmt::Error> {
    let schema = preloaded.schema();
    let mut out = String::new();
    writeln!(out, "{path}: a schema for version {}", schema.version())?;
    writeln!(out, "sha256 {}", preloaded.digest())?;
    let limits = limits(schema.limits());
    if !limits.is_empty() {
        writeln!(out, "\nLimits")?;
        for (name, value) in limits {
            let value = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            writeln!(out, "  {name} {value}")?;
        }
    }
    writeln!(out, "\nPrefixes")?;
    for prefix in schema.prefixes() {
        writeln!(
            out,
            "  {} {}{}",
            quoted(prefix.prefix()),
            prefix.kind().name(),
            rules(prefix)
        )?;
    }
    if schema.prefixes().is_empty() {
        writeln!(out, "  none: every key is accepted")?;
    }
    writeln!(out, "\nEntries")?;
    for entry in schema.entries() {
        let value = value(schema, entry);
        writeln!(
            out,
            "  {} = {value}, ttl {}",
            quoted(entry.key()),
            entry.ttl()
        )?;
    }
    if schema.entries().is_empty() {
        writeln!(out, "  none")?;
    }
    if let Some(file) = schema.entries_file() {
        writeln!(out, "  (with those of the file \"{}\")", file.name())?;
    }
    Ok(out)
}

fn value(schema: &Schema, entry: &localmap_schema::Entry) -> String {
    let counter = schema.prefix_of(entry.key()).is_some_and(is_counter);
    let number = counter.then(|| counter_of(entry.value())).flatten();
    number.map_or_else(|| quoted(entry.value()), |number| number.to_string())
}

/// Returns the rules of a prefix, after a comma each.
fn rules(prefix: &Prefix) -> String {
    let default_ttl = prefix.default_ttl();
    let rules = [
        prefix.max_key().map(|max| format!("max-key {max}")),
        prefix.max_value().map(|max| format!("max-value {max}")),
        (default_ttl != Ttl::Default).then(|| format!("default-ttl {default_ttl}")),
        prefix
            .max_ttl()
            .map(|max| format!("max-ttl {}", Ttl::After(max))),
    ];
    rules
        .into_iter()
        .flatten()
        .map(|rule| format!(", {rule}"))
        .collect()
}

/// Returns bytes in quotes, cut after 64. What a terminal could take for a command is escaped.
fn quoted(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    let (shown, more) = bytes.split_at_checked(MOST).unwrap_or((bytes, &[]));
    let mut text = String::from("\"");
    for chunk in shown.utf8_chunks() {
        text.extend(chunk.valid().chars().flat_map(char::escape_debug));
        for byte in chunk.invalid() {
            text.push_str(&format!("\\x{byte:02x}"));
        }
    }
    text.push('"');
    if !more.is_empty() {
        text.push_str(&format!("… ({} bytes)", bytes.len()));
    }
    text
}
