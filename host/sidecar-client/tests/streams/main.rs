//! The streams of the client against a sidecar of which each test writes both sides.

mod calls;
mod fake;
mod mirror;
mod pipeline;
