//! The open connections. When there is no room for one more, the one that is idle for longest is closed.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// The open connections.
pub(super) struct Connections {
    max: usize,
    /// How long a connection is kept at least, since its first request may be on its way.
    grace: Duration,
    open: Mutex<Open>,
    /// A connection has become idle, or has ended.
    changed: Notify,
}

#[derive(Default)]
struct Open {
    by_number: BTreeMap<u64, Connection>,
    /// The number of the last connection.
    last: u64,
}

struct Connection {
    /// Since when no request runs, or `None` while one does.
    idle: Option<Instant>,
    /// Dropped to close the connection.
    #[expect(dead_code, reason = "the connection is closed when it is dropped")]
    close: oneshot::Sender<()>,
}

/// The place of a connection. Dropping it makes room for another one.
pub(super) struct Place {
    connections: Arc<Connections>,
    number: u64,
}

/// A request that runs, until its response has been taken for sending. Its connection is not closed.
pub(super) struct Running {
    connections: Arc<Connections>,
    number: u64,
}

impl Open {
    /// Closes the connection that is idle for longest, if one is idle for `grace`.
    fn close_idlest(&mut self, grace: Duration) {
        let idle = self.by_number.iter();
        let idle = idle.filter_map(|(number, found)| Some((found.idle?, *number)));
        if let Some((since, number)) = idle.min()
            && since.elapsed() >= grace
        {
            self.by_number.remove(&number);
        }
    }
}

impl Connections {
    /// Returns room for `max` connections.
    pub(super) fn new(max: usize, grace: Duration) -> Arc<Self> {
        Arc::new(Self {
            max,
            grace,
            open: Mutex::default(),
            changed: Notify::new(),
        })
    }

    /// Returns a place, and a receiver that ends when its connection must be closed. Waits only while each
    /// connection runs a request, or has just been opened or used.
    pub(super) async fn place(self: &Arc<Self>) -> (Place, oneshot::Receiver<()>) {
        loop {
            if let Some(place) = self.try_place() {
                return place;
            }
            // A connection that has been idle for long enough does not notify.
            let _ = timeout(self.grace, self.changed.notified()).await;
        }
    }

    fn try_place(self: &Arc<Self>) -> Option<(Place, oneshot::Receiver<()>)> {
        let mut open = self.lock();
        if open.by_number.len() >= self.max {
            open.close_idlest(self.grace);
        }
        if open.by_number.len() >= self.max {
            return None;
        }
        open.last += 1;
        let number = open.last;
        let (close, closed) = oneshot::channel();
        let idle = Some(Instant::now());
        open.by_number.insert(number, Connection { idle, close });
        let connections = Arc::clone(self);
        Some((
            Place {
                connections,
                number,
            },
            closed,
        ))
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Begins a request.
    pub(super) fn begin(&self) -> Running {
        if let Some(connection) = self.connections.lock().by_number.get_mut(&self.number) {
            connection.idle = None;
        }
        Running {
            connections: Arc::clone(&self.connections),
            number: self.number,
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.lock().by_number.remove(&self.number);
        self.connections.changed.notify_one();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(connection) = self.connections.lock().by_number.get_mut(&self.number) {
            connection.idle = Some(Instant::now());
        }
        self.connections.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::runtime;

    #[test]
    fn the_connection_that_is_idle_for_longest_makes_room() {
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        runtime.expect("a runtime").block_on(async {
            let connections = Connections::new(3, Duration::ZERO);
            let (first, mut first_closed) = connections.place().await;
            let (second, mut second_closed) = connections.place().await;
            let (third, mut third_closed) = connections.place().await;
            let running = second.begin();
            drop(first.begin());
            // The third one has never sent a request.
            let (fourth, _closed) = connections.place().await;
            assert!(
                third_closed
                    .try_recv()
                    .is_err_and(|error| is_closed(&error))
            );
            assert!(
                first_closed
                    .try_recv()
                    .is_err_and(|error| !is_closed(&error))
            );
            drop(third);
            let both = [first.begin(), fourth.begin()];
            assert!(connections.try_place().is_none(), "each of them runs");
            drop(running);
            assert!(connections.try_place().is_some());
            assert!(
                second_closed
                    .try_recv()
                    .is_err_and(|error| is_closed(&error))
            );
            drop(both);
            drop((first, second, fourth));
            assert!(connections.lock().by_number.is_empty());
        });
    }

    fn is_closed(error: &oneshot::error::TryRecvError) -> bool {
        *error == oneshot::error::TryRecvError::Closed
    }
}
