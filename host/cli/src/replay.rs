//! `--clock clf|rfc3339|unix`: the guest's clock is driven by what it reads.
//!
//! Each line of standard input may carry a time stamp. Both WASI clocks stand at the
//! latest stamp that the guest has been given, and never go back, since the lines of
//! real logs are out of order. A line is handed over only when the one before has
//! been consumed, so the clock belongs to the line that the guest is working on.

mod clock;
mod input;
mod stamp;

pub(crate) use clock::{ReplayClock, Sleep};
pub(crate) use input::ReplayInput;
pub(crate) use stamp::StampFormat;
