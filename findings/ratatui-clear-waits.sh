#!/usr/bin/env bash
# ratatui: `Terminal::clear` fails after two seconds if another thread reads keys.
#
# Tool: ratatui 0.30.2 with crossterm 0.29.0 from crates.io (half a minute of CPU to build), Python's pty.
#
# To draw a screen once more, for example after Ctrl-Z and `fg`, one calls `Terminal::clear`. For a full
# screen one expects it to write an escape sequence, as `resize` does. But it keeps the position of the
# cursor, for which it asks the terminal, and the answer arrives among the keys. While another thread
# waits in crossterm's `event::read`, that thread has the lock of the keys: it takes the answer and waits
# on. So `clear` returns an error after two seconds, although the terminal has answered at once, and the
# screen stays empty. `Terminal::resize` with the same size draws everything again and asks nothing.
#
# Seen: the lines below.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"

cat > expected <<'TXT'
alone: clear is ok, resize is ok
with a thread in event::read: clear is an error, resize is ok
TXT

mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "demo"
version = "0.0.0"
edition = "2021"

[dependencies]
ratatui = { version = "=0.30.2", default-features = false, features = ["crossterm"] }
crossterm = { version = "=0.29.0", default-features = false, features = ["events"] }

[profile.dev]
debug = false
TOML
cat > src/main.rs <<'RUST'
use ratatui::{backend::CrosstermBackend, layout::Rect, Terminal};
use std::{env, fs, io::stdout, thread, time::Duration};

fn main() {
    crossterm::terminal::enable_raw_mode().unwrap();
    let mut terminal = Terminal::new(CrosstermBackend::new(stdout())).unwrap();
    let name = match env::args().nth(1) {
        None => "alone",
        Some(_) => {
            thread::spawn(|| while crossterm::event::read().is_ok() {});
            thread::sleep(Duration::from_millis(500));
            "with a thread in event::read"
        }
    };
    let said = |ok| if ok { "ok" } else { "an error" };
    let clear = said(terminal.clear().is_ok());
    let resize = said(terminal.resize(Rect::new(0, 0, 80, 24)).is_ok());
    fs::write("result", format!("{name}: clear is {clear}, resize is {resize}\n")).unwrap();
}
RUST
# A terminal that answers the question for its cursor.
cat > terminal.py <<'PY'
import fcntl, os, pty, struct, sys, termios
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
try:
    while written := os.read(terminal, 4096):
        if b"\x1b[6n" in written:
            os.write(terminal, b"\x1b[1;1R")
except OSError:
    pass  # It has ended.
os.waitpid(child, 0)
PY
CARGO_TARGET_DIR=$work/target cargo build --quiet
for argument in "" thread; do
    python3 terminal.py target/debug/demo $argument
    cat result
done > found
cat found
diff expected found > /dev/null || { echo "CHANGED: not what was seen when this was written"; exit 1; }
