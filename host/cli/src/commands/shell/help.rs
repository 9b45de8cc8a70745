//! What `help` says: all that there is to know of each command.

use std::io::{self, Write};

/// One command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    /// What follows the name; in brackets, what may be left out.
    pub(super) arguments: &'static str,
    summary: &'static str,
    more: &'static str,
    pub(super) example: &'static str,
}

impl Topic {
    pub(super) fn find(name: &[u8]) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name.as_bytes() == name)
    }

    /// The name and what follows it.
    pub(super) fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments)
            .trim_end()
            .to_owned()
    }

    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n    {}.", self.usage(), self.summary)?;
        for line in self.more.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out, "    For example: {}", self.example)
    }
}

/// What `help` says by itself.
pub(super) fn write_all(out: &mut dyn Write) -> io::Result<()> {
    let width = TOPICS
        .iter()
        .map(|topic| topic.usage().chars().count())
        .max()
        .unwrap_or_default();
    for topic in &TOPICS {
        writeln!(out, "{:width$}  {}", topic.usage(), topic.summary)?;
    }
    writeln!(out, "\n{WORDS}")
}

const WORDS: &str = "\
KEY, VALUE    a word, or \"quoted\" with the escapes \\\\ \\\" \\n \\r \\t \\0 \\xNN
TTL           a time span (500ms, 30s, 5m, \"1h 30m\"), `never`, or `default`: as
              --default-ttl says, or else for ever
# comment     is left out, as are empty lines";

/// In the order in which `help` lists them.
pub(super) static TOPICS: [Topic; 24] = [
    Topic {
        name: "get",
        arguments: "KEY",
        summary: "Print the value",
        more: "`none`: it is not there.",
        example: "get session",
    },
    Topic {
        name: "get-entry",
        arguments: "KEY",
        summary: "Print value, version and time left",
        more: "`none`: it is not there. A value that could be a counter and is no text\n\
               is shown as a number too.",
        example: "get-entry session",
    },
    Topic {
        name: "get-many",
        arguments: "KEY…",
        summary: "Print several values",
        more: "One a line, in the order of the keys; `none` for each that is not there.",
        example: "get-many session requests",
    },
    Topic {
        name: "contains",
        arguments: "KEY",
        summary: "Tell whether the key is there",
        more: "`true` or `false`. Counts as neither hit nor miss.",
        example: "contains session",
    },
    Topic {
        name: "set",
        arguments: "KEY VALUE [TTL]",
        summary: "Store a value and print its version",
        more: "It takes the place of what was there. A key has 1 to 128 bytes.",
        example: "set session \"alice\\x00\" 30m",
    },
    Topic {
        name: "set-if",
        arguments: "KEY VALUE CONDITION [TTL]",
        summary: "Store a value if the condition holds",
        more: "The condition is `absent`, `present`, or the version that the value there\n\
               must have. Where it does not hold, the error tells what is there.",
        example: "set-if lock me absent 10s",
    },
    Topic {
        name: "increment",
        arguments: "KEY [DELTA [TTL]]",
        summary: "Add to a counter and print the sum",
        more: "Without DELTA, 1. A counter is a value of 8 bytes: a signed number,\n\
               little-endian. One that is not there starts from 0 with the TTL; one that is\n\
               there keeps the time that it has left.",
        example: "increment requests 1 60s",
    },
    Topic {
        name: "touch",
        arguments: "KEY TTL",
        summary: "Give an entry a new TTL from now",
        more: "`false`: it is not there. Its value and version stay.",
        example: "touch session 30m",
    },
    Topic {
        name: "take",
        arguments: "KEY",
        summary: "Print the value and delete it",
        more: "`none`: it was not there.",
        example: "take token",
    },
    Topic {
        name: "delete",
        arguments: "KEY",
        summary: "Delete an entry",
        more: "`false`: it was not there.",
        example: "delete session",
    },
    Topic {
        name: "delete-if",
        arguments: "KEY VERSION",
        summary: "Delete a value of this version",
        more: "Where there is no such value, the error tells what is there.",
        example: "delete-if session 1",
    },
    Topic {
        name: "apply",
        arguments: "CHANGE [; CHANGE]…",
        summary: "Make several changes, or none",
        more: "A CHANGE is a command with its arguments: set, set-if, increment, touch,\n\
               delete or delete-if. There is a space on both sides of each `;`. Each finds\n\
               what those before it have done. The results are printed one a line; where\n\
               one is refused, none has happened, and the error tells which, from 1.",
        example: "apply set a 1 30s ; increment c ; delete b",
    },
    Topic {
        name: "pin",
        arguments: "KEY",
        summary: "Hold a value as it is, by a number",
        more: "`none`: it is not there. What is pinned stays readable, whatever happens to\n\
               the key, and keeps its memory.",
        example: "pin session",
    },
    Topic {
        name: "pinned",
        arguments: "[PIN]",
        summary: "Print what is pinned",
        more: "With the number of a pin its value and version, or `none`; without, all\n\
               pins, one a line, each with its number and the key that it was pinned by.",
        example: "pinned 1",
    },
    Topic {
        name: "unpin",
        arguments: "PIN",
        summary: "Give back what a pin holds",
        more: "`false`: there is no pin of this number.",
        example: "unpin 1",
    },
    Topic {
        name: "scan",
        arguments: "[PREFIX]",
        summary: "Print the entries, one a line",
        more: "Those whose keys begin with the prefix, in no order that means anything.",
        example: "scan session:",
    },
    Topic {
        name: "len",
        arguments: "",
        summary: "Print how many entries there are",
        more: "",
        example: "len",
    },
    Topic {
        name: "stats",
        arguments: "",
        summary: "Print what the map has counted",
        more: "entries: there now. bytes: of memory that the map holds, as --max-bytes\n\
               counts, which is payload (keys and values), overhead (what they cost beside)\n\
               and free (for the next ones) together. pinned: what pins hold of it.\n\
               high-water: the most that bytes has been. hits, misses: reads that found\n\
               their key, or did not. writes: values stored. expired: entries whose time\n\
               was up. evicted: living ones that made room, as --policy says. refused:\n\
               calls answered `full`. memory: bytes of linear memory that the component\n\
               has now.",
        example: "stats",
    },
    Topic {
        name: "sweep",
        arguments: "[MAX]",
        summary: "Take back the memory of what expired",
        more: "Prints how many entries that was, at most MAX. The map does so by itself\n\
               as it is used.",
        example: "sweep 100",
    },
    Topic {
        name: "clear",
        arguments: "",
        summary: "Remove all entries",
        more: "Limits, statistics, the version counter and what is pinned stay.",
        example: "clear",
    },
    Topic {
        name: "sleep",
        arguments: "TIME",
        summary: "Let time pass for the map, at once",
        more: "Nobody waits: the map's clock is the system's and what `sleep` has added.",
        example: "sleep 30s",
    },
    Topic {
        name: "help",
        arguments: "[COMMAND]",
        summary: "Tell of all commands, or more of one",
        more: "",
        example: "help set",
    },
    Topic {
        name: "exit",
        arguments: "",
        summary: "End the shell, and with it the map",
        more: "So do `quit`, Ctrl-D and the end of the input.",
        example: "exit",
    },
    Topic {
        name: "quit",
        arguments: "",
        summary: "End the shell, and with it the map",
        more: "So do `exit`, Ctrl-D and the end of the input.",
        example: "quit",
    },
];

#[cfg(test)]
mod tests {
    use super::super::command::Command;
    use super::*;

    #[test]
    fn each_example_is_one_of_its_command() {
        for topic in &TOPICS {
            let first = topic.example.split(' ').next();
            assert_eq!(first, Some(topic.name));
            let read = Command::read(topic.example.as_bytes());
            assert!(matches!(read, Ok(Some(_))), "{}: {read:?}", topic.example);
        }
    }

    #[test]
    fn help_fits_a_terminal_of_80_columns() {
        let mut text = Vec::new();
        write_all(&mut text).unwrap();
        for topic in &TOPICS {
            topic.write(&mut text).unwrap();
        }
        for line in String::from_utf8(text).unwrap().lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
    }
}
