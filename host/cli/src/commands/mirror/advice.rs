//! What to check when a mirror has no copy.

use localmap_mirror::{MirrorState, MirrorStatus};

/// Says what to check.
#[derive(Clone)]
pub(super) struct Advice {
    endpoints: Vec<String>,
    has_user: bool,
}

/// What etcd or TLS says, in words of its own, and what to do.
const REFUSALS: [(&str, &str); 9] = [
    (
        "authentication failed",
        "check the user and the password in the file of --user-file",
    ),
    (
        "user name is empty",
        "etcd has authentication: name a file with a user and a password with --user-file",
    ),
    (
        "permission denied",
        "the user needs a role that may read the prefix: `etcdctl role grant-permission ROLE \
         --prefix=true read PREFIX` and `etcdctl user grant-role USER ROLE`",
    ),
    (
        "authentication is not enabled",
        "this etcd has no users: leave out --user-file",
    ),
    (
        "invalid peer certificate: expired",
        "renew the certificate of the server, unless the clock of this machine is wrong",
    ),
    (
        "invalid peer certificate: unknownissuer",
        "name the authority that has signed the certificate of the server with --ca",
    ),
    (
        "invalid peer certificate: certificate not valid for name",
        "use the name or the address for which the certificate of the server is",
    ),
    (
        "certificate",
        "check --ca, --cert and --key: the server may ask for a certificate of its clients",
    ),
    (
        TLS_EOF,
        "does the server speak TLS? if not, use http://; if it does, does it accept --cert?",
    ),
];

/// What a server without TLS leads to, and one that closes the connection.
const TLS_EOF: &str = "tls handshake eof";

impl Advice {
    pub(super) fn new(endpoints: &[String], has_user: bool) -> Self {
        Self {
            endpoints: endpoints.to_vec(),
            has_user,
        }
    }

    /// Returns `true` if waiting does not help: etcd refuses the user, or the copy does not fit.
    pub(super) fn is_final(&self, status: &MirrorStatus) -> bool {
        let stopped = [
            MirrorState::DoesNotFit,
            MirrorState::OtherCluster,
            MirrorState::Ended,
        ];
        // Another endpoint may have another certificate. Users are those of the cluster. A server that starts
        // may end a handshake.
        let is_of_endpoint =
            |words: &str| words.contains("certificate") && self.endpoints.len() > 1;
        stopped.contains(&status.state)
            || refusal(status).is_some_and(|(words, _)| words != TLS_EOF && !is_of_endpoint(words))
    }

    /// Returns what to check.
    pub(super) fn text(&self, status: &MirrorStatus) -> String {
        match status.state {
            MirrorState::DoesNotFit => {
                return "raise --max-entries or --max-bytes, or mirror a longer prefix".to_owned();
            }
            MirrorState::OtherCluster => {
                return "check --etcd; if the cluster was replaced, use --accept-new-cluster"
                    .to_owned();
            }
            _ => {}
        }
        if let Some((_, advice)) = refusal(status) {
            return advice.to_owned();
        }
        let user = if self.has_user { " --user=USER" } else { "" };
        format!(
            "check that `etcdctl --endpoints={}{user} endpoint status` answers from here",
            self.endpoints.join(",")
        )
    }
}

/// Returns the refusal that the last failure tells of.
fn refusal(status: &MirrorStatus) -> Option<(&'static str, &'static str)> {
    let why = status.why.as_deref()?.to_ascii_lowercase();
    REFUSALS.into_iter().find(|(words, _)| why.contains(words))
}
