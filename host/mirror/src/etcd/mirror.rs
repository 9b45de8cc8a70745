//! A mirror of a prefix of etcd.

use super::audit::Comparison;
use super::driver::Driver;
use super::options::EtcdOptions;
use super::requests::{QUEUE, Request, Requests, Through};
use super::write::{Expect, PutError, RequestError, Written};
use crate::error::OpenError;
use crate::feed::Feed;
use crate::options::MirrorOptions;
use crate::reader::MirrorReader;
use localmap::Host;
use std::fmt;
use std::ops::Deref;
use std::thread::{self, JoinHandle};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot, watch};

/// A mirror of a prefix of etcd. Reads are those of [`MirrorReader`].
///
/// A thread of its own follows etcd. Dropping the mirror ends it, and its readers return
/// [`ReadError::Ended`](crate::ReadError::Ended).
///
/// ```no_run
/// use localmap::Host;
/// use localmap_mirror::{EtcdOptions, Mirror, MirrorOptions};
/// use std::time::Duration;
///
/// let etcd = EtcdOptions::new(["http://127.0.0.1:2379"], "/config/");
/// let mirror = Mirror::open(&Host::new()?, etcd, MirrorOptions::new())?;
/// mirror.ready(Duration::from_secs(5))?;
///
/// // The key /config/color.
/// let read = mirror.get("color")?;
/// println!("{:?}, at most {:?} old", read.found, read.freshness.age());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Mirror {
    reader: MirrorReader,
    requests: mpsc::Sender<Request>,
    /// Dropped first: it ends the thread.
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Mirror {
    /// Begins to mirror a prefix, and returns at once. See [`ready`](MirrorReader::ready).
    ///
    /// # Errors
    ///
    /// Returns [`OpenError`] if an option is out of its range or the thread cannot be started. A server that
    /// cannot be reached is no error: the mirror tries again, and its
    /// [status](crate::MirrorStatus#structfield.why) says why it cannot.
    pub fn open(host: &Host, etcd: EtcdOptions, options: MirrorOptions) -> Result<Self, OpenError> {
        etcd.check()?;
        let feed = Feed::new(host, options)?;
        let reader = feed.reader();
        let shared = feed.shared();
        let (link, linked) = watch::channel(Err("the mirror has not connected yet".into()));
        let (requests, received) = mpsc::channel(QUEUE);
        let (stop, stopped) = oneshot::channel();
        let max_page = etcd.page;
        let driver = Driver::new(feed, etcd, link);
        let requests_of_owner = Requests::new(received, shared, linked, driver.timeouts, max_page);
        let runtime = Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|source| OpenError::Thread { source })?;
        let thread = thread::Builder::new()
            .name("localmap-mirror".into())
            .spawn(move || run(runtime, driver, requests_of_owner, stopped))
            .map_err(|source| OpenError::Thread { source })?;
        Ok(Self {
            reader,
            requests,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns a reader, which can be cloned.
    #[must_use]
    pub fn reader(&self) -> MirrorReader {
        self.reader.clone()
    }

    /// Stores a value in etcd if a condition is met, and waits until the mirror shows it, but not for longer
    /// than about a [probe interval](MirrorOptions::probe). The key is counted without the prefix.
    ///
    /// The write goes on if the future is dropped. Any runtime will do.
    ///
    /// ```no_run
    /// # async fn example(mirror: &localmap_mirror::Mirror) -> Result<(), Box<dyn std::error::Error>> {
    /// use localmap_mirror::{Expect, PutError};
    ///
    /// match mirror.put_if("leader", "a", Expect::Absent).await {
    ///     Ok(written) => println!("revision {}", written.revision),
    ///     Err(PutError::Conflict { revision, .. }) => println!("somebody else, at {revision:?}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`PutError::Conflict`] if the condition is not met, [`PutError::Refused`] if etcd refuses the
    /// write, [`PutError::Unreachable`] if it was not sent, and [`PutError::Unknown`] if there is no answer:
    /// then the value may have been stored.
    pub async fn put_if(
        &self,
        key: impl AsRef<[u8]>,
        value: impl Into<Vec<u8>>,
        expect: Expect,
    ) -> Result<Written, PutError> {
        let (reply, replied) = oneshot::channel();
        let request = Request::PutIf {
            key: key.as_ref().to_vec(),
            value: value.into(),
            expect,
            reply,
        };
        let ended = "the mirror has ended";
        if self.requests.send(request).await.is_err() {
            return Err(PutError::Unreachable { why: ended.into() });
        }
        replied
            .await
            .unwrap_or_else(|_| Err(PutError::Unknown { why: ended.into() }))
    }

    /// Reads a key from etcd, past the mirror, with a linearizable read. What it returns is not stored in
    /// the mirror. Use it for [omitted](crate::ReadError::Omitted) keys and where the mirror is too old.
    ///
    /// Calls for the same key that wait at the same time share one read, which is sent after all of them
    /// have begun. Any runtime will do.
    ///
    /// # Errors
    ///
    /// Returns [`RequestError`] if etcd refuses the read or does not answer in time.
    pub async fn get_through(&self, key: impl AsRef<[u8]>) -> Through {
        let key = key.as_ref().to_vec();
        self.request(|reply| Request::GetThrough { key, reply })
            .await
    }

    /// Compares the copy with etcd at the revision of the copy. If they differ, the
    /// [status](crate::MirrorCounts) counts it; the mirror does not list its prefix for that, as it does
    /// with the option [`audit`](MirrorOptions::audit).
    ///
    /// It lists the prefix, and reads the copy under the lock of the mirror, which takes milliseconds for
    /// thousands of keys. Any runtime will do.
    ///
    /// # Errors
    ///
    /// Returns [`RequestError`] if there is no copy, or if etcd refuses to list it or does not answer in
    /// time.
    pub async fn audit(&self) -> Result<Comparison, RequestError> {
        self.request(|reply| Request::Audit { reply }).await
    }

    async fn request<T>(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<T, RequestError>>) -> Request,
    ) -> Result<T, RequestError> {
        let (reply, replied) = oneshot::channel();
        let sent = self.requests.send(request(reply)).await;
        sent.map_err(|_| RequestError::Ended)?;
        replied.await.unwrap_or(Err(RequestError::Ended))
    }
}

/// Runs the mirror until it is dropped.
fn run(runtime: Runtime, driver: Driver, requests: Requests, stopped: oneshot::Receiver<()>) {
    runtime.block_on(async {
        tokio::select! {
            _ = stopped => {}
            () = driver.run() => {}
            () = requests.run() => {}
        }
    });
    // A name that is being resolved, or a page that is being stored, is not waited for.
    runtime.shutdown_background();
}

impl Drop for Mirror {
    /// Ends the mirror. Waits until its thread has ended, for some milliseconds.
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has ended, even if it has panicked.
            let _ = thread.join();
        }
    }
}

impl Deref for Mirror {
    type Target = MirrorReader;

    fn deref(&self) -> &MirrorReader {
        &self.reader
    }
}

impl fmt::Debug for Mirror {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mirror")
            .field("reader", &self.reader)
            .finish_non_exhaustive()
    }
}
