//! A timer of a guest, which makes the clock of a replay jump.

use super::clock::ReplayClock;
use async_trait::async_trait;
use wasmtime_wasi::p2::Pollable;

/// Makes the clock jump to the instant that a guest waits for, unless another event that it waits
/// for in the same poll comes first: input, or a timer that ends earlier.
pub(crate) struct Sleep {
    pub(crate) clock: ReplayClock,
    pub(crate) until: u64,
}

#[async_trait]
impl Pollable for Sleep {
    async fn ready(&mut self) {
        // A guest that only asks whether the timer has ended waits by looking.
        if self.clock.look() >= self.until {
            return;
        }
        let asleep = self.clock.sleep_until(self.until);
        if self.clock.is_driven() {
            return asleep.await;
        }
        loop {
            let before = self.clock.nanos();
            if before >= self.until {
                return;
            }
            // Before this continues, everything else in the poll is checked once, and all its
            // sleeps are registered. If anything is ready, the poll ends, and so does this.
            tokio::task::yield_now().await;
            // The first sleep that continues moves the clock, for all of them.
            if self.clock.nanos() == before {
                self.clock.reach_first_end();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::FREE_LOOKS;
    use super::*;
    use localmap::wasmtime::component::Resource;
    use wasmtime_wasi::ResourceTable;
    use wasmtime_wasi::p2::bindings::sync::io::poll::{Host, HostPollable};
    use wasmtime_wasi::p2::{DynPollable, subscribe};

    /// An event that is always ready.
    struct Ready;

    #[async_trait]
    impl Pollable for Ready {
        async fn ready(&mut self) {}
    }

    /// Pollables as a guest has them, and their clock.
    #[derive(Default)]
    struct Poll {
        table: ResourceTable,
        clock: ReplayClock,
        polled: Vec<Resource<DynPollable>>,
    }

    impl Poll {
        fn new(ends: &[u64]) -> Self {
            let mut poll = Self::default();
            for &until in ends {
                let clock = poll.clock.clone();
                poll.add(Sleep { clock, until });
            }
            poll
        }

        fn add<P: Pollable>(&mut self, pollable: P) {
            let pushed = self.table.push(pollable).unwrap();
            self.polled
                .push(subscribe(&mut self.table, pushed).unwrap());
        }

        fn borrow(&self, at: usize) -> Resource<DynPollable> {
            Resource::new_borrow(self.polled[at].rep())
        }

        /// Polls these pollables. Returns those that are ready.
        fn poll(&mut self, these: &[usize]) -> Vec<usize> {
            let list = these.iter().map(|&at| self.borrow(at)).collect();
            let ready = Host::poll(&mut self.table, list).unwrap();
            ready.iter().map(|&at| these[at as usize]).collect()
        }

        fn block(&mut self, at: usize) {
            let polled = self.borrow(at);
            HostPollable::block(&mut self.table, polled).unwrap();
        }

        fn ready(&mut self, at: usize) -> bool {
            let polled = self.borrow(at);
            HostPollable::ready(&mut self.table, polled).unwrap()
        }
    }

    #[test]
    fn the_clock_goes_to_the_earliest_timer_of_a_poll_whatever_the_order() {
        for ends in [[60, 1, 30], [1, 30, 60], [30, 60, 1]] {
            for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
                let mut poll = Poll::new(&ends);
                let mut left = order.to_vec();
                for end in [1, 30, 60] {
                    let ready = poll.poll(&left);
                    let ended: Vec<u64> = ready.iter().map(|&at| ends[at]).collect();
                    assert_eq!((ended, poll.clock.nanos()), (vec![end], end), "{ends:?}");
                    left.retain(|at| !ready.contains(at));
                }
            }
        }
    }

    #[test]
    fn timers_that_end_together_are_ready_together() {
        let mut poll = Poll::new(&[5, 9, 5]);
        assert_eq!(poll.poll(&[0, 1, 2]), [0, 2]);
        assert_eq!(poll.clock.nanos(), 5);
    }

    #[test]
    fn a_timer_that_has_ended_holds_the_clock() {
        let mut poll = Poll::new(&[60, 5]);
        poll.clock.reach(5);
        assert_eq!(poll.poll(&[0, 1]), [1]);
        assert_eq!(poll.clock.nanos(), 5);
    }

    #[test]
    fn an_event_that_is_ready_holds_the_clock() {
        for order in [[0, 1], [1, 0]] {
            let mut poll = Poll::new(&[60]);
            poll.add(Ready);
            assert_eq!(poll.poll(&order), [1]);
            assert_eq!(poll.clock.nanos(), 0);
        }
    }

    /// A timer that was polled, but is not part of this poll, is not waited for.
    #[test]
    fn only_the_timers_of_this_poll_count() {
        let mut poll = Poll::new(&[1, 60]);
        assert!(!poll.ready(0));
        poll.add(Ready);
        assert_eq!(poll.poll(&[0, 2]), [2]);
        poll.block(1);
        assert_eq!(poll.clock.nanos(), 60);
        assert!(poll.ready(0) && poll.ready(1));
    }

    #[test]
    fn the_end_of_the_clock_can_be_waited_for() {
        let mut poll = Poll::new(&[u64::MAX, u64::MAX]);
        poll.block(0);
        assert_eq!(poll.clock.nanos(), u64::MAX);
        assert_eq!(poll.poll(&[0, 1]), [0, 1]);
    }

    #[test]
    fn a_timer_that_is_asked_again_and_again_ends() {
        let mut poll = Poll::new(&[60_000_000_000, 1_000_000_000]);
        for _ in 0..FREE_LOOKS {
            poll.clock.look();
        }
        while !poll.ready(0) && !poll.ready(1) {}
        assert!(poll.ready(1) && !poll.ready(0));
        assert!(poll.clock.nanos() < 1_001_000_000);
    }
}
