//! The screen, from the first sample until the user leaves it.

use super::address::Address;
use super::answer::Sample;
use super::client::ClientError;
use super::draw::{Theme, draw};
use super::sampler::{self, Query};
use super::screen::Screen;
use super::signals::{self, Signal};
use super::view::{Action, View};
use crate::exit_code::INTERRUPTED;
use anyhow::{Context, Error};
use crossterm::event::{self, Event as Input, KeyEventKind};
use std::io;
use std::process::ExitCode;
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// What the screen waits for.
enum Event {
    Input(io::Result<Input>),
    Sample(Query, Box<Result<Sample, ClientError>>),
    Signal(Signal),
}

/// Shows `view`, which has its first sample, until the user leaves it. Returns the exit code.
pub(super) fn run(
    address: &Address,
    view: &mut View,
    interval: Duration,
    theme: Theme,
) -> anyhow::Result<ExitCode> {
    let (events, inbox) = channel();
    let mut screen = Screen::enter().context("cannot use the terminal")?;
    let sender = events.clone();
    signals::start(move |signal| sender.send(Event::Signal(signal)).is_ok())
        .context("cannot catch signals")?;
    let sender = events.clone();
    let queries = sampler::start(
        address.clone(),
        query(view),
        interval,
        move |query, sample| {
            // The receiver is gone at the end.
            let _ = sender.send(Event::Sample(query, Box::new(sample)));
        },
    );
    thread::spawn(move || read_input(&events));
    loop {
        // Only when nothing waits, since drawing takes longer than pasted text comes.
        let event = match inbox.try_recv() {
            Ok(event) => Ok(event),
            Err(_) => {
                screen
                    .draw(|buffer| draw(view, buffer, theme, Instant::now()))
                    .context("cannot write to the terminal")?;
                inbox.recv()
            }
        };
        let Ok(event) = event else {
            return Ok(ExitCode::SUCCESS);
        };
        let action = match event {
            Event::Input(Ok(Input::Key(key))) if key.kind != KeyEventKind::Release => {
                view.press(key)
            }
            Event::Input(Ok(_)) => Action::Nothing,
            Event::Input(Err(error)) => {
                return Err(Error::new(error).context("cannot read from the terminal"));
            }
            Event::Sample(of, sample) => {
                // An answer to an earlier query comes shortly before the right one.
                if of == query(view) {
                    take(view, *sample);
                }
                Action::Nothing
            }
            Event::Signal(Signal::Continued) => Action::Redraw,
            Event::Signal(Signal::End(code)) => return Ok(ExitCode::from(code)),
        };
        match action {
            Action::Nothing => {}
            Action::Query => {
                // The thread ends with this function.
                let _ = queries.send(query(view));
            }
            Action::Redraw => screen.enter_again().context("cannot use the terminal")?,
            Action::Suspend => {
                screen.leave();
                signals::suspend();
                screen.enter_again().context("cannot use the terminal")?;
            }
            Action::Quit => return Ok(ExitCode::SUCCESS),
            Action::Interrupt => return Ok(ExitCode::from(INTERRUPTED)),
        }
    }
}

fn query(view: &View) -> Query {
    Query {
        order: view.order,
        filter: view.filter.clone(),
    }
}

fn take(view: &mut View, sample: Result<Sample, ClientError>) {
    match sample {
        Ok(sample) => view.add(sample),
        Err(error) => view.fail(Instant::now(), format!("{:#}", Error::new(error))),
    }
}

/// Passes on what is typed. Ends with the program.
fn read_input(events: &Sender<Event>) {
    loop {
        let input = event::read();
        let failed = input.is_err();
        if events.send(Event::Input(input)).is_err() || failed {
            return;
        }
    }
}
