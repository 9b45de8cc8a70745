//! The process at the other end of a connection, as the kernel names it.

use std::fmt;
use std::io;
use tokio::net::UnixStream;

/// The process that has opened a connection, as it was at that time.
///
/// The kernel vouches for the user and the group. Processes hand connections on, and process ids are
/// used again, so the process id is for logs.
///
/// ```
/// use localmap_sidecar::Peer;
///
/// let peer = Peer { uid: 1000, gid: 1000, pid: Some(17) };
/// assert_eq!(peer.to_string(), "uid=1000 pid=17");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The user id.
    pub uid: u32,
    /// The group id.
    pub gid: u32,
    /// The process id; `None` if the process is in another PID namespace, such as that of another
    /// container.
    pub pid: Option<u32>,
}

impl Peer {
    /// Asks the kernel (`SO_PEERCRED`).
    pub(crate) fn of(stream: &UnixStream) -> io::Result<Self> {
        let credentials = stream.peer_cred()?;
        let pid = credentials.pid().and_then(|pid| u32::try_from(pid).ok());
        Ok(Self {
            uid: credentials.uid(),
            gid: credentials.gid(),
            pid: pid.filter(|pid| *pid != 0),
        })
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "uid={}", self.uid)?;
        match self.pid {
            Some(pid) => write!(f, " pid={pid}"),
            None => write!(f, " pid=-"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_peer_in_the_same_process_is_this_process() {
        let (one, _other) = UnixStream::pair().expect("a pair");
        let peer = Peer::of(&one).expect("credentials");
        assert_eq!(peer.pid, Some(std::process::id()));
        assert_eq!(peer.uid, rustix::process::geteuid().as_raw());
    }
}
