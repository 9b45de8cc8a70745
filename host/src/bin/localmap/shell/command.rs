//! The commands, and how a line becomes one.

use super::help::Topic;
use super::words::{Quoted, SyntaxError, Word, split};
use crate::values::{parse_duration, parse_ttl};
use localmap::{Condition, Ttl, Version};
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
        let mut rest = Arguments { line, words, topic };
        let command = match topic.name {
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
            _ => return Err(unknown(line, &name)),
        };
        rest.end()?;
        Ok(Some(command))
    }
}

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
}

impl Arguments<'_> {
    fn next(&mut self, expected: &str) -> Result<Word, SyntaxError> {
        self.words.next().ok_or_else(|| {
            let problem = format!("expected {expected}, as in `{}`", self.topic.usage());
            SyntaxError::new(self.line, self.line.trim_ascii_end().len(), problem)
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
                    "expected the end of the line, as in `{}`, found {}",
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
