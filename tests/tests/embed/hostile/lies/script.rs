//! The commands for `liar.wat`: answers that are almost right. Most words of an answer are what the
//! contract expects, and some are chosen to hurt.

use localmap::Clock;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The end of the liar's memory, unless it has grown.
const END: u32 = 2 << 16;

/// The answers that the next calls should give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answer {
    /// An optional value.
    Value,
    Entry,
    /// This many optional values.
    Values(u32),
    /// A version, a counter, a flag or nothing, or the reason against it.
    Written,
    /// This many outcomes, or the reason against one.
    Outcomes(u32),
    Pin,
    /// The value of a pin.
    Bytes,
    Page,
    Limits,
    Statistics,
    /// What has changed.
    Changes,
    /// This many optional entries.
    Peeked(u32),
    /// A number, which is returned without a memory.
    Number,
}

/// A command, with the number that `liar.wat` knows it by.
#[derive(Debug, Clone, Copy)]
enum Command {
    Return = 0,
    Store,
    Grow,
    Add,
    Get,
    Free,
    Fill,
    Trap,
    Spin,
    Recurse,
}

/// A clock whose times are commands.
#[derive(Clone)]
pub(super) struct Script(Arc<Mutex<Commands>>);

/// Which commands there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// All of them.
    Wild,
    /// Those that have the same effect in two instances, and an end.
    Sober,
    /// Only those that return 1024.
    Honest,
}

struct Commands {
    random: fastrand::Rng,
    answer: Answer,
    next: VecDeque<(Command, u32)>,
    count: u64,
    mood: Mood,
}

impl Script {
    pub(super) fn new(seed: u64) -> Self {
        Self::with_mood(seed, Mood::Wild)
    }

    /// Creates commands that have the same effect in two instances, and an end.
    pub(super) fn sober(seed: u64) -> Self {
        Self::with_mood(seed, Mood::Sober)
    }

    /// Creates commands that always return 1024.
    pub(super) fn honest() -> Self {
        Self::with_mood(0, Mood::Honest)
    }

    fn with_mood(seed: u64, mood: Mood) -> Self {
        Self(Arc::new(Mutex::new(Commands {
            random: fastrand::Rng::with_seed(seed),
            answer: Answer::Number,
            next: VecDeque::new(),
            count: 0,
            mood,
        })))
    }

    /// Returns the number of commands so far.
    pub(super) fn count(&self) -> u64 {
        self.with(|commands| commands.count)
    }

    /// Sets which answers the calls give from now on.
    pub(super) fn expect(&self, answer: Answer) {
        self.with(|commands| commands.answer = answer);
    }

    fn with<R>(&self, act: impl FnOnce(&mut Commands) -> R) -> R {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Clock for Script {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.with(Commands::word))
    }
}

impl Commands {
    /// Returns the next command as a time.
    fn word(&mut self) -> u64 {
        if self.mood == Mood::Honest {
            self.next.push_back((Command::Return, 1024));
        } else if self.next.is_empty() {
            self.plan();
        }
        let (command, operand) = self.next.pop_front().unwrap_or((Command::Trap, 0));
        self.count += 1;
        self.count << 40 | (command as u64) << 32 | u64::from(operand)
    }

    fn push(&mut self, command: Command, operand: u32) {
        self.next.push_back((command, operand));
    }

    fn store(&mut self, address: u32, word: u32) {
        self.push(Command::Store, address);
        self.push(Command::Return, word);
    }

    fn below(&mut self, end: u32) -> u32 {
        self.random.u32(..end)
    }

    fn chance(&mut self, of: u32) -> bool {
        self.below(of) == 0
    }

    /// Plans what one function does.
    fn plan(&mut self) {
        // Addresses of answers, and after each of them of its lists.
        let at = 4096 + 8 * self.below(64);
        if self.chance(16) {
            self.disturb(at);
        }
        self.answer(at);
        let back = if self.chance(24) { self.bad(at) } else { at };
        self.push(Command::Return, back);
    }

    /// Plans something that no honest map does.
    fn disturb(&mut self, at: u32) {
        let operand = self.word_near(at);
        match self.below(24) {
            0..4 => self.push(Command::Grow, operand % 5),
            4 => self.push(Command::Grow, operand),
            5..9 => {
                self.push(Command::Add, operand);
                self.push(Command::Return, at);
            }
            9..13 => {
                let handle = self.below(4);
                self.push(Command::Get, handle);
            }
            13..17 => {
                let handle = self.below(4);
                self.push(Command::Free, handle);
            }
            17..20 if self.mood == Mood::Wild => self.push(Command::Fill, operand),
            20 => self.push(Command::Trap, 0),
            21 | 22 => self.push(Command::Recurse, 0),
            _ if self.mood == Mood::Wild && self.chance(40) => self.push(Command::Spin, 0),
            _ => self.store(operand, operand),
        }
    }

    /// Plans to write an answer to `at`.
    fn answer(&mut self, at: u32) {
        let list = at + 256;
        let (small, flag) = (self.below(4), self.below(2));
        match self.answer {
            Answer::Value => {
                let (some, bytes) = (u32::from(!self.chance(8)), self.bytes(at));
                self.words(at, at, &[&[some], &bytes[..]].concat());
            }
            Answer::Entry => {
                let entry = self.entry(at);
                self.words(at, at, &[&[1, 0], &entry[..]].concat());
            }
            Answer::Values(count) => {
                self.words(at, at, &[list, count]);
                for element in (0..count.min(8)).map(|n| list + 12 * n) {
                    let bytes = self.bytes(at);
                    self.words(at, element, &[&[1], &bytes[..]].concat());
                }
            }
            Answer::Written => {
                let case = self.below(8);
                let failed = u32::from(self.chance(4));
                self.words(at, at, &[failed, 0, case, 0, small, 0, flag, 0]);
            }
            Answer::Outcomes(count) => {
                if self.chance(4) {
                    let case = self.below(8);
                    self.words(at, at, &[1, 0, small, 0, case, 0, flag, 0, 5, 0]);
                    return;
                }
                self.words(at, at, &[0, 0, list, count]);
                for element in (0..count.min(8)).map(|n| list + 16 * n) {
                    self.words(at, element, &[0, 0, small, 0]);
                }
            }
            Answer::Pin => {
                self.words(at, at, &[0, 0, 1]);
                // A new handle, or one that may exist.
                if self.chance(4) {
                    self.store(at + 12, small);
                } else {
                    self.push(Command::Add, small);
                    self.push(Command::Return, at + 12);
                }
            }
            Answer::Bytes => {
                let bytes = self.bytes(at);
                self.words(at, at, &bytes);
            }
            Answer::Page => {
                self.words(at, at, &[list, small, 1, 0, flag, 0]);
                for element in (0..small).map(|n| list + 40 * n) {
                    let (key, entry) = (self.bytes(at), self.entry(at));
                    self.words(at, element, &[&key, &entry[..]].concat());
                }
            }
            Answer::Limits => {
                let max = self.word_near(at);
                let policy = self.below(4) << 8 | flag;
                let words = [
                    max, 0, max, 0, max, 0, max, flag, flag, 0, max, 0, policy, max,
                ];
                self.words(at, at, &words);
            }
            Answer::Statistics => {
                let number = self.word_near(at);
                self.words(at, at, &[number; 26]);
            }
            Answer::Changes => {
                let due = self.below(2);
                self.words(at, at, &[list, small, flag, 0, due, 0, at, 0]);
                for element in (0..small).map(|n| list + 12 * n) {
                    let (bytes, became) = (self.bytes(at), self.below(3));
                    self.words(at, element, &[&bytes[..], &[became]].concat());
                }
            }
            Answer::Peeked(count) => {
                self.words(at, at, &[list, count]);
                for element in (0..count.min(8)).map(|n| list + 40 * n) {
                    let entry = self.entry(at);
                    self.words(at, element, &[&[1, 0], &entry[..]].concat());
                }
            }
            Answer::Number => {}
        }
    }

    /// Returns the address and the length of a few bytes.
    fn bytes(&mut self, at: u32) -> [u32; 2] {
        [at + self.below(64), self.below(40)]
    }

    /// Returns an entry: a value, its version, and the time that is left of it.
    fn entry(&mut self, at: u32) -> [u32; 8] {
        let [value, len] = self.bytes(at);
        let lives = self.below(2);
        [value, len, 9, 0, lives, 0, at, 0]
    }

    /// Plans to store words, some of which are replaced.
    fn words(&mut self, at: u32, address: u32, words: &[u32]) {
        let mut address = address;
        for word in words {
            let word = match self.chance(40) {
                true => self.bad(at),
                false => *word,
            };
            self.store(address, word);
            address += 4;
        }
    }

    fn word_near(&mut self, at: u32) -> u32 {
        match self.chance(3) {
            true => self.bad(at),
            false => self.below(4),
        }
    }

    /// Returns a number that hurts as an address, a length, a case, a handle or a count.
    fn bad(&mut self, at: u32) -> u32 {
        match self.below(10) {
            0 => self.below(10),
            // Around the end of the memory.
            1 => END - 16 + self.below(32),
            2 => END - 8 * self.below(8),
            // Around the largest number, so that sums wrap.
            3 => u32::MAX - self.below(64),
            4 => (1 << 31) - 8 + self.below(16),
            // Within the answer itself, perhaps not aligned.
            5 => at - 16 + self.below(300),
            // As many elements as fit into the memory or into 32 bits, or one more.
            6 => {
                let room = [END, u32::MAX, END - at][self.below(3) as usize];
                (room / [1, 12, 16, 40, 24, 72][self.below(6) as usize])
                    .saturating_add(self.below(2))
            }
            7 => 1 << self.below(32),
            8 => self.below(END),
            _ => self.random.u32(..),
        }
    }
}
