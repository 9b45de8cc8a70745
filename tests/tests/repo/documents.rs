//! What documents say of the tests: the files and the tests that they name are there.

use localmap_tests::root;
use std::fs;
use std::path::{Path, PathBuf};

/// README.md, CONTRIBUTING.md and all of `docs`.
fn documents() -> Vec<PathBuf> {
    let docs = fs::read_dir(root().join("docs")).expect("docs");
    let mut documents: Vec<PathBuf> = docs
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "md"))
        .collect();
    documents.extend(["README.md", "CONTRIBUTING.md"].map(|name| root().join(name)));
    assert!(documents.len() > 10);
    documents
}

/// What stands between backticks in a text.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn files_of_tests_that_are_named_are_there() {
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for name in quoted(&text).filter(|name| name.starts_with("tests/")) {
            // As far as there is no pattern in it.
            let parts = name.split('/');
            let path = parts.take_while(|part| !part.contains(['*', '…', '{']));
            let found = root().join(path.collect::<PathBuf>());
            assert!(
                found.exists() || found.with_extension("rs").exists(),
                "{}: `{name}`",
                document.display()
            );
        }
    }
}

/// `suite::module::test` in the table of `docs/security.md`.
#[test]
fn tests_of_claims_about_security_are_there() {
    let text = fs::read_to_string(root().join("docs/security.md")).expect("it is there");
    let table = text.split("| claim | test |").nth(1).expect("the table");
    let rows = table
        .lines()
        .skip(1)
        .take_while(|line| line.starts_with('|'));
    let mut named = 0;
    for row in rows.skip(1) {
        let tests = row.rsplit('|').nth(1).unwrap_or_default();
        assert!(tests.contains('`'), "{row}");
        for name in quoted(tests) {
            assert!(is_there(name), "`{name}` of {row}");
            named += 1;
        }
    }
    assert!(named > 10, "{named}");
}

/// Whether it is a file of the suites, or a test in one.
fn is_there(name: &str) -> bool {
    let suites = root().join("tests/tests");
    let file = |name: &str| suites.join(name.replace("::", "/")).with_extension("rs");
    let holds = |file: &Path, test: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        text.contains(&format!("fn {test}("))
    };
    file(name).exists()
        || name
            .rsplit_once("::")
            .is_some_and(|(module, test)| holds(&file(module), test))
}
