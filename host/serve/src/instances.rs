//! The instances of a guest that answer several requests: those of a map, and all of them.

use crate::helped_task::{Help, HelpedTask};
use crate::instance::{Instance, Job};
use localmap::lock;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

/// The time after which an instance without a place looks for an idle one again.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// The instances that use a map. They are dropped with it, after the requests that they have.
#[derive(Default)]
pub(crate) struct MapInstances(Mutex<Vec<Running>>);

/// An instance and its task.
struct Running {
    instance: Arc<Instance>,
    task: Arc<HelpedTask>,
}

/// The places of all instances of a handler.
pub(crate) struct Places {
    room: Arc<Semaphore>,
    taken: Mutex<Vec<Weak<Instance>>>,
}

/// The place of an instance, until this is dropped.
pub(crate) struct Place(#[expect(dead_code, reason = "it is held")] OwnedSemaphorePermit);

impl MapInstances {
    /// Gives a request to an instance, or returns it if none takes it now. The caller helps the
    /// task of the instance.
    pub(crate) fn give(&self, mut job: Box<Job>) -> Result<(Arc<HelpedTask>, Help), Box<Job>> {
        let running = lock(&self.0);
        for Running { instance, task } in running.iter() {
            // Before the request wakes the task.
            let help = task.help();
            match instance.give(job) {
                Ok(()) => return Ok((Arc::clone(task), help)),
                Err(refused) => job = refused,
            }
        }
        Err(job)
    }

    /// Adds an instance, which takes requests from now on.
    pub(crate) fn add(&self, instance: Arc<Instance>, task: Arc<HelpedTask>) {
        let mut running = lock(&self.0);
        running.retain(|running| !running.instance.is_closing());
        running.push(Running { instance, task });
    }
}

impl Drop for MapInstances {
    fn drop(&mut self) {
        for running in lock(&self.0).iter() {
            running.instance.close();
        }
    }
}

impl Places {
    /// Creates places for this number of instances.
    pub(crate) fn new(instances: usize) -> Self {
        Self {
            room: Arc::new(Semaphore::new(instances)),
            taken: Mutex::default(),
        }
    }

    /// Waits for a place. If there is none, the instance that has been idle for longest ends. As
    /// many requests as there are places are answered at a time, so there is an idle instance if a
    /// request waits for a place, or soon will be.
    pub(crate) async fn take(&self, instance: &Arc<Instance>) -> Option<Place> {
        let permit = loop {
            if let Ok(permit) = Arc::clone(&self.room).try_acquire_owned() {
                break permit;
            }
            self.end_idle();
            let free = Arc::clone(&self.room).acquire_owned();
            if let Ok(permit) = timeout(LOOK_AGAIN, free).await {
                // The semaphore is never closed.
                break permit.ok()?;
            }
        };
        let mut taken = lock(&self.taken);
        taken.retain(|instance| instance.strong_count() > 0);
        taken.push(Arc::downgrade(instance));
        Some(Place(permit))
    }

    fn end_idle(&self) {
        let taken = lock(&self.taken);
        let idle = taken.iter().filter_map(Weak::upgrade);
        let idle = idle.filter_map(|instance| Some((instance.idle_since()?, instance)));
        if let Some((_, instance)) = idle.min_by_key(|(since, _)| *since) {
            instance.close();
        }
    }
}
