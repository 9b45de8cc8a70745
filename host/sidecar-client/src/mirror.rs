//! A local copy of a tenant's map, which is kept up to date.

pub(crate) mod clock;
pub(crate) mod options;
mod replica;
mod session;
mod shared;
pub(crate) mod status;
mod update;

use self::options::MirrorOptions;
use self::replica::Replica;
use self::session::Session;
use self::shared::Shared;
use self::status::{Freshness, MirrorStatus};
use crate::entry::{Entry, Scanned};
use crate::error::Error;
use crate::tenant::Tenant;
use bytes::Bytes;
use std::fmt;
use std::sync::{Arc, RwLockReadGuard};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// A local copy of a tenant's map, which the sidecar keeps up to date. Reads need no call and no
/// `await`.
///
/// The sidecar sends each change, the mirror applies it and acknowledges it. Only the latest value
/// of a key is sent, so a mirror that is slow skips the values in between. All changes of a message
/// become visible to readers at the same instant. While the mirror is
/// [`Synced`](Freshness::Synced), its copy is what the map was at one instant, so that an
/// [`apply`](Tenant::apply) is seen as a whole.
///
/// An entry expires in the copy when its remaining time, counted from its receipt, has passed,
/// whether or not the sidecar can be reached. So the copy may hold an entry longer than the map, by
/// the time that a message takes, and never shorter.
///
/// When the stream is lost, the copy stays readable and [`Freshness`] says since when it ages. The
/// mirror reconnects and asks for what has changed. A sidecar that was restarted has an empty map,
/// and so has the mirror then.
///
/// Reads take a lock that any number of threads share, and wait only while a message, at most 1 MiB
/// or one entry, is applied. Dropping the mirror ends its stream. To share a mirror, put it into an
/// [`Arc`].
///
/// ```no_run
/// # async fn example() -> Result<(), localmap_sidecar_client::Error> {
/// use localmap_sidecar_client::{Client, Mirror, MirrorOptions};
/// use std::time::Duration;
///
/// let tenant = Client::connect("/run/localmap/maps.sock")?.tenant("config");
/// let mirror = Mirror::open(&tenant, MirrorOptions::new()).await?;
/// mirror.wait_until_synced(Duration::from_secs(5)).await?;
/// println!("{:?}", mirror.get("feature:dark-mode"));
/// # Ok(())
/// # }
/// ```
pub struct Mirror {
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl Mirror {
    /// Opens a mirror of a tenant's map. It is empty at first: see
    /// [`wait_until_synced`](Self::wait_until_synced).
    ///
    /// # Errors
    ///
    /// Returns [`Error::LimitReached`] if the map or the sidecar has as many mirrors as it may
    /// have, [`Error::Unsupported`] if the map cannot be mirrored, for example because it has
    /// several shards, and the other variants of [`Error`] if the map cannot be reached within the
    /// [timeout](crate::ClientOptions::timeout) of the client. Later the mirror reconnects.
    pub async fn open(tenant: &Tenant, options: MirrorOptions) -> Result<Self, Error> {
        let shared = Arc::new(Shared::new(options));
        let session = Session::new(tenant.clone(), shared.clone());
        let stream = session.open().await?;
        let task = tokio::spawn(session.run(stream));
        Ok(Self { shared, task })
    }

    /// Returns the value of `key`; `None` if the copy has none. The value is not copied.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.get_entry(key).map(|entry| entry.value)
    }

    /// Returns the value of `key` with its version and its remaining time; `None` if the copy has
    /// none.
    #[must_use]
    pub fn get_entry(&self, key: impl AsRef<[u8]>) -> Option<Entry> {
        let replica = self.shared.read();
        replica.get(key.as_ref())?.entry(|| self.shared.now())
    }

    /// Returns a view of the copy at one instant, for reads that belong together.
    ///
    /// Drop it soon: while it lives, no message is applied.
    ///
    /// ```no_run
    /// # fn example(mirror: localmap_sidecar_client::Mirror) {
    /// let view = mirror.view();
    /// let limits = (view.get("soft-limit"), view.get("hard-limit"));
    /// # let _ = limits;
    /// # }
    /// ```
    #[must_use]
    pub fn view(&self) -> MirrorView<'_> {
        MirrorView {
            now: self.shared.now(),
            replica: self.shared.read(),
        }
    }

    /// Returns how the copy stands to the map.
    #[must_use]
    pub fn status(&self) -> MirrorStatus {
        self.shared.status()
    }

    /// Returns a receiver of each new status: after each message that was applied, and when the
    /// stream is lost or opened again.
    ///
    /// A slow receiver sees the latest status only. An entry that expires in the copy is no change
    /// of the status; the sidecar's removal, which follows, is.
    ///
    /// ```no_run
    /// # async fn example(mirror: localmap_sidecar_client::Mirror) {
    /// let mut changes = mirror.changes();
    /// while changes.changed().await.is_ok() {
    ///     println!("{:?}", mirror.get("feature:dark-mode"));
    /// }
    /// # }
    /// ```
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<MirrorStatus> {
        self.shared.subscribe()
    }

    /// Waits until the copy holds what the map held when the sidecar sent its last message.
    ///
    /// # Errors
    ///
    /// Returns [`Error::TimedOut`] after `within`, and [`Error::MirrorTooLarge`] or
    /// [`Error::MirrorEnded`] if the mirror has ended.
    pub async fn wait_until_synced(&self, within: Duration) -> Result<(), Error> {
        let mut changes = self.changes();
        let decided = changes.wait_for(|status| {
            matches!(
                status.freshness,
                Freshness::Synced | Freshness::Failed { .. }
            )
        });
        match timeout(within, decided).await {
            Ok(Ok(status)) if status.freshness.is_synced() => Ok(()),
            Ok(_) => Err(self.end()),
            Err(_) => Err(Error::TimedOut { timeout: within }),
        }
    }

    /// Returns the reason why the mirror has ended.
    fn end(&self) -> Error {
        let max_bytes = self.shared.options().max_bytes;
        match self.status().freshness {
            Freshness::Failed { reason } if matches!(*reason, Error::MirrorTooLarge { .. }) => {
                Error::MirrorTooLarge { max_bytes }
            }
            _ => Error::MirrorEnded,
        }
    }
}

impl Drop for Mirror {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}

/// A view of a mirror's copy at one instant; see [`Mirror::view`].
#[derive(Debug)]
pub struct MirrorView<'a> {
    replica: RwLockReadGuard<'a, Replica>,
    now: Duration,
}

impl MirrorView<'_> {
    /// Returns the value of `key`; `None` if the copy has none.
    #[must_use]
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<Bytes> {
        self.get_entry(key).map(|entry| entry.value)
    }

    /// Returns the value of `key` with its version and its remaining time; `None` if the copy has
    /// none.
    #[must_use]
    pub fn get_entry(&self, key: impl AsRef<[u8]>) -> Option<Entry> {
        self.replica.get(key.as_ref())?.entry(|| self.now)
    }

    /// Returns all entries, in no certain order.
    pub fn iter(&self) -> impl Iterator<Item = Scanned> {
        self.replica.iter().filter_map(|(key, held)| {
            Some(Scanned {
                key: key.clone(),
                entry: held.entry(|| self.now)?,
            })
        })
    }
}
