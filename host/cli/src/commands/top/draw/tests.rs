//! The screen at several sizes and in several states.

use super::*;
use crate::commands::top::example::Example;
use crate::commands::top::table::Order;
use ratatui_core::backend::TestBackend;
use ratatui_core::terminal::Terminal;
use serde_json::json;

fn view() -> View {
    let order = Order {
        column: Column::Bytes,
        reversed: false,
    };
    let mut view = View::new("127.0.0.1:9090".to_owned(), order, String::new());
    for second in 0_u32..60 {
        let mut example = Example::up(7_380.0 + f64::from(second));
        let done = u64::from(second * second);
        (example.gets, example.requests, example.failed) = (done * 100, done * 10, done / 10);
        (example.hits, example.evicted) = (done * 70, done / 7);
        for (at, name) in ["alice", "bob\x1b[2J", "日本語", "שלום"]
            .into_iter()
            .enumerate()
        {
            let bytes = 65_536 * (10 - at);
            let fields = json!({"bytes": bytes, "entries": 7, "hits": done, "idle_ms": at * 999});
            example = example.tenant(name.as_bytes(), &fields);
        }
        example = example.tenant(b"server", &json!({"kind": "map", "class": "server"}));
        view.add(example.sample());
    }
    view
}

/// Returns the lines of a screen.
fn screen(view: &mut View, width: u16, height: u16, theme: Theme) -> Vec<String> {
    let now = Instant::now();
    let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a screen");
    let drawn = terminal.draw(|frame| draw(view, frame.buffer_mut(), theme, now));
    let buffer = drawn.expect("drawn").buffer.clone();
    let lines = (0..height).map(|y| {
        let mut line = String::new();
        let mut x = 0;
        while x < width {
            let symbol = buffer[(x, y)].symbol();
            line.push_str(symbol);
            x += u16::try_from(unicode_width::UnicodeWidthStr::width(symbol))
                .expect("short")
                .max(1);
        }
        line.trim_end().to_owned()
    });
    lines.collect()
}

const PLAIN: Theme = Theme { colors: false };

const USUAL: &str = r"localmap top 127.0.0.1:9090  0.1.0  up 2h 3m
requests        1.17k/s  ▇▇▇▇▇▇█████  p50 3µs  p99 3.98µs  failed 12/s
operations      11.7k/s  ▇▇▇▇▇▇█████  p50 1.5µs  p99 1.99µs  hits 75%
evictions          17/s  ▇▇▇▇▇▇█████  expired 0/s  refused 0/s  limited 0/s
memory          3.0 MiB  ████████░░░  payload 33.3%  overhead 16.7%  free 50%
maps          2 of 1000  ░░░░░░░░░░░  waiting 0  refused 0  memory denied 0

NAME         CLASS       ENTRIES     BYTES▼    R+W/S    HITS  EVICTED/S  REFUSED
alice        gold              7  640.0 KiB      117    100%          0        0
bob\u{1b}[2J gold              7  576.0 KiB      117    100%          0        0
日本語       gold              7  512.0 KiB      117    100%          0        0
\u{5e9}\u{5… gold              7  448.0 KiB      117    100%          0        0
(map server) server            0        0 B        0       -          0        0

1-5 of 5  ? help  / filter  < > order  space pause  q quit";
#[test]
fn a_screen_of_the_usual_width() {
    assert_eq!(screen(&mut view(), 80, 15, PLAIN).join("\n"), USUAL);
}

#[test]
fn a_wide_screen_has_all_columns() {
    let lines = screen(&mut view(), 140, 24, PLAIN);
    assert!(lines[7].ends_with("IDLE"), "{}", lines[7]);
    assert!(lines[10].starts_with("日本語  "), "{}", lines[10]);
    assert!(lines[8].ends_with("  0s") && lines[12].ends_with("  in use"));
}

#[test]
fn a_small_screen_keeps_the_table() {
    let lines = screen(&mut view(), 40, 8, PLAIN);
    assert!(lines[1].starts_with("requests"), "{lines:?}");
    assert!(lines[3].starts_with("NAME"), "{lines:?}");
    assert_eq!(lines[7], "1-3 of 5  ? help  / filter  < > order  s");
    let lines = screen(&mut view(), 20, 4, PLAIN);
    assert!(lines[1].starts_with("NAME"), "{lines:?}");
}

#[test]
fn the_view_scrolls_to_its_end_and_no_further() {
    let mut view = view();
    view.first = usize::MAX;
    let lines = screen(&mut view, 80, 8, PLAIN);
    assert!(lines[7].starts_with("3-5 of 5 "), "{lines:?}");
    assert_eq!((view.first, view.page), (2, 3));
}

#[test]
fn states_are_named() {
    let mut view = view();
    view.paused = true;
    view.filter = "x\x1b".to_owned();
    let lines = screen(&mut view, 80, 24, PLAIN);
    assert!(lines[0].ends_with("  paused"), "{lines:?}");
    assert!(
        lines[23].starts_with("0-0 of 0  filter: x\\u{1b}  ? help"),
        "{lines:?}"
    );
    assert_eq!(lines[8], "No name contains the filter.");
    view.typing = Some(String::new());
    let lines = screen(&mut view, 80, 24, PLAIN);
    assert!(lines[23].starts_with("filter: x\\u{1b}▏"), "{lines:?}");
}

#[test]
fn a_failure_is_shown_with_its_time() {
    let mut view = view();
    let now = Instant::now();
    view.fail(now, "cannot connect: Connection refused".to_owned());
    let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
    draw(&mut view, &mut buffer, PLAIN, now + Duration::from_secs(65));
    let shown = format!("{buffer:?}");
    assert!(shown.contains("no answer for 1m 5s: cannot connect: Connection refused"));
    assert!(shown.contains("  stale"));
}

#[test]
fn without_colors_there_are_only_the_colors_of_the_terminal() {
    let mut view = view();
    view.paused = true;
    view.fail(Instant::now(), String::new());
    for (colors, expected) in [(true, true), (false, false)] {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 80, 24));
        draw(&mut view, &mut buffer, Theme::new(colors), Instant::now());
        let colored = buffer.content.iter().any(|cell| cell.fg != Color::Reset);
        assert_eq!(colored, expected);
    }
}

#[test]
fn no_size_is_too_small() {
    let mut view = view();
    for help in [false, true] {
        view.help = help;
        for (width, height) in (0..90).flat_map(|width| (0..16).map(move |height| (width, height)))
        {
            for line in screen(&mut view, width, height, PLAIN) {
                let columns = unicode_width::UnicodeWidthStr::width(line.as_str());
                assert!(columns <= usize::from(width), "{line}");
            }
        }
    }
}
