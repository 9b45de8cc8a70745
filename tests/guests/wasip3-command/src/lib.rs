//! A command for WASI 0.3 for tests that runs the commands in its arguments.
//!
//! `wasip3-command COMMAND [ARG…] [then COMMAND [ARG…]]…` runs the commands one after the other,
//! in one instance and so with one map. [`run`] lists them. A command that fails prints the
//! reason to standard error, and ends the guest with an error.

mod map;
mod mixed;
mod streams;
mod wait;

use std::{error::Error, hint};

use futures::future::{Either, join_all, select};
use wasip3::cli::{environment, exit};
use wasip3::clocks::{monotonic_clock, system_clock};
use wasip3::random::{insecure, insecure_seed, random};

pub(crate) type Outcome = Result<(), Box<dyn Error>>;

struct Command;

wasip3::cli::command::export!(Command);

impl wasip3::exports::cli::run::Guest for Command {
    async fn run() -> Result<(), ()> {
        let args = environment::get_arguments();
        for command in args.get(1..).unwrap_or_default().split(|arg| arg == "then") {
            let args: Vec<&str> = command.iter().map(String::as_str).collect();
            if let Err(error) = run(&args).await {
                // The stream may be closed, too.
                let _ = streams::warn(format!("Error: {error}")).await;
                return Err(());
            }
        }
        Ok(())
    }
}

async fn run(args: &[&str]) -> Outcome {
    match *args {
        // Streams.
        ["args", ref rest @ ..] => streams::say(format!("{rest:?}")).await,
        ["env", name] => env(name).await,
        ["say", text] => streams::say(text).await,
        ["warn", text] => streams::warn(text).await,
        ["print", text] => print(text),
        ["cat", file] => streams::cat(file).await,
        ["echo"] => streams::echo().await,
        ["relay"] => streams::relay().await,
        ["read-all-then-print"] => streams::read_all_then_print().await,
        ["length"] => streams::length().await,
        ["first", bytes] => streams::first(bytes.parse()?).await,
        ["ignore-input"] => streams::ignore_input().await,
        ["big", bytes] => streams::big(bytes.parse()?).await,
        ["yes"] => streams::repeat(b"y\n").await,
        ["complain"] => streams::complain().await,
        ["unfinished", text] => streams::unfinished(text).await,
        // Time.
        ["clock"] => clock().await,
        ["resolution"] => {
            let resolution = monotonic_clock::get_resolution();
            streams::say(format!("{resolution} {}", system_clock::get_resolution())).await
        }
        ["wait", how, ref seconds @ ..] => wait::run(how, seconds).await,
        ["wait-while", what] => mixed::run(what).await,
        ["wait-millis", millis] => {
            monotonic_clock::wait_for(millis.parse::<u64>()? * 1_000_000).await;
            Ok(())
        }
        // Randomness.
        ["random"] => {
            let text = format!(
                "{:?} {} {:?} {} {:?}",
                random::get_random_bytes(4),
                random::get_random_u64(),
                insecure::get_insecure_random_bytes(4),
                insecure::get_insecure_random_u64(),
                insecure_seed::get_insecure_seed(),
            );
            streams::say(text).await
        }
        // The map.
        ["get", key] => map::get(key).await,
        ["set", key, value] => map::set(key, value),
        ["set", key, value, seconds] => map::set_for(key, value, seconds.parse()?),
        ["len"] => map::len().await,
        ["dump"] => map::dump().await,
        ["count-lines"] => map::count_lines().await,
        ["increments", tasks] => map::increments(tasks.parse()?).await,
        ["lost-updates", tasks] => map::lost_updates(tasks.parse()?).await,
        ["fill"] => map::fill().await,
        // Ends.
        ["fail"] => Err("as the arguments demand".into()),
        ["exit", "ok"] => end(|| exit::exit(Ok(()))),
        ["exit", "error"] => end(|| exit::exit(Err(()))),
        ["exit-with-code", code] => {
            let code = code.parse()?;
            end(|| exit::exit_with_code(code))
        }
        ["exit-while-writing", code] => streams::exit_while_writing(code.parse()?).await,
        ["panic"] => panic(),
        ["trap"] => std::process::abort(),
        ["trap-in-task"] => {
            wasip3::spawn_local(async {
                monotonic_clock::wait_for(1_000_000).await;
                std::process::abort()
            });
            wait::forever().await
        }
        ["spin"] => loop {
            hint::black_box(());
        },
        ["spin-in-task"] => {
            wasip3::spawn_local(async {
                loop {
                    hint::black_box(());
                }
            });
            wait::forever().await
        }
        ["wait-forever"] => wait::forever().await,
        ["deadlock"] => wait::deadlock().await,
        ["overflow"] => overflow(0).map(drop),
        ["eat", mebibytes] => eat(mebibytes.parse()?),
        // Returns, and goes on in the background.
        ["after", millis, text] => after(millis.parse()?, text.to_owned(), false),
        ["after-then-trap", millis, text] => after(millis.parse()?, text.to_owned(), true),
        _ => Err(format!("cannot do {args:?}: see the list in lib.rs").into()),
    }
}

async fn env(name: &str) -> Outcome {
    let all = environment::get_environment();
    match all.iter().find(|(other, _)| other == name) {
        Some((_, value)) => streams::say(value).await,
        None => Err(format!("{name} is not set").into()),
    }
}

/// Prints through the standard library, which is built on WASI 0.2.
fn print(text: &str) -> Outcome {
    use std::io::{self, Write};
    writeln!(io::stdout(), "{text}")?;
    Ok(writeln!(io::stderr(), "{text}!")?)
}

/// Prints `SECONDS NANOSECONDS LINE` for each line of standard input: the system clock, and
/// the nanoseconds on the monotonic clock since the command started, both read after the line.
/// The first line is `(start)`, and the last one `(end)`.
async fn clock() -> Outcome {
    let start = monotonic_clock::now();
    let tell = async |text: &[u8]| {
        let now = system_clock::now();
        let gone = monotonic_clock::now() - start;
        let (seconds, nanos) = (now.seconds, now.nanoseconds);
        let text = text.escape_ascii();
        streams::say(format!("{seconds}.{nanos:09} {gone} {text}")).await
    };
    tell(b"(start)").await?;
    let mut lines = streams::Lines::open();
    while let Some(line) = lines.next().await? {
        tell(&line).await?;
    }
    tell(b"(end)").await
}

/// Calls an import that does not return.
fn end(exit: impl FnOnce()) -> Outcome {
    exit();
    Err("the guest goes on after its end".into())
}

#[allow(clippy::panic, reason = "the command panics")]
fn panic() -> Outcome {
    panic!("as the arguments demand")
}

#[allow(unconditional_recursion, reason = "the command overflows the stack")]
fn overflow(depth: u64) -> Result<u64, Box<dyn Error>> {
    let frame = hint::black_box([depth; 64]);
    Ok(overflow(frame[0] + 1)? + hint::black_box(frame)[1])
}

/// Allocates memory, and keeps it until the end.
fn eat(mebibytes: usize) -> Outcome {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(mebibytes << 20)?;
    bytes.resize(mebibytes << 20, 1u8);
    std::mem::forget(hint::black_box(bytes));
    Ok(())
}

/// Returns at once. In the background, waits, sets the entry `after` and prints a text.
fn after(millis: u64, text: String, trap: bool) -> Outcome {
    wasip3::spawn_local(async move {
        monotonic_clock::wait_for(millis * 1_000_000).await;
        let set = map::set("after", &text);
        if set.is_ok() {
            let _ = streams::say(text).await;
        }
        if trap {
            std::process::abort();
        }
    });
    Ok(())
}

/// Waits for all futures, and returns the first error.
pub(crate) async fn all(tasks: impl IntoIterator<Item = impl Future<Output = Outcome>>) -> Outcome {
    join_all(tasks).await.into_iter().collect()
}

/// Waits for the first of two futures, and drops the other one.
pub(crate) async fn first_of<A: Future, B: Future>(a: A, b: B) -> Result<A::Output, B::Output> {
    let (a, b) = (std::pin::pin!(a), std::pin::pin!(b));
    match select(a, b).await {
        Either::Left((a, _)) => Ok(a),
        Either::Right((b, _)) => Err(b),
    }
}
