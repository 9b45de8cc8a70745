//! `--clock clf|rfc3339|unix`: the guest's input drives its clocks.
//!
//! Each line of standard input may carry a time stamp. Both WASI clocks stand at the latest
//! stamp that the guest has read. They never go back, since the lines of real logs are out of
//! order. A line is passed on only when the guest has consumed the one before, so the clocks
//! show the time of the line that the guest is working on.

mod clock;
mod input;
mod stamp;

pub(crate) use clock::{ReplayClock, Sleep};
pub(crate) use input::ReplayInput;
pub(crate) use stamp::StampFormat;
