//! The gRPC protocol of the [localmap](https://docs.rs/localmap) sidecar: messages, client and
//! server.
//!
//! The protocol is [`maps.proto`](https://github.com/localmap/localmap/tree/main/host/sidecar-proto/proto/localmap/sidecar/v1/maps.proto),
//! whose comments say what each message means. Clients in other languages are generated from it. In
//! Rust, `localmap-sidecar-client` is easier to use than [`maps_client`].
//!
//! The code is generated, and part of the package, so building it needs no protoc.
//!
//! # Example
//!
//! ```
//! use localmap_sidecar_proto::{SetRequest, Ttl, ttl};
//!
//! let request = SetRequest {
//!     tenant: "alice".to_owned(),
//!     key: "session".into(),
//!     value: "1".into(),
//!     ttl: Some(Ttl {
//!         kind: Some(ttl::Kind::AfterNanos(30_000_000_000)),
//!     }),
//! };
//! # assert_eq!(request.key.len(), 7);
//! ```

#[rustfmt::skip]
#[expect(clippy::all, clippy::pedantic, missing_docs, unused_qualifications, reason = "generated")]
mod generated;

pub use generated::*;

/// The protocol as a serialized `google.protobuf.FileDescriptorSet`, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!("descriptor.bin");
