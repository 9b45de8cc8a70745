//! The state of an instance that answers several requests: which of them it has, and whether it
//! takes more. The handler and the task of the instance share it.

use crate::exchange::GuestSide;
use crate::failure::Failure;
use crate::lock::WatchedLock;
use crate::outgoing::OnBehalf;
use crate::responder::{Responder, SharedResponder};
use crate::reuse::Reuse;
use hyper::Request;
use hyper::http::uri::Scheme;
use localmap::lock;
use std::collections::VecDeque;
use std::mem::take;
use std::sync::{Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};
use wasmtime_wasi_http::WasiBody;

/// A request for an instance.
pub(crate) struct Job {
    pub(crate) entry: Entry,
    pub(crate) call: JobCall,
}

/// What the guest gets.
pub(crate) struct JobCall {
    pub(crate) scheme: Option<Scheme>,
    pub(crate) request: Request<WasiBody>,
    /// The request on whose behalf it runs.
    pub(crate) of: OnBehalf,
}

/// What a request holds until it ends.
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) side: GuestSide,
    pub(crate) responder: SharedResponder,
    /// What is released when it ends, such as its map.
    pub(crate) held: Box<dyn Send>,
    /// Its lock, if it needs one, which is released after that.
    pub(crate) lock: Option<WatchedLock>,
}

/// The state of an instance.
pub(crate) struct Instance {
    /// The number of the first request.
    id: u64,
    reuse: Reuse,
    timeout: Duration,
    state: Mutex<State>,
}

struct State {
    /// The number of requests that it may still be given.
    left: u32,
    /// The requests that it has not begun.
    queue: VecDeque<Given>,
    /// The requests that it has begun, in their order.
    begun: Vec<Begun>,
    /// Whether the guest computes, or may be about to.
    busy: bool,
    /// Whether the guest has yielded its thread because it has computed for long.
    yielded: bool,
    /// Whether the guest lets no request in for now (`backpressure.inc`).
    blocked: bool,
    /// Whether the guest does nothing.
    quiet: bool,
    /// Whether it takes no more requests, and ends after those that it has.
    closing: bool,
    /// When its last request ended.
    idle_since: Instant,
    /// Wakes the task of the instance.
    waker: Option<Waker>,
}

/// A request that has not begun.
struct Given {
    job: Box<Job>,
    /// When its time is up, or `None` if that is outside the range of the clock.
    deadline: Option<Instant>,
}

/// A request that has begun.
struct Begun {
    entry: Entry,
    deadline: Option<Instant>,
    /// Whether its response has ended. What goes on is work of its guest after that.
    responded: bool,
}

/// What the task of an instance does when the guest waits.
pub(crate) enum Next {
    /// It ends.
    End,
    /// It does nothing until this time, if there is one, unless it is woken.
    Wait(Option<Instant>),
}

impl Entry {
    /// Ends the request, and releases what it holds. A failure must be reported before the store is
    /// dropped, which ends the response.
    fn end(self, failure: Option<Failure>) {
        let Self {
            side,
            responder,
            held,
            lock,
            ..
        } = self;
        side.end(failure.as_ref().map(|failure| failure.cause.as_str()));
        drop(held);
        drop(lock);
        // What the request held is free when its client gets the response.
        responder.end(failure);
    }
}

impl Instance {
    /// Creates the state of an instance for a first request.
    pub(crate) fn new(reuse: Reuse, timeout: Duration, first: Box<Job>) -> Self {
        let instance = Self {
            id: first.entry.id,
            reuse,
            timeout,
            state: Mutex::new(State {
                left: reuse.max_requests(),
                queue: VecDeque::new(),
                begun: Vec::new(),
                busy: false,
                yielded: false,
                blocked: false,
                quiet: false,
                closing: false,
                idle_since: Instant::now(),
                waker: None,
            }),
        };
        // It takes one request at least.
        let _ = instance.give(first);
        instance
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Returns the number of its first request.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// Gives the instance a request, or returns it if the instance takes none now.
    pub(crate) fn give(&self, job: Box<Job>) -> Result<(), Box<Job>> {
        let mut state = self.state();
        let active = state.queue.len() + state.begun.len();
        let full = active >= self.reuse.max_concurrent() as usize;
        if state.closing || state.busy || full || state.left == 0 {
            return Err(job);
        }
        state.left -= 1;
        state.closing = state.left == 0;
        state.busy = true;
        job.entry.side.set_instance(self.id);
        let deadline = Instant::now().checked_add(self.timeout);
        state.queue.push_back(Given { job, deadline });
        state.wake();
        Ok(())
    }

    /// Takes the next request to begin, if there is one: its number, its responder, and what the
    /// guest gets.
    pub(crate) fn begin_next(&self) -> Option<(u64, Responder, JobCall)> {
        let mut state = self.state();
        let Given { job, deadline } = state.queue.pop_front()?;
        state.quiet = false;
        let id = job.entry.id;
        let responder = Responder::Shared(job.entry.responder.clone());
        state.begun.push(Begun {
            entry: job.entry,
            deadline,
            responded: false,
        });
        Some((id, responder, job.call))
    }

    /// Records that the response of a request has ended. The request ends with the work that its
    /// guest does after that, which cannot be told from that of other requests: it ends when the
    /// guest does nothing, or with the next response.
    pub(crate) fn responded(&self, id: u64) {
        let mut state = self.state();
        for begun in &mut state.begun {
            begun.responded |= begun.entry.id == id;
        }
        let quiet = state.quiet;
        let ended = state.take(|begun| begun.responded && (quiet || begun.entry.id != id));
        // The task has to look whether the guest does nothing, or to end.
        if !quiet || state.closing {
            state.wake();
        }
        drop(state);
        end_all(ended, None);
    }

    /// Records whether the guest lets no request in for now, and whether it does nothing.
    pub(crate) fn observe(&self, blocked: bool, quiet: bool) {
        let mut state = self.state();
        state.blocked = blocked;
        state.quiet = quiet;
        let ended = match quiet {
            true => state.take(|begun| begun.responded),
            false => Vec::new(),
        };
        drop(state);
        end_all(ended, None);
    }

    /// Ends a request whose guest has ended.
    pub(crate) fn end(&self, id: u64) {
        let ended = self.state().take(|begun| begun.entry.id == id);
        end_all(ended, None);
    }

    /// Ends all requests because of a failure that ends the instance.
    pub(crate) fn fail(&self, mut failure: Failure) {
        let mut state = self.state();
        state.closing = true;
        let queue = take(&mut state.queue);
        let mut entries: Vec<Entry> = take(&mut state.begun)
            .into_iter()
            .map(|begun| begun.entry)
            .chain(queue.into_iter().map(|given| given.job.entry))
            .collect();
        drop(state);
        let others = match entries.len().saturating_sub(1) {
            0 => String::new(),
            1 => " (its instance had 1 other request)".to_owned(),
            others => format!(" (its instance had {others} other requests)"),
        };
        failure.cause.push_str(&others);
        if let Some(first) = entries.first_mut() {
            first.side.set_backtrace(failure.backtrace.take());
        }
        end_all(entries, Some(&failure));
    }

    /// Drops all requests: the task of the instance has panicked, or has ended with the runtime.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.closing = true;
        let requests = (take(&mut state.queue), take(&mut state.begun));
        drop(state);
        drop(requests);
    }

    /// Ends the requests whose time is up. Then the instance takes no more.
    pub(crate) fn expire(&self) {
        let now = Instant::now();
        let due = |deadline: Option<Instant>| deadline.is_some_and(|deadline| deadline <= now);
        let mut state = self.state();
        let mut expired = state.take(|begun| due(begun.deadline));
        while state.queue.front().is_some_and(|given| due(given.deadline)) {
            expired.extend(state.queue.pop_front().map(|given| given.job.entry));
        }
        state.closing |= !expired.is_empty();
        drop(state);
        end_all(expired, Some(&Failure::timed_out(self.timeout)));
    }

    /// Returns the failure of the instance if one of its requests has lost its lock: the work for that one
    /// cannot be told from that for others, so all of it has to stop. Otherwise, the task is woken if one
    /// does.
    pub(crate) fn lost(&self, context: &mut Context<'_>) -> Option<Failure> {
        let mut state = self.state();
        let State { queue, begun, .. } = &mut *state;
        let entries = begun.iter_mut().map(|begun| &mut begun.entry);
        let waiting = queue.iter_mut().map(|given| &mut given.job.entry);
        let mut locks = entries
            .chain(waiting)
            .filter_map(|entry| entry.lock.as_mut());
        locks.find_map(|lock| match lock.poll_lost(context) {
            Poll::Ready(failure) => Some(failure),
            Poll::Pending => None,
        })
    }

    /// Decides what the task of the instance does now that the guest waits, or has yielded its
    /// thread.
    pub(crate) fn next(&self, context: &Context<'_>) -> Next {
        let mut state = self.state();
        state.busy = take(&mut state.yielded) || state.blocked || !state.queue.is_empty();
        let idle = state.queue.is_empty() && state.begun.is_empty();
        let now = Instant::now();
        // A request can end without the task, which then has to look whether it is idle.
        let since = if idle { state.idle_since } else { now };
        let unused = since.checked_add(self.reuse.idle());
        let until = match (unused, state.first_deadline()) {
            (Some(unused), Some(deadline)) => Some(unused.min(deadline)),
            (unused, deadline) => unused.or(deadline),
        };
        if idle && (state.closing || unused.is_some_and(|unused| unused <= now)) {
            state.closing = true;
            return Next::End;
        }
        let waker = context.waker();
        if !state
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            state.waker = Some(waker.clone());
        }
        Next::Wait(until)
    }

    /// Records that the guest has yielded its thread because it has computed for long.
    pub(crate) fn yielded(&self) {
        self.state().yielded = true;
    }

    /// Ends the instance after the requests that it has.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closing = true;
        state.wake();
    }

    /// Returns when its last request ended, or `None` if it has one, or has begun to end.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state();
        let idle = state.queue.is_empty() && state.begun.is_empty() && !state.closing;
        idle.then_some(state.idle_since)
    }

    /// Returns `true` if it takes no more requests.
    pub(crate) fn is_closing(&self) -> bool {
        self.state().closing
    }
}

impl State {
    /// Takes the requests that have begun and match.
    fn take(&mut self, matches: impl Fn(&Begun) -> bool) -> Vec<Entry> {
        let taken = self.begun.extract_if(.., |begun| matches(begun));
        let taken: Vec<Entry> = taken.map(|begun| begun.entry).collect();
        if !taken.is_empty() {
            self.idle_since = Instant::now();
        }
        taken
    }

    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Returns when the time of the oldest request is up. All have the same time.
    fn first_deadline(&self) -> Option<Instant> {
        match self.begun.first() {
            Some(begun) => begun.deadline,
            None => self.queue.front()?.deadline,
        }
    }
}

/// Ends requests. No lock may be held, as this writes to the log.
fn end_all(entries: Vec<Entry>, failure: Option<&Failure>) {
    for entry in entries {
        entry.end(failure.cloned());
    }
}
