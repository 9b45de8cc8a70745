//! The sidecar as a library: its guests, and its mirrors, with a clock that moves only when a test
//! moves it.

mod guests;
mod mirror;
