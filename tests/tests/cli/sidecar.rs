//! `localmap sidecar`: the calls and streams of its protocol, its socket, its limits, and its end.

mod calls;
pub(crate) mod client;
mod client_copy;
mod client_crate;
mod client_mirror;
mod ends;
mod guests;
mod hostile;
mod mirror;
mod options;
mod raw;
mod sizes;
mod socket;
