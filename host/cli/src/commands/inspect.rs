//! `localmap inspect`: lists the imports and exports of a component, and says which commands take it.

mod verdict;

use crate::guest::source::read;
use crate::terminal::stdio::unless_closed;
use anyhow::Context;
use bytesize::ByteSize;
use localmap::{Incompatibility, Inspection, Item, Memory};
use serde_json::{Map, Value, json};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use verdict::Verdict;

/// Lists a component's imports and exports, and says which commands take it.
///
/// Also lists its size and its memories, and whether it needs an engine with concurrency, which
/// components of WASI 0.3 do, and why. For each of `run`, `serve`, `plug` and `shell`, the output
/// says what the command would do with the component, or gives all reasons why it would refuse it:
/// the answer is that of the command itself, before it starts the component. A component that needs
/// an option, because it starts with more memory than it gets by default, is taken on that condition,
/// as is a component that `plug` leaves with imports other than those of WASI 0.2.
///
/// The exit code is 0 whether or not a command takes it, and 1 if GUEST is not a component.
#[derive(clap::Args)]
pub(crate) struct InspectCommand {
    /// Component file
    guest: PathBuf,

    /// Print JSON, with the names of all functions
    ///
    /// Prints an object with the keys file, size (in bytes), kind ("component"), imports and
    /// exports (each with name, kind and functions), memories (each with initial and maximum,
    /// in bytes; maximum is null if there is none), concurrency (why it needs an engine with
    /// concurrency, or null if it does not), keyvalue (the drafts of wasi:keyvalue
    /// that the component imports and a map can serve), commands (run, serve, plug and shell, each
    /// with fits; map, which is "given", "included", "none", or null if it does not fit;
    /// condition, what else it needs, or null; and misfits, the list of reasons), and app and
    /// provider, the worlds of localmap:core (each with fits and misfits).
    #[arg(long)]
    json: bool,
}

impl InspectCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let file = self.guest.display().to_string();
        let bytes = read(&self.guest)?;
        let found =
            localmap::inspect(&bytes).with_context(|| format!("cannot inspect `{file}`"))?;
        let verdicts = verdict::all(&bytes, &found)?;
        let mut out = BufWriter::new(io::stdout().lock());
        let result = if self.json {
            writeln!(out, "{:#}", to_json(&file, &found, &verdicts))
        } else {
            write_text(&mut out, &file, &found, &verdicts)
        };
        let result = result.and_then(|()| out.flush());
        unless_closed(result.context("cannot write to standard output"))
    }
}

fn to_json(file: &str, found: &Inspection, verdicts: &[Verdict]) -> Value {
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
    let verdict = |verdict: &Verdict| {
        let json = json!({
            "fits": verdict.misfits.is_empty(),
            "map": verdict.map.name(),
            "condition": verdict.condition,
            "misfits": verdict.misfits,
        });
        (verdict.command.to_owned(), json)
    };
    json!({
        "file": file,
        "size": found.size,
        "kind": "component",
        "imports": items(&found.imports),
        "exports": items(&found.exports),
        "concurrency": found.concurrency,
        "memories": found.memories.iter().map(memory).collect::<Vec<_>>(),
        "keyvalue": found.keyvalue,
        "commands": verdicts.iter().map(verdict).collect::<Map<_, _>>(),
        "app": fit(&found.app),
        "provider": fit(&found.provider),
    })
}

fn write_text(
    out: &mut dyn Write,
    file: &str,
    found: &Inspection,
    verdicts: &[Verdict],
) -> io::Result<()> {
    writeln!(out, "{file}: a component of {}", size(found.size as u64))?;
    write_items(out, "Imports", &found.imports)?;
    write_items(out, "Exports", &found.exports)?;
    write_memories(out, &found.memories)?;
    write_engine(out, found)?;
    write_keyvalue(out, found)?;
    writeln!(out, "\nCommands")?;
    for verdict in verdicts {
        write_verdict(out, verdict)?;
    }
    Ok(())
}

/// Writes which engine the component runs on, and why.
fn write_engine(out: &mut dyn Write, found: &Inspection) -> io::Result<()> {
    match &found.concurrency {
        None => writeln!(out, "\nEngine: without concurrency"),
        Some(reason) => writeln!(out, "\nEngine: with concurrency, since {reason}"),
    }
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

/// Writes what a command does with the component, or the reasons why it refuses it.
fn write_verdict(out: &mut dyn Write, verdict: &Verdict) -> io::Result<()> {
    let command = verdict.command;
    match verdict.brief.as_slice() {
        [] => {
            writeln!(out, "  {command:5}  yes: {}", verdict.gives)?;
            match &verdict.condition {
                Some(condition) => writeln!(out, "         {condition}"),
                None => Ok(()),
            }
        }
        [one] => writeln!(out, "  {command:5}  no: {one}"),
        several => {
            writeln!(out, "  {command:5}  no:")?;
            for reason in several {
                writeln!(out, "         - {reason}")?;
            }
            Ok(())
        }
    }
}

fn size(bytes: u64) -> String {
    if bytes < 1 << 10 {
        format!("{bytes} bytes")
    } else {
        format!("{bytes} bytes ({})", ByteSize(bytes).display().iec())
    }
}
