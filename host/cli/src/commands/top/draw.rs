//! Draws the screen: the lines of figures, the table, and the keys or the help.

use super::chart::{gauge, spark};
use super::names::{escape, fit, pad};
use super::numbers::{count, span};
use super::summary::{self, Chart};
use super::table::Column;
use super::view::View;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::{Color, Modifier, Style};
use std::time::{Duration, Instant};

/// The columns of a label, and those of its value.
const LABEL: usize = 11;
const VALUE: usize = 12;
/// The columns of what follows the chart, in a narrow terminal and in a wide one.
const DETAILS: usize = 42;
const MAX_DETAILS: usize = 52;
/// The widest chart, and the narrowest one that is drawn.
const CHART: usize = 60;
const MIN_CHART: usize = 6;
/// The rows of the table for which lines of figures give way.
const MIN_ROWS: u16 = 3;

/// The styles of texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Theme {
    colors: bool,
}

impl Theme {
    /// Creates the styles, with or without colors.
    pub(super) fn new(colors: bool) -> Self {
        Self { colors }
    }

    fn color(self, color: Color) -> Style {
        match self.colors {
            true => Style::new().fg(color),
            false => Style::new(),
        }
    }

    fn title(self) -> Style {
        self.color(Color::Cyan).add_modifier(Modifier::BOLD)
    }

    fn chart(self) -> Style {
        self.color(Color::Green)
    }

    fn warning(self) -> Style {
        self.color(Color::Yellow).add_modifier(Modifier::BOLD)
    }

    fn failure(self) -> Style {
        self.color(Color::Red).add_modifier(Modifier::BOLD)
    }

    fn head(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }
}

/// A line of the screen, which is written from left to right.
struct Line<'a> {
    buffer: &'a mut Buffer,
    x: u16,
    y: u16,
}

impl<'a> Line<'a> {
    fn new(buffer: &'a mut Buffer, area: Rect, y: u16) -> Self {
        Self {
            buffer,
            x: area.x,
            y,
        }
    }

    /// Adds a text. What lies beyond the right edge is left out.
    fn add(&mut self, text: &str, style: Style) {
        if self.y < self.buffer.area.bottom() {
            let (x, _) = self
                .buffer
                .set_stringn(self.x, self.y, text, usize::MAX, style);
            self.x = x;
        }
    }
}

/// Draws the view, and notes in it how many rows there is room for.
pub(super) fn draw(view: &mut View, buffer: &mut Buffer, theme: Theme, now: Instant) {
    let area = buffer.area;
    if area.width == 0 || area.height == 0 {
        return;
    }
    title(view, buffer, area, theme);
    // One line for the title, one for the head of the table, and one for the keys.
    let free = area.height.saturating_sub(3 + MIN_ROWS);
    let lines = summary::lines(&view.watch);
    let mut y = area.y + 1;
    for line in lines.iter().take(usize::from(free)) {
        summary_line(line, buffer, Rect { y, ..area }, theme);
        y += 1;
    }
    // An empty line, if there is room for it.
    if usize::from(free) > lines.len() {
        y += 1;
    }
    let bottom = area.bottom().saturating_sub(1);
    let below = Rect {
        y,
        height: bottom.saturating_sub(y),
        ..area
    };
    match view.help {
        true => help(buffer, below, theme),
        false => table(view, buffer, below, theme),
    }
    if area.height > 1 {
        let y = bottom;
        footer(view, buffer, Rect { y, ..area }, theme, now);
    }
}

fn title(view: &View, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let mut line = Line::new(buffer, area, area.y);
    line.add("localmap top ", theme.title());
    line.add(&escape(view.address.as_bytes()), Style::new());
    let Some(sample) = view.watch.sample() else {
        return;
    };
    let stats = &sample.stats;
    let up = span(Duration::from_micros(stats.uptime_us));
    let version = escape(stats.version.as_bytes());
    line.add(&format!("  {}  up {up}", fit(&version, 20)), Style::new());
    if !stats.ready {
        line.add("  not ready", theme.warning());
    }
    if view.paused {
        line.add("  paused", theme.warning());
    }
    if view.failure.is_some() {
        line.add("  stale", theme.failure());
    }
}

fn summary_line(line: &summary::Line<'_>, buffer: &mut Buffer, area: Rect, theme: Theme) {
    let mut out = Line::new(buffer, area, area.y);
    out.add(&pad(line.label, LABEL, false), theme.title());
    out.add(
        &pad(&line.value, VALUE, true),
        Style::new().add_modifier(Modifier::BOLD),
    );
    out.add("  ", Style::new());
    // The charts of all lines have the same width, which does not depend on figures. In a narrow
    // terminal, details that are longer than usual are cut off.
    let width = usize::from(area.width);
    let details = (DETAILS + width.saturating_sub(80) / 2).min(MAX_DETAILS);
    let room = width.saturating_sub(LABEL + VALUE + 4 + details);
    let columns = room.min(CHART);
    if columns >= MIN_CHART {
        let chart = match line.chart {
            Chart::History(history) => spark(history, columns),
            Chart::Share(Some(share)) => gauge(share, columns),
            Chart::Share(None) => " ".repeat(columns),
        };
        out.add(&chart, theme.chart());
        out.add("  ", Style::new());
    }
    out.add(&line.details, Style::new());
}

fn table(view: &mut View, buffer: &mut Buffer, area: Rect, theme: Theme) {
    if area.height == 0 {
        return;
    }
    let rows = view.rows();
    let page = usize::from(area.height - 1);
    let first = view.first.min(rows.len().saturating_sub(page));
    let columns = Column::layout(usize::from(area.width));
    let order = view.order;
    let head = columns.iter().map(|(column, width)| {
        let mark = match order.descends() {
            true => "▼",
            false => "▲",
        };
        let title = match *column == order.column {
            true => format!("{}{mark}", column.title()),
            false => column.title().to_owned(),
        };
        pad(&title, *width, !column.is_text())
    });
    let head = head.collect::<Vec<_>>().join(" ");
    let head = pad(&head, usize::from(area.width), false);
    Line::new(buffer, area, area.y).add(&head, theme.head());
    if rows.is_empty() && area.height > 1 {
        Line::new(buffer, area, area.y + 1).add(no_rows(view), Style::new());
    }
    for (row, y) in rows.iter().skip(first).take(page).zip(area.y + 1..) {
        let cells = columns.iter().map(|(column, width)| {
            let text = column.text(row, &view.watch);
            pad(&text, *width, !column.is_text())
        });
        let cells = cells.collect::<Vec<_>>().join(" ");
        let style = match view.failure {
            None => Style::new(),
            Some(_) => Style::new().add_modifier(Modifier::DIM),
        };
        Line::new(buffer, area, y).add(&cells, style);
    }
    view.first = first;
    view.page = page.max(1);
}

/// Returns why there are no rows.
fn no_rows(view: &View) -> &'static str {
    match view.filter.is_empty() {
        true => "No tenants: maps belong to requests or connections, or there are none yet.",
        false => "No name contains the filter.",
    }
}

fn footer(view: &View, buffer: &mut Buffer, area: Rect, theme: Theme, now: Instant) {
    let mut line = Line::new(buffer, area, area.y);
    if view.typing.is_some() {
        line.add("filter: ", theme.title());
        line.add(&escape(view.filter.as_bytes()), Style::new());
        line.add("▏", Style::new());
        line.add("  Enter keeps it, Esc takes it back", Style::new());
        return;
    }
    if let Some(failure) = &view.failure {
        let time = span(now.saturating_duration_since(failure.since));
        let text = escape(failure.text.as_bytes());
        line.add(&format!("no answer for {time}: {text}"), theme.failure());
        return;
    }
    line.add(&position(view), Style::new());
    if !view.filter.is_empty() {
        let filter = escape(view.filter.as_bytes());
        line.add(&format!("  filter: {}", fit(&filter, 20)), theme.warning());
    }
    line.add(
        "  ? help  / filter  < > order  space pause  q quit",
        Style::new(),
    );
}

/// Returns which rows are shown, out of how many.
pub(super) fn position(view: &View) -> String {
    let Some(sample) = view.watch.sample() else {
        return String::new();
    };
    let rows = view.rows().len();
    let last = (view.first + view.page).min(rows);
    let first = (view.first + 1).min(last);
    let maps = &sample.maps;
    let read = maps.tenants.len() as u64;
    let of = match maps.matched > read {
        // The server sends as many as it can.
        true => format!(
            "the first {} of {}",
            count(rows as u64),
            count(maps.matched)
        ),
        false => count(rows as u64),
    };
    format!("{first}-{last} of {of}")
}

/// The keys, and what they do.
const HELP: [(&str, &str); 12] = [
    ("q Esc    ", "quit"),
    ("Space    ", "pause, or go on"),
    ("/        ", "show only names that contain a text"),
    (
        "< >      ",
        "order by the next column to the left or the right; or:",
    ),
    ("  n c e  ", "by name, class, entries"),
    (
        "  b o h  ",
        "by bytes, by reads and writes a second, by the share of hits",
    ),
    (
        "  v x i  ",
        "by evictions a second, by refused writes, by the time since the last use",
    ),
    ("r        ", "reverse the order"),
    ("Up Down PageUp PageDown Home End  ", "move"),
    ("Ctrl-L   ", "draw the screen once more"),
    ("Ctrl-Z   ", "suspend"),
    ("", "Any key closes this help."),
];

fn help(buffer: &mut Buffer, area: Rect, theme: Theme) {
    for ((keys, text), y) in HELP.iter().zip(area.y..area.bottom()) {
        let mut line = Line::new(buffer, area, y);
        line.add(keys, theme.title());
        line.add(text, Style::new());
    }
}

#[cfg(test)]
mod tests;
