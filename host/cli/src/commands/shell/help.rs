//! The texts of `help`: one topic for each command.

use std::io::{self, Write};

/// The help for one command.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Topic {
    pub(super) name: &'static str,
    /// The arguments after the name; optional ones in brackets.
    pub(super) arguments: &'static str,
    summary: &'static str,
    details: &'static str,
    pub(super) example: &'static str,
}

impl Topic {
    /// Finds the topic of a command by its name.
    pub(super) fn find(name: &[u8]) -> Option<&'static Self> {
        TOPICS.iter().find(|topic| topic.name.as_bytes() == name)
    }

    /// Returns the name of the command and its arguments.
    pub(super) fn usage(&self) -> String {
        format!("{} {}", self.name, self.arguments)
            .trim_end()
            .to_owned()
    }

    /// Writes the output of `help COMMAND`.
    pub(super) fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{}\n    {}.", self.usage(), self.summary)?;
        for line in self.details.lines() {
            writeln!(out, "    {line}")?;
        }
        writeln!(out, "    Example: {}", self.example)
    }
}

/// Writes the output of `help`.
pub(super) fn write_all(out: &mut dyn Write) -> io::Result<()> {
    let width = TOPICS
        .iter()
        .map(|topic| topic.usage().chars().count())
        .max()
        .unwrap_or_default();
    for topic in &TOPICS {
        writeln!(out, "{:width$}  {}", topic.usage(), topic.summary)?;
    }
    writeln!(out, "\n{SYNTAX}")
}

const SYNTAX: &str = "\
KEY, VALUE    bare, or \"quoted\" with the escapes \\\\ \\\" \\n \\r \\t \\0 \\xNN
TTL           a time span (500ms, 30s, 5m, \"1h 30m\"), `never`, or `default`: the
              time of --default-ttl, or no expiry if that option is not set
# comment     ignored, as are empty lines";

/// All topics, in the order in which `help` lists them.
pub(super) static TOPICS: [Topic; 24] = [
    Topic {
        name: "get",
        arguments: "KEY",
        summary: "Print a value",
        details: "Prints `none` if the key is absent.",
        example: "get session",
    },
    Topic {
        name: "get-entry",
        arguments: "KEY",
        summary: "Print a value with its version and expiry",
        details: "Prints `none` if the key is absent. A value of 8 bytes that is not readable\n\
                  text is also shown as a counter.",
        example: "get-entry session",
    },
    Topic {
        name: "get-many",
        arguments: "KEY…",
        summary: "Print several values",
        details: "Prints one line per key, in the order given: the value, or `none` if the key\n\
                  is absent.",
        example: "get-many session requests",
    },
    Topic {
        name: "contains",
        arguments: "KEY",
        summary: "Check whether a key is present",
        details: "Prints `true` or `false`. Counts as neither a hit nor a miss.",
        example: "contains session",
    },
    Topic {
        name: "set",
        arguments: "KEY VALUE [TTL]",
        summary: "Store a value and print its version",
        details: "Replaces the previous value, if any. A key has 1 to 128 bytes; --max-key\n\
                  changes the maximum.",
        example: "set session \"alice\\x00\" 30m",
    },
    Topic {
        name: "set-if",
        arguments: "KEY VALUE CONDITION [TTL]",
        summary: "Store a value if a condition holds",
        details: "CONDITION is `absent`, `present`, or the version that the current value must\n\
                  have. If it does not hold, the error gives the current version.",
        example: "set-if lock me absent 10s",
    },
    Topic {
        name: "increment",
        arguments: "KEY [DELTA [TTL]]",
        summary: "Add to a counter and print the result",
        details: "DELTA is 1 by default. A counter is a value of 8 bytes: a signed integer,\n\
                  little-endian. If the key is absent, the counter starts at 0 with this TTL;\n\
                  otherwise it keeps its expiry.",
        example: "increment requests 1 60s",
    },
    Topic {
        name: "touch",
        arguments: "KEY TTL",
        summary: "Set a new TTL for an entry",
        details: "The TTL starts now; the value and its version stay the same. Prints `true`,\n\
                  or `false` if the key is absent.",
        example: "touch session 30m",
    },
    Topic {
        name: "take",
        arguments: "KEY",
        summary: "Print a value and delete its entry",
        details: "Prints `none` if the key is absent.",
        example: "take token",
    },
    Topic {
        name: "delete",
        arguments: "KEY",
        summary: "Delete an entry",
        details: "Prints `true`, or `false` if the key was absent.",
        example: "delete session",
    },
    Topic {
        name: "delete-if",
        arguments: "KEY VERSION",
        summary: "Delete an entry if it has this version",
        details: "If it has another version, or the key is absent, nothing is deleted and the\n\
                  error says so.",
        example: "delete-if session 1",
    },
    Topic {
        name: "apply",
        arguments: "CHANGE [; CHANGE]…",
        summary: "Apply several changes together, or none",
        details: "A CHANGE is one of set, set-if, increment, touch, delete and delete-if, with\n\
                  its arguments. Put a space on both sides of each `;`. Each change sees the\n\
                  effects of those before it. Prints one result per line. If a change fails,\n\
                  none is applied, and the error gives its position, counted from 1.",
        example: "apply set a 1 30s ; increment c ; delete b",
    },
    Topic {
        name: "pin",
        arguments: "KEY",
        summary: "Pin a value and print the pin's number",
        details: "A pinned value stays readable, and keeps its memory, whatever happens to the\n\
                  key. Prints `none` if the key is absent.",
        example: "pin session",
    },
    Topic {
        name: "pinned",
        arguments: "[PIN]",
        summary: "Print one pinned value, or all of them",
        details: "With PIN, the number of a pin, prints its value and version, or `none` if\n\
                  there is no such pin. Without, prints one line per pin: its number, key,\n\
                  value and version.",
        example: "pinned 1",
    },
    Topic {
        name: "unpin",
        arguments: "PIN",
        summary: "Release a pin",
        details: "Prints `true`, or `false` if there is no pin with this number.",
        example: "unpin 1",
    },
    Topic {
        name: "scan",
        arguments: "[PREFIX]",
        summary: "Print entries, one per line",
        details: "Prints the entries whose keys begin with PREFIX, or all entries, in no\n\
                  particular order.",
        example: "scan session:",
    },
    Topic {
        name: "len",
        arguments: "",
        summary: "Print the number of entries",
        details: "",
        example: "len",
    },
    Topic {
        name: "stats",
        arguments: "",
        summary: "Print the statistics of the map",
        details: "entries       current number of entries\n\
                  bytes         memory that the map holds, as --max-bytes counts it: the sum\n\
                  \u{20}             of payload, overhead and free\n\
                  payload       bytes of the current keys and values\n\
                  overhead      what they cost in addition\n\
                  free          memory held for future entries\n\
                  pinned        memory held by pins, part of payload and overhead\n\
                  high-water    the highest value that bytes has reached\n\
                  hits, misses  reads that did or did not find their entry\n\
                  writes        values stored\n\
                  expired       expired entries whose memory has been reclaimed\n\
                  evicted       live entries removed to make room (see --policy)\n\
                  refused       calls that failed because the map was full\n\
                  memory        linear memory of the map component, in bytes",
        example: "stats",
    },
    Topic {
        name: "sweep",
        arguments: "[MAX]",
        summary: "Reclaim the memory of expired entries",
        details: "Reclaims at most MAX entries and prints how many it reclaimed. The map also\n\
                  does this on its own as it is used.",
        example: "sweep 100",
    },
    Topic {
        name: "clear",
        arguments: "",
        summary: "Delete all entries",
        details: "Limits, statistics, the version counter and pins stay.",
        example: "clear",
    },
    Topic {
        name: "sleep",
        arguments: "TIME",
        summary: "Move the map's clock forward",
        details: "Returns at once: the map's clock is the system clock plus the time added by\n\
                  `sleep`.",
        example: "sleep 30s",
    },
    Topic {
        name: "help",
        arguments: "[COMMAND]",
        summary: "List all commands, or describe one",
        details: "",
        example: "help set",
    },
    Topic {
        name: "exit",
        arguments: "",
        summary: "End the shell and its map",
        details: "`quit`, Ctrl-D and the end of the input do the same.",
        example: "exit",
    },
    Topic {
        name: "quit",
        arguments: "",
        summary: "End the shell and its map",
        details: "`exit`, Ctrl-D and the end of the input do the same.",
        example: "quit",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

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
