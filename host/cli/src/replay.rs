//! `--clock`: the guest's input drives its clocks.
//!
//! Each line of standard input may contain a time stamp. Both WASI clocks show the latest stamp
//! that the guest has read. They never go backwards, since the lines of real logs are not in
//! order. A line is passed on only after the guest has read the previous one, so the clocks show
//! the time of the line that the guest is processing.

mod clock;
mod drive;
mod input;
mod jump;
mod lines;
mod reader;
mod sleep;
mod source;
mod stamp;

pub(crate) use clock::ReplayClock;
pub(crate) use drive::drive;
pub(crate) use input::{RawInput, ReplayInput};
pub(crate) use reader::LineReader;
pub(crate) use sleep::Sleep;
pub(crate) use source::InputEnd;
pub(crate) use stamp::{FieldPath, StampFormat, StampOptions, YearSource, parse_offset};
