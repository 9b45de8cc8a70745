//! The tokens of a line, and the arguments that operations read from them.

use std::collections::VecDeque;
use std::iter::Peekable;
use std::str::Bytes;

use localmap_engine::{Change, Condition, Limits, Policy, Ttl};

use super::answer::Answer;

/// One token of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Name(String),
    Number(i128),
    Bytes(Vec<u8>),
}

/// Formats tokens as they are written in a vector, long ones shortened.
pub(super) fn show(tokens: &[Token]) -> String {
    let show = |token: &Token| match token {
        Token::Name(name) => name.clone(),
        Token::Number(number) => number.to_string(),
        Token::Bytes(bytes) if bytes.len() <= 64 => format!("\"{}\"", bytes.escape_ascii()),
        Token::Bytes(bytes) => {
            let start = bytes.get(..16).unwrap_or_default();
            format!("\"{}...\" ({} bytes)", start.escape_ascii(), bytes.len())
        }
    };
    tokens.iter().map(show).collect::<Vec<_>>().join(" ")
}

/// The arguments of an operation, and its expected answer.
pub(super) struct Tokens {
    arguments: VecDeque<Token>,
    expected: Answer,
}

impl Tokens {
    pub(super) fn parse(line: &str) -> Result<Self, String> {
        let mut tokens = Vec::new();
        let mut bytes = line.bytes().peekable();
        while let Some(&byte) = bytes.peek() {
            match byte {
                b' ' | b'=' => {
                    bytes.next();
                }
                b'"' => tokens.push(quoted(&mut bytes)?),
                _ => tokens.push(plain(&mut bytes)),
            }
        }
        let arrow = Token::Name("->".into());
        let at = tokens.iter().position(|token| *token == arrow);
        let mut expected = tokens.split_off(at.unwrap_or(tokens.len()));
        expected.drain(..expected.len().min(1));
        Ok(Self {
            arguments: tokens.into(),
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
            Some(token) => Err(format!("unexpected token {token:?}")),
            None => Ok(()),
        }
    }

    fn next(&mut self) -> Result<Token, String> {
        self.arguments
            .pop_front()
            .ok_or("a token is missing".into())
    }

    pub(super) fn name(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Name(name) => Ok(name),
            other => Err(format!("a name is expected, not {other:?}")),
        }
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, String> {
        match self.next()? {
            Token::Bytes(bytes) => Ok(bytes),
            other => Err(format!("a quoted string is expected, not {other:?}")),
        }
    }

    pub(super) fn number<T: TryFrom<i128>>(&mut self) -> Result<T, String> {
        match self.next()? {
            Token::Number(number) => {
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
            Token::Name(name) if name == "default" => Ok(Ttl::Default),
            Token::Name(name) if name == "never" => Ok(Ttl::Never),
            span @ Token::Number(_) => {
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

    /// Reads the prefix and the limit of a scan.
    pub(super) fn page(&mut self) -> Result<(Vec<u8>, u32), String> {
        let prefix = self.bytes()?;
        self.literal("limit")?;
        Ok((prefix, self.number()?))
    }

    /// Reads settings to the end of the line. Returns `limits` with these settings changed.
    pub(super) fn limits(&mut self, mut limits: Limits) -> Result<Limits, String> {
        while self.more() {
            match self.name()?.as_str() {
                "max-entries" => limits.max_entries = self.number()?,
                "max-bytes" => limits.max_bytes = self.number()?,
                "max-key" => limits.max_key = self.number()?,
                "max-value" => limits.max_value = self.number()?,
                "default-ttl" => {
                    limits.default_ttl = match self.next()? {
                        Token::Name(name) if name == "none" => None,
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

    /// Reads the changes of a batch, which are separated by `;`.
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

    /// Reads names to the end of the line. Returns the answers to them.
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

/// A change that owns its key and value.
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

/// Parses a name or a number.
fn plain(bytes: &mut Peekable<Bytes<'_>>) -> Token {
    let mut name = String::new();
    while let Some(byte) = bytes.next_if(|byte| !b" =\"".contains(byte)) {
        name.push(byte.into());
    }
    match parse_number(&name) {
        Some(number) => Token::Number(number),
        None => Token::Name(name),
    }
}

fn parse_number(token: &str) -> Option<i128> {
    if token == "max" {
        return Some(u64::MAX.into());
    }
    let end = token.rfind(|c: char| c.is_ascii_digit())? + 1;
    let (number, unit) = token.split_at(end);
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

/// Parses bytes in quotes, and the number of times that they repeat.
fn quoted(bytes: &mut Peekable<Bytes<'_>>) -> Result<Token, String> {
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
        return Ok(Token::Bytes(string));
    }
    match plain(bytes) {
        Token::Number(times) if (0..=1 << 24).contains(&times) => Ok(Token::Bytes(
            string.repeat(usize::try_from(times).unwrap_or(0)),
        )),
        other => Err(format!("a number follows `*`, not {other:?}")),
    }
}
