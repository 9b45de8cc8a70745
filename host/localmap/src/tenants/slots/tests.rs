//! Tests of the table of tenants: which are found, created and retired, and when.

use super::*;
use crate::clock::ManualClock;
use crate::sync::{AtomicBool, thread};
use std::convert::Infallible;
use std::time::Duration;

const SCHEDULES: usize = 1_000;

/// A value that must not be used after it has ended.
struct Fake {
    number: u64,
    ended: AtomicBool,
}

impl Fake {
    fn new(number: u64) -> Self {
        Self {
            number,
            ended: AtomicBool::new(false),
        }
    }

    fn end(&self) {
        let ended_before = self.ended.swap(true, Ordering::SeqCst);
        assert!(!ended_before, "it has ended twice");
    }

    fn is_usable(&self) -> bool {
        !self.ended.load(Ordering::SeqCst)
    }
}

/// A table with a clock of whole numbers.
struct Table {
    slots: Slots<Fake>,
    manual: ManualClock,
    clock: Arc<dyn Clock>,
    created: AtomicU64,
}

impl Table {
    fn new() -> Self {
        let manual = ManualClock::new();
        Self {
            slots: Slots::new(2),
            clock: Arc::new(manual.clone()),
            manual,
            created: AtomicU64::new(0),
        }
    }

    fn set_time(&self, now: u64) {
        self.manual.set(Duration::from_nanos(now));
    }

    /// Finds a tenant or creates it, as a checkout does.
    fn check_out(&self, name: &str, class: usize) -> Use<Fake> {
        let found = self.slots.find(name.as_bytes());
        if let Some(found) = found.filter(|found| found.is_usable()) {
            return found;
        }
        let name = TenantName::new(name.as_bytes()).expect("a short name");
        let create = || {
            let number = self.created.fetch_add(1, Ordering::SeqCst);
            thread::yield_now();
            Ok::<_, Infallible>(Fake::new(number))
        };
        // One that is not usable has ended.
        let created =
            self.slots
                .find_or_create(&name, class, &self.clock, Fake::is_usable, |_| (), create);
        created.unwrap_or_else(|never| match never {})
    }

    fn sweep(&self, timeouts: [u64; 2], now: u64) -> Vec<String> {
        let retired = self.slots.retire_idle(&timeouts, now);
        for slot in &retired {
            slot.end();
            self.slots.remove_retired(slot);
        }
        retired.iter().map(|slot| slot.name().to_string()).collect()
    }

    fn evict(&self, idle: u64, now: u64) -> Option<String> {
        let slot = self.slots.retire_idlest(idle, now)?;
        slot.end();
        self.slots.remove_retired(&slot);
        Some(slot.name().to_string())
    }

    fn names(&self) -> Vec<String> {
        let live = self.slots.list(None, usize::MAX);
        live.iter().map(|slot| slot.name().to_string()).collect()
    }
}

/// Runs a test under many schedules. Its threads need more stack than shuttle gives them.
fn explore(schedules: usize, test: fn()) {
    let mut config = shuttle::Config::default();
    config.stack_size = 1 << 20;
    let scheduler = shuttle::scheduler::RandomScheduler::new(schedules);
    shuttle::Runner::new(scheduler, config).run(test);
}

fn once(test: fn()) {
    explore(1, test);
}

#[test]
fn threads_that_look_for_the_same_new_tenant_create_one() {
    explore(SCHEDULES, || {
        let table = Arc::new(Table::new());
        let threads = [(); 3].map(|()| {
            let table = Arc::clone(&table);
            thread::spawn(move || table.check_out("a", 0).number)
        });
        for thread in threads {
            assert_eq!(thread.join().expect("no panic"), 0);
        }
        assert_eq!(table.names(), ["a"]);
    });
}

/// A tenant that is in use has not ended, however a sweep and an eviction come between.
#[test]
fn a_tenant_that_is_in_use_is_not_retired() {
    explore(SCHEDULES, || {
        let table = Arc::new(Table::new());
        drop(table.check_out("a", 0));
        let users = [(); 2].map(|()| {
            let table = Arc::clone(&table);
            thread::spawn(move || {
                for _ in 0..2 {
                    let used = table.check_out("a", 0);
                    thread::yield_now();
                    assert!(used.is_usable());
                }
            })
        });
        let sweeps = {
            let table = Arc::clone(&table);
            thread::spawn(move || table.sweep([0, 0], 0).len())
        };
        let evicts = {
            let table = Arc::clone(&table);
            thread::spawn(move || usize::from(table.evict(0, 0).is_some()))
        };
        for user in users {
            user.join().expect("no panic");
        }
        let retired = sweeps.join().expect("no panic") + evicts.join().expect("no panic");
        let created = usize::try_from(table.created.load(Ordering::SeqCst)).expect("few");
        assert_eq!(created - retired, table.slots.len());
    });
}

#[test]
fn a_tenant_that_is_removed_while_others_look_for_it_is_found_or_created() {
    explore(SCHEDULES, || {
        let table = Arc::new(Table::new());
        drop(table.check_out("a", 0));
        let users = [(); 2].map(|()| {
            let table = Arc::clone(&table);
            thread::spawn(move || table.check_out("a", 0).number)
        });
        let removed = table.slots.remove(b"a");
        assert!(removed.is_some_and(|slot| slot.number == 0));
        for user in users {
            assert!(user.join().expect("no panic") <= 1);
        }
        assert!(table.created.load(Ordering::SeqCst) <= 2);
    });
}

#[test]
fn a_tenant_that_is_not_usable_is_replaced_once() {
    explore(SCHEDULES, || {
        let table = Arc::new(Table::new());
        let old = table.check_out("a", 0);
        old.end();
        let users = [(); 2].map(|()| {
            let table = Arc::clone(&table);
            thread::spawn(move || table.check_out("a", 0).number)
        });
        for user in users {
            assert_eq!(user.join().expect("no panic"), 1);
        }
        // The guard on the old one outlives its entry, and does not affect the new one.
        drop(old);
        assert_eq!(table.names(), ["a"]);
        assert!(table.slots.find(b"a").is_some_and(|used| used.is_usable()));
    });
}

#[test]
fn a_retired_tenant_can_come_back_before_it_is_removed() {
    once(|| {
        let table = Table::new();
        drop(table.check_out("a", 0));
        let retired = table.slots.retire_idle(&[0, 0], 0);
        assert_eq!((table.slots.len(), table.names().len()), (0, 0));
        assert!(table.slots.remove(b"a").is_none(), "it is retired already");
        assert_eq!(table.check_out("a", 0).number, 1);
        for slot in &retired {
            table.slots.remove_retired(slot);
        }
        assert_eq!(table.check_out("a", 0).number, 1);
        assert_eq!(table.names(), ["a"]);
    });
}

#[test]
fn an_error_of_create_leaves_no_tenant() {
    once(|| {
        let table = Table::new();
        let name = TenantName::new(b"a").expect("a short name");
        let create = || Err("full");
        let failed =
            table
                .slots
                .find_or_create(&name, 0, &table.clock, Fake::is_usable, |_| (), create);
        assert_eq!(failed.err(), Some("full"));
        assert_eq!(table.slots.len(), 0);
        assert!(table.slots.find(b"a").is_none());
        assert_eq!(table.slots.next_due(&[0, 0], 0), None);
    });
}

#[test]
fn tenants_are_idle_from_the_end_of_their_last_use() {
    once(|| {
        let table = Table::new();
        let (first, second) = (table.check_out("a", 0), table.check_out("a", 0));
        table.set_time(10);
        drop(first);
        assert_eq!(second.idle_since(), None);
        table.set_time(20);
        drop(second);
        assert_eq!(table.sweep([5, 5], 24), [""; 0]);
        assert_eq!(table.sweep([5, 5], 25), ["a"]);
        assert!(table.slots.find(b"a").is_none());
    });
}

#[test]
fn a_sweep_retires_what_is_due_and_nothing_else() {
    once(|| {
        let table = Table::new();
        let mut kept = Vec::new();
        for (at, name) in (0..).zip(["a", "b", "c", "d", "e"]) {
            table.set_time(at);
            let class = usize::from(name == "c");
            let used = table.check_out(name, class);
            if name == "d" {
                kept.push(used);
            }
        }
        // Used again, so it is the last to be due.
        table.set_time(6);
        drop(table.check_out("a", 0));
        assert_eq!(table.slots.next_due(&[10, 100], 6), Some(4));
        assert_eq!(table.sweep([10, 100], 10), [""; 0]);
        assert_eq!(table.slots.next_due(&[10, 100], 10), Some(1));
        assert_eq!(table.sweep([10, 100], 14), ["b", "e"]);
        assert_eq!(table.sweep([10, 100], 16), ["a"]);
        assert_eq!(table.names(), ["c", "d"]);
        assert_eq!(table.sweep([10, 100], 102), ["c"]);
        kept.clear();
        // Its last use has just ended, at the time of the clock.
        assert_eq!(table.sweep([10, 100], 15), [""; 0]);
        assert_eq!(table.sweep([10, 100], 200), ["d"]);
        assert_eq!(table.slots.next_due(&[10, 100], 200), None);
    });
}

#[test]
fn a_sweep_of_more_than_it_visits_at_once_is_complete() {
    once(|| {
        let table = Table::new();
        for number in 0..1_000 {
            drop(table.check_out(&number.to_string(), number % 2));
        }
        let used: Vec<_> = (0..300)
            .map(|number| table.check_out(&number.to_string(), number % 2))
            .collect();
        assert_eq!(table.sweep([0, 0], 0).len(), 700);
        drop(used);
        assert_eq!(table.sweep([0, 0], 1).len(), 300);
    });
}

#[test]
fn timeouts_beyond_the_end_of_the_clock_are_never_due() {
    once(|| {
        let table = Table::new();
        table.set_time(1);
        drop(table.check_out("a", 0));
        let never = [u64::MAX, u64::MAX];
        assert_eq!(table.slots.next_due(&never, 1), None);
        assert_eq!(table.sweep(never, u64::MAX), [""; 0]);
        assert_eq!(table.evict(u64::MAX, u64::MAX), None);
    });
}

#[test]
fn the_idlest_tenant_is_the_one_with_the_earliest_last_use() {
    once(|| {
        let table = Table::new();
        for (at, name) in (0..).zip(["a", "b", "c", "d"]) {
            table.set_time(at);
            drop(table.check_out(name, usize::try_from(at).expect("small") % 2));
        }
        table.set_time(5);
        drop(table.check_out("a", 0));
        let in_use = table.check_out("b", 1);
        table.set_time(6);
        assert_eq!(table.evict(5, 6), None);
        assert_eq!(table.evict(4, 6).as_deref(), Some("c"));
        assert_eq!(table.evict(0, 6).as_deref(), Some("d"));
        assert_eq!(table.evict(0, 6).as_deref(), Some("a"));
        assert_eq!(table.evict(0, 6), None);
        drop(in_use);
        assert_eq!(table.evict(0, 7).as_deref(), Some("b"));
    });
}

#[test]
fn names_are_equal_only_byte_by_byte() {
    once(|| {
        let table = Table::new();
        let names = ["", "a", "a\0", "a/", "/a", "aa", "A", "a ", "%61"];
        for (number, name) in (0..).zip(names) {
            assert_eq!(table.check_out(name, 0).number, number);
        }
        for (number, name) in (0..).zip(names) {
            assert_eq!(table.check_out(name, 0).number, number);
        }
        let after = table.slots.list(Some(b"a"), 2);
        let after: Vec<_> = after.iter().map(|slot| slot.name().as_bytes()).collect();
        assert_eq!(after, [&b"a\0"[..], b"a "]);
    });
}
