//! Tests that the documents show everything that was measured, and nothing else.

use crate::blocks::TITLES;
use crate::chart;
use crate::curves::{Axis, Curve};
use crate::documents::Run;
use crate::report::{Report, Row, root};
use crate::table::tables;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

/// A work and a system.
type Name = (String, String);

fn text(file: &str) -> String {
    fs::read_to_string(root().join(file)).expect(file)
}

/// Returns the names of the rows, read from the JSON alone.
fn names_in_rows() -> BTreeSet<Name> {
    let rows: Vec<Value> =
        serde_json::from_str(&text("docs/performance/results.json")).expect("a list");
    let name = |row: &Value| {
        let field = |field: &str| row[field].as_str().expect("text").to_owned();
        (field("work"), field("system"))
    };
    rows.iter().map(name).collect()
}

/// Returns the texts of the blocks of this kind in a document.
fn blocks<'a>(document: &'a str, kind: &str) -> Vec<&'a str> {
    let begin = format!("<!-- bench:{kind}");
    let blocks = document.split(begin.as_str()).skip(1);
    blocks
        .map(|rest| rest.split("<!-- /bench -->").next().unwrap_or_default())
        .collect()
}

fn cells(line: &str) -> Vec<&str> {
    let line = line.trim().trim_start_matches('|').trim_end_matches('|');
    line.split('|').map(str::trim).collect()
}

/// Returns the names in tables. A table has either a work as its heading and a system in each
/// line, or systems as its columns and a work in each line.
fn names_in_tables(text: &str) -> BTreeSet<Name> {
    let (mut names, mut heading, mut head) = (BTreeSet::new(), "", Vec::new());
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("**") {
            heading = rest.split("**:").next().unwrap_or_default();
        }
        if !line.starts_with('|') || line.starts_with("|--") {
            continue;
        }
        let cells = cells(line);
        match cells[0] {
            "system" | "work" => head = cells,
            first => {
                for (above, cell) in head.iter().zip(&cells).skip(1) {
                    let (work, system) = match head[0] {
                        "system" => (heading, first),
                        _ => (first, *above),
                    };
                    if !cell.is_empty() {
                        names.insert((work.to_owned(), system.to_owned()));
                    }
                }
            }
        }
    }
    names
}

#[test]
fn the_documents_are_what_their_run_gives() {
    let run = Run::published().expect("docs/performance");
    if let Err(error) = run.check_documents() {
        panic!("{error:#}");
    }
}

#[test]
fn the_tables_have_the_rows_that_were_measured_and_no_others() {
    let mut shown = BTreeSet::new();
    for document in [
        "docs/performance.md",
        "docs/boundary.md",
        "docs/embedding.md",
    ] {
        for block in blocks(&text(document), "tables") {
            shown.extend(names_in_tables(block));
        }
    }
    let measured = names_in_rows();
    assert!(!measured.is_empty());
    let missing: Vec<_> = measured.difference(&shown).collect();
    assert!(missing.is_empty(), "in no table: {missing:?}");
    let invented: Vec<_> = shown.difference(&measured).collect();
    assert!(invented.is_empty(), "in no row: {invented:?}");
}

#[test]
fn each_group_has_a_title() {
    for (group, _) in crate::GROUPS {
        assert!(TITLES.iter().any(|(name, _)| name == group), "{group}");
    }
}

/// The groups that it does not name have details about single systems.
#[test]
fn the_table_of_questions_leads_to_groups_that_exist() {
    let text = text("docs/performance.md");
    let table = text
        .split("| question | group | rows |")
        .nth(1)
        .expect("a table");
    let lines = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let named: BTreeSet<&str> = lines
        .flat_map(|line| cells(line)[1].split(", "))
        .map(|group| group.trim_matches('`'))
        .collect();
    let mut groups: BTreeSet<&str> = crate::GROUPS.iter().map(|(name, _)| *name).collect();
    // It needs a feature that is off by default.
    groups.insert("mirror");
    let unnamed: Vec<_> = groups.difference(&named).copied().collect();
    assert_eq!(unnamed, ["counts", "get", "set"]);
    assert!(named.is_subset(&groups), "{named:?}");
}

#[test]
fn the_readme_shows_three_rows_that_were_measured() {
    let (readme, measured) = (text("README.md"), names_in_rows());
    let table = blocks(&readme, "rows").concat();
    let lines: Vec<&str> = table
        .lines()
        .filter(|line| line.starts_with("| "))
        .collect();
    // The first is the header.
    assert_eq!(lines.len(), 4);
    for line in &lines[1..] {
        let cells = cells(line);
        let work = cells[1].split(';').next().unwrap_or_default();
        for cell in &cells[2..] {
            let (system, _) = cell.rsplit_once(": ").expect("a system and its figure");
            let name = (work.to_owned(), system.to_owned());
            assert!(measured.contains(&name), "{name:?}");
        }
    }
}

#[test]
fn no_time_is_written_by_hand() {
    for document in [
        "README.md",
        "docs/performance.md",
        "docs/boundary.md",
        "docs/embedding.md",
    ] {
        let text = text(document);
        let by_hand = text
            .split("<!-- bench:")
            .map(|part| part.rsplit("<!-- /bench -->").next().unwrap_or_default());
        for part in by_hand {
            for (at, _) in part.match_indices(char::is_numeric) {
                let rest =
                    part[at..].trim_start_matches(|c: char| c.is_numeric() || ".,".contains(c));
                let unit = rest.trim_start();
                for figure in ["ns", "µs", "nanoseconds", "×", "times as "] {
                    assert!(!unit.starts_with(figure), "{document}: {}", &part[at..]);
                }
            }
        }
    }
}

#[test]
fn rows_are_the_same_when_they_are_read_again() {
    let mut report = Report::default();
    report.begin("group");
    report.add(Row {
        size: 64,
        entries: 1_000,
        spread: 1.0 / 3.0,
        ratio: Some(2.0 / 3.0),
        ..Row::new("get".into(), "ours".into(), "ns", 1e9 / 3.0)
    });
    report.add(Row {
        spread: f64::NAN,
        ratio: Some(f64::NAN),
        ..Row::new("get".into(), "Redis: not installed".into(), "ns", f64::NAN)
    });
    let folder = root().join("target/bench");
    fs::create_dir_all(&folder).expect("a folder");
    let file = folder.join(format!("test-{}.json", std::process::id()));
    fs::write(&file, report.to_json()).expect("a file");
    let read = Report::load(&file);
    fs::remove_file(&file).expect("it was there");
    let read = read.expect("rows");
    assert_eq!(read.to_json(), report.to_json());
    assert!(read.rows()[1].value.is_nan());
    assert_eq!(read.rows()[1].unit, "ns");
}

/// Runs that followed each other are compared, and rows of one build are left out.
#[test]
fn two_builds_are_compared_by_the_medians_of_their_runs() {
    let folder = root().join(format!("target/bench/test-against-{}", std::process::id()));
    let save = |build: &str, run: u32, rows: &[(&str, f64)]| {
        let mut report = Report::default();
        report.begin("call");
        for (work, value) in rows {
            report.add(row(work, "ours", 1_000, *value));
        }
        let folder = folder.join(build);
        fs::create_dir_all(&folder).expect("a folder");
        fs::write(folder.join(format!("{run}.json")), report.to_json()).expect("a file");
    };
    for (run, before, after) in [(1, 100.0, 50.0), (2, 400.0, 100.0), (3, 120.0, 60.0)] {
        save("before", run, &[("get", before), ("renamed", 1.0)]);
        save("after", run, &[("get", after), ("new name", 1.0)]);
    }
    let table = crate::against::compare(&folder.join("before"), &folder.join("after"));
    fs::remove_dir_all(&folder).expect("it was there");
    let table = table.expect("rows");
    let line = "| call | get; 1,000 entries | ours | 120 | 60.0 | 0.50 |";
    assert!(table.contains(line), "{table}");
    assert!(
        !table.contains("name |") && table.contains("has: 1"),
        "{table}"
    );
}

fn row(work: &str, system: &str, entries: u64, value: f64) -> Row {
    Row {
        entries,
        ..Row::new(work.into(), system.into(), "ns", value)
    }
}

#[test]
fn what_could_not_be_measured_is_shown_as_such() {
    let rows = [row("get", "Redis: not installed", 1_000, f64::NAN)];
    let table = tables(&rows.iter().collect::<Vec<_>>());
    assert!(table.contains("| get | – |"), "{table}");
}

#[test]
fn works_with_the_same_columns_share_a_table_and_others_do_not() {
    let rows = [
        row("one", "ours", 10, 1.0),
        row("one", "theirs", 10, 2.0),
        row("two", "ours", 10, 3.0),
        row("two", "theirs", 10, 4.0),
        row("three", "ours", 10, 5.0),
        row("three", "ours", 20, 6.0),
    ];
    let table = tables(&rows.iter().collect::<Vec<_>>());
    let names: BTreeSet<Name> = rows
        .iter()
        .map(|row| (row.work.clone(), row.system.clone()))
        .collect();
    assert_eq!(names_in_tables(&table), names);
    assert!(table.contains("| work | ours | theirs |"), "{table}");
    assert!(
        table.contains("| system | 10 entries | 20 entries |"),
        "{table}"
    );
}

#[test]
fn a_chart_has_all_systems_and_leaves_out_what_has_no_figure() {
    let curve = Curve {
        title: "Cost by entries",
        work: "get",
        x: Axis::Entries,
        along: "entries",
        unit: "ns",
    };
    let rows = [
        row("get", "ours", 1_000, 10.0),
        row("get", "ours", 1_000_000, 200.0),
        row("get", "theirs <& co>", 1_000, 20.0),
        row("get", "theirs <& co>", 1_000_000, 400.0),
        row("get", "Redis: not installed", 1_000, f64::NAN),
        row("set", "another work", 1_000, 10.0),
    ];
    let svg = chart::draw(&curve, &rows).expect("drawn").expect("a curve");
    for name in ["Cost by entries", "ours", "theirs &lt;&amp; co&gt;", "1M"] {
        assert!(svg.contains(name), "{name}: {svg}");
    }
    assert!(!svg.contains("Redis") && !svg.contains("another"), "{svg}");
    // One point is no curve.
    assert!(chart::draw(&curve, &rows[..1]).expect("drawn").is_none());
}
