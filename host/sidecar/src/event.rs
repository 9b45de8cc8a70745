//! What a sidecar reports, for a log.

use crate::peer::Peer;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

/// The most characters that are shown of a text that a peer has chosen.
const SHOWN: usize = 200;

/// Receives the reports of a [`Sidecar`](crate::Sidecar).
///
/// ```
/// use localmap_sidecar::{Event, EventSink, SidecarOptions};
/// use std::sync::Arc;
///
/// struct Stderr;
///
/// impl EventSink for Stderr {
///     fn event(&self, event: &Event) {
///         eprintln!("{event}");
///     }
/// }
///
/// let options = SidecarOptions::new().events(Arc::new(Stderr));
/// ```
pub trait EventSink: Send + Sync {
    /// Reports an event. It is called from async tasks, so an implementation must not block.
    fn event(&self, event: &Event);
}

/// An event. Its `Display` is one line of text, in which everything that peers have chosen is escaped.
///
/// What peers can cause again and again is reported a few times in a while at most.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Event {
    /// A connection has ended.
    #[non_exhaustive]
    Ended {
        /// The number of the connection, counted from 1.
        id: u64,
        /// The process that opened it.
        peer: Peer,
        /// How long it was open.
        lasted: Duration,
        /// The number of calls that were made on it.
        calls: u64,
        /// Why it ended, if neither the peer nor the sidecar has closed it in an orderly way.
        cause: Option<String>,
        /// The number of connections that have failed and have not been reported since the last report
        /// of one; 0 if there is no cause.
        unreported: u64,
    },
    /// A connection was refused.
    #[non_exhaustive]
    Refused {
        /// The process that opened it.
        peer: Peer,
        /// Why it was refused.
        refusal: Refusal,
        /// The number of refused connections that have not been reported since the last report.
        unreported: u64,
    },
    /// The operating system cannot accept further connections. The sidecar tries again.
    #[non_exhaustive]
    AcceptFailed {
        /// The error.
        error: Arc<io::Error>,
    },
    /// A call of a guest has failed.
    #[non_exhaustive]
    GuestFailed {
        /// The number of the call, counted from 1.
        call: u64,
        /// The name of the guest.
        guest: String,
        /// The name of the tenant whose map it had.
        tenant: String,
        /// The reason, in one line.
        cause: String,
        /// The functions of the guest that were running when it trapped, one in a line, if
        /// [wanted](crate::GuestsOptions::backtraces). Their names may contain anything.
        backtrace: Option<String>,
        /// The number of failures that have not been reported since the last report.
        unreported: u64,
    },
    /// A call was refused because its headers are malformed. The C core of gRPC, such as Python's
    /// grpcio, sends such headers over Unix sockets unless it is told not to.
    #[non_exhaustive]
    Malformed {
        /// The number of the connection.
        id: u64,
        /// The process that opened it.
        peer: Peer,
    },
    /// A mirror has refused entries.
    #[non_exhaustive]
    MirrorRefused {
        /// The tenant whose map it mirrors.
        tenant: String,
        /// The number of entries that it does not apply; 0 if it asks for everything again.
        entries: u64,
        /// The reason that it gives.
        reason: String,
        /// The number of refusals that have not been reported since the last report.
        unreported: u64,
    },
}

/// Why a connection was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refusal {
    /// Its user is neither that of the sidecar nor an [allowed](crate::SidecarOptions::allow_uid) one.
    Stranger,
    /// There are as many connections as there [may be](crate::SidecarOptions::max_connections), and
    /// none of them is idle.
    #[non_exhaustive]
    TooMany {
        /// The limit.
        max: usize,
    },
}

impl Event {
    /// Returns `true` for an event that is part of normal operation, such as the orderly end of a
    /// connection.
    pub fn is_routine(&self) -> bool {
        matches!(self, Self::Ended { cause: None, .. })
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ended {
                id,
                peer,
                lasted,
                calls,
                cause,
                unreported,
            } => {
                let lasted = lasted.as_secs_f64();
                write!(f, "connection={id} {peer} ended after {lasted:.3}s, ")?;
                match calls {
                    1 => write!(f, "1 call")?,
                    _ => write!(f, "{calls} calls")?,
                }
                if let Some(cause) = cause {
                    write!(f, ": {}", cause.escape_default())?;
                }
                unreported_before(f, *unreported)
            }
            Self::Refused {
                peer,
                refusal,
                unreported,
            } => {
                write!(f, "{peer} refused: ")?;
                match refusal {
                    Refusal::Stranger => write!(
                        f,
                        "its user is not allowed to connect: --allow-uid {} would allow it",
                        peer.uid
                    )?,
                    Refusal::TooMany { max } => write!(
                        f,
                        "all {max} connections are in use: close some, or raise --max-connections"
                    )?,
                }
                unreported_before(f, *unreported)
            }
            Self::GuestFailed {
                call,
                guest,
                tenant,
                cause,
                unreported,
                ..
            } => {
                let cause = cause.escape_debug();
                write!(f, "[{call}] guest={guest} tenant={tenant} failed: {cause}")?;
                unreported_before(f, *unreported)
            }
            Self::MirrorRefused {
                tenant,
                entries,
                reason,
                unreported,
            } => {
                write!(f, "tenant={tenant} a mirror ")?;
                match entries {
                    0 => write!(f, "asks for all entries again")?,
                    1 => write!(f, "has refused 1 entry")?,
                    _ => write!(f, "has refused {entries} entries")?,
                }
                let shown: String = reason.chars().take(SHOWN).collect();
                write!(f, ": \"{}\"", shown.escape_default())?;
                match unreported {
                    0 => Ok(()),
                    more => write!(f, " (and {more} more times, which were not reported)"),
                }
            }
            Self::AcceptFailed { error } => {
                write!(f, "cannot accept connections, trying again: {error}")
            }
            Self::Malformed { id, peer } => write!(
                f,
                "connection={id} {peer} sent malformed headers, so its call was refused. gRPC for \
                 Python, Ruby, PHP, C++ and Java sends the path of the socket as :authority: give its \
                 channel the option grpc.default_authority=localhost (Java: \
                 overrideAuthority(\"localhost\"))"
            ),
        }
    }
}

/// Counts the events that have not been reported before one that is.
fn unreported_before(f: &mut fmt::Formatter<'_>, count: u64) -> fmt::Result {
    match count {
        0 => Ok(()),
        count => write!(f, " (and {count} before, which were not reported)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Peer = Peer {
        uid: 1000,
        gid: 1000,
        pid: None,
    };

    #[test]
    fn an_event_is_one_line_without_control_characters() {
        let ended = Event::Ended {
            id: 3,
            peer: PEER,
            lasted: Duration::from_millis(1_204),
            calls: 1,
            cause: Some("a\nb\u{1b}[2J".to_owned()),
            unreported: 0,
        };
        assert_eq!(
            ended.to_string(),
            "connection=3 uid=1000 pid=- ended after 1.204s, 1 call: a\\nb\\u{1b}[2J"
        );
        assert!(!ended.is_routine());
    }

    #[test]
    fn the_reason_of_a_mirror_is_cut() {
        let refused = Event::MirrorRefused {
            tenant: "alice".to_owned(),
            entries: 2,
            reason: "\n".repeat(1_000),
            unreported: 0,
        };
        let shown = refused.to_string();
        assert!(shown.starts_with("tenant=alice a mirror has refused 2 entries: \"\\n"));
        assert!(!shown.contains('\n') && shown.len() < 500, "{shown}");
    }

    #[test]
    fn a_failed_call_of_a_guest_is_one_line() {
        let failed = Event::GuestFailed {
            call: 7,
            guest: "quota".to_owned(),
            tenant: "acme".to_owned(),
            cause: "the guest failed: a\nb".to_owned(),
            backtrace: Some("0: f\n1: g".to_owned()),
            unreported: 3,
        };
        assert_eq!(
            failed.to_string(),
            "[7] guest=quota tenant=acme failed: the guest failed: a\\nb (and 3 before, which were \
             not reported)"
        );
        assert!(!failed.is_routine());
    }

    #[test]
    fn a_refusal_names_the_option_that_helps() {
        let stranger = Event::Refused {
            peer: PEER,
            refusal: Refusal::Stranger,
            unreported: 2,
        };
        let shown = stranger.to_string();
        assert!(shown.contains("--allow-uid 1000"), "{shown}");
        assert!(shown.contains("and 2 before"), "{shown}");
    }
}
