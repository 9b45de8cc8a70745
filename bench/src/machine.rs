//! The machine and the time of a run, without which its figures mean nothing.

use crate::report::root;
use anyhow::{Context, Result};
use serde_json::{Map, Value};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread::available_parallelism;
use std::time::Instant;

/// The names of the facts, in display order.
const FACTS: [&str; 11] = [
    "run",
    "date",
    "commit",
    "took",
    "load average before",
    "processor",
    "cores",
    "memory",
    "system",
    "rustc",
    "wasmtime",
];

/// The load average above which a machine counts as busy.
const BUSY: f64 = 0.5;

/// The machine and the circumstances of a run.
pub(crate) struct Machine(Map<String, Value>);

impl Machine {
    /// Describes this machine, now. `run` names the run: `full`, `quick`, `partial (get)`.
    pub(crate) fn here(run: String) -> Self {
        let unknown = || "unknown".to_owned();
        let proc = |file: &str, key: &str| {
            let text = fs::read_to_string(file).ok()?;
            let line = text.lines().find(|line| line.starts_with(key))?;
            Some(line.split_once(':')?.1.trim().to_owned())
        };
        let mut commit = says("git", &["rev-parse", "--short=12", "HEAD"]);
        let changed = says("git", &["status", "--porcelain", "--untracked-files=no"]);
        if let Some(commit) = commit.as_mut()
            && changed.is_some()
        {
            commit.push_str(", with changes");
        }
        let memory = proc("/proc/meminfo", "MemTotal").and_then(|total| {
            let kib: u64 = total.split_whitespace().next()?.parse().ok()?;
            Some(format!("{:.1} GiB", kib as f64 / f64::from(1 << 20)))
        });
        let facts = [
            ("run", Some(run)),
            ("date", says("date", &["-u", "+%Y-%m-%d %H:%M UTC"])),
            ("commit", commit),
            ("load average before", load()),
            ("processor", proc("/proc/cpuinfo", "model name")),
            (
                "cores",
                available_parallelism().ok().map(|cores| cores.to_string()),
            ),
            ("memory", memory),
            ("system", says("uname", &["-srm"])),
            ("rustc", says("rustc", &["--version"])),
            ("wasmtime", wasmtime()),
        ];
        let facts = facts
            .into_iter()
            .map(|(name, fact)| (name.to_owned(), fact.unwrap_or_else(unknown).into()));
        Self(facts.collect())
    }

    /// Records the duration of the run, which began at `started`.
    pub(crate) fn ends(&mut self, started: Instant) {
        let seconds = started.elapsed().as_secs();
        let took = format!("{} min {} s", seconds / 60, seconds % 60);
        self.0.insert("took".into(), took.into());
    }

    pub(crate) fn to_json(&self) -> String {
        format!("{:#}\n", Value::Object(self.0.clone()))
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    pub(crate) fn load(file: &Path) -> Result<Self> {
        let text =
            fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
        let facts = serde_json::from_str(&text)
            .with_context(|| format!("{} does not describe a machine", file.display()))?;
        Ok(Self(facts))
    }

    fn fact(&self, name: &str) -> &str {
        self.0
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or("unknown")
    }

    /// Returns `true` if all groups were run.
    pub(crate) fn is_whole(&self) -> bool {
        matches!(self.fact("run"), "full" | "quick")
    }

    /// Returns one line that names the run, and a warning if its figures are not reliable.
    pub(crate) fn sentence(&self) -> String {
        let run = self.fact("run");
        let load = self.fact("load average before");
        let mut text = format!(
            "A {run} run of {}, at commit {}, on {} ({} cores, load average {load}).\n",
            self.fact("date"),
            self.fact("commit"),
            self.fact("processor"),
            self.fact("cores"),
        );
        let first = load.split_whitespace().next();
        let busy = first
            .and_then(|load| load.parse().ok())
            .is_none_or(|load: f64| load > BUSY);
        let why = match (run != "full", busy) {
            (true, true) => "it was not a full run, and the machine was busy",
            (true, false) => "it was not a full run",
            (false, true) => "the machine was busy",
            (false, false) => return text,
        };
        let _ = writeln!(text, "**Do not quote these figures: {why}.**");
        text
    }

    /// Returns all facts as a table.
    pub(crate) fn table(&self) -> String {
        let mut text = String::from("| property | value |\n|---|---|\n");
        for name in FACTS {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "| {name} | {} |", self.fact(name));
        }
        text
    }
}

/// Returns the first two load averages.
fn load() -> Option<String> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    let averages: Vec<&str> = text.split_whitespace().take(2).collect();
    Some(averages.join(" "))
}

/// Returns the version of Wasmtime in the lock file.
fn wasmtime() -> Option<String> {
    let lock = fs::read_to_string(root().join("Cargo.lock")).ok()?;
    let version = lock.split("name = \"wasmtime\"\nversion = \"").nth(1)?;
    Some(version.split('"').next()?.to_owned())
}

/// Returns the output of a program, or `None` if it prints nothing or fails.
fn says(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program)
        .args(args)
        .current_dir(root())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let text = text.trim();
    (output.status.success() && !text.is_empty()).then(|| text.to_owned())
}
