//! The documents that show figures. The text between `<!-- bench:WHAT -->` and `<!-- /bench -->`
//! comes from a run, and is never written by hand. The run itself (rows, machine and charts) is
//! in `docs/performance`.

use crate::blocks::{BEGIN, block};
use crate::chart;
use crate::curves::{CURVES, HITS_BY_CAPACITY};
use crate::machine::Machine;
use crate::report::{Report, root};
use anyhow::{Context, Result, ensure};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The documents, and the path from each to the charts.
const DOCUMENTS: [(&str, &str); 4] = [
    ("README.md", "docs/performance"),
    ("docs/performance.md", "performance"),
    ("docs/boundary.md", "performance"),
    ("docs/embedding.md", "performance"),
];

/// The folder of the run that the documents show.
const FOLDER: &str = "docs/performance";
/// Ends a block.
const END: &str = "<!-- /bench -->";

/// A run: its rows, and the machine that it was measured on.
pub(crate) struct Run {
    pub(crate) report: Report,
    pub(crate) machine: Machine,
}

impl Run {
    /// Reads the rows in this file, and `machine.json` in the same folder.
    pub(crate) fn load(rows: &Path) -> Result<Self> {
        Ok(Self {
            report: Report::load(rows)?,
            machine: Machine::load(&rows.with_file_name("machine.json"))?,
        })
    }

    /// Reads the run that the documents show.
    pub(crate) fn published() -> Result<Self> {
        Self::load(&root().join(FOLDER).join("results.json"))
    }

    /// Returns the files of the run by name: rows, machine and charts.
    fn files(&self) -> Result<BTreeMap<String, String>> {
        let mut files = BTreeMap::from([
            ("results.json".to_owned(), self.report.to_json()),
            ("machine.json".to_owned(), self.machine.to_json()),
        ]);
        for curve in CURVES {
            if let Some(svg) = chart::draw(curve, self.report.rows())? {
                files.insert(format!("{}.svg", chart::file_name(curve)), svg);
            }
        }
        Ok(files)
    }

    /// Writes `results.json`, `machine.json` and the charts into a folder, and removes charts of
    /// other runs.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        fs::create_dir_all(folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        let files = self.files()?;
        for old in charts_in(folder)? {
            let name = old.file_name().unwrap_or_default().to_string_lossy();
            if !files.contains_key(name.as_ref()) {
                fs::remove_file(&old)
                    .with_context(|| format!("cannot remove {}", old.display()))?;
            }
        }
        for (name, text) in files {
            write(&folder.join(name), &text)?;
        }
        Ok(())
    }

    /// Fills the documents, and saves the run for them.
    pub(crate) fn write_documents(&self) -> Result<()> {
        let filled = self.filled()?;
        self.save(&root().join(FOLDER))?;
        for (document, text) in filled {
            write(&document, &text)?;
        }
        Ok(())
    }

    /// Checks that the documents and the saved files match this run.
    pub(crate) fn check_documents(&self) -> Result<()> {
        let mut expected = self.filled()?;
        let folder = root().join(FOLDER);
        let files = self.files()?;
        for chart in charts_in(&folder)? {
            let name = chart.file_name().unwrap_or_default().to_string_lossy();
            ensure!(
                files.contains_key(name.as_ref()),
                "{} belongs to no curve in bench/src/curves.rs",
                chart.display()
            );
        }
        expected.extend(
            files
                .into_iter()
                .map(|(name, text)| (folder.join(name), text)),
        );
        for (file, text) in expected {
            let is = fs::read_to_string(&file).unwrap_or_default();
            ensure!(
                is == text,
                "{} does not match docs/performance/results.json: run `just bench --write --from \
                 docs/performance/results.json`",
                file.display()
            );
        }
        Ok(())
    }

    /// Checks that a run of all groups has rows for each curve, except those that need traces.
    fn check_charts(&self) -> Result<()> {
        if !self.machine.is_whole() {
            return Ok(());
        }
        let traces = HITS_BY_CAPACITY
            .iter()
            .filter(|(trace, _)| *trace != "zipf");
        let traces: Vec<&str> = traces.map(|(_, work)| *work).collect();
        for curve in CURVES.iter().filter(|curve| !traces.contains(&curve.work)) {
            ensure!(
                self.report.rows().iter().any(|row| row.work == curve.work),
                "no rows for the chart `{}`: was `{}` of bench/src/curves.rs renamed?",
                curve.title,
                curve.work
            );
        }
        Ok(())
    }

    /// Returns the documents with their blocks filled.
    fn filled(&self) -> Result<Vec<(PathBuf, String)>> {
        self.check_charts()?;
        let fill = |(name, charts): (&str, &str)| {
            let file = root().join(name);
            let text = fs::read_to_string(&file)
                .with_context(|| format!("cannot read {}", file.display()))?;
            let text = self
                .fill(&text, charts)
                .with_context(|| format!("cannot fill {name}"))?;
            Ok((file, text))
        };
        DOCUMENTS.into_iter().map(fill).collect()
    }

    /// Returns a document with its blocks filled. `charts` is the path from there to the charts.
    fn fill(&self, document: &str, charts: &str) -> Result<String> {
        let mut text = String::new();
        let mut rest = document;
        while let Some((before, after)) = rest.split_once(BEGIN) {
            let (what, after) = after
                .split_once(" -->")
                .context("a `<!-- bench:` mark has no ` -->`")?;
            let (old, after) = after
                .split_once(END)
                .with_context(|| format!("no `{END}` after `{BEGIN}{what} -->`"))?;
            ensure!(!old.contains(BEGIN), "no `{END}` after `{BEGIN}{what} -->`");
            let block = block(&self.report, &self.machine, what, document, charts)?;
            text += before;
            text += &format!("{BEGIN}{what} -->\n\n{}\n\n{END}", block.trim());
            rest = after;
        }
        Ok(text + rest)
    }
}

fn charts_in(folder: &Path) -> Result<Vec<PathBuf>> {
    let Ok(files) = fs::read_dir(folder) else {
        return Ok(Vec::new());
    };
    let mut charts = Vec::new();
    for file in files {
        let path = file?.path();
        if path.extension().is_some_and(|ending| ending == "svg") {
            charts.push(path);
        }
    }
    Ok(charts)
}

fn write(file: &Path, text: &str) -> Result<()> {
    fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))
}
