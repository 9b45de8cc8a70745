//! `localmap serve`: the lifetimes of maps, what guests do to each other, HTTP, and the end.

pub(crate) mod client;
mod ends;
mod failures;
mod http;
mod keyvalue;
mod lifetimes;
mod limiter;
mod options;
