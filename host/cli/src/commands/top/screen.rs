//! The terminal while it shows the screen, and as it was before.

use super::backend::TerminalBackend;
use crossterm::cursor::{Hide, Show};
use crossterm::execute;
use crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;
use std::io::{self, BufWriter, Stdout};
use std::sync::Once;

/// A screen instead of the lines of the terminal, which come back when it is dropped.
#[derive(Debug)]
pub(super) struct Screen {
    terminal: Terminal<TerminalBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Shows an empty screen.
    pub(super) fn enter() -> io::Result<Self> {
        static HOOK: Once = Once::new();
        // A panic's message is for the lines of the terminal.
        HOOK.call_once(|| {
            let tell = std::panic::take_hook();
            std::panic::set_hook(Box::new(move |panic| {
                leave();
                tell(panic);
            }));
        });
        enter()?;
        let terminal = Terminal::new(TerminalBackend(BufWriter::new(io::stdout())));
        let terminal = terminal.inspect_err(|_| leave())?;
        Ok(Self { terminal })
    }

    /// Draws the screen. Only what differs is written.
    pub(super) fn draw(&mut self, draw: impl FnOnce(&mut Buffer)) -> io::Result<()> {
        self.terminal.draw(|frame| draw(frame.buffer_mut()))?;
        Ok(())
    }

    /// Shows the lines of the terminal until `enter_again`.
    pub(super) fn leave(&mut self) {
        leave();
    }

    /// Takes the terminal back, whatever it shows.
    pub(super) fn enter_again(&mut self) -> io::Result<()> {
        // A shell changes the modes of the terminal while the process is stopped, but crossterm believes
        // that they are still raw, and would not set them.
        disable_raw_mode()?;
        enter()?;
        // Draws all of it. `clear` would ask the terminal for its cursor, and take typed keys for the
        // answer.
        let area = self.terminal.size()?.into();
        self.terminal.resize(area)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        leave();
    }
}

fn enter() -> io::Result<()> {
    enable_raw_mode()?;
    let entered = execute!(io::stdout(), EnterAlternateScreen, Hide);
    entered.inspect_err(|_| leave())
}

fn leave() {
    // The terminal may be gone.
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}
