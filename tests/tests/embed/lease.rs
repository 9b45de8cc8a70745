//! Guards in front of services of HTTP and gRPC: real servers and clients on the loopback interface.

mod grpc;
mod http;

use localmap_lease::{Guard, LockLimits, Locks, Rules};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

/// How long a test waits for an event that must happen, even on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

fn guard(rules: &str) -> Guard {
    let rules = Rules::from_toml(rules).expect("the rules are valid");
    Guard::new(Locks::in_process(rules.lock_limits()), rules)
}

/// Notices if two are in a place for one.
#[derive(Clone, Default)]
struct Place {
    taken: Arc<AtomicBool>,
    violations: Arc<AtomicU32>,
}

impl Place {
    async fn visit(&self) {
        if self.taken.swap(true, Ordering::SeqCst) {
            self.violations.fetch_add(1, Ordering::SeqCst);
        }
        tokio::task::yield_now().await;
        self.taken.store(false, Ordering::SeqCst);
    }

    fn violations(&self) -> u32 {
        self.violations.load(Ordering::SeqCst)
    }
}

/// The default limits are those of a file that sets none.
#[test]
fn limits_of_a_file_have_defaults() {
    let text = "otherwise = \"pass\"\n[[rule]]\npath = \"/\"\nmode = \"pass\"";
    let rules = Rules::from_toml(text).expect("the rules are valid");
    assert_eq!(rules.lock_limits(), LockLimits::default());
}
