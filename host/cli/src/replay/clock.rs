//! The clock of a replay.

use crate::terminal::stdio::note;
use localmap::lock;
use std::collections::BTreeMap;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wasmtime_wasi::HostWallClock;

/// The number of times in a row that a guest may look at the clock before it counts as waiting by
/// looking. It is far more than a guest looks, with the operations of its map, for a line or while
/// it reads a file of its own.
pub(super) const FREE_LOOKS: u64 = 1_000_000;

/// The number of further looks after which the step of the clock doubles.
const LOOKS_PER_STEP: u64 = 10_000;

/// The first step, in nanoseconds.
const FIRST_STEP: u64 = 1_000;

/// Both WASI clocks and the clock of the map, in nanoseconds since 1970. Clones share the same
/// time.
///
/// It moves to the stamps of the input, and to the end of a sleep. A guest that does neither, but
/// waits by looking at the clock again and again, would never end, so from [`FREE_LOOKS`] looks
/// in a row on, each look moves the clock, by a step that doubles after each [`LOOKS_PER_STEP`]
/// looks. Input and sleep end the row.
#[derive(Debug, Clone, Default)]
pub(crate) struct ReplayClock(Arc<Mutex<Time>>);

#[derive(Debug, Default)]
struct Time {
    now: u64,
    /// The looks since the last input or sleep.
    looks: u64,
    /// Whether the user knows that the clock has moved because of looks.
    is_noted: bool,
    /// Whether `drive` moves the clock, instead of the sleeps of the current poll.
    is_driven: bool,
    /// The registered sleeps, by their ends and numbers, and what wakes them. Of a guest that is not
    /// driven, these are the sleeps of the current poll.
    sleeps: BTreeMap<(u64, u64), Option<Waker>>,
    next_sleep: u64,
}

impl ReplayClock {
    /// Returns the time without looking: for the map, or for the program itself.
    pub(crate) fn nanos(&self) -> u64 {
        lock(&self.0).now
    }

    /// Returns the time for a guest that looks at the clock.
    pub(crate) fn look(&self) -> u64 {
        let mut time = lock(&self.0);
        time.looks = time.looks.saturating_add(1);
        let Some(more) = time.looks.checked_sub(FREE_LOOKS + 1) else {
            return time.now;
        };
        let doublings = u32::try_from(more / LOOKS_PER_STEP).unwrap_or(u32::MAX);
        let step = FIRST_STEP.saturating_mul(1u64.checked_shl(doublings).unwrap_or(u64::MAX));
        time.now = time.now.saturating_add(step);
        let now = time.now;
        let is_noted = mem::replace(&mut time.is_noted, true);
        drop(time);
        if !is_noted {
            note(format_args!(
                "Note: the guest has looked at the clock {FREE_LOOKS} times without reading \
                 input or sleeping, so the clock now moves with each look; \
                 see \"Waiting by looking\" in docs/replay.md"
            ));
        }
        now
    }

    /// Moves the clock forward to a stamp of the input, but never backwards.
    pub(crate) fn reach(&self, nanos: u64) {
        let mut time = lock(&self.0);
        time.now = time.now.max(nanos);
    }

    /// Records that the guest has received input.
    pub(super) fn progress(&self) {
        lock(&self.0).looks = 0;
    }

    /// Registers a sleep, until the result is dropped.
    pub(crate) fn sleep_until(&self, end: u64) -> Asleep<'_> {
        let mut time = lock(&self.0);
        let number = time.next_sleep;
        time.next_sleep += 1;
        time.sleeps.insert((end, number), None);
        Asleep {
            clock: self,
            key: (end, number),
        }
    }

    /// Lets `drive` move the clock when the guest sleeps.
    pub(super) fn set_driven(&self) {
        lock(&self.0).is_driven = true;
    }

    pub(super) fn is_driven(&self) -> bool {
        lock(&self.0).is_driven
    }

    /// Returns `true` if the clock has not reached the end of a sleep.
    pub(super) fn has_sleeps(&self) -> bool {
        let time = lock(&self.0);
        let last = time.sleeps.last_key_value();
        last.is_some_and(|(&(end, _), _)| end > time.now)
    }

    /// Moves the clock to the earliest end of a sleep that it has not reached.
    pub(super) fn reach_first_end(&self) {
        let mut time = lock(&self.0);
        let mut later = time.sleeps.range((time.now, u64::MAX)..);
        if let Some((&(end, _), _)) = later.next() {
            time.now = end;
            time.looks = 0;
        }
    }

    /// Wakes the task whose sleep has the earliest end at or before the present; of those with the
    /// same end, the one that began first. Returns `false` if there is none.
    ///
    /// The others follow when that task, and all that it causes, waits again: tasks that are woken
    /// together go on in an order that the executor of the guest chooses.
    pub(super) fn wake_sleeper(&self) -> bool {
        let mut time = lock(&self.0);
        let now = time.now;
        let mut ended = time.sleeps.range_mut(..=(now, u64::MAX));
        let waker = ended.find_map(|(_, waker)| waker.take());
        drop(time);
        match waker {
            Some(waker) => {
                waker.wake();
                true
            }
            None => false,
        }
    }
}

/// A registered sleep. As a future, it ends when it is woken after something else has moved the
/// clock to its end.
pub(crate) struct Asleep<'a> {
    clock: &'a ReplayClock,
    /// Its end, and its number.
    key: (u64, u64),
}

impl Future for Asleep<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut time = lock(&self.clock.0);
        if time.now >= self.key.0 {
            return Poll::Ready(());
        }
        if let Some(waker) = time.sleeps.get_mut(&self.key) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Asleep<'_> {
    fn drop(&mut self) {
        lock(&self.clock.0).sleeps.remove(&self.key);
    }
}

impl HostWallClock for ReplayClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(1)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.look())
    }
}

/// The clock of a linked map, whose operations are no looks of the guest.
impl localmap::Clock for ReplayClock {
    fn now(&self) -> Duration {
        Duration::from_nanos(self.nanos())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_never_goes_back() {
        let clock = ReplayClock::default();
        clock.reach(5);
        clock.reach(3);
        assert_eq!(clock.nanos(), 5);
    }

    /// Looks until the clock has moved by `wait`. Returns the number of looks.
    fn wait_by_looking(clock: &ReplayClock, wait: u64) -> u64 {
        let end = clock.nanos() + wait;
        let mut looks = 1;
        while clock.look() < end {
            looks += 1;
        }
        looks
    }

    #[test]
    fn looks_do_not_move_the_clock_until_there_are_too_many_in_a_row() {
        let clock = ReplayClock::default();
        clock.reach(7);
        for _ in 0..3 {
            for _ in 0..FREE_LOOKS {
                assert_eq!(clock.look(), 7);
            }
            clock.progress();
        }
        for _ in 0..FREE_LOOKS {
            clock.look();
        }
        assert_eq!(clock.look(), 7 + FIRST_STEP);
        clock.progress();
        assert_eq!(clock.look(), 7 + FIRST_STEP);
    }

    #[test]
    fn a_wait_by_looking_ends_soon_and_nearly_in_time() {
        const SECOND: u64 = 1_000_000_000;
        for wait in [
            1,
            FIRST_STEP,
            3 * FIRST_STEP + 1,
            999 * FIRST_STEP + 1,
            SECOND / 100 + 1,
            SECOND,
            60 * SECOND,
            30 * 86_400 * SECOND,
            u64::MAX,
        ] {
            let clock = ReplayClock::default();
            let looks = wait_by_looking(&clock, wait);
            assert!(looks <= FREE_LOOKS + 64 * LOOKS_PER_STEP, "{looks}");
            let late = clock.nanos() - wait;
            assert!(late < FIRST_STEP.max(wait / 1_000), "{late} of {wait}");
        }
    }

    #[test]
    fn operations_of_a_linked_map_are_no_looks() {
        let clock = ReplayClock::default();
        for _ in 0..FREE_LOOKS + 10 {
            localmap::Clock::now(&clock);
        }
        assert_eq!(clock.look(), 0);
    }
}
