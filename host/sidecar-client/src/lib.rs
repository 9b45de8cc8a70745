//! A client of localmap's sidecar.
//!
//! The protocol is that of [`localmap_sidecar_proto`].
