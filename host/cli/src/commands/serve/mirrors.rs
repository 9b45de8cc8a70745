//! The mirrors that the guests of `serve` read.
//!
//! `opened` has them while the server runs. Without the feature `etcd`, there are only the options.

#[cfg(feature = "etcd")]
mod opened;
#[cfg(not(feature = "etcd"))]
mod unavailable;

use crate::args::etcd::EtcdAccess;
#[cfg(not(feature = "etcd"))]
use crate::args::mirror::needs_etcd;
use crate::args::mirror::{MirrorArgs, NamedMirror};
use anyhow::bail;
use localmap::{Inspection, names};
#[cfg(feature = "etcd")]
use std::collections::BTreeSet;

#[cfg(feature = "etcd")]
pub(super) use opened::GuestMirrors;
#[cfg(not(feature = "etcd"))]
pub(super) use unavailable::GuestMirrors;

/// The mirrors of a guest. By default there are none.
#[derive(clap::Args)]
#[command(next_help_heading = "Mirrors")]
pub(super) struct GuestMirrorArgs {
    /// Let GUEST read a copy of a prefix of etcd by this name, through localmap:core/mirror; may be
    /// repeated
    ///
    /// The URL names the servers and the prefix: etcd://HOST:PORT,HOST:PORT/PREFIX/, or etcds:// with TLS.
    /// Each mirror has a map of its own, with the limits under `Mirrors`. The server waits up to 5 seconds
    /// for the first copies and then listens, with or without them: until a copy is there, reads of it
    /// return not-ready. It writes a line each time that the state of a mirror changes; docs/mirror.md says
    /// what the states mean. Only programs that are built with the feature `etcd` have mirrors.
    #[arg(long = "mirror", value_name = "NAME=URL", value_parser = str::parse::<NamedMirror>)]
    mirrors: Vec<NamedMirror>,

    #[command(flatten)]
    options: MirrorArgs,
}

impl GuestMirrorArgs {
    /// Checks the options against each other.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        if self.mirrors.is_empty() {
            if self.options.given() {
                bail!(
                    "the options under `Mirrors` are for copies of etcd: name one with --mirror \
                     NAME=etcd://HOST:2379/PREFIX/"
                );
            }
            return Ok(());
        }
        #[cfg(not(feature = "etcd"))]
        return Err(needs_etcd("--mirror"));
        #[cfg(feature = "etcd")]
        self.check_names()
    }

    /// Checks that no two mirrors have the same name.
    #[cfg(feature = "etcd")]
    fn check_names(&self) -> anyhow::Result<()> {
        let mut names = BTreeSet::new();
        for NamedMirror { name, .. } in &self.mirrors {
            if !names.insert(name) {
                bail!("--mirror: two mirrors have the name `{name}`: give one of them another");
            }
        }
        Ok(())
    }

    /// Rejects mirrors for a guest that reads none.
    pub(super) fn check_guest(&self, guest: &Inspection) -> anyhow::Result<()> {
        if !self.mirrors.is_empty() && guest.mirror_import().is_none() {
            bail!(
                "the guest reads no mirror, since it does not import {}: leave out --mirror",
                names::MIRROR
            );
        }
        Ok(())
    }

    /// Begins to mirror. `cache` says whether compiled code is cached.
    pub(super) fn open(&self, access: &EtcdAccess, cache: bool) -> anyhow::Result<GuestMirrors> {
        GuestMirrors::open(&self.mirrors, &self.options, access, cache)
    }

    /// Returns the number of threads that they take.
    pub(super) fn threads(&self) -> usize {
        self.mirrors.len()
    }

    /// Returns `true` if there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.mirrors.is_empty()
    }
}
