//! The table of programs in `docs/replay.md`: each line is read at the time that the table shows.

use super::*;
use localmap_tests::root;

/// A row of the table.
struct Row {
    program: String,
    options: Vec<String>,
    line: String,
    nanos: u128,
}

fn rows() -> Vec<Row> {
    let text = std::fs::read_to_string(root().join("docs/replay.md")).expect("the page");
    let head = "| program | `--clock` and its options | line | time |";
    let table = text.split(head).nth(1).expect("the table");
    let rows = table.lines().skip(2);
    rows.take_while(|row| row.starts_with('|'))
        .map(|row| {
            let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
            let [program, options, line, time] = cells.try_into().expect("four cells");
            let options = options.trim_matches('`').split(' ');
            Row {
                program: program.to_owned(),
                options: options.map(str::to_owned).collect(),
                line: line.trim_matches('`').replace("\\t", "\t"),
                nanos: nanos(time),
            }
        })
        .collect()
}

/// Parses a time of 17 May 2015 as nanoseconds since 1970.
fn nanos(time: &str) -> u128 {
    let (time, fraction) = time.split_once('.').unwrap_or((time, ""));
    let parts: Vec<u128> = time
        .split(':')
        .map(|part| part.parse().expect("a number"))
        .collect();
    let [hours, minutes, seconds] = parts.try_into().expect("three parts");
    let seconds = 1_431_820_800 + hours * 3600 + minutes * 60 + seconds;
    let fraction: u128 = format!("{fraction:0<9}").parse().expect("a number");
    seconds * 1_000_000_000 + fraction
}

#[test]
fn each_line_in_the_table_of_programs_is_read_at_its_time() {
    let rows = rows();
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for row in rows {
        let options: Vec<&str> = row.options.iter().map(String::as_str).collect();
        let finished = probe(&[&["--clock"], &options[..]].concat(), &["clock"])
            .env("TZ", "UTC0")
            .run_with(format!("{}\n", row.line).as_bytes());
        let Row { program, line, .. } = &row;
        assert_eq!(finished.stderr, "", "{program}: {line}");
        let said = finished.ok();
        let read = said.split(' ').next().unwrap_or_default();
        assert_eq!(read, row.nanos.to_string(), "{program}: {line}");
    }
}

/// The stamps in fields that come before the right one, which the options keep from being read.
#[test]
fn the_fields_in_the_table_are_needed() {
    let rows = rows();
    let with_field = rows.iter().filter(|row| row.options.len() == 3);
    let misled: Vec<&str> = with_field
        .filter(|row| row.options[1] == "--clock-field")
        .filter(|row| {
            let finished = probe(&["--clock", &row.options[0]], &["clock"])
                .run_with(format!("{}\n", row.line).as_bytes());
            !finished.ok().starts_with(&row.nanos.to_string())
        })
        .map(|row| row.program.as_str())
        .collect();
    for program in ["Docker, files", "CloudTrail", "journald, `-o json`"] {
        let is_misled = misled.iter().any(|misled| misled.starts_with(program));
        assert!(is_misled, "{program}: {misled:?}");
    }
}
