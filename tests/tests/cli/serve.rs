//! `localmap serve`: the lifetimes of maps, isolation of guests, HTTP/1 and HTTP/2, TLS, and shutdown.

pub(crate) mod client;
mod ends;
mod failures;
mod feed;
mod frames;
mod guard;
mod http;
mod http2;
mod http2_client;
mod keyvalue;
mod lifetimes;
mod limiter;
mod mirrors;
mod options;
mod reuse;
mod starts;
mod tenants;
mod tls;
mod wasip3;
mod wasip3_http2;
