//! One process of etcd.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

/// A process of etcd, and its files. The process ends with it.
#[derive(Debug)]
pub(crate) struct Node {
    /// The program and its arguments.
    pub(crate) command: Vec<OsString>,
    /// The URL for clients.
    pub(crate) endpoint: String,
    /// The folder of its data.
    pub(crate) data: PathBuf,
    /// The file that has what it prints.
    pub(crate) log: PathBuf,
    process: Option<Child>,
}

impl Node {
    pub(crate) fn new(command: Vec<OsString>, endpoint: String, data: PathBuf) -> Self {
        Self {
            log: data.with_extension("log"),
            command,
            endpoint,
            data,
            process: None,
        }
    }

    /// Starts the process.
    pub(crate) fn start(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let log = File::options().create(true).append(true).open(&self.log);
        let log = log.expect("a file");
        let process = Command::new(&self.command[0])
            .args(&self.command[1..])
            // One thread: the machine has few cores, and other tests run at the same time.
            .env("GOMAXPROCS", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn();
        self.process = Some(process.expect("etcd starts"));
    }

    /// Returns `true` while the process runs, even if it is stopped.
    pub(crate) fn runs(&mut self) -> bool {
        let process = self.process.as_mut();
        process.is_some_and(|process| process.try_wait().expect("a process").is_none())
    }

    /// Ends the process by SIGKILL, which is not deferred by SIGSTOP.
    pub(crate) fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().expect("it is killed");
            process.wait().expect("it has ended");
        }
    }

    /// Sends a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let process = self.process.as_ref().expect("it runs");
        let kill = Command::new("kill")
            .args(["-s", name, &process.id().to_string()])
            .status();
        assert!(kill.expect("kill").success());
    }

    /// Deletes the data of the process, which must have ended.
    pub(crate) fn wipe(&self) {
        assert!(self.process.is_none(), "it runs");
        fs::remove_dir_all(&self.data).expect("its data");
    }

    /// Keeps a copy of the data of the process, which must have ended.
    pub(crate) fn back_up(&self) {
        assert!(self.process.is_none(), "it runs");
        copy_folder(&self.data, &self.data.with_extension("copy"));
    }

    /// Replaces the data of the process, which must have ended, by the copy.
    pub(crate) fn restore(&self) {
        self.wipe();
        copy_folder(&self.data.with_extension("copy"), &self.data);
    }

    /// Returns the last lines of the log.
    pub(crate) fn last_lines(&self, lines: usize) -> String {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        let all: Vec<&str> = log.lines().collect();
        all[all.len().saturating_sub(lines)..].join("\n")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("{} said:\n{}", self.endpoint, self.last_lines(15));
        }
        if let Some(mut process) = self.process.take() {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

/// Copies a folder with all that is in it.
fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let to = to.join(entry.file_name());
        match entry.file_type().expect("a type").is_dir() {
            true => copy_folder(&entry.path(), &to),
            false => drop(fs::copy(entry.path(), to).expect("a copy")),
        }
    }
}
