//! What a cluster should be like.

use localmap_tests::root;
use std::path::PathBuf;
use std::time::Duration;

/// What a cluster should be like.
#[derive(Debug, Clone)]
pub(crate) struct Setup {
    pub(crate) nodes: usize,
    pub(crate) tls: bool,
    pub(crate) namespaces: bool,
    pub(crate) flags: Vec<String>,
}

impl Setup {
    /// One node on the loopback interface, without TLS.
    pub(crate) fn one() -> Self {
        Self {
            nodes: 1,
            tls: false,
            namespaces: false,
            flags: Vec::new(),
        }
    }

    /// Three nodes. The heartbeats leave time for a machine that is busy.
    pub(crate) fn three() -> Self {
        Self {
            nodes: 3,
            ..Self::one().flags(&["--heartbeat-interval=100", "--election-timeout=1000"])
        }
    }

    /// Adds options of etcd.
    pub(crate) fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(|&flag| flag.to_owned()));
        self
    }

    /// Sets the time between two reports of progress of a watch.
    pub(crate) fn progress(self, every: Duration) -> Self {
        let flag = "--experimental-watch-progress-notify-interval";
        self.flags(&[&format!("{flag}={}ms", every.as_millis())])
    }

    /// Requires TLS, and certificates of clients.
    pub(crate) fn tls(mut self) -> Self {
        self.tls = true;
        self
    }

    /// Puts each node into a network namespace of its own: see [`namespace`](super::namespace).
    pub(crate) fn namespaces(mut self) -> Self {
        self.namespaces = true;
        self
    }

    /// Returns `http` or `https`.
    pub(crate) fn scheme(&self) -> &'static str {
        match self.tls {
            true => "https",
            false => "http",
        }
    }
}

/// Returns the path of a certificate or of its key.
pub(crate) fn certificate(name: &str) -> PathBuf {
    root().join("tests/data/tls").join(name)
}
