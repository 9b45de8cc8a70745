//! Writes the cells of a screen to a terminal, with crossterm.

use crossterm::cursor::{self, Hide, MoveTo, Show};
use crossterm::style::{
    Attribute, Color as TerminalColor, Print, SetAttribute, SetForegroundColor,
};
use crossterm::terminal::{self, Clear};
use crossterm::{execute, queue};
use ratatui_core::backend::{Backend, ClearType, WindowSize};
use ratatui_core::buffer::Cell;
use ratatui_core::layout::{Position, Size};
use ratatui_core::style::{Color, Modifier};
use std::io::{self, Write};

/// The most columns and rows that are drawn.
const MAX_WIDTH: u16 = 1_000;
const MAX_HEIGHT: u16 = 500;

/// The terminal of standard output. Knows the styles that `draw` uses.
#[derive(Debug)]
pub(super) struct TerminalBackend<W>(pub(super) W);

impl<W: Write> TerminalBackend<W> {
    fn set_style(&mut self, color: Color, modifier: Modifier) -> io::Result<()> {
        queue!(self.0, SetAttribute(Attribute::Reset))?;
        for (flag, attribute) in [
            (Modifier::BOLD, Attribute::Bold),
            (Modifier::DIM, Attribute::Dim),
            (Modifier::REVERSED, Attribute::Reverse),
        ] {
            if modifier.contains(flag) {
                queue!(self.0, SetAttribute(attribute))?;
            }
        }
        let color = match color {
            Color::Red => TerminalColor::DarkRed,
            Color::Green => TerminalColor::DarkGreen,
            Color::Yellow => TerminalColor::DarkYellow,
            Color::Cyan => TerminalColor::DarkCyan,
            _ => return Ok(()),
        };
        queue!(self.0, SetForegroundColor(color))
    }
}

impl<W: Write> Backend for TerminalBackend<W> {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        let mut next = None;
        let mut style = None;
        for (x, y, cell) in content {
            if next != Some((x, y)) {
                queue!(self.0, MoveTo(x, y))?;
            }
            // After a wide character, the terminal is further to the right.
            next = (cell.symbol().len() == 1).then(|| (x.saturating_add(1), y));
            if style != Some((cell.fg, cell.modifier)) {
                self.set_style(cell.fg, cell.modifier)?;
                style = Some((cell.fg, cell.modifier));
            }
            queue!(self.0, Print(cell.symbol()))?;
        }
        queue!(self.0, SetAttribute(Attribute::Reset))
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        execute!(self.0, Hide)
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        execute!(self.0, Show)
    }

    fn get_cursor_position(&mut self) -> io::Result<Position> {
        let (x, y) = cursor::position()?;
        Ok(Position { x, y })
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let Position { x, y } = position.into();
        execute!(self.0, MoveTo(x, y))
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        use crossterm::terminal::ClearType as Region;
        let region = match region {
            ClearType::All => Region::All,
            ClearType::AfterCursor => Region::FromCursorDown,
            ClearType::BeforeCursor => Region::FromCursorUp,
            ClearType::CurrentLine => Region::CurrentLine,
            ClearType::UntilNewLine => Region::UntilNewLine,
        };
        execute!(self.0, Clear(region))
    }

    /// Returns the size of the part that is drawn: of a window that is larger, its corner. What is drawn
    /// takes some 100 bytes for each character.
    fn size(&self) -> io::Result<Size> {
        let (width, height) = terminal::size()?;
        Ok(Size {
            width: width.min(MAX_WIDTH),
            height: height.min(MAX_HEIGHT),
        })
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        Ok(WindowSize {
            columns_rows: self.size()?,
            pixels: Size::ZERO,
        })
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
