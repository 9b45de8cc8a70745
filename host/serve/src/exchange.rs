//! The state of a request, from its headers to the end of its response and of its guest.

use crate::guest_body::Transmission;
use crate::log::{LogSink, RequestLine, RequestRecord};
use crate::outgoing::HttpReporter;
use crate::request_body::Upload;
use hyper::{Method, Request, StatusCode};
use localmap::lock;
use localmap_telemetry as telemetry;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The state of a request. The response and the guest each hold one side of it. When both have
/// ended, the request is reported.
pub(crate) struct Exchange {
    /// The log, if the request is to be reported.
    log: Option<Arc<dyn LogSink>>,
    at: SystemTime,
    began: Instant,
    peer: SocketAddr,
    id: u64,
    line: RequestLine,
    /// The body of the request.
    upload: Upload,
    /// What the connection has sent, if its server reports it.
    sent: Option<Sent>,
    state: Mutex<State>,
}

/// The number of bytes that a connection has sent.
#[derive(Clone, Default)]
pub(crate) struct Sent(Arc<AtomicU64>);

impl Sent {
    pub(crate) fn add(&self, bytes: usize) {
        self.0.fetch_add(bytes as u64, Ordering::AcqRel);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// The reason why there is no response if nobody waits for it.
const LEFT: &str = "the client disconnected before the response";

struct State {
    response: ResponseState,
    guest: GuestState,
    map: Option<String>,
    cause: Option<String>,
    backtrace: Option<String>,
    /// The number of the first request of the instance, if instances are reused.
    instance: Option<u64>,
    /// Wakes the task that waits for more of the response, if the guest fails.
    waiting: Option<Waker>,
    /// Tells the guest whether its response has been sent, if it may want to know.
    transmission: Option<Transmission>,
    /// The request for telemetry, until its response has ended.
    observed: Option<telemetry::Request>,
}

enum ResponseState {
    /// The response has not begun.
    Awaited,
    /// The headers have been, or are being, sent to the client. The connection had sent this much
    /// before, if that is known.
    Begun(StatusCode, Option<u64>),
    /// The last byte has been sent, or the response was cut off, after this time.
    Ended(StatusCode, Duration),
    /// No byte of the response has been sent.
    Abandoned,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum GuestState {
    NotCalled,
    Running,
    Completed,
    /// The guest failed. If the response has begun, it must not look complete.
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
    /// Creates the state of a request from its headers. Returns the side of the response. `observed`
    /// is the request for telemetry, if there is any.
    pub(crate) fn begin<B>(
        log: Option<&Arc<dyn LogSink>>,
        peer: SocketAddr,
        id: u64,
        sent: Option<&Sent>,
        request: &Request<B>,
        upload: Upload,
        observed: Option<telemetry::Request>,
    ) -> ResponseSide {
        ResponseSide(Arc::new(Self {
            log: log.cloned(),
            at: SystemTime::now(),
            began: Instant::now(),
            peer,
            id,
            line: RequestLine::of(request),
            upload,
            sent: sent.cloned(),
            state: Mutex::new(State {
                response: ResponseState::Awaited,
                guest: GuestState::NotCalled,
                map: None,
                cause: None,
                backtrace: None,
                instance: None,
                waiting: None,
                transmission: None,
                observed,
            }),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Changes the state. Reports the request if `change` returns `true` to end a side, and the
    /// other side has already ended.
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

    /// Returns the record of a request that has no result yet.
    fn begun(&self, state: &State) -> RequestRecord {
        RequestRecord {
            request: Some(self.line.clone()),
            id: Some(self.id),
            map: state.map.clone(),
            instance: state.instance,
            ..RequestRecord::new(self.at, self.peer)
        }
    }

    fn record(&self, state: &State) -> RequestRecord {
        let (status, took, left) = match state.response {
            ResponseState::Ended(status, took) => (Some(status), took, None),
            _ => (None, self.began.elapsed(), Some(LEFT.to_owned())),
        };
        RequestRecord {
            status,
            took: Some(took),
            cause: state.cause.clone().or(left),
            backtrace: state.backtrace.clone(),
            ..self.begun(state)
        }
    }
}

/// The side of the response. Dropping it before [`complete`](Self::complete) ends the response
/// early.
pub(crate) struct ResponseSide(Arc<Exchange>);

impl ResponseSide {
    /// Returns `true` if the response consists only of headers.
    pub(crate) fn is_head(&self) -> bool {
        self.0.line.method == Method::HEAD
    }

    /// Returns `true` if the body of the request has ended early, which its guest has noticed.
    pub(crate) fn is_upload_cut(&self) -> bool {
        self.0.upload.is_cut()
    }

    /// Records the map of the request, if it has one.
    pub(crate) fn set_map(&self, map: Option<String>) {
        self.0.state().map = map;
    }

    /// Records the tenant of the request, for telemetry.
    pub(crate) fn set_tenant(&self, tenant: &[u8]) {
        if let Some(observed) = &mut self.0.state().observed {
            observed.set_tenant(tenant);
        }
    }

    /// Records the reason why the guest's response is replaced.
    pub(crate) fn set_cause(&self, cause: &str) {
        self.0.state().cause = Some(cause.to_owned());
    }

    /// Records an additional reason why a response cannot continue.
    pub(crate) fn add_cause(&self, cause: &str) {
        self.0.state().add_cause(cause);
    }

    /// Records that the response begins with this status.
    pub(crate) fn set_status(&self, status: StatusCode) {
        let before = self.0.sent.as_ref().map(Sent::get);
        self.0.state().response = ResponseState::Begun(status, before);
    }

    /// Sets what tells the guest whether its response has been sent.
    pub(crate) fn set_transmission(&self, transmission: Option<Transmission>) {
        self.0.state().transmission = transmission;
    }

    /// Returns a function that reports failures of requests that the guest sends, if there is a
    /// log.
    pub(crate) fn http_reporter(&self) -> Option<HttpReporter> {
        let log = self.0.log.clone()?;
        let exchange = Arc::clone(&self.0);
        Some(Arc::new(move |failure| {
            let record = exchange.begun(&exchange.state());
            log.http_failed(&record, failure);
        }))
    }

    /// Records that the guest is called. Returns the side of the guest.
    pub(crate) fn call_guest(&self) -> GuestSide {
        self.0.state().guest = GuestState::Running;
        GuestSide(Arc::clone(&self.0))
    }

    /// Returns `true` while the guest is running.
    pub(crate) fn guest_runs(&self) -> bool {
        self.0.state().guest == GuestState::Running
    }

    /// Returns `true` if the guest has failed, so that its response must not look complete.
    pub(crate) fn guest_failed(&self) -> bool {
        self.0.state().guest == GuestState::Failed
    }

    /// Returns `true` if the guest has failed, although it may write more. Otherwise, the task is
    /// woken if the guest fails.
    pub(crate) fn poll_guest_failed(&self, context: &Context<'_>) -> bool {
        let mut state = self.0.state();
        let failed = state.guest == GuestState::Failed;
        state.waiting = (!failed).then(|| context.waker().clone());
        failed
    }

    /// Records that the last byte of the response has been sent.
    pub(crate) fn complete(&self) {
        self.end(None);
    }

    /// Ends the response early because the client has disconnected.
    pub(crate) fn abandon(&self) {
        self.end(Some(
            "the client disconnected before the end of the response",
        ));
    }

    fn end(&self, early: Option<&str>) {
        let took = self.0.began.elapsed();
        let sent = self.0.sent.as_ref().map(Sent::get);
        self.0.end(|state| {
            if let Some(transmission) = state.transmission.take() {
                transmission.end(early.is_none());
            }
            // Dropping it says that the response was cut off.
            if let Some(observed) = state.observed.take()
                && let (None, ResponseState::Begun(status, _)) = (early, &state.response)
            {
                observed.end(status.as_u16());
            }
            state.response = match state.response {
                ResponseState::Begun(_, Some(before))
                    if early.is_some() && sent == Some(before) =>
                {
                    ResponseState::Abandoned
                }
                ResponseState::Begun(status, _) => {
                    if let (None, Some(cause)) = (&state.cause, early) {
                        state.add_cause(cause);
                    }
                    ResponseState::Ended(status, took)
                }
                ResponseState::Awaited => {
                    // The guest may fail because of this.
                    if state.cause.is_none() {
                        state.add_cause(LEFT);
                    }
                    ResponseState::Abandoned
                }
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

/// The side of the guest. Dropping it before [`end`](Self::end) marks the guest as failed.
pub(crate) struct GuestSide(Arc<Exchange>);

impl GuestSide {
    /// Records the backtrace of a guest that has failed.
    pub(crate) fn set_backtrace(&self, backtrace: Option<String>) {
        self.0.state().backtrace = backtrace;
    }

    /// Records the first request of the instance that answers this one.
    pub(crate) fn set_instance(&self, first: u64) {
        self.0.state().instance = Some(first);
    }

    /// Ends the side of the guest. `failed` is the reason if the guest has failed.
    pub(crate) fn end(&self, failed: Option<&str>) {
        self.0.end(|state| {
            if state.guest != GuestState::Running {
                return false;
            }
            state.guest = match failed {
                None => GuestState::Completed,
                Some(cause) => {
                    state.add_cause(cause);
                    if let Some(waiting) = state.waiting.take() {
                        waiting.wake();
                    }
                    GuestState::Failed
                }
            };
            true
        });
    }
}

impl Drop for GuestSide {
    fn drop(&mut self) {
        // Its task has panicked, or has ended with the runtime.
        let cause = match thread::panicking() {
            true => "the host failed",
            false => "the server was stopped",
        };
        self.end(Some(cause));
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
        begin_after(None)
    }

    fn begin_after(sent: Option<&Sent>) -> (Arc<Reports>, ResponseSide) {
        let reports = Arc::new(Reports::default());
        let log: Arc<dyn LogSink> = reports.clone();
        let peer = ([127, 0, 0, 1], 1).into();
        (
            reports,
            Exchange::begin(
                Some(&log),
                peer,
                7,
                sent,
                &Request::new(()),
                Upload::default(),
                None,
            ),
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
                "the client disconnected before the end of the response"
            } else {
                "the server was stopped"
            };
            assert_eq!(cause, Some(expected));
        }
    }

    #[test]
    fn a_panic_is_a_failure_of_the_host() {
        let (reports, response) = begin();
        let guest = response.call_guest();
        let panicked = thread::spawn(move || {
            let _guest = guest;
            std::panic::resume_unwind(Box::new(()));
        });
        assert!(panicked.join().is_err());
        response.complete();
        drop(response);
        assert_eq!(
            lock(&reports.0)[0].cause.as_deref(),
            Some("the host failed")
        );
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
        assert_eq!(reports[0].id, Some(7));
        assert_eq!(reports[0].cause.as_deref(), Some("refused"));
    }

    #[test]
    fn a_response_of_which_no_byte_was_sent_has_no_status() {
        for (before, during, status) in [(0, 0, None), (9, 0, None), (9, 1, Some(StatusCode::OK))] {
            let sent = Sent::default();
            sent.add(before);
            let (reports, response) = begin_after(Some(&sent));
            response.set_status(StatusCode::OK);
            sent.add(during);
            drop(response);
            assert_eq!(lock(&reports.0)[0].status, status);
        }
    }

    #[test]
    fn a_client_that_leaves_before_the_response_is_the_first_cause() {
        for (failed, cause) in [
            (None, LEFT.to_owned()),
            (
                Some("the guest trapped"),
                format!("{LEFT}; the guest trapped"),
            ),
        ] {
            let (reports, response) = begin();
            let guest = response.call_guest();
            drop(response);
            guest.end(failed);
            let reports = lock(&reports.0);
            assert_eq!(reports[0].status, None);
            assert_eq!(reports[0].cause, Some(cause));
        }
    }
}
