//! A sidecar for the containers of a pod: the maps of [`localmap`], one for each tenant, over gRPC on a
//! Unix socket.
//!
//! The protocol is that of [`localmap_sidecar_proto`].
