//! Runs a guest with several tasks, and moves the clock of its replay when all of them wait.
//!
//! What happens next in a replay does not depend on how fast this machine is. While any task of the
//! guest can go on, it does. When none can, the earliest sleep ends whose end the clock has reached. If
//! there is none, the next line of input is delivered, if a task waits for one. If none does, the clock
//! moves to the end of the earliest sleep.
//!
//! A guest whose input has been ended from outside, and that can only wait for what takes real time,
//! may wait for something that never happens. It gets a short time for it.

use super::clock::ReplayClock;
use super::input::ReplayInput;
use localmap::lock;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker, ready};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// The number of lines after which the other tasks of the runtime get a turn.
const LINES_IN_A_ROW: u32 = 64;

/// The number of looks as which a turn of a task counts that yields until another one has slept.
const LOOKS_OF_A_TURN: u32 = 10;

/// The number of turns in a row after which a guest that never waits, since a task of it yields
/// again and again, gets its input anyway.
const BUSY_TURNS: u32 = 1_000;

/// The real time in which a guest whose input has been ended must do something, unless it sleeps. An
/// HTTP request may take this long.
const GRACE: Duration = Duration::from_secs(2);

/// Runs a guest to its end. `run` is the future that runs all of its tasks. Returns `None` if the input
/// has been ended from outside, and the guest has then done nothing for [`GRACE`].
pub(crate) async fn drive<F: Future>(
    run: F,
    clock: &ReplayClock,
    input: &ReplayInput,
) -> Option<F::Output> {
    clock.set_driven();
    let mut run = pin!(run);
    let progress = Arc::new(Progress::default());
    let mut driver = Driver {
        clock,
        input,
        waker: Waker::from(Arc::clone(&progress)),
        progress,
        busy_turns: 0,
        grace: None,
    };
    loop {
        match std::future::poll_fn(|context| driver.poll(run.as_mut(), context)).await {
            Turn::Ended(output) => return Some(output),
            Turn::Stuck => return None,
            Turn::AllSleep => {
                // Other tasks of the runtime, such as those of connections, may wake the guest.
                tokio::task::yield_now().await;
                if !driver.progress.is_woken() {
                    clock.reach_first_end();
                    clock.wake_sleeper();
                }
            }
        }
    }
}

/// What a guest does when it has done all that it can.
enum Turn<T> {
    Ended(T),
    /// It waits for nothing but sleeps, and for what takes real time.
    AllSleep,
    /// It does nothing, although its input has been ended.
    Stuck,
}

struct Driver<'a> {
    clock: &'a ReplayClock,
    input: &'a ReplayInput,
    progress: Arc<Progress>,
    /// Wakes `progress`.
    waker: Waker,
    /// The number of turns since all tasks have waited.
    busy_turns: u32,
    /// The end of [`GRACE`], while the guest does nothing although its input has been ended.
    grace: Option<Pin<Box<Sleep>>>,
}

impl Driver<'_> {
    fn poll<F: Future>(
        &mut self,
        mut run: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<Turn<F::Output>> {
        for _ in 0..LINES_IN_A_ROW {
            if self.progress.is_woken() {
                self.grace = None;
            }
            self.progress.begin_turn(context.waker());
            let polled = run.as_mut().poll(&mut Context::from_waker(&self.waker));
            let is_woken = self.progress.end_turn();
            if let Poll::Ready(output) = polled {
                return Poll::Ready(Turn::Ended(output));
            }
            if is_woken && !self.is_busy_for_long() {
                break;
            }
            if self.clock.wake_sleeper() {
                continue;
            }
            match self.input.poll_line(context) {
                Poll::Ready(true) => self.busy_turns = 0,
                Poll::Ready(false) | Poll::Pending if is_woken => break,
                Poll::Ready(false) if self.clock.has_sleeps() => {
                    self.busy_turns = 0;
                    return Poll::Ready(Turn::AllSleep);
                }
                Poll::Ready(false) => {
                    self.busy_turns = 0;
                    return self.poll_stuck(context);
                }
                Poll::Pending => {
                    self.busy_turns = 0;
                    return Poll::Pending;
                }
            }
        }
        // Everything else in the runtime gets a turn.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    /// Waits until the input has been ended from outside, and then for the end of [`GRACE`].
    fn poll_stuck<T>(&mut self, context: &mut Context<'_>) -> Poll<Turn<T>> {
        ready!(self.input.poll_cut(context));
        let grace = self.grace.get_or_insert_with(|| Box::pin(sleep(GRACE)));
        ready!(grace.as_mut().poll(context));
        Poll::Ready(Turn::Stuck)
    }

    /// Counts a turn after which a task can go on. A task that yields until another one has slept
    /// waits by looking.
    fn is_busy_for_long(&mut self) -> bool {
        if self.clock.has_sleeps() {
            for _ in 0..LOOKS_OF_A_TURN {
                self.clock.look();
            }
        }
        self.busy_turns = self.busy_turns.saturating_add(1);
        self.busy_turns > BUSY_TURNS
    }
}

/// Whether the guest can go on. As a waker, it also wakes the task of the driver, unless that is
/// polling the guest and looks at this next.
#[derive(Default)]
struct Progress {
    is_woken: AtomicBool,
    is_polled: AtomicBool,
    parent: Mutex<Option<Waker>>,
}

impl Progress {
    fn begin_turn(&self, parent: &Waker) {
        self.is_polled.store(true, Ordering::SeqCst);
        self.is_woken.store(false, Ordering::SeqCst);
        let mut known = lock(&self.parent);
        if !known.as_ref().is_some_and(|known| known.will_wake(parent)) {
            *known = Some(parent.clone());
        }
    }

    /// Returns whether the guest has been woken since the turn began.
    fn end_turn(&self) -> bool {
        // In this order: a waker that does not see the end of the turn is seen here.
        self.is_polled.store(false, Ordering::SeqCst);
        self.is_woken()
    }

    fn is_woken(&self) -> bool {
        self.is_woken.load(Ordering::SeqCst)
    }
}

impl Wake for Progress {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.is_woken.store(true, Ordering::SeqCst);
        if self.is_polled.load(Ordering::SeqCst) {
            return;
        }
        let parent = lock(&self.parent).clone();
        if let Some(parent) = parent {
            parent.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::FREE_LOOKS;
    use super::super::input::RawInput;
    use super::super::stamp::{StampFormat, StampOptions};
    use super::*;
    use std::cell::RefCell;
    use std::io::Cursor;
    use std::rc::Rc;
    use tokio::io::AsyncReadExt;
    use tokio::task::{JoinSet, LocalSet, spawn_local};
    use wasmtime_wasi::cli::StdinStream;

    const START: u64 = 1_000_000_000;

    /// What tasks did, and when.
    #[derive(Clone)]
    struct Diary {
        clock: ReplayClock,
        lines: Rc<RefCell<Vec<String>>>,
    }

    impl Diary {
        fn note(&self, text: &str) {
            let now = self.clock.nanos() / 1_000_000_000 - START;
            self.lines.borrow_mut().push(format!("{now} {text}"));
        }

        async fn sleep(&self, seconds: u64) {
            let end = self.clock.nanos() + seconds * 1_000_000_000;
            self.clock.sleep_until(end).await;
            self.note(&format!("slept {seconds}"));
        }
    }

    /// Replays a text for a guest whose tasks `start` spawns. Returns what they did.
    fn replay(text: &str, start: impl AsyncFnOnce(&Diary, &ReplayInput)) -> Vec<String> {
        let clock = ReplayClock::default();
        let (raw, _end) = RawInput::new(Cursor::new(text.to_owned().into_bytes()));
        let stamps = StampOptions::new(StampFormat::Unix).finder().unwrap();
        let (input, _) = ReplayInput::new(raw, stamps, clock.clone()).unwrap();
        let diary = Diary {
            clock: clock.clone(),
            lines: Rc::default(),
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()
            .unwrap();
        let tasks = LocalSet::new();
        let ended = runtime.block_on(drive(
            tasks.run_until(async {
                start(&diary, &input).await;
            }),
            &clock,
            &input,
        ));
        assert!(ended.is_some(), "nothing ends the input");
        drop(tasks);
        diary.lines.take()
    }

    /// Yields, as a guest does. Tokio's own function wakes the task only after all others have run.
    async fn yield_now() {
        let mut has_yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut has_yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Notes the lines of the input as they arrive.
    async fn read(diary: Diary, input: ReplayInput) {
        let mut stream = Box::into_pin(input.async_stream());
        let mut buffer = [0; 100];
        loop {
            let len = stream.read(&mut buffer).await.unwrap();
            if len == 0 {
                return diary.note("end");
            }
            diary.note(String::from_utf8_lossy(&buffer[..len]).trim_end());
        }
    }

    #[test]
    fn sleeps_end_in_their_order_and_at_their_times() {
        let diary = replay("1000000000\n", async |diary, _| {
            let mut tasks = JoinSet::new();
            for seconds in [60, 1, 30, 1] {
                let diary = diary.clone();
                tasks.spawn_local(async move { diary.sleep(seconds).await });
            }
            tasks.join_all().await;
        });
        assert_eq!(
            diary,
            ["1 slept 1", "1 slept 1", "30 slept 30", "60 slept 60"]
        );
    }

    #[test]
    fn sleeps_that_one_line_makes_due_end_in_the_order_of_their_ends_and_then_of_their_beginnings()
    {
        let diary = replay("1000000000 a\n1000000100 b\n", async |diary, input| {
            let mut tasks = JoinSet::new();
            for seconds in [70, 20, 90, 10, 20, 200] {
                let diary = diary.clone();
                tasks.spawn_local(async move {
                    diary.sleep(seconds).await;
                    // What one of them causes comes before the next one ends.
                    for _ in 0..10 {
                        yield_now().await;
                    }
                    diary.note(&format!("worked after {seconds}"));
                });
            }
            tasks.spawn_local(read(diary.clone(), input.clone()));
            tasks.join_all().await;
        });
        let mut expected = vec!["0 1000000000 a".to_owned(), "100 1000000100 b".to_owned()];
        for seconds in [10, 20, 20, 70, 90] {
            expected.push(format!("100 slept {seconds}"));
            expected.push(format!("100 worked after {seconds}"));
        }
        expected.push("100 end".to_owned());
        expected.push("200 slept 200".to_owned());
        expected.push("200 worked after 200".to_owned());
        assert_eq!(diary, expected);
    }

    #[test]
    fn a_sleep_does_not_end_while_another_task_can_go_on() {
        let diary = replay("1000000000\n", async |diary, _| {
            let busy = diary.clone();
            let busy = spawn_local(async move {
                for _ in 0..BUSY_TURNS * 3 {
                    yield_now().await;
                }
                busy.note("done");
            });
            diary.sleep(1).await;
            busy.await.unwrap();
        });
        assert_eq!(diary, ["0 done", "1 slept 1"]);
    }

    #[test]
    fn input_comes_before_a_sleep_ends_unless_its_stamp_ends_it() {
        let text = "1000000000 a\n1000000020 b\n1000000020 c\n";
        let diary = replay(text, async |diary, input| {
            let reads = spawn_local(read(diary.clone(), input.clone()));
            let early = diary.clone();
            let early = spawn_local(async move { early.sleep(10).await });
            diary.sleep(30).await;
            early.await.unwrap();
            reads.await.unwrap();
        });
        let done = [
            "0 1000000000 a",
            "20 1000000020 b",
            "20 slept 10",
            "20 1000000020 c",
            "20 end",
            "30 slept 30",
        ];
        assert_eq!(diary, done);
    }

    #[test]
    fn a_line_is_delivered_when_all_tasks_have_done_what_the_one_before_caused() {
        let diary = replay("1000000000 a\n1000000020 b\n", async |diary, input| {
            let (send, mut sent) = tokio::sync::mpsc::unbounded_channel();
            let worker = diary.clone();
            let worker = spawn_local(async move {
                while let Some(()) = sent.recv().await {
                    for _ in 0..10 {
                        yield_now().await;
                    }
                    worker.note("worked");
                }
            });
            let mut stream = Box::into_pin(input.async_stream());
            let mut buffer = [0; 100];
            while stream.read(&mut buffer).await.unwrap() > 0 {
                send.send(()).unwrap();
            }
            drop(send);
            worker.await.unwrap();
        });
        assert_eq!(diary, ["0 worked", "20 worked"]);
    }

    #[test]
    fn a_task_that_only_yields_gets_its_input_and_the_ends_of_its_sleeps() {
        let diary = replay("1000000000 a\n", async |diary, input| {
            let reads = spawn_local(read(diary.clone(), input.clone()));
            while !reads.is_finished() {
                yield_now().await;
            }
            for _ in 0..FREE_LOOKS {
                diary.clock.look();
            }
            let sleeper = diary.clone();
            let sleeps = spawn_local(async move {
                sleeper.clock.sleep_until(START * 1_000_000_000 + 1).await;
            });
            while !sleeps.is_finished() {
                yield_now().await;
            }
        });
        assert_eq!(diary, ["0 1000000000 a", "0 end"]);
    }

    #[test]
    fn what_takes_real_time_does_not_hold_the_clock() {
        let diary = replay("1000000000\n", async |diary, _| {
            let never = spawn_local(std::future::pending::<()>());
            let timeout = sleep(Duration::from_secs(3_600));
            let sleeper = diary.clone();
            tokio::select! {
                () = timeout => diary.note("an hour has passed"),
                () = sleeper.sleep(86_400) => {}
            }
            never.abort();
        });
        assert_eq!(diary, ["86400 slept 86400"]);
    }
}
