//! The screen of `localmap top`, on a terminal that `script` makes.

use super::fake::{program, server};
use localmap_tests::localmap;
use std::io::{Read, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// Enters and leaves the screen.
const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// A terminal in which `localmap top` runs.
struct Terminal {
    child: Child,
    keys: ChildStdin,
    written: Receiver<Vec<u8>>,
    /// What has been written, from the last text that was waited for.
    rest: String,
}

impl Terminal {
    /// Starts it with a size, and with variables of the environment.
    fn start(columns: u16, rows: u16, variables: &str) -> Self {
        let command = localmap().into_command();
        let address = server(program());
        let line = format!(
            "stty rows {rows} cols {columns}; echo PID $$.; {variables} exec '{}' top --interval 100ms {address}",
            command.get_program().to_string_lossy()
        );
        let mut child = Command::new("script")
            .args(["-q", "-e", "-c", &line, "/dev/null"])
            .env("TERM", "xterm-256color")
            .env_remove("NO_COLOR")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("script, of util-linux");
        let keys = child.stdin.take().expect("a pipe");
        let mut stdout = child.stdout.take().expect("a pipe");
        let (sender, written) = channel();
        thread::spawn(move || {
            let mut chunk = [0; 4096];
            while let Ok(len @ 1..) = stdout.read(&mut chunk) {
                if sender.send(chunk[..len].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            keys,
            written,
            rest: String::new(),
        }
    }

    /// Waits until a text is written. Returns all up to it.
    fn wait_for(&mut self, text: &str) -> String {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            if let Some((before, rest)) = self.rest.split_once(text) {
                let before = before.to_owned();
                self.rest = rest.to_owned();
                return before;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let written = self.written.recv_timeout(left);
            assert!(written.is_ok(), "`{text}` is not in {:?}", self.rest);
            self.rest += &String::from_utf8_lossy(&written.unwrap_or_default());
        }
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).expect("it reads keys");
    }

    /// Returns the exit code, once it has left the screen.
    fn end(mut self) -> Option<i32> {
        self.wait_for(LEAVE);
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // Without its terminal, the program ends too.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_screen_shows_the_program_until_a_key_ends_it() {
    for (key, code) in [("q", 0), ("\x03", 130)] {
        let mut terminal = Terminal::start(100, 24, "");
        terminal.wait_for(ENTER);
        terminal.wait_for("alice");
        // Rates come with the second sample.
        terminal.wait_for("100/s");
        terminal.press(key);
        assert_eq!(terminal.end(), Some(code));
    }
}

#[test]
fn keys_change_what_is_shown() {
    let mut terminal = Terminal::start(100, 24, "");
    terminal.wait_for("alice");
    terminal.press("?");
    terminal.wait_for("PageDown");
    terminal.press("x/");
    terminal.wait_for("filter:");
    terminal.press("ali\r ");
    terminal.wait_for("paused");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

/// The kernel does not stop a process that no shell could continue.
#[test]
fn without_a_shell_it_is_not_suspended() {
    let mut terminal = Terminal::start(100, 24, "");
    terminal.wait_for("alice");
    terminal.press("\x1a");
    terminal.wait_for(LEAVE);
    terminal.wait_for(ENTER);
    terminal.wait_for("alice");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

/// A shell sets the modes of its terminal while the program is stopped. `script` would stop, too.
#[test]
fn once_it_continues_it_reads_keys_again() {
    let mut terminal = Terminal::start(100, 24, "");
    terminal.wait_for("PID ");
    let pid = terminal.wait_for(".");
    terminal.wait_for("alice");
    let commands = format!("stty -F /proc/{pid}/fd/0 sane && kill -CONT {pid}");
    let done = Command::new("sh").args(["-c", &commands]).status();
    assert!(done.expect("a shell").success());
    terminal.wait_for(ENTER);
    terminal.wait_for("alice");
    // Without Enter.
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn names_are_escaped_and_colors_can_be_left_out() {
    const COLOR: &str = "\x1b[38;5;";
    for (variables, colored) in [("NO_COLOR=1", false), ("NO_COLOR=", true)] {
        let mut terminal = Terminal::start(100, 24, variables);
        let before = terminal.wait_for(r"\u{1b}]0;ev");
        assert_eq!(before.contains(COLOR), colored, "{before:?}");
        assert!(!before.contains("\x1b]0;"));
        terminal.press("q");
        assert_eq!(terminal.end(), Some(0));
    }
}

#[test]
fn a_tiny_terminal_is_no_error() {
    let mut terminal = Terminal::start(5, 2, "");
    terminal.wait_for("local");
    terminal.press("?>q");
    assert_eq!(terminal.end(), Some(0));
}

#[test]
fn of_a_huge_terminal_a_part_is_used() {
    let mut terminal = Terminal::start(u16::MAX, u16::MAX, "");
    terminal.wait_for("alice");
    terminal.press("q");
    assert_eq!(terminal.end(), Some(0));
}
