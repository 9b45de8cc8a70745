//! Where a viewer draws the spans of a tenant: in lanes, on which spans lie next to each other or inside
//! of each other, but never across.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

/// When a span began and ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Interval {
    pub(crate) began: u64,
    pub(crate) ended: u64,
}

/// Places intervals that come in the order of their beginnings: each on the first lane that is free.
#[derive(Default)]
struct Scheduler {
    /// When the lanes in use become free.
    busy: BinaryHeap<Reverse<(u64, usize)>>,
    free: BinaryHeap<Reverse<usize>>,
    lanes: usize,
}

impl Scheduler {
    fn place(&mut self, interval: Interval) -> usize {
        while let Some(&Reverse((ended, lane))) = self.busy.peek() {
            if ended > interval.began {
                break;
            }
            self.busy.pop();
            self.free.push(Reverse(lane));
        }
        let lane = match self.free.pop() {
            Some(Reverse(lane)) => lane,
            None => {
                self.lanes += 1;
                self.lanes - 1
            }
        };
        self.busy.push(Reverse((interval.ended, lane)));
        lane
    }
}

/// The lanes of the spans of one tenant.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Lanes {
    /// The lane of each request.
    pub(crate) requests: Vec<usize>,
    /// The lane of each operation, after those of requests if it is not within its request.
    pub(crate) operations: Vec<usize>,
    /// The number of lanes with requests.
    pub(crate) request_lanes: usize,
    /// The number of all lanes.
    pub(crate) lanes: usize,
}

/// Assigns lanes to requests, each with its number, and to operations, each with the number of its
/// request or 0. Both come in the order of their beginnings.
///
/// An operation lies on the lane of its request, unless another one of the same request is running at
/// its beginning, or the request has ended before it.
pub(crate) fn assign(requests: &[(Interval, u64)], operations: &[(Interval, u64)]) -> Lanes {
    let mut scheduler = Scheduler::default();
    let mut result = Lanes::default();
    // Of each request: its end, its lane, and from when on its next operation may begin.
    let mut by_number = HashMap::with_capacity(requests.len());
    for (interval, number) in requests {
        let lane = scheduler.place(*interval);
        result.requests.push(lane);
        by_number.insert(*number, (interval.ended, lane, interval.began));
    }
    result.request_lanes = scheduler.lanes;
    let mut others = Scheduler::default();
    for (interval, caller) in operations {
        let lane = match by_number.get_mut(caller) {
            Some((ended, lane, next)) if interval.began >= *next && interval.ended <= *ended => {
                *next = interval.ended;
                *lane
            }
            _ => result.request_lanes + others.place(*interval),
        };
        result.operations.push(lane);
    }
    result.lanes = result.request_lanes + others.lanes;
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(spans: &[(u64, u64, u64)]) -> Vec<(Interval, u64)> {
        let interval = |&(began, ended, number)| (Interval { began, ended }, number);
        spans.iter().map(interval).collect()
    }

    #[test]
    fn requests_that_overlap_are_on_different_lanes() {
        let requests = spans(&[
            (0, 10, 1),
            (5, 20, 2),
            (10, 12, 3),
            (11, 30, 4),
            (20, 25, 5),
        ]);
        let lanes = assign(&requests, &[]);
        assert_eq!(lanes.requests, [0, 1, 0, 2, 0]);
        assert_eq!((lanes.request_lanes, lanes.lanes), (3, 3));
    }

    #[test]
    fn operations_are_on_the_lane_of_their_request() {
        let requests = spans(&[(0, 10, 1), (5, 20, 2)]);
        let operations = spans(&[(1, 2, 1), (2, 10, 1), (5, 5, 2), (5, 6, 2), (6, 20, 2)]);
        assert_eq!(assign(&requests, &operations).operations, [0, 0, 1, 1, 1]);
    }

    #[test]
    fn operations_across_each_other_or_without_request_have_lanes_of_their_own() {
        let requests = spans(&[(5, 10, 1)]);
        let operations = spans(&[
            // Before its request, with no request, of one that is not known.
            (4, 6, 1),
            (4, 5, 0),
            (5, 7, 9),
            (6, 9, 1),
            // Within another one of the same request, and after its end.
            (7, 8, 1),
            (9, 11, 1),
        ]);
        let lanes = assign(&requests, &operations);
        assert_eq!(lanes.operations, [1, 2, 2, 0, 1, 1]);
        assert_eq!((lanes.request_lanes, lanes.lanes), (1, 3));
    }
}
