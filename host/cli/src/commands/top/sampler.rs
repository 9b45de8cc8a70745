//! Reads samples from an admin address.

use super::address::Address;
use super::answer::{Maps, Sample, Stats};
use super::client::{self, ClientError, encode};
use super::table::Order;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// The number of rows of an answer, which is the maximum of the server.
const MAX_ROWS: usize = 1_000;

/// Which rows are read, and in what order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) order: Order,
    pub(super) filter: String,
}

impl Query {
    /// Returns the query of `/maps`.
    fn text(&self) -> String {
        let order = match self.order.descends() {
            true => "desc",
            false => "asc",
        };
        let sort = self.order.column.server_sort();
        let filter = match self.filter.as_str() {
            "" => String::new(),
            filter => format!("&filter={}", encode(filter)),
        };
        format!("?sort={sort}&order={order}{filter}&limit={MAX_ROWS}")
    }
}

/// Reads one sample.
pub(super) fn sample(address: &Address, query: &Query) -> Result<Sample, ClientError> {
    let stats: Stats = client::get(address, "/stats", "")?;
    let maps: Maps = client::get(address, "/maps", &query.text())?;
    Ok(Sample { stats, maps })
}

/// Starts a thread that passes a sample on in each interval, and at once when the query changes. It ends
/// when the returned sender is dropped.
pub(super) fn start(
    address: Address,
    mut query: Query,
    interval: Duration,
    pass: impl Fn(Query, Result<Sample, ClientError>) + Send + 'static,
) -> Sender<Query> {
    let (sender, queries) = channel();
    thread::spawn(move || {
        let mut due = Instant::now() + interval;
        while wait(&queries, due, &mut query) {
            due = Instant::now() + interval;
            pass(query.clone(), sample(&address, &query));
        }
    });
    sender
}

/// Waits until the next sample is due. Returns `false` if nobody wants one any more.
fn wait(queries: &Receiver<Query>, due: Instant, query: &mut Query) -> bool {
    let left = due.saturating_duration_since(Instant::now());
    match queries.recv_timeout(left) {
        Ok(next) => {
            // Only the last of several keys counts.
            *query = queries.try_iter().last().unwrap_or(next);
            true
        }
        Err(RecvTimeoutError::Timeout) => true,
        Err(RecvTimeoutError::Disconnected) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::top::table::Column;

    #[test]
    fn a_query_has_the_order_and_the_filter() {
        let mut query = Query {
            order: Order {
                column: Column::Bytes,
                reversed: false,
            },
            filter: String::new(),
        };
        assert_eq!(query.text(), "?sort=bytes&order=desc&limit=1000");
        query.order.column = Column::Name;
        query.filter = "a&b".to_owned();
        assert_eq!(query.text(), "?sort=name&order=asc&filter=a%26b&limit=1000");
        query.order.reversed = true;
        assert_eq!(
            query.text(),
            "?sort=name&order=desc&filter=a%26b&limit=1000"
        );
    }
}
