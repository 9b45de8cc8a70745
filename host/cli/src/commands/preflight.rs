//! What commands say if the limits of this process are too low for them.
//!
//! Without these checks, a command would end in the middle, where a thread, a file or memory is missing.

use crate::machine::limits::Limits;
use crate::machine::room::{OTHERS, Room};
use crate::machine::tree::Tree;
use anyhow::{Context, Error, bail};
use std::io;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;

/// The number of threads of a command that runs one guest, or a map alone, and of those whose memory
/// matters.
const THREADS: usize = 8;
const BUSY_THREADS: usize = 4;

/// The number of open files that are needed.
pub(crate) const FILES: u64 = 16;

/// The stack of the main thread that is needed, in bytes.
pub(crate) const STACK: u64 = 512 << 10;

/// From this limit on, there are threads for one guest.
const MANY_THREADS: u64 = 512;

/// The stack of a thread that does nothing, in bytes.
const SMALL: usize = 64 << 10;

/// "Cannot allocate memory", on each Unix.
const ENOMEM: i32 = 12;

/// The stack of the thread that replaces a main thread with too little, in bytes.
const ROOMY: usize = 8 << 20;

/// Fails if the main thread has too little stack for a command that runs guests or maps.
pub(crate) fn check_stack() -> anyhow::Result<()> {
    let limits = limits();
    let stack = limits.stack.and_then(|limit| limit.soft);
    if let Some(stack) = stack.filter(|&stack| stack < STACK) {
        bail!(
            "the stack of the main thread is too small: {} KiB (`ulimit -s`), and at least {} are \
             needed; `localmap doctor` says more",
            stack >> 10,
            STACK >> 10
        );
    }
    Ok(())
}

/// Does something on a thread with enough stack. Fails if it cannot be started.
pub(crate) fn with_stack(
    work: impl FnOnce() -> ExitCode + Send + 'static,
) -> anyhow::Result<ExitCode> {
    let thread = Builder::new().name("main".to_owned()).stack_size(ROOMY);
    let thread = thread.spawn(work).context(
        "the stack of the main thread is too small (`ulimit -s`), and no other thread can be started",
    )?;
    match thread.join() {
        Ok(code) => Ok(code),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Fails if a command that runs one guest, or a map alone, cannot work with the limits of this process.
pub(crate) fn check() -> anyhow::Result<()> {
    let limits = limits();
    check_files(&limits)?;
    refuse(Room::now(&limits).and_then(|room| room.missing(BUSY_THREADS)))?;
    // Trying takes longer.
    match limits.threads.and_then(|limit| limit.soft) {
        Some(limit) if limit < MANY_THREADS => try_threads(THREADS),
        _ => Ok(()),
    }
}

/// Does the same for a server with this many workers.
pub(crate) fn check_to_serve(workers: usize) -> anyhow::Result<()> {
    let limits = limits();
    check_files(&limits)?;
    refuse(Room::now(&limits).and_then(|room| room.missing_to_serve(workers)))?;
    try_threads(workers.saturating_add(OTHERS))
}

fn limits() -> Limits {
    Limits::read(&Tree::this_machine())
}

fn check_files(limits: &Limits) -> anyhow::Result<()> {
    let files = limits.open_files.and_then(|limit| limit.soft);
    if let Some(files) = files.filter(|&files| files < FILES) {
        bail!(
            "too few open files are allowed: {files} (`ulimit -n`), and at least {FILES} are needed; \
             `localmap doctor` says more"
        );
    }
    Ok(())
}

/// Fails unless this many threads can be started. They end at once.
fn try_threads(count: usize) -> anyhow::Result<()> {
    let gate = Arc::new(Mutex::new(()));
    let closed = gate.lock().unwrap_or_else(PoisonError::into_inner);
    let start = |_| {
        let gate = Arc::clone(&gate);
        let thread = Builder::new().stack_size(SMALL);
        thread.spawn(move || drop(gate.lock()))
    };
    let threads: io::Result<Vec<_>> = (0..count).map(start).collect();
    drop(closed);
    match threads {
        Ok(threads) => {
            for thread in threads {
                // None of them panics.
                let _ = thread.join();
            }
            Ok(())
        }
        Err(error) => Err(Error::new(error).context(format!(
            "too few threads are allowed (`ulimit -u`, or pids.max of the cgroup), and at least {count} \
             are needed; `localmap doctor` says more"
        ))),
    }
}

fn refuse(missing: Option<u64>) -> anyhow::Result<()> {
    match missing {
        Some(needed) => bail!("there is too little address space; {}", hint(needed)),
        None => Ok(()),
    }
}

/// Names the cause if the operating system has refused memory.
pub(crate) fn explain(error: Error) -> Error {
    // Wasmtime's own type of the error of a system call is private.
    let refused = io::Error::from_raw_os_error(ENOMEM).to_string();
    if !cfg!(unix) || error.root_cause().to_string() != refused {
        return error;
    }
    error.context(format!(
        "there is too little address space or memory; {}",
        advice(0)
    ))
}

/// Says how much address space is needed for `more` bytes than now.
pub(super) fn advice(more: u64) -> String {
    match Room::now(&limits()) {
        Some(room) => hint(room.needed(more)),
        None => "`localmap doctor` says what limits it".to_owned(),
    }
}

fn hint(needed: u64) -> String {
    // What is used differs a little from run to run.
    let needed = needed.saturating_add(1 << 20).next_multiple_of(16 << 20);
    format!(
        "raise its limit to at least {} KiB (`ulimit -v`), or remove it: `localmap doctor` says more",
        needed.div_ceil(1 << 10)
    )
}
