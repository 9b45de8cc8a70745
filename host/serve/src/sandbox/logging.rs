//! `wasi:logging`: messages of guests, written to their standard error as one line each.

use super::data::Sandbox;
use bytes::Bytes;
use localmap::wasmtime::component::{ComponentType, Lift, Linker};
use localmap::wasmtime::{self, StoreContextMut};
use std::fmt::Write;
use wasmtime_wasi::cli::WasiCliView;
use wasmtime_wasi::p2::StreamError;
use wasmtime_wasi::p2::bindings::cli::stderr::Host;
use wasmtime_wasi::runtime::in_tokio;

/// The names of the interface: its draft, and the one that it had before.
const NAMES: [&str; 2] = ["wasi:logging/logging@0.1.0-draft", "wasi:logging/logging"];

/// The maximum number of bytes of a context and of a message, before `...`. A line must be shorter
/// than those that `localmap serve` keeps in one piece.
const MAX_CONTEXT: usize = 200;
const MAX_MESSAGE: usize = 3_000;

/// The level of a message.
#[derive(ComponentType, Lift, Clone, Copy)]
#[component(enum)]
#[component(wasmtime_crate = localmap::wasmtime)]
#[repr(u8)]
#[allow(dead_code, reason = "Wasmtime creates the values, by their numbers")]
enum Level {
    #[component(name = "trace")]
    Trace,
    #[component(name = "debug")]
    Debug,
    #[component(name = "info")]
    Info,
    #[component(name = "warn")]
    Warn,
    #[component(name = "error")]
    Error,
    #[component(name = "critical")]
    Critical,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Self::Trace => "TRACE",
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warn => "WARN",
            Self::Error => "ERROR",
            Self::Critical => "CRITICAL",
        }
    }
}

/// The parameters of `log`.
type Message = (Level, String, String);

/// Adds the interface for guests whose calls are sync.
pub(super) fn add_to_linker_sync<T: Send + 'static>(
    linker: &mut Linker<Sandbox<T>>,
) -> wasmtime::Result<()> {
    for name in NAMES {
        linker.instance(name)?.func_wrap(
            "log",
            |mut store: StoreContextMut<'_, Sandbox<T>>, message: Message| {
                in_tokio(write(store.data_mut(), message))
            },
        )?;
    }
    Ok(())
}

/// Adds the interface for guests whose calls are async.
pub(super) fn add_to_linker_async<T: Send + 'static>(
    linker: &mut Linker<Sandbox<T>>,
) -> wasmtime::Result<()> {
    for name in NAMES {
        linker.instance(name)?.func_wrap_async(
            "log",
            |mut store: StoreContextMut<'_, Sandbox<T>>, message: Message| {
                Box::new(async move { write(store.data_mut(), message).await })
            },
        )?;
    }
    Ok(())
}

/// Writes a message. Waits, as other output of the guest does, if it is not read fast enough.
/// Ignores errors, which a guest could not be told.
async fn write<T: Send>(
    guest: &mut Sandbox<T>,
    (level, context, message): Message,
) -> wasmtime::Result<()> {
    let line = Bytes::from(line(level, &context, &message));
    if guest.log().is_none() {
        let handle = guest.cli().get_stderr()?;
        let stream = guest.table().delete(handle)?;
        *guest.log() = Some(stream);
    }
    let Some(stream) = guest.log() else {
        return Ok(());
    };
    match stream.blocking_write_and_flush(line).await {
        Err(StreamError::Trap(error)) => Err(error),
        Ok(()) | Err(StreamError::Closed | StreamError::LastOperationFailed(_)) => Ok(()),
    }
}

/// Formats a message as a line.
fn line(level: Level, context: &str, message: &str) -> String {
    let mut line = level.name().to_owned();
    if !context.is_empty() {
        line.push(' ');
        escape(&mut line, context, MAX_CONTEXT);
        line.push(':');
    }
    line.push(' ');
    escape(&mut line, message, MAX_MESSAGE);
    line.push('\n');
    line
}

/// Writes text so that it stays on its line and cannot control a terminal. Cuts it after `max`
/// bytes.
fn escape(to: &mut String, text: &str, max: usize) {
    let end = to.len() + max;
    for char in text.chars() {
        let before = to.len();
        if controls(char) {
            // Writing to a string cannot fail.
            let _ = write!(to, "{}", char.escape_default());
        } else {
            to.push(char);
        }
        if to.len() > end {
            to.truncate(before);
            to.push_str("...");
            return;
        }
    }
}

/// Returns `true` if a character ends a line or changes the order or the look of others.
fn controls(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{2028}' | '\u{2029}')
        || matches!(char, '\u{61c}' | '\u{200e}' | '\u{200f}')
        || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_with_its_level_and_context() {
        assert_eq!(
            line(Level::Warn, "http", "retrying\nÜber"),
            "WARN http: retrying\\nÜber\n"
        );
        assert_eq!(line(Level::Critical, "", "ends"), "CRITICAL ends\n");
        assert_eq!(
            line(Level::Info, "a\nERROR b", "\u{1b}[2J\u{202e}\u{2028}\r\t"),
            "INFO a\\nERROR b: \\u{1b}[2J\\u{202e}\\u{2028}\\r\\t\n"
        );
    }

    #[test]
    fn a_long_message_is_cut_between_characters_and_fits_into_a_line() {
        for char in ["x", "ü", "\u{1f980}", "\u{202e}", "\n"] {
            let long = char.repeat(5_000);
            let line = line(Level::Critical, &long, &long);
            assert!(line.len() < 4_000, "{char:?}: {}", line.len());
            assert!(line.ends_with("...\n") && line.contains("...: "), "{line}");
        }
        let exact = "x".repeat(MAX_MESSAGE);
        assert_eq!(line(Level::Info, "", &exact), format!("INFO {exact}\n"));
    }
}
