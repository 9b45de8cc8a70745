//! The admin address: metrics, statistics and a page over HTTP, for operators on this machine.
//!
//! The server of `server` accepts `connections`, `route` answers their requests, with `host_header` against
//! pages of other sites, and `maps`, `stats` (as `json`) and `page` are the responses.

mod address;
mod body;
mod connections;
mod error;
mod host_header;
mod json;
mod maps;
mod page;
mod query;
mod route;
mod server;
mod stall_guard;
mod stats;
#[cfg(unix)]
mod unix_socket;

pub use address::{AdminAddress, ParseAdminAddressError};
pub use error::AdminError;
pub use server::AdminServer;

#[cfg(test)]
mod tests;
