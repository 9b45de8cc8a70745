//! The limits of this process (`ulimit`), from `/proc/self/limits`.

use super::tree::Tree;

/// The limits of this process that matter for localmap. A limit that is missing is unknown.
#[derive(Default)]
pub(crate) struct Limits {
    /// `ulimit -v`, in bytes.
    pub(crate) address_space: Option<Limit>,
    /// `ulimit -d`, in bytes: private memory that can be written.
    pub(crate) data: Option<Limit>,
    /// `ulimit -n`.
    pub(crate) open_files: Option<Limit>,
    /// `ulimit -u`: threads of the user.
    pub(crate) threads: Option<Limit>,
    /// `ulimit -s`, in bytes, of the main thread.
    pub(crate) stack: Option<Limit>,
    /// `ulimit -l`, in bytes.
    pub(crate) locked_memory: Option<Limit>,
}

/// A limit that is in force, and the highest to which the process may raise it. `None` is unlimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit {
    pub(crate) soft: Option<u64>,
    pub(crate) hard: Option<u64>,
}

impl Limits {
    pub(crate) fn read(tree: &Tree) -> Self {
        let read = tree.parse("/proc/self/limits", |text| {
            let limits = Self::parse(text);
            limits.open_files.is_some().then_some(limits)
        });
        read.unwrap_or_default()
    }

    fn parse(text: &str) -> Self {
        let limit = |name: &str| {
            let mut lines = text.lines();
            let words = lines.find_map(|line| line.strip_prefix(name))?;
            let mut words = words.split_whitespace();
            Some(Limit {
                soft: amount(words.next()?)?,
                hard: amount(words.next()?)?,
            })
        };
        Self {
            address_space: limit("Max address space "),
            data: limit("Max data size "),
            open_files: limit("Max open files "),
            threads: limit("Max processes "),
            stack: limit("Max stack size "),
            locked_memory: limit("Max locked memory "),
        }
    }
}

/// Parses a number. The inner `None` is `unlimited`.
fn amount(word: &str) -> Option<Option<u64>> {
    match word {
        "unlimited" => Some(None),
        word => word.parse().ok().map(Some),
    }
}
