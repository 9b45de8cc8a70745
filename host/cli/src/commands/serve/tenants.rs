//! A map for each value of a header: which are in use, and since when the others are not.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Instant;

/// The name of a tenant: a value of the header.
pub(super) type Name = Arc<[u8]>;

/// The maps by their names.
pub(super) struct Tenants<M> {
    live: HashMap<Name, Tenant<M>>,
    /// Those that no request uses, those first that have been so for longest.
    idle: BTreeSet<(Instant, Name)>,
}

struct Tenant<M> {
    map: M,
    in_use: usize,
    /// None: it is in use.
    idle_since: Option<Instant>,
}

impl<M> Default for Tenants<M> {
    fn default() -> Self {
        Self {
            live: HashMap::new(),
            idle: BTreeSet::new(),
        }
    }
}

impl<M: Clone> Tenants<M> {
    /// The map of `name` for one more request, to be [given back](Self::give_back). It is
    /// made if there is none, and made anew if it is not usable any more.
    pub(super) fn take<E>(
        &mut self,
        name: &[u8],
        usable: impl FnOnce(&M) -> bool,
        make: impl FnOnce() -> Result<M, E>,
    ) -> Result<(Name, M), E> {
        match self.live.entry(Name::from(name)) {
            Entry::Occupied(mut known) => {
                if !usable(&known.get().map) {
                    known.get_mut().map = make()?;
                }
                let name = Arc::clone(known.key());
                let tenant = known.get_mut();
                tenant.in_use += 1;
                if let Some(since) = tenant.idle_since.take() {
                    self.idle.remove(&(since, Arc::clone(&name)));
                }
                Ok((name, tenant.map.clone()))
            }
            Entry::Vacant(unknown) => {
                let map = make()?;
                let name = Arc::clone(unknown.key());
                unknown.insert(Tenant {
                    map: map.clone(),
                    in_use: 1,
                    idle_since: None,
                });
                Ok((name, map))
            }
        }
    }

    /// A request is done with the map of `name`.
    pub(super) fn give_back(&mut self, name: &Name, now: Instant) {
        if let Some(tenant) = self.live.get_mut(name) {
            tenant.in_use = tenant.in_use.saturating_sub(1);
            if tenant.in_use == 0 {
                tenant.idle_since = Some(now);
                self.idle.insert((now, Arc::clone(name)));
            }
        }
    }

    /// Since when the map has been idle that has been so for longest.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        self.idle.first().map(|(since, _)| *since)
    }

    /// Takes out the maps for which `over` holds of the time since which they are idle.
    pub(super) fn take_idle(&mut self, over: impl Fn(Instant) -> bool) -> Vec<M> {
        let mut taken = Vec::new();
        while self.idle_since().is_some_and(&over) {
            let Some((_, name)) = self.idle.pop_first() else {
                break;
            };
            taken.extend(self.live.remove(&name).map(|tenant| tenant.map));
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::convert::Infallible;
    use std::time::Duration;

    const SECOND: Duration = Duration::from_secs(1);

    fn take(tenants: &mut Tenants<u32>, name: &str, make: u32) -> (Name, u32) {
        let taken = tenants.take(name.as_bytes(), |_| true, || Ok::<_, Infallible>(make));
        taken.expect("it is made")
    }

    #[test]
    fn each_name_has_one_map_for_all_of_its_requests() {
        let mut tenants = Tenants::default();
        assert_eq!(take(&mut tenants, "a", 1).1, 1);
        assert_eq!(take(&mut tenants, "b", 2).1, 2);
        assert_eq!(take(&mut tenants, "a", 3).1, 1);
        assert_eq!(take(&mut tenants, "", 4).1, 4);
    }

    #[test]
    fn a_map_is_idle_when_its_last_request_is_done() {
        let mut tenants = Tenants::default();
        let start = Instant::now();
        let (name, _) = take(&mut tenants, "a", 1);
        take(&mut tenants, "a", 0);
        tenants.give_back(&name, start);
        assert_eq!(tenants.idle_since(), None);
        tenants.give_back(&name, start + SECOND);
        assert_eq!(tenants.idle_since(), Some(start + SECOND));
        take(&mut tenants, "a", 0);
        assert_eq!(tenants.idle_since(), None);
        assert!(tenants.take_idle(|_| true).is_empty());
    }

    #[test]
    fn what_is_idle_for_long_enough_is_taken_out_and_nothing_else() {
        let mut tenants = Tenants::default();
        let start = Instant::now();
        for (at, name) in (0..).zip(["a", "b", "c", "d"]) {
            let (name, _) = take(&mut tenants, name, at);
            if &*name != b"d" {
                tenants.give_back(&name, start + at * SECOND);
            }
        }
        // Used once more, so that it has just become idle.
        let (a, _) = take(&mut tenants, "a", 9);
        tenants.give_back(&a, start + 5 * SECOND);
        assert_eq!(tenants.idle_since(), Some(start + SECOND));
        assert_eq!(
            tenants.take_idle(|since| since <= start + 2 * SECOND),
            [1, 2]
        );
        assert_eq!(tenants.idle_since(), Some(start + 5 * SECOND));
        assert_eq!(take(&mut tenants, "a", 9).1, 0);
        assert_eq!(take(&mut tenants, "b", 9).1, 9);
        assert_eq!(take(&mut tenants, "d", 9).1, 3);
    }

    #[test]
    fn what_is_not_usable_is_made_anew_for_later_requests() {
        let mut tenants = Tenants::default();
        let (name, _) = take(&mut tenants, "a", 1);
        let anew = tenants.take(b"a", |_| false, || Ok::<_, Infallible>(2));
        assert_eq!(anew.expect("it is made").1, 2);
        assert_eq!(take(&mut tenants, "a", 3).1, 2);
        for _ in 0..3 {
            assert_eq!(tenants.idle_since(), None);
            tenants.give_back(&name, Instant::now());
        }
        assert_eq!(tenants.take_idle(|_| true), [2]);
    }

    #[test]
    fn what_cannot_be_made_leaves_all_as_it_was() {
        let mut tenants = Tenants::<u32>::default();
        assert_eq!(tenants.take(b"a", |_| true, || Err("full")), Err("full"));
        let (name, _) = take(&mut tenants, "a", 1);
        tenants.give_back(&name, Instant::now());
        assert_eq!(tenants.take(b"a", |_| false, || Err("full")), Err("full"));
        assert_eq!(tenants.take_idle(|_| true), [1]);
    }
}
