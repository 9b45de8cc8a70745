//! Waits for timers while other tasks do something else.
//!
//! `wait-while WHAT` prints what happens, each with the seconds on the clock since the start.
//! [`run`] lists the kinds of work.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use wasip3::clocks::monotonic_clock::{self, wait_for};
use wasip3::wit_bindgen::yield_async;
use wasip3::wit_stream;

use crate::streams::{Lines, say};
use crate::{Outcome, all, first_of};

const SECOND: u64 = 1_000_000_000;

#[derive(Clone, Copy)]
struct Start(u64);

impl Start {
    async fn tell(self, what: &str) -> Outcome {
        let now = (monotonic_clock::now() - self.0) / SECOND;
        say(format!("{what} at {now}")).await
    }

    async fn wait(self, seconds: u64) -> Outcome {
        wait_for(seconds * SECOND).await;
        self.tell(&format!("waited {seconds}")).await
    }
}

pub(crate) async fn run(what: &str) -> Outcome {
    let start = Start(monotonic_clock::now());
    match what {
        // A task that can go on for a long time, but lets others run in between.
        "working" => {
            let work = async {
                for _ in 0..5_000 {
                    yield_async().await;
                }
                start.tell("worked").await
            };
            both(work, start.wait(1)).await
        }
        // A task that gets something from another one, which waits itself.
        "streaming" => {
            let (mut to, mut from) = wit_stream::new();
            let write = async {
                wait_for(2 * SECOND).await;
                to.write_all(vec![0_u8; 10]).await;
                drop(to);
                Ok(())
            };
            let read = async {
                while from.next().await.is_some() {}
                start.tell("read").await
            };
            let waits = all([start.wait(3), start.wait(1)]);
            both(both(write, read), waits).await
        }
        // The standard library, which waits for a pollable of WASI 0.2, and so for all tasks.
        "sleeping" => {
            let sleep = async {
                std::thread::sleep(Duration::from_secs(5));
                start.tell("slept").await
            };
            both(all([start.wait(9), start.wait(1)]), sleep).await
        }
        // A line of input, or a timer that is dropped if the line comes first.
        "reading" => {
            let mut lines = Lines::open();
            loop {
                match first_of(lines.next(), wait_for(10 * SECOND)).await {
                    Ok(line) => match line? {
                        Some(line) => start.tell(&line.escape_ascii().to_string()).await?,
                        None => return start.tell("(end)").await,
                    },
                    Err(()) => start.tell("nothing came").await?,
                }
            }
        }
        // A timer, by asking again and again.
        "asking" => {
            let has_ended = Rc::new(Cell::new(false));
            let ended = Rc::clone(&has_ended);
            wasip3::spawn_local(async move {
                wait_for(60 * SECOND).await;
                ended.set(true);
            });
            while !has_ended.get() {
                yield_async().await;
            }
            start.tell("it has ended").await
        }
        _ => Err(format!("cannot wait while {what:?}: see the list in mixed.rs").into()),
    }
}

async fn both(a: impl Future<Output = Outcome>, b: impl Future<Output = Outcome>) -> Outcome {
    let (a, b) = futures::future::join(a, b).await;
    a.and(b)
}
