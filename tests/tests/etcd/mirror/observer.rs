//! Reads a mirror all the time, and checks what each read says of its age.

use super::numbers::{NUMBER, Numbers};
use crate::cluster::until;
use etcd_client::Client;
use localmap::Clock;
use localmap_mirror::{BootClock, Mirror, MirrorReader, ReadError};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The readers and the writer of a test.
#[derive(Debug)]
pub(crate) struct Observer {
    numbers: Arc<Numbers>,
    writer: tokio::task::JoinHandle<()>,
    reader: JoinHandle<Seen>,
    stop: Arc<AtomicBool>,
}

/// What a reader has seen.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) fresh: u64,
    pub(crate) stale: u64,
    pub(crate) errors: u64,
    /// The greatest age of a read that returned a value.
    pub(crate) oldest: Duration,
    /// What was wrong.
    wrong: Vec<String>,
}

impl Observer {
    /// Begins to write numbers with `client`, and to read them from a mirror whose greatest age is
    /// `max_stale`.
    pub(crate) async fn start(client: Client, mirror: &Mirror, max_stale: Duration) -> Self {
        let (numbers, writer) = Numbers::write(client, Duration::from_millis(2));
        let stop = Arc::new(AtomicBool::new(false));
        let (reader, stopped) = (mirror.reader(), Arc::clone(&stop));
        let checked = Arc::clone(&numbers);
        let observer = Self {
            reader: thread::spawn(move || read(&reader, &checked, max_stale, &stopped)),
            numbers,
            writer,
            stop,
        };
        until("numbers", || observer.numbers.stored() > 10).await;
        observer
    }

    /// Ends both, and returns what was seen. No read was older than it said.
    pub(crate) async fn end(self) -> Seen {
        self.numbers.stop();
        self.writer.await.expect("no panic");
        self.stop.store(true, Ordering::SeqCst);
        let seen = self.reader.join().expect("no panic");
        assert!(
            seen.wrong.is_empty(),
            "{:#?}",
            &seen.wrong[..seen.wrong.len().min(10)]
        );
        assert!(seen.fresh > 0, "{seen:?}");
        seen
    }
}

fn read(reader: &MirrorReader, numbers: &Numbers, max_stale: Duration, stop: &AtomicBool) -> Seen {
    let clock = BootClock::new();
    let mut seen = Seen::default();
    let mut last = 0;
    while !stop.load(Ordering::SeqCst) {
        // The age is counted from a time that is not before this one.
        let now = clock.now();
        match reader.get(NUMBER) {
            Ok(read) => {
                let age = read.freshness.age();
                seen.oldest = seen.oldest.max(age);
                if age > max_stale {
                    seen.wrong.push(format!("a read of the age {age:?}"));
                }
                if read.as_of < last {
                    seen.wrong
                        .push(format!("revision {} after {last}", read.as_of));
                }
                last = read.as_of;
                let value = read.found.as_ref().map(|entry| &entry.value[..]);
                let all_before = now.saturating_sub(age);
                seen.wrong.extend(numbers.check(value, all_before).err());
                match read.freshness.is_fresh() {
                    true => seen.fresh += 1,
                    false => seen.stale += 1,
                }
            }
            Err(ReadError::TooStale { age, .. }) if age <= max_stale => {
                seen.wrong.push(format!("an error at the age {age:?}"));
            }
            Err(_) => seen.errors += 1,
        }
        thread::sleep(Duration::from_micros(500));
    }
    seen
}

/// The time before and after a fault.
#[derive(Debug)]
pub(crate) struct Fault {
    before: Duration,
    after: Duration,
}

impl Fault {
    /// Makes a fault, after which the age of mirrors cannot be proved.
    pub(crate) fn make(fault: impl FnOnce()) -> Self {
        let clock = BootClock::new();
        let before = clock.now();
        fault();
        Self {
            before,
            after: clock.now(),
        }
    }

    /// Waits until reads fail. That is not before the mirror's greatest age, counted from the last probe
    /// before the fault, and at most half a second later.
    pub(crate) async fn is_an_error(&self, mirror: &Mirror, max_stale: Duration) -> ReadError {
        let mut error = None;
        let fails = || {
            error = mirror.get(NUMBER).err();
            error.is_some()
        };
        until("an error", fails).await;
        let now = BootClock::new().now();
        // A probe and its answer take their time before the fault.
        let earliest = self.before + max_stale.saturating_sub(Duration::from_millis(700));
        let latest = self.after + max_stale + Duration::from_millis(500);
        assert!(
            earliest <= now,
            "an error at {now:?}, before {earliest:?}: {self:?}"
        );
        assert!(
            now <= latest,
            "an error at {now:?}, after {latest:?}: {self:?}"
        );
        error.expect("an error")
    }
}
