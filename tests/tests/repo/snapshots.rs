//! Checks that each folder of snapshots belongs to one test, which checks its files.

use localmap_tests::root;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// Returns the text of all test sources except this one.
fn sources(folder: &Path, all: &mut String) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, all);
        } else if !path.ends_with("repo/snapshots.rs") {
            *all += &fs::read_to_string(&path).expect("a source");
        }
    }
}

#[test]
fn each_folder_belongs_to_one_test() {
    let mut source = String::new();
    sources(&root().join("tests/tests"), &mut source);
    let mut named = BTreeSet::new();
    for rest in source.split("snapshots(\"").skip(1) {
        let name = rest.split('"').next().unwrap_or_default().to_owned();
        assert!(named.insert(name.clone()), "{name} is of two tests");
    }
    let folders = fs::read_dir(root().join("tests/snapshots")).expect("the folder");
    let folders: BTreeSet<String> = folders
        .map(|entry| entry.expect("an entry").file_name())
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, named);
}
