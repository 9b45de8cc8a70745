//! Tests of quotas, against what the classes were promised.

use super::*;
use crate::sync::thread;

const GOLD: usize = 0;
const FREE: usize = 1;

/// Ten places and 1,000 bytes, of which two places and 300 bytes each are for the class `GOLD`.
fn quotas() -> Arc<Quotas> {
    let gold = Reserved {
        tenants: 2,
        bytes: 300,
    };
    let quotas = Quotas::new(10, Some(1_000), vec![gold, Reserved::default()]);
    Arc::new(quotas.expect("enough for what is reserved"))
}

fn once(test: fn()) {
    shuttle::check_random(test, 1);
}

#[test]
fn more_cannot_be_reserved_than_there_is() {
    let reserved = |tenants, bytes| vec![Reserved { tenants, bytes }];
    assert!(Quotas::new(1, None, reserved(1, u64::MAX)).is_some());
    assert!(Quotas::new(1, None, reserved(2, 0)).is_none());
    assert!(Quotas::new(9, Some(99), reserved(2, 50)).is_none());
    assert!(Quotas::new(9, Some(99), reserved(2, u64::MAX)).is_none());
}

#[test]
fn a_tenant_cannot_take_what_was_promised_to_another() {
    once(|| {
        let quotas = quotas();
        let free = quotas.admit(FREE, 100).expect("400 are free");
        assert_eq!(free.grow(1, 10_000), Ok(300));
        let needed = Shortage::Bytes { needed: 1 };
        assert_eq!(free.grow(1, 1), Err(needed));
        assert_eq!(quotas.admit(FREE, 1).err(), Some(needed));
        // Both tenants of the other class come, and take all of theirs.
        let gold = [(); 2].map(|()| quotas.admit(GOLD, 100).expect("reserved"));
        for share in &gold {
            assert_eq!(share.grow(200, 200), Ok(200));
            assert!(share.grow(1, 1).is_err());
        }
    });
}

#[test]
fn places_that_are_reserved_are_for_their_class() {
    once(|| {
        let quotas = quotas();
        let free: Vec<_> = (0..8).map(|_| quotas.admit(FREE, 1)).collect();
        assert!(free.iter().all(Result::is_ok));
        assert_eq!(quotas.admit(FREE, 1).err(), Some(Shortage::Tenants));
        assert!(quotas.admit(GOLD, 1).is_ok());
        let gold = [(); 2].map(|()| quotas.admit(GOLD, 1));
        assert!(gold.iter().all(Result::is_ok));
        assert_eq!(quotas.admit(GOLD, 1).err(), Some(Shortage::Tenants));
    });
}

#[test]
fn what_is_promised_to_a_live_tenant_stays_its_own() {
    once(|| {
        let live = Reserved {
            tenants: 0,
            bytes: 300,
        };
        let quotas = Quotas::new(10, Some(1_000), vec![live, Reserved::default()]);
        let quotas = Arc::new(quotas.expect("nothing is reserved yet"));
        let first = quotas.admit(0, 100).expect("all are free");
        let other = quotas.admit(1, 1).expect("700 are free");
        assert_eq!(other.grow(1, 10_000), Ok(699));
        assert_eq!(first.grow(200, 200), Ok(200));
        assert!(quotas.admit(0, 100).is_err());
    });
}

#[test]
fn a_share_that_is_released_is_there_for_others_once() {
    once(|| {
        let quotas = quotas();
        for _ in 0..3 {
            let gold = quotas.admit(GOLD, 400).expect("300 of them are reserved");
            let free = quotas.admit(FREE, 300).expect("as many are left");
            assert!(quotas.admit(FREE, 1).is_err());
            assert_eq!(quotas.of_class(GOLD), (1, 400));
            gold.release();
            gold.release();
            assert_eq!(quotas.of_class(GOLD), (0, 0));
            assert!(gold.grow(0, 1).is_err());
            let more = quotas.admit(FREE, 100);
            assert!(more.is_ok());
            assert!(quotas.admit(FREE, 1).is_err());
            drop(free);
        }
        assert!(quotas.admit(FREE, 400).is_ok());
    });
}

#[test]
fn without_a_budget_bytes_are_granted_as_wanted() {
    once(|| {
        let quotas = Quotas::new(1, None, vec![Reserved::default()]).expect("one place");
        let share = Arc::new(quotas).admit(0, 1 << 60).expect("a place");
        assert_eq!(share.grow(1, 1 << 60), Ok(1 << 60));
    });
}

#[test]
fn threads_together_get_no_more_than_there_is() {
    let explore = || {
        let quotas = quotas();
        let threads = [FREE, FREE, GOLD].map(|class| {
            let quotas = Arc::clone(&quotas);
            thread::spawn(move || {
                let share = quotas.admit(class, 100).ok()?;
                let more = share.grow(50, 200).unwrap_or(0);
                assert_eq!(share.granted(), 100 + more);
                Some(share)
            })
        });
        let shares = threads.map(|thread| thread.join().expect("no panic"));
        let granted: u64 = shares.iter().flatten().map(Share::granted).sum();
        assert!(granted <= 700, "one promise of 300 has not been called");
        assert!(shares[2].as_ref().is_some_and(|gold| gold.granted() >= 300));
        drop(shares);
        assert_eq!(
            quotas.admit(FREE, 400).map(|share| share.granted()),
            Ok(400)
        );
    };
    shuttle::check_random(explore, 1_000);
}
