//! The commands, and how a line becomes one.

use super::help::Topic;
use super::words::{Quoted, SyntaxError, Word, split};
use crate::args::values::{parse_duration, parse_ttl};
use localmap::{Change, Condition, Ttl, Version};
use std::time::Duration;

/// What a line asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Command {
    Get(Vec<u8>),
    GetEntry(Vec<u8>),
    GetMany(Vec<Vec<u8>>),
    Contains(Vec<u8>),
    Set(Vec<u8>, Vec<u8>, Ttl),
    SetIf(Vec<u8>, Vec<u8>, Condition, Ttl),
    Increment(Vec<u8>, i64, Ttl),
    Touch(Vec<u8>, Ttl),
    Take(Vec<u8>),
    Delete(Vec<u8>),
    DeleteIf(Vec<u8>, Version),
    /// Each a command of those that change one entry.
    Apply(Vec<Self>),
    Pin(Vec<u8>),
    Pinned(Option<u64>),
    Unpin(u64),
    Scan(Vec<u8>),
    Len,
    Stats,
    Sweep(u32),
    Clear,
    Sleep(Duration),
    Help(Option<&'static Topic>),
    Exit,
}

impl Command {
    /// The command of a line. `None`: it is empty or a comment.
    pub(super) fn read(line: &[u8]) -> Result<Option<Self>, SyntaxError> {
        let mut words = split(line)?.into_iter();
        let Some(name) = words.next() else {
            return Ok(None);
        };
        let Some(topic) = Topic::find(&name.bytes) else {
            return Err(unknown(line, &name));
        };
        let command = Self::of_words(Arguments {
            line,
            words,
            topic,
            end: line.trim_ascii_end().len(),
            stop: "the end of the line",
        })?;
        Ok(Some(command))
    }

    fn of_words(mut rest: Arguments<'_>) -> Result<Self, SyntaxError> {
        let command = match rest.topic.name {
            "get" => Self::Get(rest.bytes("KEY")?),
            "get-entry" => Self::GetEntry(rest.bytes("KEY")?),
            "get-many" => Self::GetMany(rest.keys()?),
            "contains" => Self::Contains(rest.bytes("KEY")?),
            "set" => Self::Set(rest.bytes("KEY")?, rest.bytes("VALUE")?, rest.ttl()?),
            "set-if" => Self::SetIf(
                rest.bytes("KEY")?,
                rest.bytes("VALUE")?,
                rest.parse(CONDITION, condition)?,
                rest.ttl()?,
            ),
            "increment" => Self::Increment(
                rest.bytes("KEY")?,
                rest.optional("a whole number", number)?.unwrap_or(1),
                rest.ttl()?,
            ),
            "touch" => Self::Touch(rest.bytes("KEY")?, rest.parse(TTL, parse_ttl)?),
            "take" => Self::Take(rest.bytes("KEY")?),
            "delete" => Self::Delete(rest.bytes("KEY")?),
            "delete-if" => Self::DeleteIf(rest.bytes("KEY")?, rest.parse("a version", number)?),
            "apply" => Self::Apply(rest.changes()?),
            "pin" => Self::Pin(rest.bytes("KEY")?),
            "pinned" => Self::Pinned(rest.optional(PIN, number)?),
            "unpin" => Self::Unpin(rest.parse(PIN, number)?),
            "scan" => Self::Scan(rest.words.next().map(|word| word.bytes).unwrap_or_default()),
            "len" => Self::Len,
            "stats" => Self::Stats,
            "sweep" => {
                let max = rest.optional("a number of entries", number)?;
                Self::Sweep(max.unwrap_or(u32::MAX))
            }
            "clear" => Self::Clear,
            "sleep" => Self::Sleep(rest.parse("a time span", parse_duration)?),
            "help" => Self::Help(rest.topic()?),
            "exit" | "quit" => Self::Exit,
            other => {
                // Each topic is a command: its test says so.
                let problem = format!("there is no command `{other}`");
                return Err(SyntaxError::new(rest.line, 0, problem));
            }
        };
        rest.end()?;
        Ok(command)
    }

    /// As part of a batch. `None`: it is none of [`CHANGES`].
    pub(super) fn change(&self) -> Option<Change<'_>> {
        Some(match self {
            Self::Set(key, value, ttl) => Change::Set {
                key,
                value,
                ttl: *ttl,
            },
            Self::SetIf(key, value, condition, ttl) => Change::SetIf {
                key,
                value,
                ttl: *ttl,
                condition: *condition,
            },
            Self::Increment(key, delta, ttl) => Change::Increment {
                key,
                delta: *delta,
                ttl: *ttl,
            },
            Self::Touch(key, ttl) => Change::Touch { key, ttl: *ttl },
            Self::Delete(key) => Change::Delete { key },
            Self::DeleteIf(key, version) => Change::DeleteIf {
                key,
                version: *version,
            },
            _ => return None,
        })
    }
}

/// The commands that `apply` takes.
pub(super) const CHANGES: [&str; 6] =
    ["set", "set-if", "increment", "touch", "delete", "delete-if"];

const PIN: &str = "the number of a pin";
const CONDITION: &str = "a condition (`absent`, `present` or a version)";
const TTL: &str = "a TTL (a time span, `never` or `default`)";

fn number<T: std::str::FromStr<Err = std::num::ParseIntError>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| format!("{error}"))
}

fn condition(text: &str) -> Result<Condition, String> {
    match text {
        "absent" => Ok(Condition::Absent),
        "present" => Ok(Condition::Present),
        _ => number(text).map(Condition::Version),
    }
}

fn unknown(line: &[u8], name: &Word) -> SyntaxError {
    let problem = format!(
        "there is no command {}; `help` lists those that there are",
        excerpt(&name.bytes)
    );
    SyntaxError::new(line, name.start, problem)
}

/// Whether a word is a `;` between two commands, and not a quoted one.
pub(super) fn is_separator(line: &[u8], word: &Word) -> bool {
    word.bytes == b";" && line.get(word.start) == Some(&b';')
}

/// As much of a word as an error message bears.
fn excerpt(bytes: &[u8]) -> String {
    const MAX: usize = 40;
    match bytes.get(..MAX) {
        Some(start) if bytes.len() > MAX => format!("{}…", Quoted(start)),
        _ => Quoted(bytes).to_string(),
    }
}

/// The words after the name of a command.
struct Arguments<'a> {
    line: &'a [u8],
    words: std::vec::IntoIter<Word>,
    topic: &'static Topic,
    /// Where they end in the line.
    end: usize,
    /// What is expected after them.
    stop: &'static str,
}

impl Arguments<'_> {
    fn next(&mut self, expected: &str) -> Result<Word, SyntaxError> {
        self.words.next().ok_or_else(|| {
            let problem = format!("expected {expected}, as in `{}`", self.topic.usage());
            SyntaxError::new(self.line, self.end, problem)
        })
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, SyntaxError> {
        Ok(self.next(name)?.bytes)
    }

    fn keys(&mut self) -> Result<Vec<Vec<u8>>, SyntaxError> {
        let mut keys = vec![self.bytes("KEY")?];
        keys.extend(self.words.by_ref().map(|word| word.bytes));
        Ok(keys)
    }

    fn parse<T>(
        &mut self,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SyntaxError> {
        let word = self.next(expected)?;
        std::str::from_utf8(&word.bytes)
            .map_err(|error| error.to_string())
            .and_then(parse)
            .map_err(|reason| {
                let found = excerpt(&word.bytes);
                let problem = format!("expected {expected}, found {found}: {reason}");
                SyntaxError::new(self.line, word.start, problem)
            })
    }

    fn optional<T>(
        &mut self,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SyntaxError> {
        if self.words.len() == 0 {
            return Ok(None);
        }
        self.parse(expected, parse).map(Some)
    }

    fn ttl(&mut self) -> Result<Ttl, SyntaxError> {
        Ok(self.optional(TTL, parse_ttl)?.unwrap_or_default())
    }

    /// Commands with a `;` between each two.
    fn changes(&mut self) -> Result<Vec<Command>, SyntaxError> {
        let words: Vec<Word> = self.words.by_ref().collect();
        let mut changes = Vec::new();
        let mut rest = words.as_slice();
        loop {
            let separator = rest.iter().position(|word| is_separator(self.line, word));
            let (part, after) = rest.split_at(separator.unwrap_or(rest.len()));
            let end = after.first().map_or(self.end, |word| word.start);
            changes.push(self.change(part, end)?);
            match after.split_first() {
                Some((_, after)) => rest = after,
                None => return Ok(changes),
            }
        }
    }

    /// One of them, which ends at `end`.
    fn change(&self, words: &[Word], end: usize) -> Result<Command, SyntaxError> {
        let name = words.first();
        if let Some(name) = name
            && CHANGES.iter().any(|known| known.as_bytes() == name.bytes)
            && let Some(topic) = Topic::find(&name.bytes)
        {
            let arguments: Vec<Word> = words.iter().skip(1).cloned().collect();
            return Command::of_words(Arguments {
                line: self.line,
                words: arguments.into_iter(),
                topic,
                end,
                stop: "`;` or the end of the line",
            });
        }
        let found = name.map_or_else(String::new, |name| {
            format!(", found {}", excerpt(&name.bytes))
        });
        let problem = format!(
            "expected one of {}, as in `{}`{found}",
            CHANGES.join(", "),
            self.topic.usage(),
        );
        let at = name.map_or(end, |name| name.start);
        Err(SyntaxError::new(self.line, at, problem))
    }

    fn topic(&mut self) -> Result<Option<&'static Topic>, SyntaxError> {
        self.words
            .next()
            .map(|word| Topic::find(&word.bytes).ok_or_else(|| unknown(self.line, &word)))
            .transpose()
    }

    fn end(mut self) -> Result<(), SyntaxError> {
        match self.words.next() {
            None => Ok(()),
            Some(word) => {
                let problem = format!(
                    "expected {}, as in `{}`, found {}",
                    self.stop,
                    self.topic.usage(),
                    excerpt(&word.bytes)
                );
                Err(SyntaxError::new(self.line, word.start, problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Command {
        Command::read(line.as_bytes())
            .expect(line)
            .expect("a command")
    }

    /// The error of a line.
    fn error(line: &[u8]) -> String {
        Command::read(line)
            .expect_err("must be refused")
            .to_string()
    }

    #[test]
    fn empty_lines_and_comments_ask_for_nothing() {
        for line in ["", "  ", "# get a"] {
            assert_eq!(Command::read(line.as_bytes()), Ok(None));
        }
    }

    #[test]
    fn what_is_left_out_has_its_default() {
        let (key, value) = (b"k".to_vec(), b"v".to_vec());
        assert_eq!(
            read("set k v"),
            Command::Set(key.clone(), value.clone(), Ttl::Default)
        );
        assert_eq!(
            read("set-if k v 7"),
            Command::SetIf(key.clone(), value, Condition::Version(7), Ttl::Default)
        );
        assert_eq!(
            read("increment k"),
            Command::Increment(key, 1, Ttl::Default)
        );
        assert_eq!(read("scan"), Command::Scan(Vec::new()));
        assert_eq!(read("sweep"), Command::Sweep(u32::MAX));
        assert_eq!(read("help"), Command::Help(None));
    }

    #[test]
    fn ttls_conditions_and_deltas_are_read() {
        let key = b"k".to_vec();
        let minute = Ttl::After(Duration::from_secs(60));
        assert_eq!(read("touch k 1m"), Command::Touch(key.clone(), minute));
        assert_eq!(
            read("touch k \"30s 30s\""),
            Command::Touch(key.clone(), minute)
        );
        assert_eq!(
            read("touch k never"),
            Command::Touch(key.clone(), Ttl::Never)
        );
        assert_eq!(
            read("set-if k \"\" absent 1m"),
            Command::SetIf(key.clone(), Vec::new(), Condition::Absent, minute)
        );
        assert_eq!(
            read("increment k -9223372036854775808 1m"),
            Command::Increment(key, i64::MIN, minute)
        );
    }

    #[test]
    fn a_batch_is_commands_with_semicolons_between() {
        assert_eq!(
            read("apply set a 1 30s ; increment c ; delete-if b 7"),
            Command::Apply(vec![
                Command::Set(
                    b"a".to_vec(),
                    b"1".to_vec(),
                    Ttl::After(Duration::from_secs(30))
                ),
                Command::Increment(b"c".to_vec(), 1, Ttl::Default),
                Command::DeleteIf(b"b".to_vec(), 7),
            ])
        );
        // In quotes, or as part of a word, it is data.
        assert_eq!(
            read("apply set \";\" a;b"),
            Command::Apply(vec![Command::Set(
                b";".to_vec(),
                b"a;b".to_vec(),
                Ttl::Default
            )])
        );
    }

    #[test]
    fn what_a_batch_takes_is_a_change() {
        for name in CHANGES {
            let example = Topic::find(name.as_bytes()).expect(name).example;
            assert!(read(example).change().is_some(), "{example}");
        }
        assert_eq!(read("get a").change(), None);
    }

    #[test]
    fn an_error_tells_where_and_what_was_expected() {
        for (line, column, expected) in [
            ("frob", 1, "\"frob\""),
            ("GET a", 1, "no command"),
            ("help frob", 6, "\"frob\""),
            ("get", 4, "expected KEY"),
            ("set a", 6, "expected VALUE"),
            ("set a  ", 6, "set KEY VALUE [TTL]"),
            ("set a b c", 9, "time span"),
            ("set a b 0s", 9, "zero"),
            ("set a b 1s d", 12, "end of the line"),
            ("get a b", 7, "get KEY"),
            ("touch a", 8, "never"),
            ("set-if a b maybe", 12, "absent"),
            ("increment a 1.5", 13, "whole number"),
            ("increment a 9223372036854775808", 13, "whole number"),
            ("delete-if a -1", 13, "version"),
            ("sweep 4294967296", 7, "number of entries"),
            ("sleep", 6, "time span"),
            ("len a", 5, "end of the line"),
            ("apply", 6, "expected one of set, set-if"),
            ("apply get a", 7, "found \"get\""),
            ("apply set a 1 ;", 16, "expected one of"),
            ("apply ; set a 1", 7, "expected one of"),
            ("apply set a ; delete b", 13, "expected VALUE"),
            ("apply delete b c ; delete b", 16, "`;` or the end"),
            ("apply set a 1; delete b", 16, "time span"),
            ("pin", 4, "expected KEY"),
            ("unpin one", 7, "number of a pin"),
        ] {
            let error = error(line.as_bytes());
            assert!(
                error.starts_with(&format!("column {column}: ")),
                "{line}: {error}"
            );
            assert!(error.contains(expected), "{line}: {error}");
        }
    }

    #[test]
    fn an_error_quotes_what_it_found_and_not_all_of_a_long_word() {
        assert!(error(b"\xff\x1b").len() < 200);
        assert!(error(b"get a \xff").contains(r#""\xff""#));
        let long = [b"get a ".to_vec(), vec![b'b'; 1 << 20]].concat();
        assert!(error(&long).len() < 200);
    }
}
