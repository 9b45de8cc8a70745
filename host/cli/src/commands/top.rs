//! `localmap top`: what the maps of a running program do, from its admin address.
//!
//! `sampler` reads the answers, `rates` compares them, `view` is what the screen shows and the keys
//! change, and `draw` draws it. Without a terminal, `plain` writes the same as text.

mod address;
mod answer;
mod backend;
mod chart;
mod client;
mod draw;
#[cfg(test)]
mod example;
mod histogram;
mod live;
mod names;
mod numbers;
mod plain;
mod rates;
mod sampler;
mod screen;
mod signals;
mod summary;
mod table;
mod view;

use crate::args::values::parse_duration;
use crate::terminal::stdio::unless_closed;
use address::Address;
use anyhow::Context;
use draw::Theme;
use sampler::Query;
use std::env;
use std::io::{self, IsTerminal};
use std::process::ExitCode;
use std::time::Duration;
use table::{Column, Order};
use view::View;

const EXAMPLE: &str = "\
Examples:
    localmap serve --admin 127.0.0.1:9090 --map-scope server guest/examples/http-limiter
    localmap top 127.0.0.1:9090
    localmap top --once --sort bytes unix:/run/localmap/admin.sock";

/// Shows what a running program does with its maps, in the terminal.
///
/// Shows requests, operations and their durations, evictions, memory, and a table of tenants. `?` lists
/// the keys, and `q` ends it. ADDRESS is what the program has as --admin: 127.0.0.1:9090,
/// http://127.0.0.1:9090 or unix:/run/localmap/admin.sock. If the program stops answering, `top` says
/// since when, and keeps trying.
///
/// If standard input or standard output is not a terminal, it writes a block of lines in each interval.
/// Rates are those of the last interval, so the first block comes after one.
///
/// Names of tenants are shown without what a terminal would obey: control characters, invisible ones
/// and letters from right to left are escaped. With NO_COLOR in the environment, there are no colors.
#[derive(clap::Args)]
#[command(after_long_help = EXAMPLE)]
pub(crate) struct TopCommand {
    /// Address of the program's telemetry
    #[arg(value_name = "ADDRESS")]
    address: Address,

    /// Time between two samples, at least 100ms; maps are asked at most once a second
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = parse_interval)]
    interval: Duration,

    /// Order of the table
    #[arg(long, value_name = "COLUMN", default_value = "bytes")]
    sort: Column,

    /// Reverse the order, which is ascending for names and descending for numbers
    #[arg(long)]
    reverse: bool,

    /// Show only tenants whose names contain TEXT
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    filter: String,

    /// Write lines, even to a terminal
    #[arg(long)]
    plain: bool,

    /// Write one block of lines, and exit
    #[arg(long)]
    once: bool,

    /// Maximum number of tenants in a block of lines
    #[arg(long, value_name = "N", default_value_t = 20)]
    rows: usize,
}

impl TopCommand {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        let order = Order {
            column: self.sort,
            reversed: self.reverse,
        };
        let query = Query {
            order,
            filter: self.filter.clone(),
        };
        let mut view = View::new(self.address.to_string(), order, self.filter);
        let first = sampler::sample(&self.address, &query);
        view.add(first.with_context(|| {
            let unreadable = plain::unreadable(&self.address);
            format!("{unreadable}; is it the address of --admin of a program that runs?")
        })?);
        if !self.plain && !self.once && has_screen() {
            let theme = Theme::new(env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()));
            return live::run(&self.address, &mut view, self.interval, theme);
        }
        unless_closed(plain::run(
            &self.address,
            &mut view,
            &query,
            self.interval,
            self.once,
            self.rows,
            &mut io::stdout().lock(),
        ))
    }
}

/// Returns `true` if there is a terminal that can show a screen.
fn has_screen() -> bool {
    let dumb = env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdin().is_terminal() && io::stdout().is_terminal() && !dumb
}

fn parse_interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text)? {
        interval if interval < Duration::from_millis(100) => Err("must be at least 100ms".into()),
        interval => Ok(interval),
    }
}
