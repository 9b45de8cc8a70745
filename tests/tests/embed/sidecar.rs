//! The sidecar as a library: its mirrors, with a clock that moves only when a test moves it.

mod mirror;
