//! A stream of batches, of which several are under way at a time.

use crate::connection::check_len;
use crate::error::Error;
use crate::operation::{Batch, OperationResult};
use crate::tenant::Tenant;
use localmap_sidecar_proto::{PipelineRequest, PipelineResponse};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Status, Streaming};

/// The most batches that are under way at a time. Further ones wait.
const MAX_IN_FLIGHT: usize = 64;

/// A stream of batches to the map of a tenant: the fast way for many small operations.
///
/// A batch is one message, its results are another one, and several batches are under way at a
/// time. The operations of a batch are performed in order and under one lock of the map; batches
/// are performed in the order in which they are sent. Use 16 or more operations in a batch where
/// you can.
///
/// A pipeline does not reconnect, since batches that were under way may or may not have been
/// performed. After an error, open another one.
///
/// ```no_run
/// # use localmap_sidecar_client::{Error, Tenant};
/// # async fn example(tenant: Tenant) -> Result<(), Error> {
/// use localmap_sidecar_client::{Batch, OperationResult, Pipeline, Ttl};
///
/// let pipeline = Pipeline::open(&tenant).await?;
/// let first = pipeline.send(Batch::new().set("a", "1", Ttl::Default).get("a")).await?;
/// let second = pipeline.send(Batch::new().get("b")).await?;
/// assert_eq!(first.results().await?[1], OperationResult::Value("1".into()));
/// assert_eq!(second.results().await?, [OperationResult::Absent]);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    permits: Arc<Semaphore>,
    timeout: Duration,
    reader: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    queue: Mutex<Queue>,
}

/// The batches under way, in the order of their requests. Both are written under one lock, so that
/// the orders agree.
#[derive(Debug)]
struct Queue {
    /// `None` once the stream has ended.
    requests: Option<mpsc::UnboundedSender<PipelineRequest>>,
    waiting: VecDeque<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    operations: usize,
    results: oneshot::Sender<Result<Vec<OperationResult>, Error>>,
    _permit: OwnedSemaphorePermit,
}

/// A batch that was sent.
#[derive(Debug)]
#[must_use = "without `results`, nobody learns whether the batch was performed"]
pub struct SentBatch {
    results: oneshot::Receiver<Result<Vec<OperationResult>, Error>>,
    timeout: Duration,
}

impl Pipeline {
    /// Opens a pipeline. See [`Pipeline`] for an example.
    ///
    /// # Errors
    ///
    /// As the operations of [`Tenant`].
    pub async fn open(tenant: &Tenant) -> Result<Self, Error> {
        let name = tenant.name();
        let connection = tenant.connection();
        let (requests, responses) = connection
            .connected(|mut maps| {
                let (requests, outbound) = mpsc::unbounded_channel();
                let first = PipelineRequest {
                    tenant: name.to_owned(),
                    operations: Vec::new(),
                };
                async move {
                    // The receiver is alive, so this cannot fail.
                    let _ = requests.send(first);
                    let outbound = UnboundedReceiverStream::new(outbound);
                    let mut responses = maps.pipeline(outbound).await?.into_inner();
                    // The response to the request without operations says that the tenant is
                    // accepted.
                    match responses.message().await? {
                        Some(_) => Ok((requests, responses)),
                        None => Err(Status::unavailable("the sidecar has ended the stream")),
                    }
                }
            })
            .await?;
        let permits = Arc::new(Semaphore::new(MAX_IN_FLIGHT));
        let shared = Arc::new(Shared::new(requests));
        Ok(Self {
            reader: tokio::spawn(read(responses, shared.clone())),
            shared,
            permits,
            timeout: connection.timeout(),
        })
    }

    /// Sends a batch. Waits while 64 batches are under way.
    ///
    /// # Errors
    ///
    /// Returns [`Error::TooLarge`] if the [message](Batch::message_len) is larger than 4 MiB, and
    /// [`Error::Unavailable`] if the stream has ended. In both cases nothing was sent.
    pub async fn send(&self, batch: Batch) -> Result<SentBatch, Error> {
        check_len(batch.message_len())?;
        let permit = self.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| Error::stream_ended())?;
        let results = self.shared.send(batch, permit)?;
        Ok(SentBatch {
            results,
            timeout: self.timeout,
        })
    }

    /// Sends a batch and returns its results, one for each operation, in their order.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send) and [`SentBatch::results`].
    pub async fn run(&self, batch: Batch) -> Result<Vec<OperationResult>, Error> {
        self.send(batch).await?.results().await
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl SentBatch {
    /// Returns the results, one for each operation, in their order.
    ///
    /// # Errors
    ///
    /// Returns [`Error::TimedOut`] after the [timeout](crate::ClientOptions::timeout) of the
    /// client, counted from this call, and the other variants of [`Error`] if the stream has ended.
    /// The batch may or may not have been performed.
    pub async fn results(self) -> Result<Vec<OperationResult>, Error> {
        match timeout(self.timeout, self.results).await {
            Ok(Ok(results)) => results,
            Ok(Err(_)) => Err(Error::stream_ended()),
            Err(_) => Err(Error::TimedOut {
                timeout: self.timeout,
            }),
        }
    }
}

impl Shared {
    fn new(requests: mpsc::UnboundedSender<PipelineRequest>) -> Self {
        let queue = Queue {
            requests: Some(requests),
            waiting: VecDeque::new(),
        };
        Self {
            queue: Mutex::new(queue),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn send(
        &self,
        batch: Batch,
        permit: OwnedSemaphorePermit,
    ) -> Result<oneshot::Receiver<Result<Vec<OperationResult>, Error>>, Error> {
        let (sender, results) = oneshot::channel();
        let waiting = Waiting {
            operations: batch.len(),
            results: sender,
            _permit: permit,
        };
        let request = PipelineRequest {
            tenant: String::new(),
            operations: batch.into_operations(),
        };
        let mut queue = self.lock();
        let requests = queue.requests.as_ref().ok_or_else(Error::stream_ended)?;
        requests.send(request).map_err(|_| Error::stream_ended())?;
        queue.waiting.push_back(waiting);
        Ok(results)
    }

    /// Hands a response to the batch that waits for it.
    fn answer(&self, response: PipelineResponse) -> Result<(), Error> {
        let Some(waiting) = self.lock().waiting.pop_front() else {
            return Err(Error::protocol("no request"));
        };
        let fits = response.results.len() == waiting.operations;
        let results = if fits {
            response
                .results
                .into_iter()
                .map(TryInto::try_into)
                .collect()
        } else {
            Err(Error::protocol("results of other operations"))
        };
        // A receiver that was dropped does not want them.
        let _ = waiting.results.send(results);
        Ok(())
    }

    /// Ends the pipeline: the first batch under way gets the error, the others learn that the
    /// stream has ended.
    fn end(&self, error: Error) {
        let mut queue = self.lock();
        queue.requests = None;
        let mut waiting = std::mem::take(&mut queue.waiting).into_iter();
        drop(queue);
        if let Some(first) = waiting.next() {
            let _ = first.results.send(Err(error));
        }
    }
}

/// Reads the responses of the stream until it ends.
async fn read(mut responses: Streaming<PipelineResponse>, shared: Arc<Shared>) {
    let error = loop {
        let response = match responses.message().await {
            Ok(Some(response)) => response,
            Ok(None) => break Error::stream_ended(),
            Err(status) => break status.into(),
        };
        if let Err(error) = shared.answer(response) {
            break error;
        }
    };
    shared.end(error);
}
