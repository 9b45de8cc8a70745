//! The open connections: their number, and which of them makes place for another one.

use crate::activity::Activity;
use localmap::lock;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

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
}

/// An open connection, until this is dropped.
pub(crate) struct Open {
    id: u64,
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
    /// is asked to end. Returns `None` if none is idle, or if as many as there may be are ending.
    pub(crate) fn open(&self) -> Option<Open> {
        let mut rows = lock(&self.table.connections);
        if rows.open.len() >= self.max {
            if rows.dismissed >= self.max {
                return None;
            }
            let idle = rows.open.iter();
            let idle = idle.filter_map(|(id, activity)| Some((activity.idle_since()?, *id)));
            let (_, idlest) = idle.min()?;
            if let Some(activity) = rows.open.remove(&idlest) {
                rows.dismissed += 1;
                activity.dismiss();
            }
        }
        rows.last += 1;
        let (id, activity) = (rows.last, Arc::new(Activity::default()));
        rows.open.insert(id, Arc::clone(&activity));
        Some(Open {
            id,
            activity,
            table: Arc::clone(&self.table),
        })
    }

    /// Returns the number of connections.
    pub(crate) fn open_count(&self) -> usize {
        let rows = lock(&self.table.connections);
        rows.open.len() + rows.dismissed
    }

    /// Returns the number of running calls, and of connections without any.
    pub(crate) fn running(&self) -> usize {
        let rows = lock(&self.table.connections);
        let running = rows.open.values().map(|activity| activity.running().max(1));
        running.sum::<usize>() + rows.dismissed
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

    pub(crate) fn activity(&self) -> &Arc<Activity> {
        &self.activity
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let mut rows = lock(&self.table.connections);
        if rows.open.remove(&self.id).is_none() {
            rows.dismissed = rows.dismissed.saturating_sub(1);
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
        let call = one.activity().begin();
        let three = connections.open().expect("the place of an idle one");
        assert!(is_dismissed(&two) && !is_dismissed(&one));
        assert_eq!((three.id(), connections.open_count()), (3, 3));
        drop(two);
        assert_eq!(connections.open_count(), 2);
        let other = three.activity().begin();
        assert!(connections.open().is_none(), "none is idle");
        drop((call, other));
        assert!(connections.open().is_some());
    }

    #[test]
    fn connections_that_do_not_end_bound_those_that_are_dismissed() {
        let connections = Connections::new(2);
        let open: Vec<_> = (0..5).map(|_| connections.open()).collect();
        let places: Vec<bool> = open.iter().map(Option::is_some).collect();
        assert_eq!(places, [true, true, true, true, false]);
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
