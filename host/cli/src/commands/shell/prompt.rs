//! The prompt: editing, history and completion.

use super::command::{CHANGES, is_separator};
use super::help::{TOPICS, Topic};
use super::session::{Failure, Session};
use super::words::{split, word};
use crate::terminal::stdio::complain;
use anyhow::{Context, anyhow};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};
use std::cell::RefCell;
use std::env;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

const PROMPT: &str = "localmap> ";

/// Reads lines and carries them out until the user has had enough. An error is told
/// and ends nothing.
pub(super) fn run(session: Session) -> anyhow::Result<()> {
    let session = Rc::new(RefCell::new(session));
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(1_000)?
        .auto_add_history(true)
        .build();
    let mut editor = Editor::<Keys, DefaultHistory>::with_config(config)?;
    editor.set_helper(Some(Keys(Rc::clone(&session))));
    let history = history_file();
    if let Some(file) = &history {
        // There is none at first.
        let _ = editor.load_history(file);
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "A fresh map. `help` lists the commands, Ctrl-D ends the shell and the map."
    )?;
    loop {
        let text = match editor.readline(PROMPT) {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                complain(&anyhow!(
                    "the line is not UTF-8: write other bytes as \\xNN, in quotes"
                ));
                continue;
            }
            Err(error) => return Err(error).context("cannot read from the terminal"),
        };
        // What is pasted may be several lines.
        if carry_out(&mut session.borrow_mut(), &text, &mut out)? {
            break;
        }
    }
    if let Some(file) = &history {
        save(&mut editor, file);
    }
    Ok(())
}

/// True: one of the lines was the last.
fn carry_out(session: &mut Session, text: &str, out: &mut dyn Write) -> io::Result<bool> {
    for line in text.lines() {
        match session.line(line.as_bytes(), out) {
            Ok(flow) if flow.is_break() => return Ok(true),
            Ok(_) => {}
            Err(Failure::Output(error)) => return Err(error),
            Err(failure) => {
                complain(&failure.into());
                break;
            }
        }
    }
    Ok(false)
}

/// A file of its own in the folder that the XDG base directories have for it.
fn history_file() -> Option<PathBuf> {
    let folder = |name| {
        let folder = PathBuf::from(env::var_os(name)?);
        folder.is_absolute().then_some(folder)
    };
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("localmap").join("history"))
}

/// Without a place to keep it, the history ends with the shell.
fn save(editor: &mut Editor<Keys, DefaultHistory>, file: &Path) {
    if let Some(folder) = file.parent() {
        let _ = fs::create_dir_all(folder);
    }
    let _ = editor.append_history(file);
}

/// Completes commands, and keys of the map.
struct Keys(Rc<RefCell<Session>>);

impl Completer for Keys {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &rustyline::Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let typed = line.get(..pos).unwrap_or_default();
        let candidates = candidates(typed, |prefix| {
            let mut session = self.0.try_borrow_mut().ok()?;
            session.some_keys(prefix).ok()
        });
        let (start, words) = candidates.unwrap_or((pos, Vec::new()));
        let pair = |word: String| Pair {
            replacement: format!("{word} "),
            display: word,
        };
        Ok((start, words.into_iter().map(pair).collect()))
    }
}

impl Hinter for Keys {
    type Hint = String;
}
impl Highlighter for Keys {}
impl Validator for Keys {}
impl Helper for Keys {}

/// The words that could stand where the last one of `typed` starts, which is given
/// too. `None`: there is no telling.
fn candidates(
    typed: &str,
    keys: impl FnOnce(&[u8]) -> Option<Vec<Vec<u8>>>,
) -> Option<(usize, Vec<String>)> {
    // The last word may be in quotes that are not closed yet.
    let (mut words, open) = match split(typed.as_bytes()) {
        Ok(words) => (words, false),
        Err(_) => (split(format!("{typed}\"").as_bytes()).ok()?, true),
    };
    let (start, prefix) = if open || !typed.ends_with([' ', '\t']) {
        let last = words.pop();
        last.map_or((typed.len(), Vec::new()), |last| (last.start, last.bytes))
    } else {
        (typed.len(), Vec::new())
    };
    let names = |names: &mut dyn Iterator<Item = &'static str>| {
        names
            .filter(|name| name.as_bytes().starts_with(&prefix))
            .map(str::to_owned)
            .collect()
    };
    let commands = || names(&mut TOPICS.iter().map(|topic| topic.name));
    let Some(command) = words.first() else {
        return Some((start, commands()));
    };
    let mut topic = Topic::find(&command.bytes)?;
    if topic.name == "apply" {
        // The change that is being typed is like a line of its own.
        let separator = words
            .iter()
            .rposition(|word| is_separator(typed.as_bytes(), word));
        words.drain(..=separator.unwrap_or(0));
        let Some(change) = words.first() else {
            return Some((start, names(&mut CHANGES.into_iter())));
        };
        topic = Topic::find(&change.bytes).filter(|topic| CHANGES.contains(&topic.name))?;
    }
    let words = match (words.len(), topic.arguments) {
        (1, "[COMMAND]") => commands(),
        (1, arguments) if arguments.starts_with("KEY") || arguments == "[PREFIX]" => {
            keys(&prefix)?.iter().map(|key| word(key)).collect()
        }
        (_, "KEY…") => keys(&prefix)?.iter().map(|key| word(key)).collect(),
        _ => Vec::new(),
    };
    Some((start, words))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Tab offers, in a map with three keys.
    fn offered(typed: &str) -> Option<(usize, Vec<String>)> {
        candidates(typed, |prefix| {
            let keys = [b"user:1".to_vec(), b"user 2".to_vec(), b"\xff".to_vec()];
            Some(
                keys.into_iter()
                    .filter(|key| key.starts_with(prefix))
                    .collect(),
            )
        })
    }

    fn words(words: &[&str]) -> Vec<String> {
        words.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn commands_are_offered_where_one_is_expected() {
        assert_eq!(offered("set"), Some((0, words(&["set", "set-if"]))));
        assert_eq!(offered("  tou"), Some((2, words(&["touch"]))));
        assert_eq!(
            offered("help del"),
            Some((5, words(&["delete", "delete-if"])))
        );
        assert_eq!(
            offered("").map(|(_, words)| words.len()),
            Some(TOPICS.len())
        );
        assert_eq!(offered("frob "), None);
    }

    #[test]
    fn keys_are_offered_where_one_is_expected_as_words_that_stand_for_them() {
        let all = words(&["user:1", "\"user 2\"", "\"\\xff\""]);
        assert_eq!(offered("get "), Some((4, all.clone())));
        assert_eq!(
            offered("get use"),
            Some((4, words(&["user:1", "\"user 2\""])))
        );
        assert_eq!(offered("get \"user "), Some((4, words(&["\"user 2\""]))));
        assert_eq!(offered("get-many a "), Some((11, all)));
        assert_eq!(offered("scan user:"), Some((5, words(&["user:1"]))));
    }

    #[test]
    fn each_change_of_a_batch_is_completed_as_a_line() {
        assert_eq!(
            offered("apply "),
            Some((6, CHANGES.map(str::to_owned).to_vec()))
        );
        assert_eq!(offered("apply tou"), Some((6, words(&["touch"]))));
        assert_eq!(offered("apply touch user:"), Some((12, words(&["user:1"]))));
        assert_eq!(
            offered("apply set a 1 ; del"),
            Some((16, words(&["delete", "delete-if"])))
        );
        assert_eq!(
            offered("apply set a 1 ; delete user:"),
            Some((23, words(&["user:1"])))
        );
        assert_eq!(offered("apply set a "), Some((12, vec![])));
        assert_eq!(offered("apply get "), None);
    }

    #[test]
    fn nothing_is_offered_elsewhere() {
        assert_eq!(offered("set user:1 u"), Some((11, vec![])));
        assert_eq!(offered("len "), Some((4, vec![])));
        assert_eq!(offered("get \"a\\x"), None);
        assert_eq!(offered("get 'a"), None);
    }

    #[test]
    fn a_map_that_cannot_answer_offers_no_key() {
        assert_eq!(candidates("get a", |_| None), None);
    }
}
