//! A process with a mirror that stands still while etcd goes on.

use super::numbers::{NUMBER, Numbers};
use super::{etcd, fill, key, open, options};
use crate::cluster::{Cluster, Setup, until};
use etcd_client::DeleteOptions;
use localmap::Clock;
use localmap_mirror::BootClock;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;
use std::{env, thread};

/// The variable that makes [`a_reader`] a process of its own, with the endpoint.
const ENDPOINT: &str = "LOCALMAP_TEST_READER";

/// The key that ends the reader.
const END: &str = "end";

/// The greatest age of its mirror.
const MAX_STALE: Duration = Duration::from_secs(1);

/// Reads all the time, and prints what it has read: when, the age, and the number. In the end it compares
/// the mirror with etcd.
#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
#[ignore = "a process of `no_read_is_too_old_after_a_process_stood_still`"]
async fn a_reader() {
    let Some(endpoint) = env::var_os(ENDPOINT) else {
        return;
    };
    let endpoint = endpoint.into_string().expect("a URL");
    let mirror = open(etcd([endpoint]), options().max_stale(MAX_STALE)).await;
    let clock = BootClock::new();
    while !mirror.get(END).is_ok_and(|read| read.found.is_some()) {
        let now = clock.now().as_nanos();
        match mirror.get(NUMBER) {
            Ok(read) => {
                let number = read.found.map_or_else(Vec::new, |entry| entry.value);
                let number = String::from_utf8(number).expect("a number");
                println!("read {now} {} {number}", read.freshness.age().as_nanos());
            }
            Err(error) => println!("error {now} {error}"),
        }
        thread::sleep(Duration::from_micros(200));
    }
    let audit = mirror.audit().await.expect("etcd answers");
    assert!(audit.is_equal(), "{audit:?}");
    assert!(mirror.get("old0").expect("a copy").found.is_none());
}

/// The process, which ends with the test.
struct Reader(Child);

impl Reader {
    fn start(endpoint: &str, output: &Path) -> Self {
        let this = env::current_exe().expect("this program");
        let child = Command::new(this)
            .args([
                "mirror::process::a_reader",
                "--exact",
                "--ignored",
                "--nocapture",
            ])
            .env(ENDPOINT, endpoint)
            .stdout(File::create(output).expect("a file"))
            .spawn();
        Self(child.expect("it starts"))
    }

    fn signal(&self, name: &str) {
        let kill = Command::new("kill")
            .args(["-s", name, &self.0.id().to_string()])
            .status();
        assert!(kill.expect("kill").success());
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Returns the reads in the output: the time, the age and the number; `None` for an error.
fn reads(output: &Path) -> Vec<(Duration, Option<(Duration, String)>)> {
    let nanos = |text: &str| Duration::from_nanos(text.parse().expect("nanoseconds"));
    let text = fs::read_to_string(output).expect("a file");
    // The last line may be half a line.
    let (whole, _) = text.rsplit_once('\n').unwrap_or_default();
    let lines = whole.lines().filter_map(|line| {
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["read", now, age, number] => Some((nanos(now), Some((nanos(age), number.to_owned())))),
            ["error", now, ..] => Some((nanos(now), None)),
            _ => None,
        }
    });
    lines.collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_is_too_old_after_a_process_stood_still() {
    let Some(cluster) = Cluster::start(Setup::one()).await else {
        return;
    };
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().join("reads");
    let mut client = cluster.client().await;
    fill(&mut client, "old", 0..200, b"v").await;
    let (numbers, writer) = Numbers::write(cluster.client().await, Duration::from_millis(2));
    let mut reader = Reader::start(cluster.endpoint(0), &output);
    until("reads", || reads(&output).len() > 50).await;

    reader.signal("STOP");
    let stopped = BootClock::new().now();
    for round in 0..10 {
        fill(&mut client, "k", 0..300, format!("{round}").as_bytes()).await;
    }
    let prefix = DeleteOptions::new().with_prefix();
    let deleted = client.delete(key("old"), Some(prefix)).await;
    let deleted = deleted.expect("they are deleted");
    cluster
        .compact(deleted.header().expect("a header").revision())
        .await;
    tokio::time::sleep(MAX_STALE * 2).await;
    let continued = BootClock::new().now();
    reader.signal("CONT");
    let is_read = || {
        let reads = reads(&output);
        reads
            .iter()
            .any(|(now, read)| *now > continued && read.is_some())
    };
    until("reads again", is_read).await;
    numbers.stop();
    writer.await.expect("no panic");
    client.put(key(END), "", None).await.expect("it is stored");
    let mut status = None;
    let has_ended = || {
        status = reader.0.try_wait().expect("a process");
        status.is_some()
    };
    until("the end of the reader", has_ended).await;
    assert!(status.is_some_and(|status| status.success()), "{status:?}");

    let mut errors = 0;
    for (now, read) in reads(&output) {
        match read {
            Some((age, number)) => {
                assert!(age <= MAX_STALE, "{age:?}");
                let number = Some(number.as_bytes()).filter(|number| !number.is_empty());
                let checked = numbers.check(number, now.saturating_sub(age));
                assert_eq!(checked, Ok(()), "stopped from {stopped:?} to {continued:?}");
            }
            None => errors += 1,
        }
    }
    // The first read after it finds the copy too old, unless the mirror was quicker to renew it.
    eprintln!("{errors} errors");
}
