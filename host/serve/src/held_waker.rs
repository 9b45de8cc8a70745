//! A waker that does nothing while the task that it would wake polls anyway.

use atomic_waker::AtomicWaker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Wake, Waker};

/// Wakes a task, except while a [`Hold`] notes that somebody polls what the task would poll. A
/// wake-up of another task takes longer than many guests.
#[derive(Default)]
pub(crate) struct HeldWaker {
    task: AtomicWaker,
    /// The number of holds.
    holds: AtomicUsize,
    /// Whether there was a wake-up that no poll has followed.
    woken: AtomicBool,
}

/// Holds wake-ups back until it is dropped. Then the task is woken if there was one that no poll
/// has followed.
pub(crate) struct Hold(Arc<HeldWaker>);

impl HeldWaker {
    /// Sets the task that is woken.
    pub(crate) fn set_task(&self, task: &Waker) {
        self.task.register(task);
    }

    /// Holds wake-ups back.
    pub(crate) fn hold(self: &Arc<Self>) -> Hold {
        self.holds.fetch_add(1, Ordering::SeqCst);
        Hold(Arc::clone(self))
    }

    /// Notes that a poll follows, which takes care of all wake-ups so far.
    pub(crate) fn begin_poll(&self) {
        self.woken.store(false, Ordering::SeqCst);
    }

    /// Wakes the task even if wake-ups are held back.
    pub(crate) fn wake_now(&self) {
        self.task.wake();
    }
}

impl Wake for HeldWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // In this order: either this sees that nothing is held back, or the end of the last hold
        // sees this wake-up.
        self.woken.store(true, Ordering::SeqCst);
        if self.holds.load(Ordering::SeqCst) == 0 {
            self.task.wake();
        }
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let last = self.0.holds.fetch_sub(1, Ordering::SeqCst) == 1;
        if last && self.0.woken.load(Ordering::SeqCst) {
            self.0.task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn held() -> (Arc<Count>, Arc<HeldWaker>, Waker) {
        let (count, held) = (Arc::<Count>::default(), Arc::<HeldWaker>::default());
        held.set_task(&count.clone().into());
        let waker = held.clone().into();
        (count, held, waker)
    }

    #[test]
    fn a_wake_up_is_passed_on_unless_it_is_held_back() {
        let (count, held, waker) = held();
        let hold = held.hold();
        waker.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        drop(hold);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
        held.set_task(&count.clone().into());
        waker.wake_by_ref();
        assert_eq!(count.0.load(Ordering::SeqCst), 2);
    }

    #[test]
    fn the_last_hold_passes_on_a_wake_up_that_no_poll_has_followed() {
        let (count, held, waker) = held();
        let (first, second) = (held.hold(), held.hold());
        waker.wake_by_ref();
        held.begin_poll();
        drop(first);
        drop(second);
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        let (first, second) = (held.hold(), held.hold());
        held.begin_poll();
        waker.wake_by_ref();
        drop(first);
        assert_eq!(count.0.load(Ordering::SeqCst), 0);
        drop(second);
        assert_eq!(count.0.load(Ordering::SeqCst), 1);
    }
}
