//! The requests to one endpoint of etcd, each with a limit of time.

use super::failure::{Failure, Kind, clean};
use super::options::EtcdOptions;
use super::prefix::Prefix;
use super::timeouts::Timeouts;
use super::write::Expect;
use etcd_client::proto::{PbRangeResponse, PbResponseHeader, PbTxnOpResponse};
use etcd_client::{
    Client, Compare, CompareOp, ConnectOptions, Error, GetOptions, GetResponse, KeyValue, KvClient,
    MaintenanceClient, Txn, TxnOp, WatchClient, WatchOptions, WatchStream,
};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::timeout;

/// The most bytes of a message that is decoded. A page or a revision is asked for in parts if it is larger,
/// so only single entries of more than this are out of reach.
const MAX_MESSAGE: usize = 64 << 20;

/// The most bytes of a version.
const MAX_VERSION: usize = 64;

/// The requests to one endpoint. Clones are cheap.
#[derive(Clone)]
pub(crate) struct Kv {
    kv: KvClient,
    watch: WatchClient,
    maintenance: MaintenanceClient,
    prefix: Arc<Prefix>,
    timeouts: Timeouts,
    /// The password, which no text repeats.
    secret: Option<Arc<str>>,
}

/// What a response says of the server, and the revision of its store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) cluster_id: u64,
    pub(crate) member_id: u64,
    pub(crate) term: u64,
    pub(crate) revision: u64,
}

/// The version of a server, if it has told it.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pub(crate) version: String,
    pub(crate) member_id: u64,
}

/// A part of a list.
pub(crate) struct Page {
    pub(crate) head: Head,
    pub(crate) entries: Vec<KeyValue>,
    /// Whether there are more keys.
    pub(crate) more: bool,
    /// The keys from the first of this page.
    pub(crate) count: u64,
}

/// What to ask about all keys of the prefix.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Question<'a> {
    /// The revision; 0 for that of the cluster, by a linearizable read.
    pub(crate) at: u64,
    /// Whether a key was stored after this revision. A server reads all entries of the prefix for this.
    pub(crate) newer_than: Option<u64>,
    /// Whether this key, which is counted without the prefix, was stored at this revision.
    pub(crate) newest: Option<(&'a [u8], u64)>,
}

/// The answer to a [`Question`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Check {
    pub(crate) head: Head,
    /// The number of keys.
    pub(crate) count: u64,
    /// Whether there is a newer key. `false` if that was not asked for.
    pub(crate) is_newer: bool,
    /// Whether the newest key is there. `true` if that was not asked for.
    pub(crate) has_newest: bool,
}

/// The result of a transaction that puts a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Put {
    /// The value was stored at this revision.
    Done(u64),
    /// The condition was not met: the key was stored at this revision, or is absent.
    Conflict(Option<u64>),
}

impl Kv {
    /// Connects to an endpoint, and logs the user in.
    pub(crate) async fn connect(
        endpoint: &str,
        options: &EtcdOptions,
        prefix: &Arc<Prefix>,
        timeouts: Timeouts,
    ) -> Result<(Self, Server), Failure> {
        let connect = async {
            let user = options.login();
            let client = match client(endpoint, options, timeouts, user).await {
                Err(error) if is_without_users(&error) => {
                    client(endpoint, options, timeouts, None).await?
                }
                result => result?,
            };
            let server = server(&client).await?;
            Ok::<_, Failure>((client, server))
        };
        let (client, server) = timeout(timeouts.connect, connect)
            .await
            .unwrap_or_else(|_| Err(Failure::timeout("a connection", timeouts.connect)))
            .map_err(|failure| failure.with_advice(endpoint))?;
        let kv = Self {
            kv: client.kv_client().max_decoding_message_size(MAX_MESSAGE),
            watch: client.watch_client().max_decoding_message_size(MAX_MESSAGE),
            maintenance: client.maintenance_client(),
            prefix: Arc::clone(prefix),
            timeouts,
            secret: options.password.as_deref().map(Arc::from),
        };
        Ok((kv, server))
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn prefix(&self) -> &Prefix {
        &self.prefix
    }

    /// Reads one key of the prefix: a linearizable read, which tells the revision of the cluster, and
    /// whether the user may still read.
    pub(crate) async fn probe(&self, limit: Duration) -> Result<Head, Failure> {
        let options = GetOptions::new().with_keys_only();
        let response = self.get(self.prefix.first(), options, limit).await?;
        head(response.0.header.as_ref())
    }

    /// Returns the bytes of all that the server stores. `None` if it does not tell.
    pub(crate) async fn store_bytes(&self) -> Option<u64> {
        let mut maintenance = self.maintenance.clone();
        let asking = self.within(self.timeouts.call, "the status", maintenance.status());
        let bytes = asking.await.ok()?.0.db_size_in_use;
        u64::try_from(bytes).ok().filter(|&bytes| bytes > 0)
    }

    /// Reads a page of at most `limit` keys, from `first`. With the revision 0 it is a linearizable read.
    pub(crate) async fn page(
        &self,
        first: Vec<u8>,
        limit: u32,
        revision: u64,
        timeout: Duration,
    ) -> Result<Page, Failure> {
        let options = GetOptions::new()
            .with_range(self.prefix.end())
            .with_limit(limit.into())
            .with_revision(signed(revision)?);
        let mut response = self.get(first, options, timeout).await?;
        Ok(Page {
            head: head(response.0.header.as_ref())?,
            more: response.more(),
            count: u64::try_from(response.count()).unwrap_or(0),
            entries: response.take_kvs(),
        })
    }

    /// Answers a question about all keys of the prefix.
    ///
    /// If there is no key that is newer than a copy, and the number is that of the copy, nothing has
    /// changed: a key that was stored would be newer, and one that was deleted would be missing.
    pub(crate) async fn check(&self, question: Question<'_>) -> Result<Check, Failure> {
        let at = signed(question.at)?;
        let one = || GetOptions::new().with_revision(at);
        let range = || one().with_range(self.prefix.end());
        let first = self.prefix.first();
        let mut gets = vec![TxnOp::get(first.clone(), Some(range().with_count_only()))];
        if let Some(known) = question.newer_than {
            let newer = range()
                .with_min_mod_revision(signed(known.saturating_add(1))?)
                .with_keys_only()
                .with_limit(1);
            gets.push(TxnOp::get(first, Some(newer)));
        }
        if let Some((key, _)) = question.newest {
            let key = self.prefix.key(key);
            gets.push(TxnOp::get(key, Some(one().with_keys_only())));
        }
        let expected = gets.len();
        let txn = Txn::new().and_then(gets);
        let (head, responses) = self.txn(txn, self.timeouts.long).await?.1;
        if responses.len() != expected {
            return Err(malformed());
        }
        let mut ranges = responses.iter().map(|response| match response {
            PbTxnOpResponse::ResponseRange(range) => Ok(range),
            _ => Err(malformed()),
        });
        let mut next = || ranges.next().unwrap_or_else(|| Err(malformed()));
        let count = u64::try_from(next()?.count).unwrap_or(0);
        let is_newer = match question.newer_than {
            Some(_) => !next()?.kvs.is_empty(),
            None => false,
        };
        let has_newest = match question.newest {
            Some((_, revision)) => next()?
                .kvs
                .iter()
                .any(|kv| unsigned(kv.mod_revision) == revision),
            None => true,
        };
        Ok(Check {
            head,
            count,
            is_newer,
            has_newest,
        })
    }

    /// Reads a key, which is counted without the prefix, with a linearizable read.
    pub(crate) async fn read(&self, key: &[u8]) -> Result<(Head, Option<KeyValue>), Failure> {
        let key = self.prefix.key(key);
        let mut response = self.get(key, GetOptions::new(), self.timeouts.long).await?;
        let head = head(response.0.header.as_ref())?;
        Ok((head, response.take_kvs().pop()))
    }

    /// Stores a value if a condition is met.
    pub(crate) async fn put_if(
        &self,
        key: &[u8],
        value: Vec<u8>,
        expect: Expect,
    ) -> Result<Put, Failure> {
        let key = self.prefix.key(key);
        let revision = match expect {
            Expect::Absent => 0,
            Expect::Revision(revision) => signed(revision)?,
        };
        let txn = Txn::new()
            .when([Compare::mod_revision(
                key.clone(),
                CompareOp::Equal,
                revision,
            )])
            .and_then([TxnOp::put(key.clone(), value, None)])
            .or_else([TxnOp::get(key, Some(GetOptions::new().with_keys_only()))]);
        let (succeeded, (head, responses)) = self.txn(txn, self.timeouts.call).await?;
        match (succeeded, responses.as_slice()) {
            (true, _) => Ok(Put::Done(head.revision)),
            (false, [PbTxnOpResponse::ResponseRange(PbRangeResponse { kvs, .. })]) => {
                let present = kvs.first();
                Ok(Put::Conflict(present.map(|kv| unsigned(kv.mod_revision))))
            }
            (false, _) => Err(malformed()),
        }
    }

    /// Watches the prefix from a revision on, with large messages in fragments or as a whole.
    ///
    /// A server takes a time for fragments that grows with the square of the number of events: measured with
    /// 60,000 small ones, 20 s instead of 0.4 s. So they are of use only where a message would be too large.
    pub(crate) async fn watch(&self, from: u64, fragment: bool) -> Result<WatchStream, Failure> {
        let mut options = WatchOptions::new()
            .with_range(self.prefix.end())
            .with_start_revision(signed(from)?)
            .with_progress_notify();
        if fragment {
            options = options.with_fragment();
        }
        let mut watch = self.watch.clone();
        let watching = watch.watch(self.prefix.first(), Some(options));
        self.within(self.timeouts.call, "a watch", watching).await
    }

    async fn within<T>(
        &self,
        limit: Duration,
        what: &str,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        match timeout(limit, call).await {
            Ok(result) => {
                result.map_err(|error| Failure::from(error).without(self.secret.as_deref()))
            }
            Err(_) => Err(Failure::timeout(what, limit)),
        }
    }

    async fn get(
        &self,
        key: Vec<u8>,
        options: GetOptions,
        limit: Duration,
    ) -> Result<GetResponse, Failure> {
        let mut kv = self.kv.clone();
        let reading = kv.get(key, Some(options));
        self.within(limit, "a read", reading).await
    }

    /// Performs a transaction. Returns whether its condition was met, and the responses.
    async fn txn(
        &self,
        txn: Txn,
        limit: Duration,
    ) -> Result<(bool, (Head, Vec<PbTxnOpResponse>)), Failure> {
        let mut kv = self.kv.clone();
        let response = self.within(limit, "a transaction", kv.txn(txn)).await?.0;
        let head = head(response.header.as_ref())?;
        let responses = response.responses.into_iter();
        let responses = responses.filter_map(|response| response.response).collect();
        Ok((response.succeeded, (head, responses)))
    }
}

/// Creates a client of one endpoint.
async fn client(
    endpoint: &str,
    options: &EtcdOptions,
    timeouts: Timeouts,
    user: Option<(&str, &str)>,
) -> Result<Client, Error> {
    let mut connect = ConnectOptions::new()
        .with_connect_timeout(timeouts.connect)
        .with_require_leader(true)
        .with_auto_token_refresh(true);
    if let Some((name, password)) = user {
        connect = connect.with_user(name, password);
    }
    if let Some(tls) = options.tls(endpoint) {
        connect = connect.with_tls(tls);
    }
    Client::connect([endpoint], Some(connect)).await
}

/// Asks for the version. A server may refuse to tell it to this user.
async fn server(client: &Client) -> Result<Server, Failure> {
    match client.maintenance_client().status().await {
        Ok(status) => Ok(Server {
            version: clean(status.version(), MAX_VERSION),
            member_id: head(status.0.header.as_ref()).map_or(0, |head| head.member_id),
        }),
        Err(error) => match Failure::from(error) {
            failure if failure.kind == Kind::Refused => Ok(Server {
                version: "unknown".into(),
                member_id: 0,
            }),
            failure => Err(failure),
        },
    }
}

/// Returns `true` if the cluster has no users, so that none can log in. As other clients do, this one goes
/// on without.
fn is_without_users(error: &Error) -> bool {
    let message = "authentication is not enabled";
    matches!(error, Error::GRpcStatus(status) if status.message().contains(message))
}

/// Reads the header of a response.
pub(crate) fn head(header: Option<&PbResponseHeader>) -> Result<Head, Failure> {
    let header = header.ok_or_else(malformed)?;
    Ok(Head {
        cluster_id: header.cluster_id,
        member_id: header.member_id,
        term: header.raft_term,
        revision: unsigned(header.revision),
    })
}

fn malformed() -> Failure {
    Failure::new(Kind::Other, "the response is not one of etcd")
}

fn unsigned(revision: i64) -> u64 {
    u64::try_from(revision).unwrap_or(0)
}

fn signed(revision: u64) -> Result<i64, Failure> {
    i64::try_from(revision)
        .map_err(|_| Failure::new(Kind::Refused, "there is no revision above 2^63"))
}
