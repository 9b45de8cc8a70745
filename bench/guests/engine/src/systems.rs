//! The systems, numbered as in `bench/src/subject.rs`.

use crate::boxed::{Boxed, InPlace, Words};
use crate::clock::{self, Cell, System as SystemClock};
use crate::ours::Ours;
#[cfg(not(target_arch = "wasm32"))]
use crate::peers::{MiniMoka, Moka};
#[cfg(not(target_arch = "wasm32"))]
use crate::quick::{QuickSync, QuickUnsync};
use bench_loops::{Loops, Plan, Runner};
use std::hint::black_box;

/// Creates an empty map of the system with this number. Returns `None` if there is no such system.
pub(crate) fn make(system: u32, plan: Plan) -> Option<Box<dyn Runner>> {
    clock::set(black_box(1_000));
    Some(match system {
        0 => Loops::boxed(Ours::<Cell>::new(plan), plan),
        1 => Loops::boxed(Boxed::<Cell>::new(plan), plan),
        2 => Loops::boxed(Words::<Cell>::new(plan), plan),
        3 => Loops::boxed(InPlace::<Cell>::new(plan), plan),
        4 => Loops::boxed(Ours::<SystemClock>::new(plan), plan),
        5 => Loops::boxed(Boxed::<SystemClock>::new(plan), plan),
        #[cfg(not(target_arch = "wasm32"))]
        6 => Loops::boxed(Moka::new(plan), plan),
        #[cfg(not(target_arch = "wasm32"))]
        7 => Loops::boxed(QuickSync::<Cell>::new(plan), plan),
        #[cfg(not(target_arch = "wasm32"))]
        8 => Loops::boxed(QuickUnsync::<Cell>::new(plan), plan),
        #[cfg(not(target_arch = "wasm32"))]
        9 => Loops::boxed(MiniMoka::new(plan), plan),
        #[cfg(not(target_arch = "wasm32"))]
        10 => Loops::boxed(QuickSync::<SystemClock>::new(plan), plan),
        #[cfg(not(target_arch = "wasm32"))]
        11 => Loops::boxed(QuickUnsync::<SystemClock>::new(plan), plan),
        _ => return None,
    })
}
