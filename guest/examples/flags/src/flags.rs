//! Decides the value of a flag: that of the mirror, or the last one that was seen, or a default.

use std::time::Duration;

#[cfg(not(test))]
use localmap_client::LocalMap;
#[cfg(test)]
use localmap_client::in_process::LocalMap;
use localmap_client::mirror::{Entry, Freshness, Read, ReadError};

/// The longest name of a flag, in bytes. It fits into a key.
pub(crate) const MAX_NAME: usize = 100;

/// What the memory has of a flag that was absent, and what the values of others begin with.
const ABSENT: &[u8] = b"";
const PRESENT: &[u8] = b"=";

/// The flags, and the memory of those that were read.
pub(crate) struct Flags {
    memory: LocalMap,
    /// How long a value is of use after it was read.
    remember: Duration,
    /// The value of a flag of which nothing is known.
    default: Vec<u8>,
}

/// The value of a flag.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) value: Vec<u8>,
    pub(crate) source: Source,
}

/// Where the value of a flag comes from.
#[derive(Debug, PartialEq)]
pub(crate) enum Source {
    /// The mirror, as of this revision. An absent flag has the default.
    Mirror { as_of: u64, freshness: Freshness },
    /// An earlier read of the mirror, which cannot be read now.
    Memory,
    /// Neither of them.
    Default,
}

impl Flags {
    pub(crate) fn new(remember: Duration, default: impl Into<Vec<u8>>) -> Self {
        Self {
            memory: LocalMap::new(),
            remember,
            default: default.into(),
        }
    }

    /// Decides the value of a flag, whose name has at most [`MAX_NAME`] bytes, from what the mirror says.
    ///
    /// Fails only if the host has no such mirror, which no default may hide.
    pub(crate) fn decide(
        &self,
        name: &str,
        read: Result<Read<Option<Entry>>, ReadError>,
    ) -> Result<Answer, ReadError> {
        let key = format!("flag {name}");
        match read {
            Ok(read) => {
                let stored = match &read.found {
                    Some(flag) => [PRESENT, &flag.value].concat(),
                    None => ABSENT.to_vec(),
                };
                // If there is no room, the value is not remembered. It is right nevertheless.
                let _ = self.memory.set(&key, stored, self.remember);
                Ok(Answer {
                    value: read.found.map_or(self.default.clone(), |flag| flag.value),
                    source: Source::Mirror {
                        as_of: read.as_of,
                        freshness: read.freshness,
                    },
                })
            }
            Err(error @ ReadError::UnknownMirror { .. }) => Err(error),
            // It has got a value since, which is not the remembered one.
            Err(ReadError::Omitted { .. }) => {
                self.memory.delete(&key);
                Ok(self.default())
            }
            Err(_) => Ok(self.remembered(&key)),
        }
    }

    fn remembered(&self, key: &str) -> Answer {
        let Some(stored) = self.memory.get(key) else {
            return self.default();
        };
        let value = stored.strip_prefix(PRESENT);
        Answer {
            value: value.unwrap_or(&self.default).to_vec(),
            source: Source::Memory,
        }
    }

    fn default(&self) -> Answer {
        Answer {
            value: self.default.clone(),
            source: Source::Default,
        }
    }
}

#[cfg(test)]
mod tests {
    use localmap_client::in_process::{Limits, ManualClock};
    use localmap_client::mirror::OmittedReason;

    use super::*;

    const HOUR: Duration = Duration::from_secs(3600);

    fn flags(clock: &ManualClock) -> Flags {
        Flags {
            memory: LocalMap::with_clock(Limits::default(), clock).expect("a map"),
            remember: HOUR,
            default: b"off".to_vec(),
        }
    }

    fn read(value: Option<&str>) -> Result<Read<Option<Entry>>, ReadError> {
        Ok(Read {
            found: value.map(|value| Entry {
                value: value.into(),
                mod_revision: 5,
            }),
            as_of: 7,
            freshness: Freshness::Fresh {
                age: Duration::from_millis(3),
            },
        })
    }

    fn too_stale() -> Result<Read<Option<Entry>>, ReadError> {
        Err(ReadError::TooStale {
            age: Duration::from_secs(6),
        })
    }

    fn decided(flags: &Flags, read: Result<Read<Option<Entry>>, ReadError>) -> (String, Source) {
        let answer = flags.decide("dark-mode", read).expect("there is a mirror");
        (
            String::from_utf8(answer.value).expect("text"),
            answer.source,
        )
    }

    #[test]
    fn without_the_mirror_the_last_value_counts_for_an_hour_and_then_the_default() {
        let clock = ManualClock::new();
        let flags = flags(&clock);
        let (off, on) = ("off".to_owned(), "on".to_owned());
        assert_eq!(
            decided(&flags, Err(ReadError::NotReady)),
            (off.clone(), Source::Default)
        );
        let (value, source) = decided(&flags, read(Some("on")));
        assert!(value == on && matches!(source, Source::Mirror { as_of: 7, .. }));
        clock.advance(HOUR - Duration::from_nanos(1));
        assert_eq!(decided(&flags, too_stale()), (on, Source::Memory));
        clock.advance(Duration::from_nanos(1));
        assert_eq!(decided(&flags, too_stale()), (off, Source::Default));
    }

    #[test]
    fn a_deleted_flag_is_remembered_as_deleted() {
        let flags = flags(&ManualClock::new());
        decided(&flags, read(Some("on")));
        let (value, source) = decided(&flags, read(None));
        assert!(value == "off" && matches!(source, Source::Mirror { .. }));
        assert_eq!(
            decided(&flags, too_stale()),
            ("off".to_owned(), Source::Memory)
        );
    }

    #[test]
    fn a_value_that_the_mirror_cannot_hold_ends_the_memory_of_the_one_before() {
        let flags = flags(&ManualClock::new());
        decided(&flags, read(Some("on")));
        let omitted = Err(ReadError::Omitted {
            index: 0,
            reason: OmittedReason::ValueTooLarge,
        });
        let default = ("off".to_owned(), Source::Default);
        assert_eq!(decided(&flags, omitted), default);
        assert_eq!(decided(&flags, too_stale()), default);
    }

    #[test]
    fn a_mirror_that_does_not_exist_is_an_error() {
        let flags = flags(&ManualClock::new());
        let name = "flags".to_owned();
        let error = ReadError::UnknownMirror { name };
        assert_eq!(flags.decide("a", Err(error.clone())), Err(error));
    }
}
