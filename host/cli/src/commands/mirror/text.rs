//! What becomes of a mirror, in words.

use super::progress;
use bytesize::ByteSize;
use localmap_mirror::{Connection, Freshness, MirrorState, MirrorStatus, ReadError};
use std::time::Duration;

/// Describes a status: `fresh`, `stale` or `error`, and what belongs to it. Before there is a copy, what the
/// mirror does.
pub(in crate::commands) fn status(status: &MirrorStatus) -> String {
    printable(&match &status.freshness {
        Ok(Freshness::Fresh { .. }) => format!("fresh: {}", copy(status)),
        Ok(Freshness::Stale { age }) => {
            format!(
                "stale ({}): {}; {}",
                span(*age),
                doing(status),
                copy(status)
            )
        }
        Err(ReadError::NotReady { .. }) => doing(status),
        Err(error) => format!("error: {error}"),
    })
}

/// Describes the server that the mirror is connected to.
pub(in crate::commands) fn connection(connection: &Connection) -> String {
    printable(&format!(
        "connected to {}: etcd {}, cluster {:x}",
        connection.endpoint, connection.version, connection.cluster_id
    ))
}

/// Returns a text on one line that a terminal shows as it is, and cuts it if it is long: parts of it come
/// from the server.
pub(in crate::commands) fn printable(text: &str) -> String {
    const MAX_CHARS: usize = 1_000;
    let mut shown = String::with_capacity(text.len().min(MAX_CHARS));
    for (number, c) in text.chars().enumerate() {
        if number == MAX_CHARS {
            shown.push('…');
            break;
        }
        match c {
            '"' | '\'' | '\\' => shown.push(c),
            c => shown.extend(c.escape_debug()),
        }
    }
    shown
}

/// Says what the mirror does, and why it is not live.
fn doing(status: &MirrorStatus) -> String {
    let why = status.why.as_deref();
    match (status.state, status.listing, why) {
        (MirrorState::Listing, Some(listing), _) => progress::text(listing),
        (MirrorState::Live, _, None) => "etcd is late to answer".to_owned(),
        (MirrorState::Starting, _, None) => "connecting".to_owned(),
        (MirrorState::Starting, _, Some(why)) => format!("connecting: {why}"),
        (state, _, None) => state.to_string(),
        (state, _, Some(why)) => format!("{state}: {why}"),
    }
}

/// Describes the copy.
fn copy(status: &MirrorStatus) -> String {
    let mut text = match status.revision {
        Some(revision) => format!("revision {revision}, "),
        None => String::new(),
    };
    text += &format!(
        "{}, {}",
        counted(status.entries, "entry", "entries"),
        ByteSize(status.bytes).display().iec()
    );
    if status.omitted > 0 {
        let keys = counted(status.omitted, "key", "keys");
        text += &format!(", {keys} omitted");
    }
    if status.counts.lists > 1 {
        text += &format!(", listed {} times", status.counts.lists);
    }
    if status.counts.differences > 0 {
        let audits = counted(status.counts.differences, "audit", "audits");
        text += &format!(", {audits} found a difference");
    }
    text
}

/// Returns a number with its noun.
pub(in crate::commands) fn counted(count: u64, one: &str, several: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {several}"),
    }
}

/// Formats a time span in short form, rounded down.
pub(in crate::commands) fn span(time: Duration) -> String {
    match time.as_secs() {
        0 => format!("{}ms", time.as_millis()),
        seconds @ 1..60 => match time.subsec_millis() / 100 {
            0 => format!("{seconds}s"),
            tenths => format!("{seconds}.{tenths}s"),
        },
        seconds => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_says_stays_on_its_line() {
        assert_eq!(printable("größe \"x\" 'y' a\\b"), "größe \"x\" 'y' a\\b");
        let forged = "boom\n2026 fresh: revision 9\x1b[2J\u{202e}\u{7}";
        let shown = printable(forged);
        assert!(!shown.contains(char::is_control), "{shown}");
        assert!(shown.starts_with("boom\\n2026"), "{shown}");
        let long = printable(&"x".repeat(20 << 20));
        assert!(long.len() < 2_000, "{}", long.len());
    }

    #[test]
    fn spans_are_short() {
        for (millis, shown) in [
            (0, "0ms"),
            (999, "999ms"),
            (1_000, "1s"),
            (1_260, "1.2s"),
            (59_999, "59.9s"),
            (60_500, "1m"),
            (3_661_000, "1h 1m 1s"),
        ] {
            assert_eq!(span(Duration::from_millis(millis)), shown);
        }
    }
}
