//! A scan that keeps its cursor.

use crate::entry::Scanned;
use crate::error::Error;
use crate::tenant::Tenant;
use bytes::Bytes;

/// A scan of a tenant's map, page by page. See [`Scan::new`] for an example.
///
/// Every entry that exists throughout the scan is returned exactly once. One that is written or
/// deleted meanwhile may or may not be returned.
#[derive(Debug, Clone)]
pub struct Scan {
    tenant: Tenant,
    prefix: Bytes,
    limit: u32,
    cursor: Option<u64>,
}

impl Scan {
    /// Creates a scan of the entries whose keys begin with `prefix`; an empty one stands for all
    /// entries.
    ///
    /// ```no_run
    /// # use localmap_sidecar_client::{Error, Tenant};
    /// # async fn example(tenant: Tenant) -> Result<(), Error> {
    /// use localmap_sidecar_client::Scan;
    ///
    /// let mut scan = Scan::new(&tenant, "session:");
    /// while let Some(entries) = scan.next_page().await? {
    ///     for found in entries {
    ///         println!("{:?}: version {}", found.key, found.entry.version);
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn new(tenant: &Tenant, prefix: impl AsRef<[u8]>) -> Self {
        Self {
            tenant: tenant.clone(),
            prefix: Bytes::copy_from_slice(prefix.as_ref()),
            limit: 0,
            cursor: Some(0),
        }
    }

    /// Sets the largest number of entries of a page. Default 0: as many as fit into 1 MiB.
    #[must_use]
    pub fn page_size(mut self, entries: u32) -> Self {
        self.limit = entries;
        self
    }

    /// Returns the entries of the next page, perhaps none of them; `None` at the end of the scan.
    /// After an error, the same page may be asked for again.
    ///
    /// # Errors
    ///
    /// See [`Tenant`].
    pub async fn next_page(&mut self) -> Result<Option<Vec<Scanned>>, Error> {
        let Some(cursor) = self.cursor else {
            return Ok(None);
        };
        let page = self.tenant.scan(&self.prefix, cursor, self.limit).await?;
        self.cursor = page.next;
        Ok(Some(page.entries))
    }
}
