//! Opens the mirror, and does what was asked for.

use super::advice::Advice;
use super::follow::Follow;
use super::until_signal::until_signal;
use super::wait::Wait;
use super::{MirrorCommand, read, telemetry, verify};
use crate::args::etcd::{EtcdUrl, explain_open};
use crate::args::mirror::etcd_options;
use crate::args::telemetry::TelemetryArgs;
use crate::commands::preflight;
use crate::commands::telemetry::Observation;
use crate::terminal::stdio::note;
use anyhow::Context;
use localmap_mirror::{Mirror, Mirrors};
use std::process::ExitCode;

/// What to do with the mirror.
enum Action {
    Follow,
    Get(Vec<u8>),
    Dump,
    Verify,
}

impl MirrorCommand {
    pub(super) fn start(self) -> anyhow::Result<ExitCode> {
        let access = self.etcd.load("--")?;
        access.warning.iter().for_each(note);
        let options = self.mirror.options("--")?;
        preflight::check()?;
        let args = TelemetryArgs::of(self.admin.clone(), self.otlp.clone());
        let observation = Observation::start(&args)?;
        let observed = observation.as_ref().map(Observation::telemetry).cloned();
        let host = self.mirror.host(1, self.cache.wanted())?;
        let advice = Advice::new(&self.endpoints, access.user.is_some());
        let prefix = self.prefix.as_encoded_bytes().to_vec();
        let url = EtcdUrl {
            endpoints: self.endpoints.clone(),
            prefix: prefix.clone(),
        };
        let mirror = Mirror::open(&host, etcd_options(url, &access), options)
            .map_err(|error| explain_open(error, "--"))
            .context("cannot begin the mirror")?;
        let reader = mirror.reader();
        if let Some(observed) = &observed {
            let name = prefix.escape_ascii().to_string();
            telemetry::watch(observed, &Mirrors::new().mirror(name, reader.clone()));
            observed.watch_host(&host);
        }
        let wait = Wait {
            reader: reader.clone(),
            timeout: self.timeout,
            advice: advice.clone(),
            json: self.status_json,
        };
        let action = self.action();
        let signals_are_caught = observed.is_some();
        let code = match action {
            Action::Follow => {
                let follow = Follow {
                    reader,
                    timeout: self.timeout,
                    advice,
                    json: self.status_json,
                    telemetry: observed,
                };
                until_signal(true, signals_are_caught, move || {
                    // Ends with the process.
                    let _mirror = mirror;
                    follow.run()
                })
            }
            Action::Get(key) => until_signal(false, signals_are_caught, move || {
                wait.until_readable()?;
                read::get(&mirror, &key, &prefix)
            }),
            Action::Dump => until_signal(false, signals_are_caught, move || {
                wait.until_readable()?;
                read::dump(&mirror)
            }),
            Action::Verify => until_signal(false, signals_are_caught, move || {
                wait.until_readable()?;
                verify::verify(&mirror)
            }),
        }?;
        if let Some(observation) = observation {
            observation.end();
        }
        Ok(code)
    }

    fn action(&self) -> Action {
        match &self.get {
            Some(key) => Action::Get(key.as_encoded_bytes().to_vec()),
            None if self.dump => Action::Dump,
            None if self.verify => Action::Verify,
            None => Action::Follow,
        }
    }
}
