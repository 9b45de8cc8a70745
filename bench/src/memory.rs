//! The memory of an entry beyond its key and its value.

use crate::report::{Report, Row};
use crate::subject::{Kind, OURS, Place, Subject, System, Work, label};
use crate::{Options, guest::Guest};
use anyhow::Result;

const KEY: f64 = 16.0;

const ALL: [Kind; 2] = [OURS, (Place::Sandbox, System::Boxed)];

pub(crate) fn run(options: &Options, report: &mut Report) -> Result<()> {
    let guest = Guest::load(&Guest::config(), "bench_engine.wasm")?;
    let entries = if options.quick { 100_000 } else { 1_000_000 };
    for value in [8, 64, 100, 500, 1_000, 4_000] {
        let mut ours = None;
        for kind in ALL {
            let mut subject = Subject::new(&guest, kind, 2 * entries, value)?;
            let before = subject.memory()?;
            let entries = if value > 500 { entries / 4 } else { entries };
            let beyond = |bytes: u64| bytes as f64 / f64::from(entries) - KEY - f64::from(value);
            subject.run(Work::Insert, entries)?;
            let grown = beyond(subject.memory()? - before);
            let stated = beyond(subject.footprint()?);
            let ours = *ours.get_or_insert(grown);
            let mut add = |what: &str, bytes: f64| {
                report.add(Row {
                    size: value,
                    entries: entries.into(),
                    ratio: Some(bytes / ours),
                    ..Row::new(
                        format!("overhead per entry, {what}"),
                        label(kind),
                        "bytes",
                        bytes,
                    )
                });
            };
            add("growth of the memory", grown);
            if stated > 0.0 {
                add("as the map reports", stated);
            }
        }
    }
    Ok(())
}
