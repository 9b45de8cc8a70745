//! Compares texts that people read with the files in `tests/snapshots`. `BLESS=1` writes the
//! files instead.

use crate::root;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::{env, fs};

/// The snapshots of one folder, which belongs to one test.
#[derive(Debug)]
pub struct Snapshots {
    folder: PathBuf,
    bless: bool,
    checked: BTreeSet<String>,
    faults: Vec<String>,
}

/// Checks the snapshots of `tests/snapshots/FOLDER`, one for each text that `check` passes.
/// Reports all differences at the end, and files that have no text.
///
/// # Panics
///
/// Panics if a text differs from its file, or a file has no text.
pub fn snapshots(folder: &str, check: impl FnOnce(&mut Snapshots)) {
    let mut snapshots = Snapshots {
        folder: root().join("tests/snapshots").join(folder),
        bless: env::var_os("BLESS").is_some_and(|bless| bless != "0"),
        checked: BTreeSet::new(),
        faults: Vec::new(),
    };
    check(&mut snapshots);
    snapshots.stale();
    assert!(
        snapshots.faults.is_empty(),
        "{}\nIf this is intended, run BLESS=1 cargo test --workspace and review the difference",
        snapshots.faults.join("\n")
    );
}

impl Snapshots {
    /// Compares a text with the file of this name.
    ///
    /// # Panics
    ///
    /// Panics if the name is used twice, or the file cannot be written.
    pub fn check(&mut self, name: &str, text: &str) {
        assert!(self.checked.insert(name.to_owned()), "{name} twice");
        let path = self.folder.join(name);
        let stored = fs::read_to_string(&path).ok();
        if stored.as_deref() == Some(text) {
            return;
        }
        if self.bless {
            fs::create_dir_all(&self.folder).expect("a folder");
            fs::write(&path, text).expect("it can be written");
            return;
        }
        let fault = match stored {
            None => format!("{} is missing", path.display()),
            Some(stored) => difference(&path.display().to_string(), &stored, text),
        };
        self.faults.push(fault);
    }

    /// Reports, or with `BLESS=1` deletes, files that no text was compared with.
    fn stale(&mut self) {
        let Ok(files) = fs::read_dir(&self.folder) else {
            return;
        };
        for file in files.flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if self.checked.contains(&name) {
                continue;
            }
            if self.bless {
                fs::remove_file(file.path()).expect("it can be removed");
            } else {
                let path = file.path();
                self.faults
                    .push(format!("{} belongs to no test", path.display()));
            }
        }
    }
}

/// Returns the lines from the first difference to the last.
fn difference(name: &str, stored: &str, text: &str) -> String {
    let (stored, text): (Vec<_>, Vec<_>) = (stored.lines().collect(), text.lines().collect());
    let same = |(one, other): &(&&str, &&str)| one == other;
    let first = stored.iter().zip(&text).take_while(same).count();
    let shorter = stored.len().min(text.len()) - first;
    let last = stored.iter().rev().zip(text.iter().rev());
    let last = last.take(shorter).take_while(same).count();
    let mut told = format!("{name}, from line {}:\n", first + 1);
    for line in &stored[first..stored.len() - last] {
        told += &format!("- {line}\n");
    }
    for line in &text[first..text.len() - last] {
        told += &format!("+ {line}\n");
    }
    told
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_what_differs() {
        let told = difference("x", "a\nb\nc\nd\n", "a\nB\nc\nd\n");
        assert_eq!(told, "x, from line 2:\n- b\n+ B\n");
        let told = difference("x", "a\na\n", "a\na\na\n");
        assert_eq!(told, "x, from line 3:\n+ a\n");
        assert_eq!(difference("x", "a\n", ""), "x, from line 1:\n- a\n");
    }
}
