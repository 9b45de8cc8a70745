//! The map of a tenant, and the calls that read it.

mod batches;
mod writes;

use crate::connection::Connection;
use crate::entry::{Entry, Page};
use crate::error::Error;
use crate::stats::Stats;
use bytes::Bytes;
use localmap_sidecar_proto as proto;
use std::sync::Arc;

/// The map of a tenant of a sidecar. Cheap to clone.
///
/// [`Client::tenant`](crate::Client::tenant) returns it. Keys are copied; values are taken as [`Bytes`], without a copy:
/// pass a `Vec<u8>`, a `String`, a static text, or [`Bytes::copy_from_slice`] of what you only
/// borrow.
///
/// ```no_run
/// # async fn example() -> Result<(), localmap_sidecar_client::Error> {
/// use localmap_sidecar_client::{Client, Condition, Ttl};
///
/// let alice = Client::connect("/run/localmap/maps.sock")?.tenant("alice");
/// let version = alice.set("cart", "tea", Ttl::Default).await?;
/// let unchanged = Condition::Version(version);
/// let changed = alice.set_if("cart", "tea, milk", Ttl::Default, unchanged).await?;
/// assert!(changed > version);
/// assert_eq!(alice.increment("visits", 1, Ttl::Default).await?, 1);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// Each operation returns [`Error::Rejected`] where its docs say so, [`Error::RateLimited`] if the
/// tenant has a rate and has used it up, and the other variants of [`Error`] if the map cannot be
/// reached.
#[derive(Debug, Clone)]
pub struct Tenant {
    connection: Connection,
    name: Arc<str>,
}

impl Tenant {
    /// Creates a tenant.
    pub(crate) fn new(connection: Connection, name: String) -> Self {
        Self {
            connection,
            name: name.into(),
        }
    }

    /// Returns the name of the tenant.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the connection of the client.
    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// # Reads
impl Tenant {
    /// Returns the value of `key`; `None` if it is absent. See [`Tenant`] for an example.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<Bytes>, Error> {
        Ok(self.get_entry(key).await?.map(|entry| entry.value))
    }

    /// Returns the value of `key` with its version and its remaining time; `None` if it is absent.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn get_entry(&self, key: impl AsRef<[u8]>) -> Result<Option<Entry>, Error> {
        let request = proto::GetRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.get(request).await
            });
        Ok(response.await?.entry.map(Into::into))
    }

    /// Returns the values of several keys, in their order.
    ///
    /// The values of one response are those of one instant. A response has at most 1 MiB of values,
    /// so more values take several responses.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn get_many(
        &self,
        keys: impl IntoIterator<Item = impl AsRef<[u8]>>,
    ) -> Result<Vec<Option<Bytes>>, Error> {
        let copies = keys.into_iter();
        let keys: Vec<Bytes> = copies
            .map(|key| Bytes::copy_from_slice(key.as_ref()))
            .collect();
        let mut values = Vec::with_capacity(keys.len());
        while values.len() < keys.len() {
            let request = proto::GetManyRequest {
                tenant: self.name.to_string(),
                keys: keys[values.len()..].to_vec(),
            };
            let response = self
                .connection
                .call(request, |mut maps, request| async move {
                    maps.get_many(request).await
                });
            let found = response.await?.values;
            if found.is_empty() || found.len() > keys.len() - values.len() {
                return Err(Error::protocol("values of other keys"));
            }
            values.extend(found.into_iter().map(|found| found.value));
        }
        Ok(values)
    }

    /// Returns `true` if `key` is present. Counts as neither a hit nor a miss.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn contains(&self, key: impl AsRef<[u8]>) -> Result<bool, Error> {
        let request = proto::ContainsRequest {
            tenant: self.name.to_string(),
            key: Bytes::copy_from_slice(key.as_ref()),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.contains(request).await
            });
        Ok(response.await?.present)
    }

    /// Returns one page of a scan: entries whose keys begin with `prefix`, from `cursor` on, at
    /// most `limit` of them; with a limit of 0 as many as fit into a page, 1 MiB.
    /// [`Scan`](crate::Scan) keeps the cursor for you.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn scan(
        &self,
        prefix: impl AsRef<[u8]>,
        cursor: u64,
        limit: u32,
    ) -> Result<Page, Error> {
        let request = proto::ScanRequest {
            tenant: self.name.to_string(),
            prefix: Bytes::copy_from_slice(prefix.as_ref()),
            cursor,
            limit,
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.scan(request).await
            });
        Ok(response.await?.into())
    }

    /// Returns the statistics of the map.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn stats(&self) -> Result<Stats, Error> {
        let request = proto::StatsRequest {
            tenant: self.name.to_string(),
        };
        let response = self
            .connection
            .call(request, |mut maps, request| async move {
                maps.stats(request).await
            });
        Ok(response.await?.into())
    }
}
