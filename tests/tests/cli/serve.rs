//! `localmap serve`: the lifetimes of maps, isolation of guests, HTTP, and shutdown.

pub(crate) mod client;
mod ends;
mod failures;
mod http;
mod keyvalue;
mod lifetimes;
mod limiter;
mod options;
mod reuse;
mod starts;
mod wasip3;
