//! What the screen shows, and what each key changes in it.

use super::answer::{Row, Sample};
use super::rates::Watch;
use super::table::{self, Column, Order};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::time::Instant;

/// The maximum length of a filter, in bytes.
const MAX_FILTER: usize = 200;

/// The state of the screen.
#[derive(Debug)]
pub(super) struct View {
    pub(super) address: String,
    pub(super) watch: Watch,
    pub(super) order: Order,
    pub(super) filter: String,
    /// While the filter is typed, the one before.
    pub(super) typing: Option<String>,
    pub(super) paused: bool,
    pub(super) help: bool,
    pub(super) failure: Option<Failure>,
    /// The first row that is shown.
    pub(super) first: usize,
    /// The number of rows for which there was room.
    pub(super) page: usize,
}

/// There has been no answer for a while.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) since: Instant,
    pub(super) text: String,
}

/// What a key asks for beyond a change of the view.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Nothing,
    /// The table has another order or filter.
    Query,
    Redraw,
    Suspend,
    Quit,
    Interrupt,
}

impl View {
    pub(super) fn new(address: String, order: Order, filter: String) -> Self {
        Self {
            address,
            watch: Watch::default(),
            order,
            filter,
            typing: None,
            paused: false,
            help: false,
            failure: None,
            first: 0,
            page: 1,
        }
    }

    /// Adds a sample, unless the view is paused.
    pub(super) fn add(&mut self, sample: Sample) {
        self.failure = None;
        if !self.paused {
            self.watch.add(sample);
        }
    }

    /// Notes that there was no answer at `now`.
    pub(super) fn fail(&mut self, now: Instant, text: String) {
        if !self.paused {
            self.watch.miss();
        }
        let since = self.failure.take().map_or(now, |failure| failure.since);
        self.failure = Some(Failure { since, text });
    }

    /// Returns the rows of the table.
    pub(super) fn rows(&self) -> Vec<&Row> {
        table::rows(&self.watch, self.order, &self.filter)
    }

    /// Changes the view as a key says.
    pub(super) fn press(&mut self, key: KeyEvent) -> Action {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if control => return Action::Interrupt,
            KeyCode::Char('z') if control => return Action::Suspend,
            KeyCode::Char('l') if control => return Action::Redraw,
            _ if control || key.modifiers.contains(KeyModifiers::ALT) => return Action::Nothing,
            _ => {}
        }
        if self.typing.is_some() {
            return self.type_filter(key.code);
        }
        if std::mem::take(&mut self.help) {
            // Any key closes it.
            return match key.code {
                KeyCode::Char('q') => Action::Quit,
                _ => Action::Nothing,
            };
        }
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Action::Quit,
            KeyCode::Char('?') => self.help = true,
            KeyCode::Char(' ') => self.paused = !self.paused,
            KeyCode::Char('/') => self.typing = Some(self.filter.clone()),
            KeyCode::Char('r') => {
                self.order.reversed = !self.order.reversed;
                return self.query();
            }
            KeyCode::Char('>') | KeyCode::Right => return self.sort(self.order.moved(true)),
            KeyCode::Char('<') | KeyCode::Left => return self.sort(self.order.moved(false)),
            KeyCode::Down | KeyCode::Char('j') => self.first = self.first.saturating_add(1),
            KeyCode::Up | KeyCode::Char('k') => self.first = self.first.saturating_sub(1),
            KeyCode::PageDown => self.first = self.first.saturating_add(self.page),
            KeyCode::PageUp => self.first = self.first.saturating_sub(self.page),
            KeyCode::Home | KeyCode::Char('g') => self.first = 0,
            KeyCode::End | KeyCode::Char('G') => self.first = usize::MAX,
            KeyCode::Char(letter) => {
                let column = Column::ALL
                    .into_iter()
                    .find(|column| column.key() == letter);
                if let Some(column) = column {
                    return self.sort(Order {
                        column,
                        reversed: false,
                    });
                }
            }
            _ => {}
        }
        Action::Nothing
    }

    fn sort(&mut self, order: Order) -> Action {
        self.order = order;
        self.query()
    }

    fn query(&mut self) -> Action {
        self.first = 0;
        Action::Query
    }

    fn type_filter(&mut self, key: KeyCode) -> Action {
        match key {
            KeyCode::Enter => {
                self.typing = None;
                return Action::Nothing;
            }
            KeyCode::Esc => self.filter = self.typing.take().unwrap_or_default(),
            KeyCode::Backspace => {
                self.filter.pop();
            }
            KeyCode::Char(c) if self.filter.len() + c.len_utf8() <= MAX_FILTER => {
                self.filter.push(c);
            }
            _ => return Action::Nothing,
        }
        self.query()
    }
}

#[cfg(test)]
mod tests {
    use super::super::example::{Example, names_of};
    use super::*;
    use serde_json::json;
    use std::time::Duration;

    fn view() -> View {
        let order = Order {
            column: Column::Name,
            reversed: false,
        };
        let mut view = View::new("127.0.0.1:1".to_owned(), order, String::new());
        view.add(
            Example::up(1.0)
                .tenant(b"alice", &json!({"bytes": 1}))
                .tenant(b"bob", &json!({"bytes": 2}))
                .sample(),
        );
        view
    }

    fn type_all(view: &mut View, keys: &str) -> Action {
        let actions = keys.chars().map(|key| {
            let code = match key {
                '\n' => KeyCode::Enter,
                '\x1b' => KeyCode::Esc,
                '\x08' => KeyCode::Backspace,
                key => KeyCode::Char(key),
            };
            view.press(code.into())
        });
        actions.last().unwrap_or(Action::Nothing)
    }

    fn control(letter: char) -> KeyEvent {
        KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL)
    }

    #[test]
    fn keys_change_the_order() {
        let mut view = view();
        assert_eq!(names_of(&view.rows()), ["alice", "bob"]);
        assert_eq!(type_all(&mut view, "b"), Action::Query);
        assert_eq!(names_of(&view.rows()), ["bob", "alice"]);
        assert_eq!(type_all(&mut view, "r"), Action::Query);
        assert_eq!(names_of(&view.rows()), ["alice", "bob"]);
        type_all(&mut view, ">");
        assert_eq!(view.order.column, Column::Ops);
        type_all(&mut view, "<<");
        assert_eq!(view.order.column, Column::Entries);
    }

    #[test]
    fn a_filter_is_kept_or_taken_back() {
        let mut view = view();
        assert_eq!(type_all(&mut view, "/qb\x08\x08bo"), Action::Query);
        assert_eq!(names_of(&view.rows()), ["bob"]);
        type_all(&mut view, "\n");
        assert_eq!((view.filter.as_str(), &view.typing), ("bo", &None));
        assert_eq!(type_all(&mut view, "/xyz\x1b"), Action::Query);
        assert_eq!(view.filter, "bo");
        // A filter has an end.
        let long = format!("/{}", "ä".repeat(1_000));
        type_all(&mut view, &long);
        assert!(view.filter.len() <= MAX_FILTER);
    }

    #[test]
    fn these_keys_end_it() {
        for (keys, action) in [
            ("q", Action::Quit),
            ("\x1b", Action::Quit),
            ("?\x1b", Action::Nothing),
            ("?q", Action::Quit),
            ("/\x1b", Action::Query),
            ("y", Action::Nothing),
        ] {
            assert_eq!(type_all(&mut view(), keys), action, "{keys:?}");
        }
        for opened in ["", "?", "/"] {
            let mut view = view();
            type_all(&mut view, opened);
            assert_eq!(view.press(control('c')), Action::Interrupt);
            assert_eq!(view.press(control('z')), Action::Suspend);
            assert_eq!(view.press(control('q')), Action::Nothing);
        }
    }

    #[test]
    fn a_paused_view_keeps_its_sample() {
        let mut view = view();
        type_all(&mut view, " ");
        view.add(Example::up(9.0).sample());
        assert_eq!(view.rows().len(), 2);
        type_all(&mut view, " ");
        view.add(Example::up(10.0).sample());
        assert_eq!(view.rows().len(), 0);
    }

    #[test]
    fn a_failure_lasts_from_the_first_answer_that_did_not_come() {
        let mut view = view();
        let start = Instant::now();
        view.fail(start, "first".to_owned());
        view.fail(start + Duration::from_secs(5), "second".to_owned());
        let failure = view.failure.as_ref().expect("a failure");
        assert_eq!((failure.since, failure.text.as_str()), (start, "second"));
        assert_eq!(view.rows().len(), 2);
        view.add(Example::up(2.0).sample());
        assert!(view.failure.is_none());
    }
}
