//! The example guests on logs, compared with independent computations that use plain collections
//! and the timestamps of the log.

use localmap_tests::{access_log, guest, localmap};
use std::collections::{HashMap, HashSet};

/// A line, and the time of the replay clock in seconds when the line is processed.
struct Line<'a> {
    bytes: &'a [u8],
    now: u64,
}

/// Returns the lines, with the running maximum of their timestamps.
fn replay(log: &[u8]) -> Vec<Line<'_>> {
    let mut lines: Vec<&[u8]> = log.split_inclusive(|byte| *byte == b'\n').collect();
    lines.retain(|line| !line.is_empty());
    let mut now = 0;
    let first = lines.iter().find_map(|line| stamp(line)).unwrap_or(0);
    lines
        .into_iter()
        .map(|bytes| {
            now = stamp(bytes).unwrap_or(0).max(now).max(first);
            Line { bytes, now }
        })
        .collect()
}

/// Parses the timestamp of a line in combined format, in seconds since an arbitrary epoch.
fn stamp(line: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(line).into_owned();
    let stamp = text.split_once('[')?.1.split_once(" +0000]")?.0;
    let (date, time) = stamp.split_once(':')?;
    let mut date = date.split('/');
    let day: u64 = date.next()?.parse().ok()?;
    let months = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let month = months.find(date.next()?)? as u64 / 3;
    let year: u64 = date.next()?.parse().ok()?;
    let mut clock = time.split(':').map(|part| part.parse::<u64>());
    let (hour, minute, second) = (
        clock.next()?.ok()?,
        clock.next()?.ok()?,
        clock.next()?.ok()?,
    );
    // Days before each month. The logs here do not include a February of a leap year.
    let before = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let days = year * 365 + year / 4 + before.get(month as usize)? + day;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

fn client(line: &[u8]) -> Option<Vec<u8>> {
    let mut fields = line.split(|byte| byte.is_ascii_whitespace());
    fields.find(|field| !field.is_empty()).map(<[u8]>::to_vec)
}

/// Returns the text between the first and the second `"`.
fn request(line: &[u8]) -> Option<Vec<u8>> {
    line.split(|byte| *byte == b'"').nth(1).map(<[u8]>::to_vec)
}

fn sessions(log: &[u8], idle: u64) -> String {
    let mut seen = HashMap::new();
    let (mut sessions, mut peak, mut open, mut lines) = (0, 0, 0, 0);
    for line in replay(log) {
        lines += 1;
        if let Some(client) = client(line.bytes) {
            match seen.insert(client, line.now) {
                Some(last) if line.now < last + idle => {}
                _ => sessions += 1,
            }
        }
        open = seen.values().filter(|last| line.now < *last + idle).count();
        peak = peak.max(open);
    }
    let clients = seen.len();
    format!("lines={lines} clients={clients} sessions={sessions} peak={peak} open={open}\n")
}

fn limiter(log: &[u8], limit: u64, window: u64) -> String {
    let mut windows: HashMap<Vec<u8>, (u64, u64)> = HashMap::new();
    let (mut allowed, mut limited, mut out) = (0, 0, String::new());
    for (number, line) in (1..).zip(replay(log)) {
        let within = client(line.bytes).is_none_or(|client| {
            let (start, count) = windows.entry(client).or_insert((line.now, 0));
            if line.now >= *start + window {
                (*start, *count) = (line.now, 0);
            }
            *count += 1;
            *count <= limit
        });
        if within {
            allowed += 1;
        } else {
            limited += 1;
            out += &format!("{number}\n");
        }
    }
    out + &format!(
        "lines={} allowed={allowed} limited={limited}\n",
        allowed + limited
    )
}

fn dedupe(log: &[u8], window: u64) -> (Vec<u8>, String) {
    let mut passed = HashMap::new();
    let (mut kept, mut dropped, mut out) = (0, 0, Vec::new());
    for line in replay(log) {
        let what = (client(line.bytes), request(line.bytes));
        match passed.get(&what) {
            Some(at) if line.now < at + window => dropped += 1,
            _ => {
                passed.insert(what, line.now);
                kept += 1;
                out.extend_from_slice(line.bytes);
            }
        }
    }
    (
        out,
        format!("lines={} kept={kept} dropped={dropped}\n", kept + dropped),
    )
}

/// Returns the visitors in the order in which they fall silent, those of one second in the order of
/// their names, and the summary.
fn watchdog(log: &[u8], silence: u64) -> String {
    let (mut ends, mut last) = (Vec::new(), HashMap::new());
    let mut lines = 0;
    for line in replay(log) {
        lines += 1;
        if let Some(client) = client(line.bytes) {
            match last.insert(client.clone(), line.now) {
                Some(before) if line.now >= before + silence => ends.push((before, client)),
                _ => {}
            }
        }
    }
    let visitors = last.len();
    ends.extend(last.into_iter().map(|(client, at)| (at, client)));
    ends.sort();
    let name = |(_, client): &(u64, Vec<u8>)| format!("{}\n", client.escape_ascii());
    let names: String = ends.iter().map(name).collect();
    let silences = ends.len();
    format!("{names}lines={lines} visitors={visitors} silences={silences}\n")
}

fn run(name: &str, args: &[&str], log: &[u8]) -> localmap_tests::Finished {
    localmap()
        .args(["run", "--clock", "clf"])
        .arg(guest(name))
        .args(args)
        .run_with(log)
}

#[test]
fn sessions_counts_what_a_plain_table_counts() {
    let log = access_log();
    for (idle, seconds) in [("30m", 1800), ("1s", 1), ("59s", 59), ("6h", 21_600)] {
        assert_eq!(
            run("sessions", &["--idle", idle], &log).ok(),
            sessions(&log, seconds),
            "--idle {idle}"
        );
    }
}

#[test]
fn limiter_refuses_what_a_plain_table_refuses() {
    let log = access_log();
    for (limit, window, seconds) in [(10, "60s", 60), (1, "1s", 1), (3, "10m", 600)] {
        let args = ["--limit", &limit.to_string(), "--window", window];
        assert_eq!(
            run("limiter", &args, &log).ok(),
            limiter(&log, limit, seconds),
            "{args:?}"
        );
    }
}

/// Sorts the lines before the last one.
fn sorted(text: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = text.lines().collect();
    let end = lines.len().saturating_sub(1);
    lines[..end].sort_unstable();
    lines
}

/// It waits for timers, so the clock of the replay has to stop at each of them.
#[test]
fn watchdog_reports_what_a_plain_table_reports() {
    let log = access_log();
    for (silence, seconds) in [("30m", 1800), ("1s", 1), ("59s", 59), ("6h", 21_600)] {
        let told = run("watchdog", &["--silence", silence], &log).ok();
        let expected = watchdog(&log, seconds);
        assert_eq!(sorted(&told), sorted(&expected), "--silence {silence}");
        // Each run prints the same, in the same order.
        let again = run("watchdog", &["--silence", silence], &log).ok();
        assert_eq!(again, told, "--silence {silence}");
    }
    let told = run("watchdog", &[], b"").ok();
    assert_eq!(told, "lines=0 visitors=0 silences=0\n");
}

#[test]
fn dedupe_passes_what_a_plain_table_passes() {
    let log = access_log();
    for (window, seconds) in [("1h", 3600), ("1s", 1), ("24h", 86_400)] {
        let finished = run("dedupe", &["--window", window], &log);
        finished.ok();
        let (kept, counts) = dedupe(&log, seconds);
        assert!(finished.stdout == kept, "--window {window}");
        assert_eq!(finished.stderr, counts, "--window {window}");
    }
}

/// The log must contain work for the guests, or the tests above prove little.
#[test]
fn the_log_has_sessions_that_end_bursts_and_repetitions() {
    let log = access_log();
    let clients: HashSet<_> = log
        .split(|byte| *byte == b'\n')
        .filter_map(client)
        .collect();
    assert!(clients.len() > 10);
    assert!(!sessions(&log, 1800).contains(&format!("sessions={}", clients.len())));
    assert!(!limiter(&log, 10, 60).ends_with("limited=0\n"));
    assert!(!dedupe(&log, 3600).1.ends_with("dropped=0\n"));
    assert!(
        log.split(|byte| *byte == b'\n')
            .filter_map(request)
            .any(|request| request.len() > 128)
    );
}

/// Returns keys longer than a map accepts, bytes that are not text, and lines of all kinds.
#[test]
fn odd_lines_are_counted_right() {
    let long = "x".repeat(300);
    let mut log = Vec::new();
    for minute in 0..30 {
        for (client, request) in [
            ("10.0.0.1", "GET / HTTP/1.1"),
            (long.as_str(), "GET /long-client HTTP/1.1"),
            (&long[1..], "GET /long-client HTTP/1.1"),
            ("10.0.0.2", &format!("GET /{long} HTTP/1.1")),
            ("10.0.0.2", &format!("GET /{long}2 HTTP/1.1")),
        ] {
            // Every second line is older than the one before.
            let at = if minute % 2 == 0 {
                minute + 1
            } else {
                minute - 1
            };
            log.extend_from_slice(
                format!("{client} - - [17/May/2015:10:{at:02}:00 +0000] \"{request}\" 200 1\n")
                    .as_bytes(),
            );
        }
        log.extend_from_slice(b"\n   \n\xff\xfe [no stamp] \"\x80\"\r\n");
    }
    log.extend_from_slice(b"10.0.0.9 the last line has no end");

    assert_eq!(
        run("sessions", &["--idle", "2m"], &log).ok(),
        sessions(&log, 120)
    );
    assert_eq!(
        run("limiter", &["--limit", "2", "--window", "3m"], &log).ok(),
        limiter(&log, 2, 180)
    );
    let finished = run("dedupe", &["--window", "5m"], &log);
    finished.ok();
    let (kept, counts) = dedupe(&log, 300);
    assert_eq!(
        String::from_utf8_lossy(&finished.stdout),
        String::from_utf8_lossy(&kept)
    );
    assert_eq!(finished.stderr, counts);
}

#[test]
fn an_empty_log_is_counted_too() {
    assert_eq!(
        run("sessions", &["--idle", "30m"], b"").ok(),
        "lines=0 clients=0 sessions=0 peak=0 open=0\n"
    );
    assert_eq!(
        run("limiter", &["--limit", "1", "--window", "1s"], b"").ok(),
        "lines=0 allowed=0 limited=0\n"
    );
    let finished = run("dedupe", &["--window", "1s"], b"");
    finished.ok();
    assert_eq!(finished.stderr, "lines=0 kept=0 dropped=0\n");
}

/// `full` ends the guests with an error message instead of a silent wrong answer.
#[test]
fn a_full_map_ends_them_with_a_message() {
    let log = access_log();
    for (name, args) in [
        ("sessions", &["--idle", "30m"][..]),
        ("limiter", &["--limit", "10", "--window", "60s"]),
        ("dedupe", &["--window", "1h"]),
        ("watchdog", &["--silence", "30m"]),
    ] {
        localmap()
            .args(["run", "--clock", "clf", "--max-entries", "1"])
            .arg(guest(name))
            .args(args)
            .run_with(&log)
            .refused(&["Error: line ", "full"]);
    }
}

#[test]
fn bad_options_are_refused_by_name() {
    for (name, args, words) in [
        ("sessions", &["--idle", "0s"][..], &["--idle"][..]),
        ("sessions", &["--idle", "soon"], &["--idle", "soon"]),
        ("sessions", &["--ilde", "1s"], &["ilde"]),
        ("limiter", &["--limit", "x", "--window", "1s"], &["--limit"]),
        (
            "limiter",
            &["--limit", "1", "--window", "0s"],
            &["--window"],
        ),
        ("dedupe", &["--window"], &["--window"]),
        ("watchdog", &["--silence", "0s"], &["--silence"]),
    ] {
        run(name, args, b"").refused(words);
    }
}

/// The same holds for your own log, in combined format and UTC.
#[test]
fn a_log_of_your_own_is_counted_right() {
    let Some(path) = std::env::var_os("LOCALMAP_REAL_LOG") else {
        eprintln!("skipped: LOCALMAP_REAL_LOG does not name a log in combined format");
        return;
    };
    let log = std::fs::read(path).expect("the log");
    for (idle, seconds) in [("30m", 1800), ("7m", 420), ("2h", 7200)] {
        assert_eq!(
            run("sessions", &["--idle", idle], &log).ok(),
            sessions(&log, seconds)
        );
    }
    for (limit, window, seconds) in [(10, "60s", 60), (5, "1h", 3600)] {
        let args = ["--limit", &limit.to_string(), "--window", window];
        assert_eq!(
            run("limiter", &args, &log).ok(),
            limiter(&log, limit, seconds)
        );
    }
    let finished = run("dedupe", &["--window", "1h"], &log);
    finished.ok();
    assert!(finished.stdout == dedupe(&log, 3600).0);
}
