//! The error types: one for each operation, and [`Error`], into which all of them convert.

mod any;
mod batch;
mod delete;
mod key;
mod pin;
mod preload;
mod refused;
mod setting;
mod terminated;
mod watch;
mod write;

pub use any::Error;
pub use batch::{ApplyError, ChangeError};
pub use delete::DeleteIfError;
pub use key::KeyFault;
pub use pin::{PinError, PinnedError};
pub use preload::PreloadError;
pub use setting::{ConfigureError, Setting};
pub use terminated::{Cancelled, MapTerminated, TerminationCause, TimedOut};
pub use watch::WatchError;
pub use write::{IncrementError, SetError, SetIfError, TouchError};

pub(crate) use refused::Refused;
