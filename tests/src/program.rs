//! Runs the command-line program that was built, and finds its guests.

use std::env;
use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

/// Returns the root of the repository.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .map(Path::to_owned)
        .unwrap_or_default()
}

/// Returns the path of a guest's component, such as an example, `probe`, `behind` or `inside`.
pub fn guest(name: &str) -> PathBuf {
    Path::new(env!("LOCALMAP_GUESTS")).join(format!("{name}.wasm"))
}

/// Returns the bytes of `tests/data/access.log`.
///
/// # Panics
///
/// Panics if the file cannot be read.
#[allow(clippy::panic, reason = "a test cannot go on without")]
pub fn access_log() -> Vec<u8> {
    let path = root().join("tests/data/access.log");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns a run of the program. `cargo test --workspace` builds the program first, because a
/// test in its own package needs it. With `--test`, only the suite `cli` does.
///
/// # Panics
///
/// Panics if the program is not built.
pub fn localmap() -> Program {
    let test = env::current_exe().unwrap_or_default();
    let name = format!("localmap{}", env::consts::EXE_SUFFIX);
    let program = test
        .ancestors()
        .nth(2)
        .map(|folder| folder.join(name))
        .unwrap_or_default();
    assert!(
        program.is_file(),
        "{} is not built: run `cargo test --workspace`, or `cargo build --workspace --bins` before",
        program.display()
    );
    let mut command = Command::new(program);
    command
        .current_dir(root())
        .env_remove("RUST_BACKTRACE")
        .stdin(Stdio::null());
    Program(command)
}

/// A run of the program that has not started yet.
#[derive(Debug)]
pub struct Program(Command);

impl Program {
    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.0.args(args);
        self
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.0.arg(arg);
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.0.env(name, value);
        self
    }

    /// Runs the program in `folder` instead of the root of the repository.
    #[must_use]
    pub fn in_folder(mut self, folder: &Path) -> Self {
        self.0.current_dir(folder);
        self
    }

    /// Returns the command, for tests that do more than provide input and wait.
    pub fn into_command(self) -> Command {
        self.0
    }

    /// Runs the program without input.
    pub fn run(self) -> Finished {
        self.run_with(b"")
    }

    /// Runs the program with `input` as its standard input.
    ///
    /// # Panics
    ///
    /// Panics if the program cannot be started.
    #[allow(clippy::panic, reason = "a test cannot go on without")]
    pub fn run_with(mut self, input: &[u8]) -> Finished {
        let mut child = self
            .0
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start the program: {error}"));
        let mut stdin = child.stdin.take();
        let output = thread::scope(|scope| {
            scope.spawn(move || {
                // The program may exit before it has read everything.
                if let Some(mut stdin) = stdin.take() {
                    let _ = stdin.write_all(input);
                }
            });
            child.wait_with_output()
        });
        let output = output.unwrap_or_else(|error| panic!("cannot wait for it: {error}"));
        Finished {
            code: output.status.code(),
            stdout: output.stdout,
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The result of a run.
#[derive(Debug)]
pub struct Finished {
    /// The exit code, or `None` if a signal killed the program.
    pub code: Option<i32>,
    /// The whole standard output.
    pub stdout: Vec<u8>,
    /// The whole standard error.
    pub stderr: String,
}

impl Finished {
    /// Returns standard output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Asserts that the run succeeded. Returns its standard output.
    ///
    /// # Panics
    ///
    /// Panics if the exit code is not 0.
    pub fn ok(&self) -> String {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        self.text()
    }

    /// Asserts that the run failed with exit code 1 and an error that contains these texts,
    /// and that nothing panicked.
    ///
    /// # Panics
    ///
    /// Panics if one of these does not hold.
    pub fn refused(&self, texts: &[&str]) {
        assert_eq!(self.code, Some(1), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for text in texts {
            assert!(
                self.stderr.contains(text),
                "`{text}` is not in: {}",
                self.stderr
            );
        }
    }
}
