//! The open connections: their number, and which of them makes place for another one.

use crate::activity::Activity;
use localmap::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// The places for probes, which are answered also when all connections are busy: a sidecar that seems to
/// be dead would be started again, without its maps.
const PROBES: usize = 4;

/// What a connection may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// All calls, until it ends.
    Client,
    /// Whether the sidecar is serving, for a short time: all places of clients are busy.
    Probe,
}

/// The open connections of a sidecar.
#[derive(Debug)]
pub(crate) struct Connections {
    max: usize,
    table: Arc<Table>,
}

#[derive(Debug, Default)]
struct Table {
    connections: Mutex<Rows>,
    one_ended: Notify,
}

#[derive(Debug, Default)]
struct Rows {
    /// The number of the last connection.
    last: u64,
    open: BTreeMap<u64, Arc<Activity>>,
    /// Connections that were asked to end, and have not ended yet.
    dismissed: usize,
    probes: usize,
}

impl Rows {
    /// Asks the connection that has been idle for longest to end. Returns `false` if none is idle, or if
    /// `max` connections are ending.
    fn dismiss_idlest(&mut self, max: usize) -> bool {
        if self.dismissed >= max {
            return false;
        }
        let idle = self.open.iter();
        let idle = idle.filter_map(|(id, activity)| Some((activity.idle_since()?, *id)));
        let idlest = idle.min().and_then(|(_, id)| self.open.remove(&id));
        if let Some(activity) = &idlest {
            self.dismissed += 1;
            activity.dismiss();
        }
        idlest.is_some()
    }
}

/// An open connection, until this is dropped.
pub(crate) struct Open {
    id: u64,
    place: Place,
    activity: Arc<Activity>,
    table: Arc<Table>,
}

impl Connections {
    /// Creates a table for at most `max` connections.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            max,
            table: Arc::default(),
        }
    }

    /// Waits until another connection can be added, unless all of them are busy.
    pub(crate) async fn settled(&self) {
        loop {
            let one_ended = self.table.one_ended.notified();
            if lock(&self.table.connections).dismissed < self.max {
                return;
            }
            one_ended.await;
        }
    }

    /// Adds a connection. If there are as many as there may be, the one that has been idle for longest
    /// is asked to end. If none is idle, it has the place of a probe. Returns `None` if these are taken,
    /// too.
    pub(crate) fn open(&self) -> Option<Open> {
        let mut rows = lock(&self.table.connections);
        let has_place = rows.open.len() < self.max || rows.dismiss_idlest(self.max);
        let place = match has_place {
            true => Place::Client,
            false if rows.probes < PROBES => Place::Probe,
            false => return None,
        };
        rows.last += 1;
        let (id, activity) = (rows.last, Arc::new(Activity::default()));
        match place {
            Place::Client => {
                rows.open.insert(id, Arc::clone(&activity));
            }
            Place::Probe => rows.probes += 1,
        }
        Some(Open {
            id,
            place,
            activity,
            table: Arc::clone(&self.table),
        })
    }

    /// Asks the connection that has been idle for longest to end, if there is one.
    pub(crate) fn dismiss_idlest(&self) {
        lock(&self.table.connections).dismiss_idlest(self.max);
    }

    /// Returns the number of connections.
    pub(crate) fn open_count(&self) -> usize {
        let rows = lock(&self.table.connections);
        rows.open.len() + rows.dismissed + rows.probes
    }

    /// Returns the number of running calls, and of connections without any.
    pub(crate) fn running(&self) -> usize {
        let rows = lock(&self.table.connections);
        let running = rows
            .open
            .values()
            .map(|activity| activity.running_calls().max(1));
        running.sum::<usize>() + rows.dismissed + rows.probes
    }

    /// Waits until there is no connection.
    pub(crate) async fn ended(&self) {
        loop {
            let one_ended = self.table.one_ended.notified();
            if self.open_count() == 0 {
                return;
            }
            one_ended.await;
        }
    }
}

impl Open {
    /// Returns the number of the connection, counted from 1.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    pub(crate) fn place(&self) -> Place {
        self.place
    }

    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut rows = lock(&self.table.connections);
        match self.place {
            Place::Probe => rows.probes = rows.probes.saturating_sub(1),
            Place::Client if rows.open.remove(&self.id).is_some() => {}
            Place::Client => rows.dismissed = rows.dismissed.saturating_sub(1),
        }
        drop(rows);
        self.table.one_ended.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    fn is_dismissed(open: &Open) -> bool {
        let mut context = Context::from_waker(Waker::noop());
        pin!(open.activity().dismissed())
            .poll(&mut context)
            .is_ready()
    }

    #[test]
    fn the_idlest_connection_makes_place() {
        let connections = Connections::new(2);
        let (one, two) = (connections.open(), connections.open());
        let (one, two) = (one.expect("a place"), two.expect("a place"));
        let call = one.activity().begin(false);
        let three = connections.open().expect("the place of an idle one");
        assert!(is_dismissed(&two) && !is_dismissed(&one));
        assert_eq!((three.id(), connections.open_count()), (3, 3));
        drop(two);
        assert_eq!(connections.open_count(), 2);
        let other = three.activity().begin(false);
        let probe = connections.open().expect("none is idle");
        assert_eq!(probe.place(), Place::Probe);
        drop((call, other));
        let client = connections.open().expect("the place of an idle one");
        assert_eq!(client.place(), Place::Client);
    }

    #[test]
    fn connections_that_do_not_end_bound_those_that_are_dismissed() {
        let connections = Connections::new(2);
        let open: Vec<_> = (0..4).map(|_| connections.open()).collect();
        let probes: Vec<_> = (0..PROBES).map(|_| connections.open()).collect();
        let has = |place| move |open: &Option<Open>| open.as_ref().map(Open::place) == Some(place);
        assert!(open.iter().all(has(Place::Client)));
        assert!(probes.iter().all(has(Place::Probe)));
        assert!(connections.open().is_none());
        drop(probes);
        drop(open);
        assert_eq!(connections.open_count(), 0);
    }

    #[tokio::test]
    async fn the_end_of_all_connections_is_awaited() {
        let connections = Connections::new(2);
        connections.ended().await;
        let open = connections.open();
        let mut ended = pin!(connections.ended());
        let mut context = Context::from_waker(Waker::noop());
        assert!(ended.as_mut().poll(&mut context).is_pending());
        drop(open);
        ended.await;
    }
}
