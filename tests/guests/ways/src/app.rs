//! Calls each operation of the client and prints its answer, once for each line of standard
//! input. Each round finds in the map the entries of the one before.

use std::{
    error::Error,
    fmt::Debug,
    io::{self, Write},
    process::ExitCode,
    time::Duration,
};

use crate::client::{Change, Condition, DEFAULT_MAX_KEY_LEN, LocalMap, Pinned, Scanned, Ttl};

type Outcome = Result<(), Box<dyn Error>>;

pub(crate) fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Outcome {
    // Pinned during all rounds, even when they change its key.
    let mut held = None;
    for line in io::stdin().lines() {
        say("round", line?)?;
        // It is the same map in each round.
        let map = LocalMap::new();
        reads(&map)?;
        writes(&map)?;
        counters(&map)?;
        batches(&map)?;
        pins(&map, &mut held)?;
        scans(&map)?;
    }
    Ok(())
}

fn say(what: &str, answer: impl Debug) -> Outcome {
    Ok(writeln!(io::stdout(), "{what}: {answer:?}")?)
}

/// Reads the entries of the previous round, of which some have expired.
fn reads(map: &LocalMap) -> Outcome {
    let long = [b'k'; DEFAULT_MAX_KEY_LEN + 1];
    say("len", (map.len(), map.is_empty()))?;
    for key in ["short", "long", "never", "counter", "token", ""] {
        say(key, (map.get(key), map.get_entry(key), map.contains(key)))?;
    }
    say("a key too long", (map.get(long), map.contains(long)))?;
    say("many", map.get_many(&["never", "absent", "short", ""]))?;
    let mut value = b"before".to_vec();
    let there = map.get_into("never", &mut value);
    say("into", (there, &value))?;
    let there = map.get_into("absent", &mut value);
    say("into", (there, &value))
}

fn writes(map: &LocalMap) -> Outcome {
    let long = vec![b'k'; DEFAULT_MAX_KEY_LEN + 1];
    let absent = Condition::Absent;
    say("set", map.set("short", "1", Duration::from_secs(2)))?;
    say(
        "set",
        map.set(
            String::from("long"),
            vec![0, 0xff],
            Duration::from_secs(3600),
        ),
    )?;
    say("set", map.set(b"never", [b'v'; 5000], Ttl::Never))?;
    say("set", map.set(1815_u32.to_le_bytes(), "", Ttl::Default))?;
    say("set", map.set("", "v", Ttl::Never))?;
    say("set", map.set(&long, "v", Ttl::Never))?;
    say("set", map.set("k", "v", Duration::ZERO))?;
    say("set", map.set("k", vec![0; (1 << 20) + 1], Ttl::Never))?;
    say("set", map.set("k", "v", Duration::MAX))?;
    say(
        "set_if",
        map.set_if("once", "v", Duration::from_secs(10), absent),
    )?;
    say(
        "set_if",
        map.set_if("absent", "v", Ttl::Never, Condition::Present),
    )?;
    say(
        "set_if",
        map.set_if("k", "v", Ttl::Never, Condition::Version(1)),
    )?;
    say("touch", map.touch("once", Duration::from_secs(3)))?;
    say("touch", map.touch("absent", Ttl::Never))?;
    say("touch", map.touch(&long, Ttl::Never))?;
    say("set", map.set("token", "abc", Duration::from_secs(30)))?;
    say(
        "take",
        (map.take("token"), map.take("token"), map.take(&long)),
    )?;
    say(
        "delete",
        (map.delete("k"), map.delete("k"), map.delete(&long)),
    )?;
    let version = map.set("k", "w", Ttl::Never)?;
    say("delete_if", map.delete_if("k", version - 1))?;
    say("delete_if", map.delete_if("k", version))?;
    say("delete_if", map.delete_if(&long, version))
}

fn counters(map: &LocalMap) -> Outcome {
    say(
        "increment",
        map.increment("counter", 1, Duration::from_secs(3)),
    )?;
    say("increment", map.increment("counter", -3, Ttl::Never))?;
    say("increment", map.increment("counter", 1, Duration::ZERO))?;
    say("increment", map.increment("never", 1, Ttl::Never))?;
    map.set("most", i64::MAX.to_le_bytes(), Ttl::Never)?;
    match map.increment("most", 1, Ttl::Never) {
        Err(error) => say("increment", error.to_string()),
        Ok(sum) => say("increment", sum),
    }
}

fn batches(map: &LocalMap) -> Outcome {
    let long = [b'k'; 5000];
    let version = map.set("lock", "", Ttl::Never)?;
    let changes = [
        Change::set("a", "1", Duration::from_secs(2)),
        Change::set_if("a", &[2, 3], Ttl::Default, Condition::Version(version + 1)),
        Change::increment("b", 7, Ttl::Never),
        Change::touch("b", Duration::from_secs(2)),
        Change::touch("absent", Ttl::Never),
        Change::delete("c"),
        Change::delete(&long),
        Change::delete_if("lock", version),
    ];
    say("apply", map.apply(&changes))?;
    // The first batch deleted the lock, so the second one changes nothing.
    say("apply", map.apply(&changes))?;
    say(
        "apply",
        map.apply(&[
            Change::set("d", "1", Ttl::Never),
            Change::set(&long, "", Ttl::Never),
        ]),
    )?;
    say("apply", map.apply(&[]))?;
    say("apply", map.apply(&vec![Change::delete("a"); 1025]))?;
    match map.apply(&[Change::increment("never", 1, Ttl::Never)]) {
        Err(error) => say("apply", error.to_string())?,
        Ok(done) => say("apply", done)?,
    }
    say("after", map.get_many(&["a", "b", "c", "d", "lock"]))
}

fn pins(map: &LocalMap, held: &mut Option<Pinned>) -> Outcome {
    say("pin", map.pin("absent")?.is_some())?;
    say("pin", map.pin([b'k'; DEFAULT_MAX_KEY_LEN + 1])?.is_some())?;
    if held.is_none() {
        map.set("pinned", vec![b'p'; 100_000], Duration::from_secs(1))?;
        *held = map.pin("pinned")?;
    }
    let show = |pin: &Pinned| {
        let value = pin.value();
        (
            value.len(),
            value.iter().all(|byte| *byte == b'p'),
            pin.version(),
        )
    };
    say("held", (map.contains("pinned"), held.as_ref().map(show)))?;
    // More than the limit.
    let pins: Vec<_> = (0..2000).map(|_| map.pin("never")).collect();
    let refused = pins.iter().filter(|pin| pin.is_err()).count();
    say("pins", (pins.len() - refused, refused))?;
    drop(pins);
    say("pin", map.pin("never")?.map(|pin| pin.value().len()))
}

fn scans(map: &LocalMap) -> Outcome {
    for n in 0..600 {
        map.set(format!("many:{n}"), n.to_string(), Duration::from_secs(1))?;
    }
    let mut entries: Vec<Scanned> = map.scan("").collect();
    // The map decides the order.
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    for entry in &entries {
        let (key, left) = (entry.key.escape_ascii(), entry.expires_in);
        say(
            "scan",
            (key.to_string(), entry.value.len(), entry.version, left),
        )?;
    }
    say("scan", map.scan([b'k'; DEFAULT_MAX_KEY_LEN + 1]).count())?;
    let (mut cursor, mut count) = (Some(0), 0);
    while let Some(start) = cursor {
        let page = map.scan_page("many:", start, 50);
        assert!(page.entries.len() <= 50);
        count += page.entries.len();
        cursor = page.next;
    }
    say("scan_page", count)
}
