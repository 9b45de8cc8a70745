//! Parses a line into a command.

use super::command::{CHANGES, Command};
use super::help::Topic;
use super::tokens::{Quoted, SyntaxError, Token, tokenize};
use crate::args::values::{parse_duration, parse_ttl};
use localmap::{Condition, Ttl};

/// Parses a line. Returns `None` if it is empty or a comment.
pub(super) fn parse(line: &[u8]) -> Result<Option<Command>, SyntaxError> {
    let mut tokens = tokenize(line)?.into_iter();
    let Some(name) = tokens.next() else {
        return Ok(None);
    };
    let Some(topic) = Topic::find(&name.bytes) else {
        return Err(unknown(line, &name));
    };
    let arguments = Arguments {
        line,
        tokens,
        topic,
        end: line.trim_ascii_end().len(),
        stop: "the end of the line",
    };
    arguments.into_command().map(Some)
}

/// Returns `true` if a token is an unquoted `;`, which separates the changes of a batch.
pub(super) fn is_separator(line: &[u8], token: &Token) -> bool {
    token.bytes == b";" && line.get(token.start) == Some(&b';')
}

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

fn unknown(line: &[u8], name: &Token) -> SyntaxError {
    let problem = format!(
        "unknown command {}; `help` lists all commands",
        excerpt(&name.bytes)
    );
    SyntaxError::new(line, name.start, problem)
}

/// Quotes a token for an error message, shortened if it is long.
fn excerpt(bytes: &[u8]) -> String {
    const MAX: usize = 40;
    match bytes.get(..MAX) {
        Some(start) if bytes.len() > MAX => format!("{}…", Quoted(start)),
        _ => Quoted(bytes).to_string(),
    }
}

/// The tokens after the name of a command that are not parsed yet.
struct Arguments<'a> {
    line: &'a [u8],
    tokens: std::vec::IntoIter<Token>,
    /// The help topic of the command.
    topic: &'static Topic,
    /// The index in the line at which the command ends.
    end: usize,
    /// The text for what may follow the last argument.
    stop: &'static str,
}

impl Arguments<'_> {
    /// Parses the tokens as the arguments of the command.
    fn into_command(mut self) -> Result<Command, SyntaxError> {
        let command = match self.topic.name {
            "get" => Command::Get(self.bytes("KEY")?),
            "get-entry" => Command::GetEntry(self.bytes("KEY")?),
            "get-many" => Command::GetMany(self.keys()?),
            "contains" => Command::Contains(self.bytes("KEY")?),
            "set" => Command::Set(self.bytes("KEY")?, self.bytes("VALUE")?, self.ttl()?),
            "set-if" => Command::SetIf(
                self.bytes("KEY")?,
                self.bytes("VALUE")?,
                self.parse(CONDITION, condition)?,
                self.ttl()?,
            ),
            "increment" => Command::Increment(
                self.bytes("KEY")?,
                self.optional("a whole number", number)?.unwrap_or(1),
                self.ttl()?,
            ),
            "touch" => Command::Touch(self.bytes("KEY")?, self.parse(TTL, parse_ttl)?),
            "take" => Command::Take(self.bytes("KEY")?),
            "delete" => Command::Delete(self.bytes("KEY")?),
            "delete-if" => Command::DeleteIf(self.bytes("KEY")?, self.parse("a version", number)?),
            "apply" => Command::Apply(self.changes()?),
            "pin" => Command::Pin(self.bytes("KEY")?),
            "pinned" => Command::Pinned(self.optional(PIN, number)?),
            "unpin" => Command::Unpin(self.parse(PIN, number)?),
            "scan" => Command::Scan(
                self.tokens
                    .next()
                    .map(|token| token.bytes)
                    .unwrap_or_default(),
            ),
            "len" => Command::Len,
            "stats" => Command::Stats,
            "sweep" => {
                let max = self.optional("a number of entries", number)?;
                Command::Sweep(max.unwrap_or(u32::MAX))
            }
            "clear" => Command::Clear,
            "sleep" => Command::Sleep(self.parse("a time span", parse_duration)?),
            "help" => Command::Help(self.topic()?),
            "exit" | "quit" => Command::Exit,
            other => {
                // Unreachable: a test parses the example of each topic.
                let problem = format!("unknown command `{other}`");
                return Err(SyntaxError::new(self.line, 0, problem));
            }
        };
        self.end()?;
        Ok(command)
    }

    /// Returns the next argument.
    fn next(&mut self, expected: &str) -> Result<Token, SyntaxError> {
        self.tokens.next().ok_or_else(|| {
            let problem = format!("expected {expected} (usage: `{}`)", self.topic.usage());
            SyntaxError::new(self.line, self.end, problem)
        })
    }

    fn bytes(&mut self, name: &str) -> Result<Vec<u8>, SyntaxError> {
        Ok(self.next(name)?.bytes)
    }

    /// Takes one key or more.
    fn keys(&mut self) -> Result<Vec<Vec<u8>>, SyntaxError> {
        let mut keys = vec![self.bytes("KEY")?];
        keys.extend(self.tokens.by_ref().map(|token| token.bytes));
        Ok(keys)
    }

    /// Parses the next argument.
    fn parse<T>(
        &mut self,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<T, SyntaxError> {
        let token = self.next(expected)?;
        std::str::from_utf8(&token.bytes)
            .map_err(|error| error.to_string())
            .and_then(parse)
            .map_err(|reason| {
                let found = excerpt(&token.bytes);
                let problem = format!("expected {expected}, found {found}: {reason}");
                SyntaxError::new(self.line, token.start, problem)
            })
    }

    /// Parses the next argument if there is one.
    fn optional<T>(
        &mut self,
        expected: &str,
        parse: impl FnOnce(&str) -> Result<T, String>,
    ) -> Result<Option<T>, SyntaxError> {
        if self.tokens.len() == 0 {
            return Ok(None);
        }
        self.parse(expected, parse).map(Some)
    }

    fn ttl(&mut self) -> Result<Ttl, SyntaxError> {
        Ok(self.optional(TTL, parse_ttl)?.unwrap_or_default())
    }

    /// Parses the changes of a batch, separated by `;`.
    fn changes(&mut self) -> Result<Vec<Command>, SyntaxError> {
        let tokens: Vec<Token> = self.tokens.by_ref().collect();
        let mut changes = Vec::new();
        let mut rest = tokens.as_slice();
        loop {
            let separator = rest.iter().position(|token| is_separator(self.line, token));
            let (part, after) = rest.split_at(separator.unwrap_or(rest.len()));
            let end = after.first().map_or(self.end, |token| token.start);
            changes.push(self.change(part, end)?);
            match after.split_first() {
                Some((_, after)) => rest = after,
                None => return Ok(changes),
            }
        }
    }

    /// Parses one change, which ends at `end`.
    fn change(&self, tokens: &[Token], end: usize) -> Result<Command, SyntaxError> {
        let name = tokens.first();
        if let Some(name) = name
            && CHANGES.iter().any(|known| known.as_bytes() == name.bytes)
            && let Some(topic) = Topic::find(&name.bytes)
        {
            let tokens: Vec<Token> = tokens.iter().skip(1).cloned().collect();
            let arguments = Arguments {
                line: self.line,
                tokens: tokens.into_iter(),
                topic,
                end,
                stop: "`;` or the end of the line",
            };
            return arguments.into_command();
        }
        let found = name.map_or_else(String::new, |name| {
            format!(", found {}", excerpt(&name.bytes))
        });
        let problem = format!(
            "expected one of {}{found} (usage: `{}`)",
            CHANGES.join(", "),
            self.topic.usage(),
        );
        let at = name.map_or(end, |name| name.start);
        Err(SyntaxError::new(self.line, at, problem))
    }

    /// Takes the name of a command if there is one.
    fn topic(&mut self) -> Result<Option<&'static Topic>, SyntaxError> {
        self.tokens
            .next()
            .map(|token| Topic::find(&token.bytes).ok_or_else(|| unknown(self.line, &token)))
            .transpose()
    }

    /// Checks that no argument is left.
    fn end(mut self) -> Result<(), SyntaxError> {
        match self.tokens.next() {
            None => Ok(()),
            Some(token) => {
                let problem = format!(
                    "expected {}, found {} (usage: `{}`)",
                    self.stop,
                    excerpt(&token.bytes),
                    self.topic.usage(),
                );
                Err(SyntaxError::new(self.line, token.start, problem))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::help::TOPICS;
    use super::*;
    use std::time::Duration;

    fn read(line: &str) -> Command {
        parse(line.as_bytes()).expect(line).expect("a command")
    }

    /// Returns the error of a line.
    fn error(line: &[u8]) -> String {
        parse(line).expect_err("a syntax error").to_string()
    }

    #[test]
    fn the_example_of_each_topic_is_a_line_with_its_command() {
        for topic in &TOPICS {
            let first = topic.example.split(' ').next();
            assert_eq!(first, Some(topic.name));
            let parsed = parse(topic.example.as_bytes());
            assert!(
                matches!(parsed, Ok(Some(_))),
                "{}: {parsed:?}",
                topic.example
            );
        }
    }

    #[test]
    fn empty_lines_and_comments_are_no_commands() {
        for line in ["", "  ", "# get a"] {
            assert_eq!(parse(line.as_bytes()), Ok(None));
        }
    }

    #[test]
    fn omitted_arguments_have_defaults() {
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
    fn ttls_conditions_and_deltas_are_parsed() {
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
    fn semicolons_separate_the_changes_of_a_batch() {
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
        // In quotes, or as part of a token, it is data.
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
    fn each_command_that_a_batch_accepts_is_a_change() {
        for name in CHANGES {
            let example = Topic::find(name.as_bytes()).expect(name).example;
            assert!(read(example).change().is_some(), "{example}");
        }
        assert_eq!(read("get a").change(), None);
    }

    #[test]
    fn errors_name_the_column_and_what_was_expected() {
        for (line, column, expected) in [
            ("frob", 1, "\"frob\""),
            ("GET a", 1, "unknown command"),
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
    fn errors_quote_tokens_and_shorten_long_ones() {
        assert!(error(b"\xff\x1b").len() < 200);
        assert!(error(b"get a \xff").contains(r#""\xff""#));
        let long = [b"get a ".to_vec(), vec![b'b'; 1 << 20]].concat();
        assert!(error(&long).len() < 200);
    }
}
