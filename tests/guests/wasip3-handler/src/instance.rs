//! What requests in one instance share.

use std::cell::{Cell, RefCell};

use localmap_client::{LocalMap, Ttl};
use wasip3::clocks::monotonic_clock::wait_for;
use wasip3::wit_bindgen::{backpressure_dec, backpressure_inc};

use crate::message::say;
use crate::{Answer, sleep};

thread_local! {
    /// The number of requests that this instance has begun to answer.
    static BEGUN: Cell<u32> = const { Cell::new(0) };
    /// The number of requests whose `handle` runs.
    static HERE: Cell<u32> = const { Cell::new(0) };
    static LEAKED: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// A request whose `handle` runs.
pub(crate) struct Here;

pub(crate) fn enter() -> Here {
    BEGUN.set(BEGUN.get() + 1);
    HERE.set(HERE.get() + 1);
    Here
}

impl Drop for Here {
    fn drop(&mut self) {
        HERE.set(HERE.get() - 1);
    }
}

pub(crate) async fn run(args: &[&str]) -> Answer {
    match *args {
        // The number of this request in its instance, from 1.
        ["nth"] => say(BEGUN.get().to_string()),
        // The size of the memory, in pages.
        ["memory"] => say(memory_pages().to_string()),
        // Waits until so many requests are in this instance at the same time.
        ["meet", requests] => {
            let requests = requests.parse().expect("a number");
            while HERE.get() < requests {
                let _: u32 = requests;
                wait_for(1_000_000).await;
            }
            // So that the others see it too.
            wait_for(20_000_000).await;
            say("met")
        }
        // Reads, waits and writes one more than it was, which loses the writes of others.
        ["lost-update", millis] => {
            let map = LocalMap::new();
            let value = map.get("n").unwrap_or_default();
            let n = value.try_into().map(i64::from_le_bytes).unwrap_or_default();
            sleep(millis).await;
            map.set("n", (n + 1).to_le_bytes(), Ttl::Never)
                .expect("room");
            say((n + 1).to_string())
        }
        // Allocates memory, and keeps it until the instance ends.
        ["leak", mebibytes] => {
            let mebibytes: usize = mebibytes.parse().expect("a number");
            LEAKED.with_borrow_mut(|all| all.push(vec![1; mebibytes << 20]));
            say("leaked")
        }
        // Lets no other request into the instance while it waits.
        ["serial", millis] => {
            backpressure_inc();
            sleep(millis).await;
            backpressure_dec();
            say(HERE.get().to_string())
        }
        _ => crate::run(args).await,
    }
}

#[cfg(target_arch = "wasm32")]
fn memory_pages() -> usize {
    core::arch::wasm32::memory_size(0)
}

#[cfg(not(target_arch = "wasm32"))]
fn memory_pages() -> usize {
    0
}
