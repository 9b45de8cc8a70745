//! The protocols of requests.

/// The protocol of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Protocol {
    /// HTTP, whose result is a status such as 200.
    Http,
    /// gRPC, whose result is a code such as 0.
    Grpc,
}
