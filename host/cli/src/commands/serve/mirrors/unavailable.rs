//! No mirrors, in a program without the feature `etcd`.

use crate::args::etcd::EtcdAccess;
use crate::args::mirror::{MirrorArgs, NamedMirror};
use crate::commands::serve::log::Log;
use localmap_mirror::Mirrors;
use localmap_telemetry::Telemetry;
use std::convert::Infallible;

/// The mirrors of the guests: none.
pub(in crate::commands) struct GuestMirrors {
    readers: Mirrors,
}

impl GuestMirrors {
    /// Opens none. The options have been checked.
    pub(in crate::commands) fn open(
        _: &[NamedMirror],
        _: &MirrorArgs,
        _: &EtcdAccess,
        _: bool,
    ) -> anyhow::Result<Self> {
        let readers = Mirrors::new();
        Ok(Self { readers })
    }

    pub(in crate::commands) fn readers(&self) -> &Mirrors {
        &self.readers
    }

    pub(in crate::commands) fn watch(&self, _: &Telemetry) {}

    pub(in crate::commands) async fn first_copies(&mut self) {}

    pub(in crate::commands) async fn report(&mut self, _: &Log) -> Infallible {
        std::future::pending().await
    }
}
