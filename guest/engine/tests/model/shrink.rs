//! Shrinks a failing case as far as possible.

use std::any::Any;
use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::machine::{self, Case, Tally};

thread_local! {
    /// Whether panics of this thread are expected and therefore not printed.
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Runs a case. Returns what was done, or why it failed.
pub(crate) fn attempt(case: &Case) -> Result<Tally, String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if QUIET.get() {
                let place = info.location().map(ToString::to_string);
                PLACE.set(place.unwrap_or_default());
            } else {
                before(info);
            }
        }));
    });
    QUIET.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| machine::run(case)));
    QUIET.set(false);
    outcome.map_err(|fault| format!("{}, at {}", text(&*fault), PLACE.take()))
}

thread_local! {
    /// The location of the last panic of this thread.
    static PLACE: Cell<String> = const { Cell::new(String::new()) };
}

fn text(fault: &(dyn Any + Send)) -> &str {
    let text = fault.downcast_ref::<String>().map(String::as_str);
    text.or(fault.downcast_ref::<&str>().copied())
        .unwrap_or("a panic")
}

/// Removes operations for as long as the case still fails, and prints the rest.
pub(crate) fn explain(mut case: Case) -> String {
    let mut fault = attempt(&case).err();
    let mut size = case.operations.len();
    while size > 0 {
        let (mut at, mut dropped) = (0, false);
        while at < case.operations.len() {
            let mut less = case.clone();
            let end = case.operations.len().min(at + size);
            less.operations.drain(at..end);
            match attempt(&less) {
                Err(found) => {
                    (fault, case, dropped) = (Some(found), less, true);
                }
                Ok(_) => at += size,
            }
        }
        // One at a time, until none can be removed.
        size = if size == 1 && dropped { 1 } else { size / 2 };
    }
    let fault = fault.unwrap_or_else(|| "it does not fail again".to_owned());
    format!("{fault}\n\n#[test]\nfn name_what_it_shows() {{\n{case}}}\n")
}
