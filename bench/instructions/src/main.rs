//! Counts the instructions of the engine's operations with callgrind, and compares them with
//! those in `bench/instructions.json`. An operation that takes a tenth more than there, or a
//! tenth less, is an error until the new counts are stored: with `--write`.
//!
//! A count is that of a run which does it many times, less that of a run which only makes the
//! map, less the loop around. Seeds, keys and clock are the same each time, and the C library
//! copies bytes as on the least processor, so that the machine makes no difference.

mod paths;

use anyhow::{Context, Result, bail, ensure};
use paths::{LOOP, PATHS, Path};
use serde_json::{Map, Value, json};
use std::env;
use std::fs;
use std::process::Command;

const STORED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../instructions.json");
/// The part by which a count may differ.
const TOLERANCE: f64 = 0.1;

/// The C library is not to use what only some processors have.
const LEAST: &str = "glibc.cpu.hwcaps=-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-ERMS,-FSRM";

const HELP: &str = "\
Usage: bench-instructions [--write]

Counts the instructions of each operation of the engine, and fails where a count differs by
more than a tenth from the one in bench/instructions.json. Needs valgrind.

  --write  Stores the counts instead
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
        // What is counted: this program, which calls itself.
        ["run", name, times] => {
            let path = PATHS.iter().chain([&LOOP]).find(|path| path.name == name);
            path.with_context(|| format!("there is no `{name}`"))?
                .run(times.parse()?);
            Ok(())
        }
        _ => bail!("unexpected arguments\n\n{HELP}"),
    }
}

/// The instructions of each operation.
fn count_all() -> Result<Vec<(&'static str, f64)>> {
    let around = count(&LOOP)?;
    PATHS
        .iter()
        .map(|path| Ok((path.name, count(path)? - around)))
        .collect()
}

/// The instructions of one time, with those of the loop.
fn count(path: &Path) -> Result<f64> {
    let all = collected(path.name, path.times)?;
    let made = collected(path.name, 0)?;
    let more = all.checked_sub(made).context("doing more took less")?;
    Ok(more as f64 / f64::from(path.times))
}

/// All instructions of a run of this program.
fn collected(name: &str, times: u32) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args(["run", name, &times.to_string()])
        // What is there lies on the stack, and moves it.
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .env("GLIBC_TUNABLES", LEAST)
        .output()
        .context("cannot run valgrind: install it (Debian: `apt-get install valgrind`)")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind fails: {said}");
    let line = said.lines().find(|line| line.contains("Collected :"));
    let number = line.and_then(|line| line.rsplit(' ').next());
    number
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("valgrind does not tell what it collected: {said}"))
}

/// For what the counts are.
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
    let text = fs::read_to_string(STORED)
        .with_context(|| format!("cannot read {STORED}: `just instructions --write` makes it"))?;
    let stored: Value = serde_json::from_str(&text)?;
    ensure!(
        stored["machine"] == machine(),
        "the counts in {STORED} are for {}, and this is {}",
        stored["machine"],
        machine()
    );
    let stored = stored["counts"].as_object();
    let stored = stored.with_context(|| format!("there are no counts in {STORED}"))?;
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
            faults.push(format!("`{name}` took {before:.0} and takes {now:.0}"));
        }
    }
    for name in stored.keys() {
        if !counts.iter().any(|(counted, _)| counted == name) {
            faults.push(format!("`{name}` is stored and not counted"));
        }
    }
    ensure!(
        faults.is_empty(),
        "{}\n\nIf that is as it should be, store the counts, `just instructions --write`, and \
         tell in the commit why they are others.",
        faults.join("\n")
    );
    Ok(())
}
