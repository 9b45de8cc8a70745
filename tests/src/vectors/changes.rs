//! The operations of the interface `changes`, which only a host has.

use super::answer::{Answer, entry, name, number};
use super::token::{Token, Tokens};
use super::{Entry, Subject};
use localmap_engine::{Became, MAX_TOLD_CHANGES};

/// What a watched map tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Changes {
    /// The keys that have changed, and what has become of them.
    pub changed: Vec<(Vec<u8>, Became)>,
    /// Whether changes have been lost.
    pub lost: bool,
    /// Whether more changes wait.
    pub more: bool,
    /// Nanoseconds before which no entry expires, or `None` if none does.
    pub due_in: Option<u64>,
}

/// Performs one of these operations. Returns `None` if it is none of them.
pub(super) fn operation(
    map: &mut impl Subject,
    operation: &str,
    tokens: &mut Tokens,
) -> Result<Option<Answer>, String> {
    Ok(Some(match operation {
        "watch" => match map.watch(tokens.number()?) {
            true => name("ok"),
            false => name("no-memory"),
        },
        "changes" => changes(map)?,
        "changes-count" => {
            let count = all(map)?.changed.len();
            number(i128::try_from(count).unwrap_or(i128::MAX))
        }
        "peek" => peek(map, tokens)?,
        _ => return Ok(None),
    }))
}

fn changes(map: &mut impl Subject) -> Result<Answer, String> {
    let told = all(map)?;
    let words = told.changed.into_iter().flat_map(|(key, became)| {
        let became = match became {
            Became::Stored => "stored",
            Became::Touched => "touched",
            Became::Gone => "gone",
        };
        [Token::Name(became.into()), Token::Bytes(key)]
    });
    let lost = told.lost.then(|| Token::Name("lost".into()));
    let answer: Answer = lost.into_iter().chain(words).collect();
    Ok(match answer.is_empty() {
        true => name("none"),
        false => answer,
    })
}

/// Asks until no more changes wait.
fn all(map: &mut impl Subject) -> Result<Changes, String> {
    let mut sum = map.changes();
    let mut more = sum.more;
    let mut calls = 0;
    while more {
        let next = map.changes();
        if next.changed.len() > MAX_TOLD_CHANGES || next.lost {
            return Err(format!(
                "{} changes, lost: {}",
                next.changed.len(),
                next.lost
            ));
        }
        sum.changed.extend(next.changed);
        (more, sum.due_in) = (next.more, next.due_in);
        calls += 1;
        if calls > 100_000 {
            return Err("changes without an end".into());
        }
    }
    Ok(sum)
}

fn peek(map: &mut impl Subject, tokens: &mut Tokens) -> Result<Answer, String> {
    let mut keys = Vec::new();
    while tokens.more() {
        keys.push(tokens.bytes()?);
    }
    let found: Vec<Option<Entry>> = map.peek(&keys);
    if found.len() != keys.len() {
        return Err(format!("{} entries", found.len()));
    }
    let words = |found: Option<Entry>| found.map_or_else(|| name("none"), entry);
    Ok(found.into_iter().flat_map(words).collect())
}
