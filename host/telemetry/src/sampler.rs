//! The thread that notes once a second what tenants hold, while spans are kept.

use crate::shared::Shared;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

const PERIOD: Duration = Duration::from_secs(1);

/// Starts the thread. It ends within a second after the telemetry is gone. If it cannot be started, there
/// are only the samples of the times when traces are written.
pub(crate) fn start(shared: &Arc<Shared>) {
    let shared = Arc::downgrade(shared);
    let thread = thread::Builder::new().name("localmap-trace".to_owned());
    drop(thread.spawn(move || run(&shared)));
}

fn run(shared: &Weak<Shared>) {
    loop {
        thread::sleep(PERIOD);
        let Some(shared) = shared.upgrade() else {
            return;
        };
        shared.sample();
    }
}

impl Shared {
    /// Notes what tenants hold.
    pub(crate) fn sample(&self) {
        self.trace.sample(&self.overview(), &self.names);
    }
}
