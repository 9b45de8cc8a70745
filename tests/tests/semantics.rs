//! The examples of `docs/semantics.md` are true: lines for `localmap shell`, with the
//! answer behind the `#`, and perhaps a remark behind that.

use localmap_tests::{Finished, localmap, root};

/// The lines of each block of code without a language.
fn examples() -> Vec<Vec<String>> {
    let path = root().join("docs/semantics.md");
    let text = std::fs::read_to_string(path).expect("docs/semantics.md");
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

/// Whether what was printed is what the document says, remarks and time that is left
/// aside.
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
                // An error ends a shell, so that it has one of its own.
                let with = [&lines[..], &[command]].concat();
                let words = words.split(": ").next().unwrap_or_default();
                shell(&options, &with).refused(&[words]);
                answers += 1;
                continue;
            }
            lines.push(command);
            expected.push((line, answer));
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
