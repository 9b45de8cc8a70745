//! Counts the instructions of the engine's operations with callgrind, and compares them with
//! those in `bench/instructions.json`. If a count differs by more than a tenth, the program fails
//! until the new counts are stored with `--write`.
//!
//! The count of an operation is that of a run that does it many times, minus that of a run that
//! only creates the map, minus the loop. Seeds, keys and clock are the same each time, and the C
//! library is limited to the instructions of the simplest processor, so that the machine makes no
//! difference.

mod paths;

use anyhow::{Context, Result, bail, ensure};
use paths::{LOOP, PATHS, Path};
use serde_json::{Map, Value, json};
use std::env;
use std::fs;
use std::process::Command;

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../instructions.json");
/// The fraction by which a count may differ.
const TOLERANCE: f64 = 0.1;

/// Keeps the C library from using instructions that only some processors have.
const LEAST: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM";

const HELP: &str = "\
Usage: bench-instructions [--write]

Counts the instructions of each operation of the engine, and fails if a count differs by more
than a tenth from the one in bench/instructions.json. Needs valgrind.

  --write  Store the counts instead of comparing them
";

fn main() -> Result<()> {
    let args: Vec<String> = env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        [] => check(&count_all()?),
        ["--write"] => store(&count_all()?),
        ["--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        // The program runs itself under callgrind with these arguments.
        ["run", name, times] => {
            let path = PATHS.iter().chain([&LOOP]).find(|path| path.name == name);
            path.with_context(|| format!("no operation `{name}`"))?
                .run(times.parse()?);
            Ok(())
        }
        _ => bail!("unexpected arguments\n\n{HELP}"),
    }
}

/// Counts the instructions of each operation.
fn count_all() -> Result<Vec<(&'static str, f64)>> {
    let around = count(&LOOP)?;
    PATHS
        .iter()
        .map(|path| Ok((path.name, count(path)? - around)))
        .collect()
}

/// Counts the instructions of one operation, including the loop.
fn count(path: &Path) -> Result<f64> {
    let all = collected(path.name, path.times)?;
    let made = collected(path.name, 0)?;
    let more = all
        .checked_sub(made)
        .context("more operations took fewer instructions")?;
    Ok(more as f64 / f64::from(path.times))
}

/// Counts all instructions of a run of this program.
fn collected(name: &str, times: u32) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", name, &times.to_string()])
        // The environment is on the stack, and would shift it.
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .env("GLIBC_TUNABLES", LEAST)
        .output()
        .context("cannot run valgrind: install it (Debian: `apt-get install valgrind`)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed: {said}");
    let line = said.lines().find(|line| line.contains("Collected :"));
    let number = line.and_then(|line| line.rsplit(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("valgrind did not report a count: {said}"))
}

/// Returns the kind of machine that the counts are for.
fn machine() -> Value {
    json!(format!("{}-{}", env::consts::ARCH, env::consts::OS))
}

fn store(counts: &[(&str, f64)]) -> Result<()> {
    // No count is negative, and none is large.
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let whole = |count: &f64| json!(count.round() as u64);
    let counts: Map<String, Value> = counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), whole(count)))
        .collect();
    let text = format!("{:#}\n", json!({ "machine": machine(), "counts": counts }));
    fs::write(STORED, text).with_context(|| format!("cannot write {STORED}"))
}

fn check(counts: &[(&str, f64)]) -> Result<()> {
    let text = fs::read_to_string(STORED).with_context(|| {
        format!("cannot read {STORED}: create it with `just instructions --write`")
    })?;
    let stored: Value = serde_json::from_str(&text)?;
    ensure!(
        stored["machine"] == machine(),
        "the counts in {STORED} are for {}, but this machine is {}",
        stored["machine"],
        machine()
    );
    let stored = stored["counts"].as_object();
    let stored = stored.with_context(|| format!("no counts in {STORED}"))?;
    let mut faults = Vec::new();
    println!("| operation | stored | now | change |\n|---|---:|---:|---:|");
    for (name, now) in counts {
        let Some(before) = stored.get(*name).and_then(Value::as_f64) else {
            println!("| {name} | | {now:.0} | |");
            faults.push(format!("`{name}` is not stored"));
            continue;
        };
        let change = now / before - 1.0;
        println!(
            "| {name} | {before:.0} | {now:.0} | {:+.1} % |",
            change * 100.0
        );
        if change.abs() > TOLERANCE {
            faults.push(format!(
                "`{name}` took {before:.0} instructions and now takes {now:.0}"
            ));
        }
    }
    for name in stored.keys() {
        if !counts.iter().any(|(counted, _)| counted == name) {
            faults.push(format!(
                "`{name}` is stored, but there is no such operation"
            ));
        }
    }
    ensure!(
        faults.is_empty(),
        "{}\n\nIf the change is intended, store the new counts with `just instructions --write`, \
         and give the reason in the commit.",
        faults.join("\n")
    );
    Ok(())
}
