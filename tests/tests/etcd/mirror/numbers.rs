//! A key that changes all the time, of which it is known when each of its values was replaced.

use super::key;
use etcd_client::Client;
use localmap::Clock;
use localmap_mirror::BootClock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The key.
pub(crate) const NUMBER: &str = "number";

/// The numbers that were stored under [`NUMBER`], each only once and each after those before it.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// When etcd has answered each, by the clock of mirrors; `None` if it has not, so that it may have been
    /// stored, or may be stored later.
    answered: Mutex<Vec<Option<Duration>>>,
    stop: AtomicBool,
}

impl Numbers {
    /// Begins to store numbers, with a pause after each.
    pub(crate) fn write(client: Client, pause: Duration) -> (Arc<Self>, JoinHandle<()>) {
        let numbers = Arc::new(Self::default());
        let task = tokio::spawn(Arc::clone(&numbers).put(client, pause));
        (numbers, task)
    }

    async fn put(self: Arc<Self>, mut client: Client, pause: Duration) {
        let clock = BootClock::new();
        for number in 0_usize.. {
            if self.stop.load(Ordering::SeqCst) {
                return;
            }
            let put = client.put(key(NUMBER), number.to_string(), None);
            let put = tokio::time::timeout(Duration::from_secs(1), put).await;
            let answered = matches!(put, Ok(Ok(_))).then(|| clock.now());
            self.answered.lock().expect("no panic").push(answered);
            tokio::time::sleep(pause).await;
        }
    }

    /// Ends the writer after its present number.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::SeqCst);
    }

    /// Returns how many were stored.
    pub(crate) fn stored(&self) -> usize {
        let answered = self.answered.lock().expect("no panic");
        answered.iter().flatten().count()
    }

    /// Checks a read which says that it has all that was committed before the time `all_before`. Returns what
    /// is wrong.
    ///
    /// There is no tolerance: a later number that was answered before that time was committed before it.
    pub(crate) fn check(&self, read: Option<&[u8]>, all_before: Duration) -> Result<(), String> {
        let read = read.map(|text| {
            let number = str::from_utf8(text).ok();
            let number: Option<usize> = number.and_then(|text| text.parse().ok());
            number.expect("a number")
        });
        let answered = self.answered.lock().expect("no panic");
        let next = match read {
            None => 0,
            // This one may be stored after all later ones.
            Some(number) if answered.get(number).copied().flatten().is_none() => return Ok(()),
            Some(number) => number + 1,
        };
        let later = answered.iter().enumerate().skip(next);
        match later
            .filter_map(|(number, at)| Some((number, (*at)?)))
            .next()
        {
            Some((later, at)) if at < all_before => Err(format!(
                "read {read:?} with all that was committed before {all_before:?}, \
                 although {later} was answered at {at:?}"
            )),
            _ => Ok(()),
        }
    }
}

#[test]
fn an_old_number_is_found_out() {
    let numbers = Numbers::default();
    let s = Duration::from_secs;
    *numbers.answered.lock().expect("no panic") = vec![Some(s(1)), None, Some(s(3))];
    assert_eq!(numbers.check(Some(b"2"), s(9)), Ok(()));
    assert_eq!(numbers.check(Some(b"0"), s(3)), Ok(()));
    assert_eq!(numbers.check(Some(b"1"), s(9)), Ok(()));
    assert_eq!(numbers.check(None, s(1)), Ok(()));
    assert!(numbers.check(Some(b"0"), s(4)).is_err());
    assert!(numbers.check(None, s(2)).is_err());
}
