//! `localmap inspect`: what a component asks for and offers, and what it is good for.

use crate::guest::kind;
use crate::guest::source::read;
use crate::terminal::stdio::unless_closed;
use anyhow::Context;
use bytesize::ByteSize;
use localmap::{Incompatibility, Inspection, Item, Memory};
use serde_json::{Value, json};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Tells what a component imports and exports, its size and its memory, and whether
/// it fits the worlds of the contract.
///
/// A component that fits `world app` can be given a map by `run` and `plug`. One that
/// fits `world provider` is a map itself, for `shell`. For each world that it does not
/// fit, every reason is told. The exit code is 0 whether it fits or not, and 1 if GUEST
/// is no component.
#[derive(clap::Args)]
pub(crate) struct InspectCommand {
    /// A component file
    guest: PathBuf,

    /// Print JSON, with the names of all functions
    ///
    /// An object with the keys file, size (bytes), kind ("component"), imports and
    /// exports (each with name, kind, functions), memories (each with initial and
    /// maximum, in bytes; maximum is null where there is none), keyvalue (the drafts of
    /// wasi:keyvalue that it imports and that a map serves), app and provider (each with
    /// fits and misfits).
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
        let done = if self.json {
            writeln!(out, "{:#}", to_json(&file, &found))
        } else {
            write_text(&mut out, &file, &found)
        };
        let done = done.and_then(|()| out.flush());
        unless_closed(done.context("cannot write to standard output"))
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
    let fit = |misfits: &[Incompatibility]| {
        json!({
            "fits": misfits.is_empty(),
            "misfits": misfits.iter().map(ToString::to_string).collect::<Vec<_>>(),
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
    let app = if kind::exports(found, kind::HTTP_HANDLER) {
        "`localmap serve` gives it maps, and `localmap plug` one of its own"
    } else if kind::exports(found, kind::COMMAND) {
        "`localmap run` and `localmap plug` give it a map of its own"
    } else {
        "`localmap plug` gives it a map of its own"
    };
    write_fit(out, "app", &found.app, app)?;
    let provider = "it is a map; `localmap shell` opens a prompt on it";
    write_fit(out, "provider", &found.provider, provider)
}

/// What becomes of `wasi:keyvalue`.
fn write_keyvalue(out: &mut dyn Write, found: &Inspection) -> io::Result<()> {
    let watches = kind::exports(found, "wasi:keyvalue/watcher@");
    if found.keyvalue.is_empty() && !watches {
        return Ok(());
    }
    writeln!(out, "\nBuckets")?;
    for draft in &found.keyvalue {
        writeln!(out, "  wasi:keyvalue {draft}: served by the map")?;
    }
    if watches {
        writeln!(out, "  its wasi:keyvalue/watcher is called by nobody")?;
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
            None => "as much as its host allows".to_owned(),
        };
        writeln!(out, "  {} to begin with, {maximum}", size(memory.initial))?;
    }
    Ok(())
}

fn write_fit(
    out: &mut dyn Write,
    world: &str,
    misfits: &[Incompatibility],
    use_of_it: &str,
) -> io::Result<()> {
    if misfits.is_empty() {
        return writeln!(out, "  {world:8}  fits: {use_of_it}");
    }
    writeln!(out, "  {world:8}  does not fit:")?;
    let (imports, others): (Vec<_>, Vec<_>) = misfits
        .iter()
        .partition(|misfit| matches!(misfit, Incompatibility::ExtraImport { .. }));
    // Of an app there are many, and one tells it all.
    for misfit in others.into_iter().chain(imports.first().copied()) {
        writeln!(out, "            - {misfit}")?;
    }
    if let more @ 1.. = imports.len().saturating_sub(1) {
        writeln!(out, "            - it has {more} more such imports")?;
    }
    Ok(())
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 10 {
        format!("{bytes} bytes")
    } else {
        format!("{bytes} bytes ({})", ByteSize(bytes).display().iec())
    }
}
