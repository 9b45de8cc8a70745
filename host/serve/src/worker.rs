//! The task of an instance that answers several requests.

use crate::app::App;
use crate::failure::{Failure, chain};
use crate::helped_task::{Help, HelpedTask};
use crate::instance::{Instance, Job, Next};
use crate::instances::{MapInstances, Places};
use crate::reuse::Reuse;
use localmap::LinkedMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use tokio::time::{Instant, sleep_until};

/// What is needed for instances that answer several requests.
pub(crate) struct Reusing {
    reuse: Reuse,
    places: Arc<Places>,
}

impl Reusing {
    /// Creates what is needed for at most this number of instances at a time.
    pub(crate) fn new(reuse: Reuse, instances: u32) -> Self {
        Self {
            reuse,
            places: Arc::new(Places::new(instances as usize)),
        }
    }

    /// Returns `true` if an instance answers several requests at a time.
    pub(crate) fn answers_several(&self) -> bool {
        self.reuse.max_concurrent() > 1
    }

    /// Gives a request to an instance with its map, or to a new one. The caller helps the task of
    /// the instance.
    pub(crate) fn give(
        &self,
        app: &Arc<App>,
        instances: &MapInstances,
        map: Option<LinkedMap>,
        job: Box<Job>,
    ) -> (Arc<HelpedTask>, Help) {
        match instances.give(job) {
            Ok(helped) => helped,
            Err(job) => {
                let instance = Arc::new(Instance::new(self.reuse, app.timeout(), job));
                let places = Arc::clone(&self.places);
                let running = run(Arc::clone(app), map, Arc::clone(&instance), places);
                let task = HelpedTask::spawn(running);
                instances.add(instance, Arc::clone(&task));
                let help = task.help();
                (task, help)
            }
        }
    }
}

/// Drops the requests of an instance whose task does not end regularly.
struct Abandon(Arc<Instance>);

impl Drop for Abandon {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// Creates an instance, and runs it until it takes no more requests and has none.
async fn run(app: Arc<App>, map: Option<LinkedMap>, instance: Arc<Instance>, places: Arc<Places>) {
    let answers = pin!(answer(&app, map, &instance, &places));
    // Dropped first: the failure of a request is reported before its store is dropped.
    let _abandon = Abandon(Arc::clone(&instance));
    drive(answers, &instance).await;
}

/// Creates the store of an instance, and answers its requests. Returns if the instance has failed.
async fn answer(app: &App, map: Option<LinkedMap>, instance: &Arc<Instance>, places: &Places) {
    let Some(_place) = places.take(instance).await else {
        return;
    };
    let mut store = match app.store_of(map, instance) {
        Ok(store) => store,
        Err(error) => return instance.fail(Failure::of_guest(chain(&error))),
    };
    if let Err(error) = app.answer(&mut store, instance).await {
        // Before the store is dropped, which ends the responses.
        instance.fail(app.failure(&error));
    }
}

/// Polls an instance, and ends the requests whose time is up. Ends all of them if one has lost its lock. The timer is outside of the store's
/// own loop, which makes no progress while a guest computes.
async fn drive(mut answers: Pin<&mut impl Future<Output = ()>>, instance: &Instance) {
    let mut timer = pin!(sleep_until(Instant::now()));
    poll_fn(|context| {
        loop {
            if let Some(failure) = instance.lost(context) {
                // Before the store is dropped, which ends the responses.
                instance.fail(failure);
                return Poll::Ready(());
            }
            if answers.as_mut().poll(context).is_ready() {
                return Poll::Ready(());
            }
            let until = match instance.next(context) {
                Next::End => return Poll::Ready(()),
                Next::Wait(None) => return Poll::Pending,
                Next::Wait(Some(until)) => Instant::from_std(until),
            };
            // A timer that is early costs less than one that is set for each request.
            if until < timer.deadline() || timer.is_elapsed() {
                timer.as_mut().reset(until);
            }
            if timer.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            instance.expire();
        }
    })
    .await;
}
