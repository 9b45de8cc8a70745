//! One thing that was found.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// Good to know.
    Note,
    /// Whether it works cannot be told.
    Unknown,
    /// It works with less: fewer maps or requests, or slower.
    Less,
    /// It will not work.
    Fails,
}

impl Level {
    /// Returns the name in JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Unknown => "unknown",
            Self::Less => "less",
            Self::Fails => "fails",
        }
    }
}

/// A setting that matters, and what to do about it.
pub(super) struct Finding {
    pub(super) level: Level,
    /// The name of the setting, such as `ulimit -n`.
    pub(super) setting: &'static str,
    pub(super) text: String,
    /// The command or the option that mends it.
    pub(super) mend: Option<String>,
}

impl Finding {
    pub(super) fn note(setting: &'static str, text: impl Into<String>) -> Self {
        Self::new(Level::Note, setting, text)
    }

    pub(super) fn new(level: Level, setting: &'static str, text: impl Into<String>) -> Self {
        Self {
            level,
            setting,
            text: text.into(),
            mend: None,
        }
    }

    pub(super) fn mend(mut self, mend: impl Into<String>) -> Self {
        self.mend = Some(mend.into());
        self
    }
}
