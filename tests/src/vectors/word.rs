//! The words of a line, and what an operation reads of them.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::str::Bytes;

use localmap_engine::{Change, Condition, Limits, Policy, Ttl};

use super::answer::Answer;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Name(String),
    Number(i128),
    Bytes(Vec<u8>),
}

/// Words as they are written, long ones cut.
pub(super) fn show(words: &[Word]) -> String {
    let show = |word: &Word| match word {
        Word::Name(name) => name.clone(),
        Word::Number(number) => number.to_string(),
        Word::Bytes(bytes) if bytes.len() <= 64 => format!("\"{}\"", bytes.escape_ascii()),
        Word::Bytes(bytes) => {
            let start = bytes.get(..16).unwrap_or_default();
            format!("\"{}...\" ({} bytes)", start.escape_ascii(), bytes.len())
        }
    };
    words.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// The arguments of an operation, and the answer that is expected.
pub(super) struct Words {
    arguments: VecDeque<Word>,
    expected: Answer,
}

impl Words {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let mut words = Vec::new();
        let mut bytes = line.bytes().peekable();
        while let Some(&byte) = bytes.peek() {
            match byte {
                b' ' | b'=' => {
                    bytes.next();
                }
                b'"' => words.push(quoted(&mut bytes)?),
                _ => words.push(plain(&mut bytes)),
            }
        }
        let arrow = Word::Name("->".into());
        let at = words.iter().position(|word| *word == arrow);
        let mut expected = words.split_off(at.unwrap_or(words.len()));
        expected.drain(..expected.len().min(1));
        Ok(Self {
            arguments: words.into(),
            expected,
        })
    }

    pub(super) fn expected(self) -> Answer {
        self.expected
    }

    pub(super) fn more(&self) -> bool {
        !self.arguments.is_empty()
    }

    pub(super) fn end(&self) -> Result<(), String> {
        match self.arguments.front() {
            Some(word) => Err(format!("one word too many: {word:?}")),
            None => Ok(()),
        }
    }

    fn next(&mut self) -> Result<Word, String> {
        self.arguments.pop_front().ok_or("a word is missing".into())
    }

    pub(super) fn name(&mut self) -> Result<String, String> {
        match self.next()? {
            Word::Name(name) => Ok(name),
            other => Err(format!("a name is expected, not {other:?}")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, String> {
        match self.next()? {
            Word::Bytes(bytes) => Ok(bytes),
            other => Err(format!("a quoted string is expected, not {other:?}")),
        }
    }

    pub(super) fn number<T: TryFrom<i128>>(&mut self) -> Result<T, String> {
        match self.next()? {
            Word::Number(number) => {
                T::try_from(number).map_err(|_| format!("{number} is out of range"))
            }
            other => Err(format!("a number is expected, not {other:?}")),
        }
    }

    fn literal(&mut self, expected: &str) -> Result<(), String> {
        let name = self.name()?;
        if name == expected {
            return Ok(());
        }
        Err(format!("`{expected}` is expected, not `{name}`"))
    }

    pub(super) fn ttl(&mut self) -> Result<Ttl, String> {
        match self.next()? {
            Word::Name(name) if name == "default" => Ok(Ttl::Default),
            Word::Name(name) if name == "never" => Ok(Ttl::Never),
            span @ Word::Number(_) => {
                self.arguments.push_front(span);
                Ok(Ttl::After(self.number()?))
            }
            other => Err(format!("a TTL is expected, not {other:?}")),
        }
    }

    pub(super) fn version(&mut self) -> Result<u64, String> {
        self.literal("version")?;
        self.number()
    }

    pub(super) fn condition(&mut self) -> Result<Condition, String> {
        match self.name()?.as_str() {
            "absent" => Ok(Condition::Absent),
            "present" => Ok(Condition::Present),
            "version" => Ok(Condition::Version(self.number()?)),
            other => Err(format!("no condition `{other}`")),
        }
    }

    /// The prefix and the limit of a scan.
    pub(super) fn page(&mut self) -> Result<(Vec<u8>, u32), String> {
        let prefix = self.bytes()?;
        self.literal("limit")?;
        Ok((prefix, self.number()?))
    }

    /// Limits, of which the words change some.
    pub(super) fn limits(&mut self, mut limits: Limits) -> Result<Limits, String> {
        while self.more() {
            match self.name()?.as_str() {
                "max-entries" => limits.max_entries = self.number()?,
                "max-bytes" => limits.max_bytes = self.number()?,
                "max-key" => limits.max_key = self.number()?,
                "max-value" => limits.max_value = self.number()?,
                "default-ttl" => {
                    limits.default_ttl = match self.next()? {
                        Word::Name(name) if name == "none" => None,
                        span => {
                            self.arguments.push_front(span);
                            Some(self.number()?)
                        }
                    };
                }
                "utf8-keys" => {
                    limits.utf8_keys = self.name()?.parse().map_err(|_| "true or false?")?;
                }
                "policy" => {
                    limits.policy = match self.name()?.as_str() {
                        "refuse" => Policy::Refuse,
                        "lru" => Policy::Lru,
                        "s3-fifo" => Policy::S3Fifo,
                        other => return Err(format!("no policy `{other}`")),
                    };
                }
                "max-pins" => limits.max_pins = self.number()?,
                other => return Err(format!("no setting `{other}`")),
            }
        }
        Ok(limits)
    }

    /// The changes of a batch, with a `;` between each two.
    pub(super) fn changes(&mut self) -> Result<Vec<OwnedChange>, String> {
        let mut changes = Vec::new();
        while self.more() {
            changes.push(self.change()?);
            if self.more() {
                self.literal(";")?;
            }
        }
        Ok(changes)
    }

    fn change(&mut self) -> Result<OwnedChange, String> {
        Ok(match self.name()?.as_str() {
            "set" => OwnedChange::Set(self.bytes()?, self.bytes()?, self.ttl()?),
            "set-if" => {
                OwnedChange::SetIf(self.bytes()?, self.bytes()?, self.ttl()?, self.condition()?)
            }
            "increment" => OwnedChange::Increment(self.bytes()?, self.number()?, self.ttl()?),
            "touch" => OwnedChange::Touch(self.bytes()?, self.ttl()?),
            "delete" => OwnedChange::Delete(self.bytes()?),
            "delete-if" => OwnedChange::DeleteIf(self.bytes()?, self.version()?),
            other => return Err(format!("no change `{other}`")),
        })
    }

    /// The answers to all names that are left.
    pub(super) fn names(
        &mut self,
        answer: impl Fn(&str) -> Result<Answer, String>,
    ) -> Result<Answer, String> {
        let mut answers = Vec::new();
        while self.more() {
            answers.extend(answer(&self.name()?)?);
        }
        Ok(answers)
    }
}

/// A change with what it is asked for.
pub(super) enum OwnedChange {
    Set(Vec<u8>, Vec<u8>, Ttl),
    SetIf(Vec<u8>, Vec<u8>, Ttl, Condition),
    Increment(Vec<u8>, i64, Ttl),
    Touch(Vec<u8>, Ttl),
    Delete(Vec<u8>),
    DeleteIf(Vec<u8>, u64),
}

impl OwnedChange {
    pub(super) fn view(&self) -> Change<'_> {
        match *self {
            Self::Set(ref key, ref value, ttl) => Change::Set { key, value, ttl },
            Self::SetIf(ref key, ref value, ttl, condition) => Change::SetIf {
                key,
                value,
                ttl,
                condition,
            },
            Self::Increment(ref key, delta, ttl) => Change::Increment { key, delta, ttl },
            Self::Touch(ref key, ttl) => Change::Touch { key, ttl },
            Self::Delete(ref key) => Change::Delete { key },
            Self::DeleteIf(ref key, version) => Change::DeleteIf { key, version },
        }
    }
}

/// A name or a number.
fn plain(bytes: &mut Peekable<Bytes<'_>>) -> Word {
    let mut name = String::new();
    while let Some(byte) = bytes.next_if(|byte| !b" =\"".contains(byte)) {
        name.push(byte.into());
    }
    match parse_number(&name) {
        Some(number) => Word::Number(number),
        None => Word::Name(name),
    }
}

fn parse_number(word: &str) -> Option<i128> {
    if word == "max" {
        return Some(u64::MAX.into());
    }
    let end = word.rfind(|c: char| c.is_ascii_digit())? + 1;
    let (number, unit) = word.split_at(end);
    let unit = match unit {
        "" | "ns" => 1,
        "us" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    };
    number.parse::<i128>().ok()?.checked_mul(unit)
}

/// Bytes in quotes, and how often.
fn quoted(bytes: &mut Peekable<Bytes<'_>>) -> Result<Word, String> {
    bytes.next();
    let mut string = Vec::new();
    loop {
        match bytes.next().ok_or("a quote is not closed")? {
            b'"' => break,
            b'\\' => string.push(match bytes.next() {
                Some(b'x') => {
                    let digits: Vec<u8> = bytes.take(2).collect();
                    let digits = str::from_utf8(&digits).unwrap_or_default();
                    u8::from_str_radix(digits, 16).map_err(|_| "two digits follow `\\x`")?
                }
                Some(byte @ (b'"' | b'\\')) => byte,
                _ => return Err("an escape is `\\x00`, `\\\"` or `\\\\`".into()),
            }),
            byte => string.push(byte),
        }
    }
    if bytes.next_if_eq(&b'*').is_none() {
        return Ok(Word::Bytes(string));
    }
    match plain(bytes) {
        Word::Number(times) if (0..=1 << 24).contains(&times) => Ok(Word::Bytes(
            string.repeat(usize::try_from(times).unwrap_or(0)),
        )),
        other => Err(format!("a number follows `*`, not {other:?}")),
    }
}
