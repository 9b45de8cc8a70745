//! A guest for tests that runs the commands in its arguments.
//!
//! `probe COMMAND [ARG…] [then COMMAND [ARG…]]…` runs the commands one after the other, in one
//! instance and so with one map. [`run`] lists them.

use std::{
    error::Error,
    io::{self, BufRead, Read, Write},
    net::{TcpStream, UdpSocket},
    process::{self, ExitCode},
    thread,
    time::{Duration, Instant, SystemTime},
};

use localmap_client::{LocalMap, Ttl};

type Outcome = Result<(), Box<dyn Error>>;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let outcome = args.split(|arg| arg == "then").try_for_each(|command| {
        let args: Vec<&str> = command.iter().map(String::as_str).collect();
        run(&args)
    });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "Error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> Outcome {
    match args {
        // Streams.
        ["args", rest @ ..] => say(format!("{rest:?}")),
        ["env", name] => say(std::env::var(name)?),
        ["cat", file] => Ok(io::stdout().write_all(&std::fs::read(file)?)?),
        ["connect", address] => Ok(TcpStream::connect(address).map(drop)?),
        ["bind", address] => Ok(UdpSocket::bind(address).map(drop)?),
        ["echo"] => echo(),
        ["read-all-then-print"] => read_all_then_print(),
        ["yes"] => loop {
            say("y")?;
        },
        ["write-error"] => write_error(),
        ["complain"] => loop {
            writeln!(io::stderr(), "no")?;
        },
        // Time.
        ["clock"] => clock(),
        ["sleep", millis] => {
            thread::sleep(Duration::from_millis(millis.parse()?));
            Ok(())
        }
        // The map.
        ["get", key] => get(key),
        ["set", key, value] => set(key, value, Ttl::Default),
        ["set", key, value, "never"] => set(key, value, Ttl::Never),
        ["set", key, value, ttl] => set(key, value, humantime::parse_duration(ttl)?.into()),
        ["len"] => say(LocalMap::new().len()),
        ["dump"] => dump(),
        ["fill"] => fill(),
        ["lengths"] => lengths(),
        // Ends.
        ["exit", code] => process::exit(code.parse()?),
        ["exit-with-code", code] => {
            wasip2::cli::exit::exit_with_code(code.parse()?);
            Ok(())
        }
        ["panic"] => panic(),
        ["trap"] => process::abort(),
        ["spin"] => loop {
            std::hint::spin_loop();
        },
        ["eat", mebibytes] => eat(mebibytes.parse()?),
        _ => Err(format!("cannot do {args:?}: see the list in main.rs").into()),
    }
}

fn say(text: impl std::fmt::Display) -> Outcome {
    Ok(writeln!(io::stdout(), "{text}")?)
}

/// Copies standard input to standard output, a line at a time.
fn echo() -> Outcome {
    each_line(|line| Ok(io::stdout().write_all(line)?))
}

/// Reads all of standard input before it writes a byte.
fn read_all_then_print() -> Outcome {
    let mut all = Vec::new();
    io::stdin().read_to_end(&mut all)?;
    Ok(io::stdout().write_all(&all)?)
}

/// Writes to standard output until that fails. Returns the error as WASI describes it.
fn write_error() -> Outcome {
    use wasip2::io::streams::StreamError;
    let stdout = wasip2::cli::stdout::get_stdout();
    loop {
        match stdout.blocking_write_and_flush(b"y\n") {
            Ok(()) => {}
            Err(StreamError::Closed) => return Err("closed".into()),
            Err(StreamError::LastOperationFailed(error)) => {
                return Err(error.to_debug_string().into());
            }
        }
    }
}

/// Prints `UNIX-TIME NANOSECONDS LINE` for each line of standard input: the wall clock in
/// nanoseconds, and the time on the monotonic clock since the command started, both read after
/// the line. The first line is `(start)`, and the last one `(end)`.
fn clock() -> Outcome {
    let start = Instant::now();
    let tell = |text: &[u8]| {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
        let gone = start.elapsed();
        let text = text.trim_ascii_end().escape_ascii();
        say(format_args!(
            "{} {} {text}",
            unix.as_nanos(),
            gone.as_nanos()
        ))
    };
    tell(b"(start)")?;
    each_line(tell)?;
    tell(b"(end)")
}

fn get(key: &str) -> Outcome {
    match LocalMap::new().get(key) {
        Some(value) => say(value.escape_ascii()),
        None => say("(absent)"),
    }
}

fn set(key: &str, value: &str, ttl: Ttl) -> Outcome {
    LocalMap::new().set(key, value, ttl)?;
    Ok(())
}

/// Prints `KEY=VALUE NANOSECONDS` for each entry, sorted by key: its remaining time, or `never`.
fn dump() -> Outcome {
    let map = LocalMap::new();
    let mut entries: Vec<_> = map.scan("").collect();
    entries.sort_by(|a, b| a.key.cmp(&b.key));
    for entry in entries {
        let left = match entry.expires_in {
            Some(left) => left.as_nanos().to_string(),
            None => "never".to_owned(),
        };
        let (key, value) = (entry.key.escape_ascii(), entry.value.escape_ascii());
        say(format_args!("{key}={value} {left}"))?;
    }
    Ok(())
}

/// Sets new keys until one is refused. Prints the number of entries, and the error.
fn fill() -> Outcome {
    let map = LocalMap::new();
    let mut n = 0_u64;
    loop {
        if let Err(error) = map.set(n.to_string(), "value", Ttl::Default) {
            return say(format_args!("{}: {error}", map.len()));
        }
        n += 1;
    }
}

/// Sets keys and values of many lengths, at different addresses. Prints how many of them can be
/// read unchanged.
fn lengths() -> Outcome {
    let map = LocalMap::new();
    let bytes: Vec<u8> = (0..300_000u32).map(|n| (n % 251) as u8).collect();
    let around = [512, 1024, 4096, 65_536, 200_000];
    let around = around.into_iter().flat_map(|len| len - 9..len + 9);
    let mut read = Vec::new();
    let mut same = 0;
    for (n, len) in (0..200).chain(around).enumerate() {
        let key = &bytes[..n % 128 + 1];
        let value = &bytes[n % 11..][..len];
        map.set(key, value, Ttl::Never)?;
        let there = map.get_into(key, &mut read);
        if there && read == value && map.get(key).as_deref() == Some(value) {
            same += 1;
        }
    }
    say(same)
}

#[expect(clippy::panic, reason = "tests check how the host handles it")]
fn panic() -> Outcome {
    panic!("as told")
}

/// Allocates memory and writes to all of it.
fn eat(mebibytes: usize) -> Outcome {
    let mut eaten = Vec::new();
    for _ in 0..mebibytes {
        eaten.push(vec![1_u8; 1 << 20]);
    }
    say(format_args!("{} MiB", std::hint::black_box(eaten).len()))
}

fn each_line(mut act: impl FnMut(&[u8]) -> Outcome) -> Outcome {
    let mut input = io::stdin().lock();
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        act(&line)?;
        line.clear();
    }
    Ok(())
}
