//! `localmap inspect`: lists the imports and exports of a component and the worlds it fits.

use crate::guest::source::read;
use crate::terminal::stdio::unless_closed;
use anyhow::Context;
use bytesize::ByteSize;
use localmap::{Incompatibility, Inspection, Item, Memory, names};
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Lists a component's imports and exports, and checks whether it can use or be a map.
///
/// Also lists its size and its memories. `run` and `plug` can give a map to a component that
/// fits the world `app`. A component that fits the world `provider` is a map, which `shell`
/// can use. For a world that the component does not fit, the output lists the reasons.
///
/// The exit code is 0 whether or not it fits, and 1 if GUEST is not a component.
#[derive(clap::Args)]
pub(crate) struct InspectCommand {
    /// Component file
    guest: PathBuf,

    /// Print JSON, with the names of all functions
    ///
    /// Prints an object with the keys file, size (in bytes), kind ("component"), imports and
    /// exports (each with name, kind and functions), memories (each with initial and maximum,
    /// in bytes; maximum is null if there is none), keyvalue (the drafts of wasi:keyvalue
    /// that the component imports and a map can serve), app and provider (each with fits and
    /// misfits, the list of reasons).
    #[arg(long)]
    json: bool,
}

impl InspectCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let file = self.guest.display().to_string();
        let bytes = read(&self.guest)?;
        let found =
            localmap::inspect(&bytes).with_context(|| format!("cannot inspect `{file}`"))?;
        let mut out = BufWriter::new(io::stdout().lock());
        let result = if self.json {
            writeln!(out, "{:#}", to_json(&file, &found))
        } else {
            write_text(&mut out, &file, &found)
        };
        let result = result.and_then(|()| out.flush());
        unless_closed(result.context("cannot write to standard output"))
    }
}

fn to_json(file: &str, found: &Inspection) -> Value {
    let items = |items: &[Item]| -> Value {
        let item = |item: &Item| {
            json!({
                "name": item.name,
                "kind": item.kind,
                "functions": item.functions,
            })
        };
        items.iter().map(item).collect()
    };
    let memory = |memory: &Memory| {
        json!({
            "initial": memory.initial,
            "maximum": memory.maximum,
        })
    };
    let fit = |reasons: &[Incompatibility]| {
        json!({
            "fits": reasons.is_empty(),
            "misfits": reasons.iter().map(ToString::to_string).collect::<Vec<_>>(),
        })
    };
    json!({
        "file": file,
        "size": found.size,
        "kind": "component",
        "imports": items(&found.imports),
        "exports": items(&found.exports),
        "memories": found.memories.iter().map(memory).collect::<Vec<_>>(),
        "keyvalue": found.keyvalue,
        "app": fit(&found.app),
        "provider": fit(&found.provider),
    })
}

fn write_text(out: &mut dyn Write, file: &str, found: &Inspection) -> io::Result<()> {
    writeln!(out, "{file}: a component of {}", size(found.size as u64))?;
    write_items(out, "Imports", &found.imports)?;
    write_items(out, "Exports", &found.exports)?;
    write_memories(out, &found.memories)?;
    write_keyvalue(out, found)?;
    writeln!(out, "\nWorlds of localmap:core")?;
    let app = if found.has_export(names::HTTP_HANDLER) {
        "`localmap serve` and `localmap plug` give it a map"
    } else if found.has_export(names::COMMAND) {
        "`localmap run` and `localmap plug` give it a map"
    } else {
        "`localmap plug` gives it a map"
    };
    write_fit(out, "app", &found.app, app)?;
    let provider = "`localmap shell` can use it as the map";
    write_fit(out, "provider", &found.provider, provider)
}

/// Writes which interfaces of `wasi:keyvalue` the map serves.
fn write_keyvalue(out: &mut dyn Write, found: &Inspection) -> io::Result<()> {
    let watches = found.has_export("wasi:keyvalue/watcher@");
    if found.keyvalue.is_empty() && !watches {
        return Ok(());
    }
    writeln!(out, "\nBuckets")?;
    for draft in &found.keyvalue {
        writeln!(out, "  wasi:keyvalue {draft}: served by the map")?;
    }
    if watches {
        writeln!(out, "  wasi:keyvalue/watcher: exported, but never called")?;
    }
    Ok(())
}

fn write_items(out: &mut dyn Write, title: &str, items: &[Item]) -> io::Result<()> {
    writeln!(
        out,
        "\n{title}{}",
        if items.is_empty() { ": none" } else { "" }
    )?;
    let longest = |text: fn(&Item) -> &str| items.iter().map(|item| text(item).len()).max();
    let name = longest(|item| &item.name).unwrap_or_default();
    let kind = longest(|item| item.kind).unwrap_or_default();
    for item in items {
        let functions = match item.functions.len() {
            0 => String::new(),
            1 => "1 function".to_owned(),
            count => format!("{count} functions"),
        };
        let line = format!("  {:name$}  {:kind$}  {functions}", item.name, item.kind);
        writeln!(out, "{}", line.trim_end())?;
    }
    Ok(())
}

fn write_memories(out: &mut dyn Write, memories: &[Memory]) -> io::Result<()> {
    writeln!(
        out,
        "\nMemory{}",
        if memories.is_empty() { ": none" } else { "" }
    )?;
    for memory in memories {
        let maximum = match memory.maximum {
            Some(maximum) => format!("at most {}", size(maximum)),
            None => "no maximum of its own".to_owned(),
        };
        writeln!(out, "  initially {}, {maximum}", size(memory.initial))?;
    }
    Ok(())
}

/// Writes whether the component fits a world, with its use if it does, or the reasons if it does
/// not.
fn write_fit(
    out: &mut dyn Write,
    world: &str,
    reasons: &[Incompatibility],
    benefit: &str,
) -> io::Result<()> {
    if reasons.is_empty() {
        return writeln!(out, "  {world:8}  fits: {benefit}");
    }
    writeln!(out, "  {world:8}  does not fit:")?;
    let (imports, others): (Vec<_>, Vec<_>) = reasons
        .iter()
        .partition(|reason| matches!(reason, Incompatibility::ExtraImport { .. }));
    // An app has many imports that a provider must not have. One of them is enough as a reason.
    for reason in others.into_iter().chain(imports.first().copied()) {
        writeln!(out, "            - {reason}")?;
    }
    match imports.len().saturating_sub(1) {
        0 => Ok(()),
        1 => writeln!(out, "            - 1 more import of this kind"),
        more => writeln!(out, "            - {more} more imports of this kind"),
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 10 {
        format!("{bytes} bytes")
    } else {
        format!("{bytes} bytes ({})", ByteSize(bytes).display().iec())
    }
}
