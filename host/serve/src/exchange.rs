//! A request, from its headers to the end of its response and of its guest.

use crate::log::{LogSink, RequestLine, RequestRecord};
use hyper::{Method, Request, StatusCode};
use localmap::lock;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

/// A request and its state. The response and the guest each hold a side of it; when both have
/// ended, the request is reported.
pub(crate) struct Exchange {
    /// `None`: nobody wants the report.
    log: Option<Arc<dyn LogSink>>,
    at: SystemTime,
    began: Instant,
    peer: SocketAddr,
    line: RequestLine,
    state: Mutex<State>,
}

struct State {
    response: ResponseState,
    guest: GuestState,
    map: Option<String>,
    cause: Option<String>,
}

enum ResponseState {
    /// It has not begun.
    Awaited,
    /// The client has, or is sent, its headers.
    Begun(StatusCode),
    /// Its last byte is gone, or it was cut off after that time.
    Ended(StatusCode, Duration),
    /// The client left before it began.
    Abandoned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GuestState {
    NotCalled,
    Running,
    Completed,
    /// If the response has begun, it must not look complete.
    Failed,
}

impl State {
    fn is_over(&self) -> bool {
        let response = matches!(
            self.response,
            ResponseState::Ended(..) | ResponseState::Abandoned
        );
        response && self.guest != GuestState::Running
    }

    fn add_cause(&mut self, cause: &str) {
        self.cause = Some(match self.cause.take() {
            Some(first) => format!("{first}; {cause}"),
            None => cause.to_owned(),
        });
    }
}

impl Exchange {
    /// Begins with the headers of a request. Returns the side of its response.
    pub(crate) fn begin<B>(
        log: Option<&Arc<dyn LogSink>>,
        peer: SocketAddr,
        request: &Request<B>,
    ) -> ResponseSide {
        ResponseSide(Arc::new(Self {
            log: log.cloned(),
            at: SystemTime::now(),
            began: Instant::now(),
            peer,
            line: RequestLine {
                method: request.method().clone(),
                uri: request.uri().clone(),
                version: request.version(),
            },
            state: Mutex::new(State {
                response: ResponseState::Awaited,
                guest: GuestState::NotCalled,
                map: None,
                cause: None,
            }),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the state, and reports the request if `change` returns `true`, as the end of a
    /// side does, and that was the later of the two.
    fn end(&self, change: impl FnOnce(&mut State) -> bool) {
        let mut state = self.state();
        if change(&mut state) && state.is_over() {
            let record = self.log.as_ref().map(|log| (log, self.record(&state)));
            drop(state);
            if let Some((log, record)) = record {
                log.request(&record);
            }
        }
    }

    fn record(&self, state: &State) -> RequestRecord {
        let (status, took, left) = match state.response {
            ResponseState::Ended(status, took) => (Some(status), took, None),
            _ => {
                let left = "the client left before the response";
                (None, self.began.elapsed(), Some(left.to_owned()))
            }
        };
        RequestRecord {
            request: Some(self.line.clone()),
            status,
            took: Some(took),
            map: state.map.clone(),
            cause: state.cause.clone().or(left),
            ..RequestRecord::new(self.at, self.peer)
        }
    }
}

/// The side of the response. Dropping it before [`complete`](Self::complete) ends the response
/// early.
pub(crate) struct ResponseSide(Arc<Exchange>);

impl ResponseSide {
    /// Returns `true` if the response has headers only.
    pub(crate) fn is_head(&self) -> bool {
        self.0.line.method == Method::HEAD
    }

    /// Records which map the request has, if it comes to one.
    pub(crate) fn set_map(&self, map: Option<String>) {
        self.0.state().map = map;
    }

    /// Records why the guest's response is replaced.
    pub(crate) fn set_cause(&self, cause: &str) {
        self.0.state().cause = Some(cause.to_owned());
    }

    /// Records one more cause, of a response that cannot go on.
    pub(crate) fn add_cause(&self, cause: &str) {
        self.0.state().add_cause(cause);
    }

    /// Begins the response.
    pub(crate) fn set_status(&self, status: StatusCode) {
        self.0.state().response = ResponseState::Begun(status);
    }

    /// Calls the guest. Returns its side.
    pub(crate) fn call_guest(&self) -> GuestSide {
        self.0.state().guest = GuestState::Running;
        GuestSide(Arc::clone(&self.0))
    }

    /// Returns `true` while the guest runs.
    pub(crate) fn guest_runs(&self) -> bool {
        self.0.state().guest == GuestState::Running
    }

    /// Returns `true` if the guest has failed: its response must not look complete.
    pub(crate) fn guest_failed(&self) -> bool {
        self.0.state().guest == GuestState::Failed
    }

    /// Ends the response with its last byte.
    pub(crate) fn complete(&self) {
        self.end(None);
    }

    /// Ends the response early: the client has left.
    pub(crate) fn abandon(&self) {
        self.end(Some("the client left before the end of the response"));
    }

    fn end(&self, early: Option<&str>) {
        let took = self.0.began.elapsed();
        self.0.end(|state| {
            state.response = match state.response {
                ResponseState::Begun(status) => {
                    if let (None, Some(cause)) = (&state.cause, early) {
                        state.add_cause(cause);
                    }
                    ResponseState::Ended(status, took)
                }
                ResponseState::Awaited => ResponseState::Abandoned,
                ResponseState::Ended(..) | ResponseState::Abandoned => return false,
            };
            true
        });
    }
}

impl Drop for ResponseSide {
    fn drop(&mut self) {
        self.abandon();
    }
}

/// The side of the guest. Dropping it before [`end`](Self::end) fails the guest.
pub(crate) struct GuestSide(Arc<Exchange>);

impl GuestSide {
    /// Ends the guest. `failed`: why, if it has failed.
    pub(crate) fn end(&self, failed: Option<&str>) {
        self.0.end(|state| {
            if state.guest != GuestState::Running {
                return false;
            }
            state.guest = match failed {
                None => GuestState::Completed,
                Some(cause) => {
                    state.add_cause(cause);
                    GuestState::Failed
                }
            };
            true
        });
    }
}

impl Drop for GuestSide {
    fn drop(&mut self) {
        self.end(Some("the host failed"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Default)]
    struct Reports(Mutex<Vec<RequestRecord>>);

    impl LogSink for Reports {
        fn request(&self, record: &RequestRecord) {
            lock(&self.0).push(record.clone());
        }
    }

    fn begin() -> (Arc<Reports>, ResponseSide) {
        let reports = Arc::new(Reports::default());
        let log: Arc<dyn LogSink> = reports.clone();
        let peer = ([127, 0, 0, 1], 1).into();
        (
            reports,
            Exchange::begin(Some(&log), peer, &Request::new(())),
        )
    }

    #[test]
    fn a_request_is_reported_once_when_both_sides_have_ended() {
        for guest_first in [true, false] {
            let (reports, response) = begin();
            let guest = response.call_guest();
            response.set_status(StatusCode::OK);
            if guest_first {
                guest.end(None);
            } else {
                response.complete();
            }
            assert_eq!(lock(&reports.0).len(), 0);
            drop((guest, response));
            let reports = lock(&reports.0);
            assert_eq!(reports.len(), 1);
            let cause = reports[0].cause.as_deref();
            let expected = if guest_first {
                "the client left before the end of the response"
            } else {
                "the host failed"
            };
            assert_eq!(cause, Some(expected));
        }
    }

    #[test]
    fn a_request_without_a_guest_is_reported_when_its_response_ends() {
        let (reports, response) = begin();
        response.set_cause("refused");
        response.set_status(StatusCode::BAD_REQUEST);
        response.complete();
        drop(response);
        let reports = lock(&reports.0);
        assert_eq!(reports.len(), 1);
        assert_eq!(reports[0].status, Some(StatusCode::BAD_REQUEST));
        assert_eq!(reports[0].cause.as_deref(), Some("refused"));
    }

    #[test]
    fn a_client_that_leaves_before_the_response_is_the_cause_unless_the_guest_is() {
        for (failed, cause) in [
            (None, "the client left before the response"),
            (Some("the guest trapped"), "the guest trapped"),
        ] {
            let (reports, response) = begin();
            let guest = response.call_guest();
            drop(response);
            guest.end(failed);
            let reports = lock(&reports.0);
            assert_eq!(reports[0].status, None);
            assert_eq!(reports[0].cause.as_deref(), Some(cause));
        }
    }
}
