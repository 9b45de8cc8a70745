//! The endpoints of a cluster: one client for each, of which one is used until it fails.
//!
//! The client's own balancing keeps on calling an endpoint that does not answer. An endpoint whose call has
//! failed gets another connection when its turn comes again, since one that packets were lost on may take
//! minutes to go on.

use super::failure::{Failure, is_without_users};
use super::options::EtcdLockOptions;
use etcd_client::proto::{PbResponseHeader, PbTxnOpResponse};
use etcd_client::{
    Client, ConnectOptions, Error, KvClient, LeaseClient, Txn, WatchClient, WatchOptions,
    WatchStream,
};
use localmap::lock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

/// The range of the time for which a call waits for its answer.
const MIN_CALL: Duration = Duration::from_millis(250);
const MAX_CALL: Duration = Duration::from_secs(2);

pub(super) struct Endpoints {
    options: EtcdLockOptions,
    clients: Vec<Mutex<Option<Arc<Connected>>>>,
    /// Held by the one who connects. With a user, that is a login, which costs the server much.
    connecting: tokio::sync::Mutex<()>,
    /// Counts the endpoints that were used: the one in use is that of the remainder.
    used: AtomicUsize,
    /// The time for which a call waits for its answer.
    limit: Duration,
}

/// A client of one endpoint.
pub(super) struct Connected {
    index: usize,
    kv: KvClient,
    lease: LeaseClient,
    watch: WatchClient,
}

/// The answer to a transaction.
pub(super) struct Done {
    pub(super) succeeded: bool,
    pub(super) head: Head,
    pub(super) responses: Vec<PbTxnOpResponse>,
}

/// What an answer says of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) cluster: u64,
    pub(super) revision: i64,
}

impl Endpoints {
    pub(super) fn new(options: EtcdLockOptions) -> Self {
        Self {
            clients: options.endpoints.iter().map(|_| Mutex::default()).collect(),
            used: AtomicUsize::new(0),
            connecting: tokio::sync::Mutex::default(),
            limit: (options.ttl / 6).clamp(MIN_CALL, MAX_CALL),
            options,
        }
    }

    /// Performs a transaction.
    pub(super) async fn txn(&self, txn: Txn) -> Result<Done, Failure> {
        let connected = self.connected().await?;
        let mut kv = connected.kv.clone();
        let response = self.within(&connected, kv.txn(txn)).await?.0;
        Ok(Done {
            succeeded: response.succeeded,
            head: head(response.header.as_ref())?,
            responses: response
                .responses
                .into_iter()
                .filter_map(|response| response.response)
                .collect(),
        })
    }

    /// Gets a lease. Returns its number and its TTL.
    pub(super) async fn grant(&self, ttl: i64) -> Result<(i64, Duration), Failure> {
        let connected = self.connected().await?;
        let mut lease = connected.lease.clone();
        let granted = self.within(&connected, lease.grant(ttl, None)).await?;
        let ttl = u64::try_from(granted.ttl()).unwrap_or(0);
        Ok((granted.id(), Duration::from_secs(ttl)))
    }

    /// Gives a lease back.
    pub(super) async fn revoke(&self, id: i64) -> Result<(), Failure> {
        let connected = self.connected().await?;
        let mut lease = connected.lease.clone();
        self.within(&connected, lease.revoke(id)).await?;
        Ok(())
    }

    /// Renews a lease by a stream that is kept for the next time. Returns the TTL that is left.
    pub(super) async fn renew(
        &self,
        id: i64,
        kept: &mut Option<Renewing>,
    ) -> Result<Duration, Failure> {
        let renewal = match kept.take() {
            Some(mut renewing) => {
                let connected = Arc::clone(&renewing.connected);
                let renewal = async {
                    renewing.keeper.keep_alive().await?;
                    match renewing.answers.message().await? {
                        Some(answer) => Ok((answer.ttl(), renewing)),
                        None => Err(Error::LeaseKeepAliveError("the stream has ended".into())),
                    }
                };
                self.within(&connected, renewal).await
            }
            None => {
                let connected = self.connected().await?;
                let mut lease = connected.lease.clone();
                let renewal = async {
                    // Sends a first request, and waits for its answer.
                    let (keeper, answers) = lease.keep_alive(id).await?;
                    let renewing = Renewing {
                        connected: Arc::clone(&connected),
                        keeper,
                        answers,
                    };
                    // Its TTL is not returned; a lease that has ended is an error.
                    Ok((i64::MAX, renewing))
                };
                self.within(&connected, renewal).await
            }
        };
        let (ttl, renewing) = renewal?;
        *kept = Some(renewing);
        Ok(Duration::from_secs(u64::try_from(ttl).unwrap_or(0)))
    }

    /// Watches a key.
    pub(super) async fn watch(
        &self,
        key: &[u8],
        options: WatchOptions,
    ) -> Result<WatchStream, Failure> {
        let connected = self.connected().await?;
        let mut watch = connected.watch.clone();
        self.within(&connected, watch.watch(key, Some(options)))
            .await
    }

    /// Waits for the answer of a call. If it fails, the next call uses the next endpoint.
    async fn within<T>(
        &self,
        connected: &Arc<Connected>,
        call: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Failure> {
        let failure = match timeout(self.limit, call).await {
            Ok(Ok(answer)) => return Ok(answer),
            Ok(Err(error)) => Failure::from(error),
            Err(_) => Failure::timeout(self.limit),
        };
        if failure.is_of_endpoint() {
            let mut client = lock(&self.clients[connected.index]);
            if client
                .as_ref()
                .is_some_and(|known| Arc::ptr_eq(known, connected))
            {
                *client = None;
            }
            drop(client);
            self.go_on(connected.index);
        }
        Err(failure.at(self.name(connected)))
    }

    fn name(&self, connected: &Connected) -> &str {
        &self.options.endpoints[connected.index]
    }

    /// Goes on to the next endpoint, unless another call has done so already.
    fn go_on(&self, failed: usize) {
        let order = Ordering::Relaxed;
        let _ = self.used.fetch_update(order, order, |used| {
            (used % self.clients.len() == failed).then_some(used.wrapping_add(1))
        });
    }

    /// Returns the index of the endpoint in use.
    fn index(&self) -> usize {
        self.used.load(Ordering::Relaxed) % self.clients.len()
    }

    /// Returns the client of the endpoint in use.
    async fn connected(&self) -> Result<Arc<Connected>, Failure> {
        if let Some(connected) = &*lock(&self.clients[self.index()]) {
            return Ok(Arc::clone(connected));
        }
        let waited = timeout(self.limit, self.connecting.lock()).await;
        let _connecting = waited.map_err(|_| Failure::timeout(self.limit))?;
        let index = self.index();
        if let Some(connected) = &*lock(&self.clients[index]) {
            return Ok(Arc::clone(connected));
        }
        let endpoint = self.options.endpoints[index].as_str();
        let failure = match timeout(self.limit, self.connect(endpoint)).await {
            Ok(Ok(client)) => {
                let connected = Arc::new(Connected {
                    index,
                    kv: client.kv_client(),
                    lease: client.lease_client(),
                    watch: client.watch_client(),
                });
                *lock(&self.clients[index]) = Some(Arc::clone(&connected));
                return Ok(connected);
            }
            Ok(Err(error)) => Failure::from(error),
            Err(_) => Failure::timeout(self.limit),
        };
        self.go_on(index);
        let password = self
            .options
            .user
            .as_ref()
            .map_or("", |(_, password)| password);
        Err(failure.without(password).at(endpoint))
    }

    async fn connect(&self, endpoint: &str) -> Result<Client, Error> {
        let user = self.options.user.as_ref();
        match self.connect_as(endpoint, user).await {
            Err(error) if is_without_users(&error) => self.connect_as(endpoint, None).await,
            connected => connected,
        }
    }

    async fn connect_as(
        &self,
        endpoint: &str,
        user: Option<&(String, String)>,
    ) -> Result<Client, Error> {
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.limit)
            .with_require_leader(true)
            .with_auto_token_refresh(true);
        if let Some((name, password)) = user {
            options = options.with_user(name, password);
        }
        if let Some(tls) = self.options.tls(endpoint) {
            options = options.with_tls(tls);
        }
        Client::connect([endpoint], Some(options)).await
    }
}

/// The stream by which a lease is renewed.
pub(super) struct Renewing {
    connected: Arc<Connected>,
    keeper: etcd_client::LeaseKeeper,
    answers: etcd_client::LeaseKeepAliveStream,
}

fn head(header: Option<&PbResponseHeader>) -> Result<Head, Failure> {
    let header = header.ok_or_else(Failure::malformed)?;
    Ok(Head {
        cluster: header.cluster_id,
        revision: header.revision,
    })
}
