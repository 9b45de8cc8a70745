//! The lines that were typed at earlier prompts, in a file.
//!
//! The file has the form of rustyline's own history: a line `#V2`, then the lines that were typed,
//! in which `\n` and `\\` stand for the end of a line and a backslash. Rustyline itself would change
//! the mode of the file, whatever it is.

use crate::terminal::files::{self, Mode};
use std::env;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The maximum number of lines that are kept.
pub(super) const MAX_LINES: usize = 1_000;

const HEADER: &str = "#V2";

/// The history file, and the lines of this prompt, which are not in it yet.
pub(super) struct History {
    file: Option<PathBuf>,
    typed: Vec<String>,
}

impl History {
    /// Returns the history in the state folder of the XDG base directories.
    pub(super) fn of_user() -> Self {
        let folder = |name| {
            let folder = PathBuf::from(env::var_os(name)?);
            folder.is_absolute().then_some(folder)
        };
        let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")));
        Self {
            file: state.map(|state| state.join("localmap").join("history")),
            typed: Vec::new(),
        }
    }

    /// Returns the lines of earlier prompts. Without a file that can be read, there are none.
    pub(super) fn earlier(&self) -> Vec<String> {
        let file = self.file.as_deref();
        file.and_then(|file| read(file).ok()).unwrap_or_default()
    }

    /// Adds a line.
    pub(super) fn add(&mut self, line: &str) {
        if !line.is_empty() && self.typed.last().is_none_or(|last| last != line) {
            self.typed.push(line.to_owned());
        }
    }

    /// Appends the lines of this prompt to the file. If that fails, they are lost.
    pub(super) fn save(self) {
        if let (Some(file), false) = (self.file, self.typed.is_empty()) {
            let _ = append(&file, self.typed);
        }
    }
}

fn append(file: &Path, lines: Vec<String>) -> io::Result<()> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder)?;
    }
    // Other prompts wait. The first one creates the file.
    let locked = File::open(file);
    if let Ok(locked) = &locked {
        locked.lock()?;
    }
    let mut all = read(file)?;
    all.extend(lines);
    let surplus = all.len().saturating_sub(MAX_LINES);
    files::write(file, to_text(&all[surplus..]).as_bytes(), Mode::Private)
}

/// Reads the lines of the file; none if there is no file. A history that leads to a device or a
/// pipe is an error: it is neither read nor written.
fn read(file: &Path) -> io::Result<Vec<String>> {
    match fs::metadata(file) {
        Ok(found) if found.is_file() => Ok(from_text(&String::from_utf8_lossy(&fs::read(file)?))),
        Ok(_) => Err(ErrorKind::Unsupported.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn to_text(lines: &[String]) -> String {
    let mut text = format!("{HEADER}\n");
    for line in lines {
        text.push_str(&line.replace('\\', r"\\").replace('\n', r"\n"));
        text.push('\n');
    }
    text
}

fn from_text(text: &str) -> Vec<String> {
    let escaped = text.lines().next() == Some(HEADER);
    let lines = text.lines().skip(usize::from(escaped));
    lines
        .filter(|line| !line.is_empty())
        .map(|line| match escaped {
            true => unescape(line),
            false => line.to_owned(),
        })
        .collect()
}

fn unescape(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match (character, rest.as_str().chars().next()) {
            ('\\', Some('n')) => text.push('\n'),
            ('\\', Some('\\')) => text.push('\\'),
            _ => {
                text.push(character);
                continue;
            }
        }
        rest.next();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_they_were_typed() {
        let lines = [
            "get a",
            r"set a \n",
            r#"set "\\" "\x00""#,
            "set a 1\nget a",
            "\\",
            "é",
        ]
        .map(str::to_owned);
        assert_eq!(from_text(&to_text(&lines)), lines);
    }

    #[test]
    fn a_file_that_another_program_wrote_is_read_too() {
        assert_eq!(from_text("get a\n\nset a \\n"), ["get a", r"set a \n"]);
        assert_eq!(from_text("#V2\na\\b\\"), [r"a\b\"]);
        assert!(from_text("").is_empty());
    }
}
