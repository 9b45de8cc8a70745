//! The end of a sidecar, which its connections and streams wait for.

use tokio::sync::watch;

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Serving,
    /// Streams end, and calls finish.
    Ending,
    /// Calls are cut off.
    CutOff,
}

/// Tells all tasks of a sidecar of its end.
#[derive(Debug)]
pub(crate) struct Ending(watch::Sender<Stage>);

impl Ending {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Stage::Serving))
    }

    /// Begins the end.
    pub(crate) fn begin(&self) {
        self.advance(Stage::Ending);
    }

    /// Ends what has not ended in time.
    pub(crate) fn cut_off(&self) {
        self.advance(Stage::CutOff);
    }

    fn advance(&self, to: Stage) {
        self.0.send_if_modified(|stage| {
            let later = *stage < to;
            *stage = to.max(*stage);
            later
        });
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.0.borrow() >= Stage::Ending
    }

    /// Waits until the end begins.
    pub(crate) fn begun(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reaches(Stage::Ending)
    }

    /// Waits until calls are cut off.
    pub(crate) fn cuts_off(&self) -> impl Future<Output = ()> + Send + use<> {
        self.reaches(Stage::CutOff)
    }

    fn reaches(&self, wanted: Stage) -> impl Future<Output = ()> + Send + use<> {
        let mut stage = self.0.subscribe();
        async move {
            // If the sidecar was dropped, nobody can finish anything either.
            let _ = stage.wait_for(|stage| *stage >= wanted).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn stages_come_in_order_and_none_twice() {
        let ending = Ending::new();
        let mut context = Context::from_waker(Waker::noop());
        let (mut begun, mut cut_off) = (pin!(ending.begun()), pin!(ending.cuts_off()));
        assert!(begun.as_mut().poll(&mut context).is_pending());
        ending.begin();
        assert!(ending.has_begun());
        assert!(begun.poll(&mut context).is_ready());
        assert!(cut_off.as_mut().poll(&mut context).is_pending());
        ending.cut_off();
        ending.begin();
        assert!(cut_off.poll(&mut context).is_ready());
        // It is not forgotten.
        assert!(pin!(ending.cuts_off()).poll(&mut context).is_ready());
    }
}
