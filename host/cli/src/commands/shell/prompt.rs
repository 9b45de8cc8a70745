//! The interactive prompt: line editing, history and completion.

use super::completion::candidates;
use super::failure::Failure;
use super::history::{History, MAX_LINES};
use super::session::Session;
use crate::terminal::stdio::complain;
use anyhow::{Context, anyhow};
use rustyline::completion::{Completer, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Editor, Helper};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

const PROMPT: &str = "localmap> ";

/// Reads and executes lines until the user ends the shell. An error is printed and does not
/// end it.
pub(super) fn run(session: Session) -> anyhow::Result<()> {
    let session = Rc::new(RefCell::new(session));
    let config = Config::builder()
        .completion_type(CompletionType::List)
        .max_history_size(MAX_LINES)?
        .auto_add_history(true)
        .build();
    let lines = MemHistory::with_config(&config);
    let mut editor = Editor::<Completion, MemHistory>::with_history(config, lines)?;
    editor.set_helper(Some(Completion(Rc::clone(&session))));
    let mut history = History::of_user();
    for line in history.earlier() {
        editor.add_history_entry(line)?;
    }
    let mut out = io::stdout();
    writeln!(
        out,
        "A new, empty map. `help` lists all commands; Ctrl-D ends the shell and its map."
    )?;
    loop {
        let text = match editor.readline(PROMPT) {
            Ok(text) => text,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => break,
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::InvalidData => {
                complain(&anyhow!(
                    "the line is not UTF-8: write other bytes as \\xNN in double quotes"
                ));
                continue;
            }
            Err(error) => return Err(error).context("cannot read from the terminal"),
        };
        history.add(&text);
        // Pasted text may have several lines.
        if execute_lines(&mut session.borrow_mut(), &text, &mut out)? {
            break;
        }
    }
    history.save();
    Ok(())
}

/// Executes lines up to the first error. Returns `true` if one of them ends the shell.
fn execute_lines(session: &mut Session, text: &str, out: &mut dyn Write) -> io::Result<bool> {
    for line in text.lines() {
        match session.execute_line(line.as_bytes(), out) {
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

/// Completes commands and keys of the map.
struct Completion(Rc<RefCell<Session>>);

impl Completer for Completion {
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
        let (start, tokens) = candidates.unwrap_or((pos, Vec::new()));
        let pair = |token: String| Pair {
            replacement: format!("{token} "),
            display: token,
        };
        Ok((start, tokens.into_iter().map(pair).collect()))
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}
