//! Options for the clock that the guest sees.

use crate::replay::{FieldPath, StampFormat, StampOptions, YearSource, parse_offset};
use anyhow::{Context, bail};
use clap::ValueEnum;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::fs::File;
use std::io;

#[derive(clap::Args)]
pub(crate) struct ClockArgs {
    /// Clock that the guest sees
    ///
    /// With `clf`, `rfc3339`, `rfc3164` or `unix`, each line of standard input carries a time
    /// stamp of that form, and both clocks of the guest show the latest stamp that it has read.
    /// They never go backwards. A line without a stamp leaves them unchanged, and they jump when
    /// the guest sleeps. This shows how a guest would have behaved on yesterday's log.
    #[arg(long, value_enum, default_value_t = ClockSource::System)]
    clock: ClockSource,

    /// Read stamps without an offset as times of this one: +02:00, UTC or `local`
    ///
    /// Without this option, such stamps are not recognised, except those of rfc3164, which count
    /// as UTC. `local` is the time zone of this machine, or that of the variable TZ.
    #[arg(long, value_name = "OFFSET", value_parser = parse_offset, allow_hyphen_values = true)]
    clock_offset: Option<TimeZone>,

    /// Read the stamp from this field of lines of JSON
    ///
    /// NAME is the name of a field, or a path such as `request.time`. Other fields, and lines that
    /// lack it, have no stamps.
    #[arg(long, value_name = "NAME")]
    clock_field: Option<FieldPath>,

    /// Read the first stamp of rfc3164 as one of this year
    ///
    /// By default, it is the latest year that puts the stamp before the last change of the file
    /// that is standard input. The year changes when the log goes over its end.
    #[arg(long, value_name = "YEAR", value_parser = clap::value_parser!(i16).range(1970..=2553))]
    clock_year: Option<i16>,
}

/// The source of the guest's clocks.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ClockSource {
    /// Clocks of this machine
    System,
    /// First stamp of a line such as [17/May/2015:10:05:03 +0000]
    Clf,
    /// First stamp of a line such as 2015-05-17T10:05:03.25Z, or another date with a year
    Rfc3339,
    /// First stamp of a line such as May 17 10:05:03, without a year
    Rfc3164,
    /// First stand-alone Unix time of a line: 10 digits with an optional fraction, or 13, 16 or
    /// 19 digits
    Unix,
}

impl ClockArgs {
    /// Returns how the stamps of standard input are read, or `None` for the clocks of this machine.
    pub(crate) fn stamps(&self) -> anyhow::Result<Option<StampOptions>> {
        let format = match self.clock {
            ClockSource::System => return self.check_system().map(|()| None),
            ClockSource::Clf => StampFormat::Clf,
            ClockSource::Rfc3339 => StampFormat::Rfc3339,
            ClockSource::Rfc3164 => StampFormat::Rfc3164,
            ClockSource::Unix => StampFormat::Unix,
        };
        if format == StampFormat::Unix && self.clock_offset.is_some() {
            bail!("--clock-offset has no effect with --clock unix, whose times are UTC; omit it");
        }
        let year = match (format, self.clock_year) {
            (StampFormat::Rfc3164, Some(year)) => Some(YearSource::First(year)),
            (StampFormat::Rfc3164, None) => Some(YearSource::WrittenUntil(
                last_change().context("the stamps of --clock rfc3164 have no year")?,
            )),
            (_, Some(_)) => bail!("--clock-year applies only to --clock rfc3164; omit it"),
            (_, None) => None,
        };
        Ok(Some(StampOptions {
            format,
            zone: self.clock_offset.clone(),
            field: self.clock_field.clone(),
            year,
        }))
    }

    /// Checks that no option is given that applies only to stamps.
    fn check_system(&self) -> anyhow::Result<()> {
        let given = [
            ("--clock-offset", self.clock_offset.is_some()),
            ("--clock-field", self.clock_field.is_some()),
            ("--clock-year", self.clock_year.is_some()),
        ];
        match given.iter().find(|(_, is_given)| *is_given) {
            Some((option, _)) => bail!(
                "{option} requires time stamps: add --clock clf, rfc3339, rfc3164 or unix, \
                 whichever the lines contain"
            ),
            None => Ok(()),
        }
    }
}

/// Returns the time at which the file that is standard input was last changed.
fn last_change() -> anyhow::Result<Timestamp> {
    const HINT: &str = "pass that of the first line with --clock-year";
    let file = stdin_file().context(HINT)?;
    let metadata = file.metadata().context(HINT)?;
    if !metadata.is_file() {
        bail!("standard input is not a file, whose age would tell it: {HINT}");
    }
    let changed = metadata.modified().context(HINT)?;
    Timestamp::try_from(changed).context(HINT)
}

/// Returns a handle of standard input.
#[cfg(unix)]
fn stdin_file() -> io::Result<File> {
    use std::os::fd::AsFd;
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Returns a handle of standard input.
#[cfg(windows)]
fn stdin_file() -> io::Result<File> {
    use std::os::windows::io::AsHandle;
    Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
}
