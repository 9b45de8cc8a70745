//! Checks that the files and tests named in documents exist.

use localmap_tests::root;
use std::fs;
use std::path::{Path, PathBuf};

/// Returns README.md, CONTRIBUTING.md and all documents in `docs`.
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

/// Returns the texts between backticks.
fn quoted(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn test_files_named_in_documents_exist() {
    for document in documents() {
        let text = fs::read_to_string(&document).expect("a document");
        for name in quoted(&text).filter(|name| name.starts_with("tests/")) {
            // The part before any pattern.
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

/// Checks each `suite::module::test` in the table of `docs/security.md`.
#[test]
fn tests_of_security_claims_exist() {
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

/// Returns `true` if the path is that of a file in the suites, or of a test in one.
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
