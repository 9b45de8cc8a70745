//! The lifetime of a map. Any holder of its cancel handle can terminate it, at any time and from
//! any thread.

mod calls;
mod stores;

use localmap::{
    CancelHandle, Clock, CreateError, Error, Host, HostOptions, LocalMap, MapOptions,
    MapTerminated, TerminationCause, Ttl,
};
use localmap_tests::provider;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// The limit on work that takes milliseconds. The goal is 20 ms, but this machine also does
/// other work.
const SOON: Duration = Duration::from_secs(2);

fn host() -> &'static Host {
    static HOST: OnceLock<Host> = OnceLock::new();
    HOST.get_or_init(|| Host::new().expect("a host"))
}

/// Creates a host for maps in which the functions with these names have these bodies.
fn host_of(bodies: &[(&str, &str)], start: &str) -> Host {
    let component = wat::parse_str(provider(bodies, start, 1)).expect("valid text");
    Host::with_component(&component, &HostOptions::new()).expect("it fits")
}

const ENDLESS: &str = "(loop $endless (br $endless)) unreachable";

/// A clock that counts when it is dropped, together with the last store that uses it.
struct Watched(Arc<AtomicUsize>);

impl Watched {
    fn options() -> (MapOptions, Arc<AtomicUsize>) {
        let dropped = Arc::new(AtomicUsize::new(0));
        let clock = Self(Arc::clone(&dropped));
        (MapOptions::new().clock(clock), dropped)
    }
}

impl Clock for Watched {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn handles_go_to_other_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<CancelHandle>();
    sync::<CancelHandle>();
    send::<LocalMap>();
    send::<MapTerminated>();
    sync::<MapTerminated>();
    send::<Error>();
    sync::<Error>();
    send::<CreateError>();
    sync::<CreateError>();
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<MapTerminated>();
    error::<TerminationCause>();
    error::<Error>();
    error::<CreateError>();
}

#[test]
fn an_idle_map_is_freed_at_once() {
    let (options, dropped) = Watched::options();
    let mut map = host().map(&options).expect("a map");
    drop(options);
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let handle = map.cancel_handle();
    assert!(!handle.is_cancelled());
    thread::spawn(move || handle.cancel()).join().expect("done");
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert_eq!(map.memory(), 0);
    assert!(map.cancel_handle().is_cancelled());
    let terminated = map.get(b"k").expect_err("it is terminated");
    assert!(matches!(terminated.cause(), TerminationCause::Cancelled));
    assert!(
        terminated.to_string().contains("it was cancelled"),
        "{terminated}"
    );
    // The first cancellation is enough.
    map.cancel_handle().cancel();
    let again = map.len().expect_err("it is terminated");
    assert_eq!(again.at(), terminated.at());
}

#[test]
fn a_dropped_map_is_freed_even_if_its_handle_is_held() {
    let (options, dropped) = Watched::options();
    let map = host().map(&options).expect("a map");
    drop(options);
    let handle = map.cancel_handle();
    drop(map);
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    handle.cancel();
    assert!(handle.is_cancelled());
}

#[test]
fn handles_keep_nothing_alive_and_need_not_be_kept() {
    let (options, dropped) = Watched::options();
    let root = CancelHandle::new();
    let mut map = host()
        .map(&options.cancel_with(&root.child()))
        .expect("a map");
    map.set(b"k", b"v", Ttl::Never).expect("room");
    let root = root.clone();
    root.cancel();
    assert_eq!(dropped.load(Ordering::SeqCst), 1);
    assert!(map.get(b"k").is_err());
}

#[test]
fn cancelling_ends_all_children_and_nothing_else() {
    let root = CancelHandle::new();
    let (left, right) = (root.child(), root.child());
    let map = |handle: &CancelHandle| {
        let options = MapOptions::new().cancel_with(handle);
        host().map(&options).expect("a map")
    };
    let mut maps = [map(&root), map(&left), map(&left), map(&right)];
    let mut alive = || {
        let alive: Vec<bool> = maps.iter_mut().map(|map| map.len().is_ok()).collect();
        <[bool; 4]>::try_from(alive).expect("four")
    };
    left.cancel();
    assert_eq!(alive(), [true, false, false, true]);
    assert!(!root.is_cancelled() && !right.is_cancelled());
    root.cancel();
    assert_eq!(alive(), [false; 4]);
    assert!(right.is_cancelled());
    assert!(root.child().is_cancelled());
}

#[test]
fn a_cancelled_handle_makes_no_maps() {
    let handle = CancelHandle::new();
    handle.cancel();
    let refused = host().map(&MapOptions::new().cancel_with(&handle));
    assert!(matches!(refused, Err(CreateError::Cancelled)));
}
