//! Checks the examples in `docs/semantics.md`, which are lines for `localmap shell` with the
//! answer after `#` and sometimes a remark after that, and its table of capacities.

use localmap::{Change, Host, Limits, LocalMap, MapOptions, Ttl};
use localmap_tests::{Finished, localmap, root};

fn document() -> String {
    let path = root().join("docs/semantics.md");
    std::fs::read_to_string(path).expect("docs/semantics.md")
}

/// Returns the lines of each code block without a language.
fn examples() -> Vec<Vec<String>> {
    let text = document();
    let mut examples = Vec::new();
    let mut block: Option<Vec<String>> = None;
    let mut other = false;
    for line in text.lines().map(str::trim) {
        match (line, &mut block) {
            ("```", None) if !other => block = Some(Vec::new()),
            ("```", Some(_)) => examples.extend(block.take()),
            ("```", None) => other = false,
            (line, None) if line.starts_with("```") => other = true,
            (line, Some(block)) => block.push(line.to_owned()),
            _ => {}
        }
    }
    examples
}

fn shell(options: &[&str], lines: &[&str]) -> Finished {
    localmap()
        .arg("shell")
        .args(options)
        .run_with(lines.join("\n").as_bytes())
}

/// Returns `true` if the output matches the document, ignoring remarks and remaining times.
fn says(answer: &str, printed: &str) -> bool {
    let told = answer.split(": ").next().unwrap_or_default();
    match told.split_once("expires in") {
        Some((told, _)) => printed.starts_with(told),
        None => printed == told || printed.starts_with(&format!("{told} ")),
    }
}

#[test]
fn the_examples_answer_what_the_document_says() {
    let mut answers = 0;
    for example in examples() {
        let mut options = Vec::new();
        let mut lines: Vec<&str> = Vec::new();
        let mut expected: Vec<(&str, Option<&str>)> = Vec::new();
        for line in &example {
            if let Some(given) = line.strip_prefix("# localmap shell ") {
                options = given.split(' ').collect();
                continue;
            }
            let (command, answer) = match line.split_once(" # ") {
                Some((command, answer)) => (command.trim(), Some(answer.trim())),
                None => (line.as_str(), None),
            };
            if let Some(words) = answer.and_then(|answer| answer.strip_prefix("error: ")) {
                // An error ends a shell, so this line runs in its own shell.
                let with = [&lines[..], &[command]].concat();
                let words = words.split(": ").next().unwrap_or_default();
                shell(&options, &with).refused(&[words]);
                answers += 1;
                continue;
            }
            lines.push(command);
            match answer {
                // The document shows several lines as one.
                Some(answer) => {
                    let told = answer.split(" / ");
                    expected.extend(told.map(|told| (line.as_str(), Some(told))));
                }
                None => expected.push((line, None)),
            }
        }
        let printed = shell(&options, &lines).ok();
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed.len(), expected.len(), "{example:?}: {printed:?}");
        for ((line, answer), printed) in expected.iter().zip(printed) {
            if let Some(answer) = answer {
                assert!(says(answer, printed), "{line}\n  printed {printed}");
                answers += 1;
            }
        }
    }
    assert!(answers > 30, "{answers} answers were compared");
}

/// Fills a map with entries of these sizes. Returns the number that fits.
///
/// # Panics
///
/// Panics if 600,000 entries fit.
fn fill(map: &mut LocalMap, key_len: usize, value_len: usize) -> u64 {
    let value = vec![7; value_len];
    let keys: Vec<Vec<u8>> = (0..600_000u32)
        .map(|number| {
            let mut key = vec![b'k'; key_len];
            key[..4].copy_from_slice(&number.to_be_bytes());
            key
        })
        .collect();
    let batch = (1024).min((1 << 20) / (key_len + value_len)).max(1);
    let mut full = false;
    for keys in keys.chunks(batch) {
        let set = |key| Change::Set {
            key,
            value: &value,
            ttl: Ttl::Never,
        };
        let changes: Vec<Change<'_>> = keys.iter().map(Vec::as_slice).map(set).collect();
        if map.apply(&changes).is_ok() {
            continue;
        }
        // Fill the remaining room one by one.
        full = keys
            .iter()
            .any(|key| map.set(key, &value, Ttl::Never).is_err());
        break;
    }
    assert!(full, "they all fit");
    map.len().expect("alive")
}

/// Parses the number with commas at the start of a field.
fn number(field: &str) -> Option<usize> {
    let digits = field.split_whitespace().next()?.replace(',', "");
    digits.parse().ok()
}

#[test]
fn as_many_entries_fit_as_the_document_says() {
    let host = Host::new().expect("a host");
    let limits = Limits::default().max_entries(1 << 24);
    let text = document();
    let rows = text
        .lines()
        .skip_while(|line| !line.starts_with("| key | value | fit into 32 MiB |"))
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let mut compared = 0;
    for row in rows {
        let fields: Vec<usize> = row.split('|').filter_map(number).collect();
        let [key_len, value_len, told] = fields[..] else {
            panic!("{row}");
        };
        let options = MapOptions::new().limits(limits.clone());
        let mut map = host.map(&options).expect("a map");
        let fit = fill(&mut map, key_len, value_len);
        // The hashes of keys, and so the sizes of tables, differ from map to map.
        let told = told as u64;
        assert!(fit.abs_diff(told) * 50 <= told, "{row}: {fit} fit");
        compared += 1;
    }
    assert!(compared > 5);
}
