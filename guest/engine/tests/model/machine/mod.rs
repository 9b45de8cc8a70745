//! A map and a model that is too simple to be wrong, under the same operations: few
//! keys, tiny limits, a clock that jumps and goes back. The operations come from
//! bytes, so that a test and a fuzzer share all of this.

mod case;
mod clock;
mod model;
mod operation;
mod pair;
mod room;
mod scan;
mod values;
mod writes;

pub(crate) use case::{Case, Scale, Setup};
pub(crate) use operation::{Change, Operation, Wanted, When};
pub(crate) use values::Datum;

use pair::Pair;

/// Does what the case says, and panics where map and model do not agree. Gives the
/// number of operations.
pub(crate) fn run(case: &Case) -> u64 {
    let mut pair = Pair::new(&case.setup);
    for (at, operation) in case.operations.iter().enumerate() {
        pair.perform(operation);
        pair.check(at);
    }
    pair.end();
    pair.performed()
}
