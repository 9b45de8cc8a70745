//! The tenants of the sidecar, from its options, its file of tenants and its schema.

use crate::args::entry::{self, CliEntry};
use crate::args::plain_map::PlainMapArgs;
use crate::args::tenants::TenantsFile;
use crate::commands::enforced::Enforced;
use crate::commands::serve::log::Log;
use anyhow::{anyhow, bail};
use localmap::{
    CheckoutError, ClassError, Host, HostOptions, Limits, MapOptions, PreloadError, TenantClass,
    Tenants, TenantsError, TenantsOptions, WriteRule,
};
use localmap_sidecar::MAX_VALUE_LEN;
use localmap_telemetry::Telemetry;
use std::sync::Arc;
use std::time::Duration;

/// What the tenants of a sidecar may take.
pub(super) struct TenantArgs<'a> {
    pub(super) map: &'a PlainMapArgs,
    pub(super) rule: Option<Arc<dyn WriteRule>>,
    pub(super) file: Option<&'a TenantsFile>,
    pub(super) max_maps: u32,
    pub(super) max_total_bytes: Option<u64>,
    pub(super) idle_timeout: Option<Duration>,
    /// Whether compiled code is kept on disk.
    pub(super) cache: bool,
    pub(super) telemetry: Option<&'a Telemetry>,
}

impl TenantArgs<'_> {
    /// Compiles the map, and creates a tenant of each class to find out whether its options fit.
    pub(super) fn create(&self) -> anyhow::Result<(Host, Tenants)> {
        let entries = self.map.entries();
        self.map.check_entries(&self.map.own_entries())?;
        let options = self.options(&entries)?;
        let options = match self.telemetry {
            Some(telemetry) => options.observer(telemetry.tenants_observer()),
            None => options,
        };
        let max_maps = self.file.and_then(TenantsFile::max_tenants);
        let host = HostOptions::new()
            .max_maps(max_maps.unwrap_or(self.max_maps))
            .max_memory(options.recommended_memory())
            .cache(self.cache);
        let host = Host::with_options(&host)?;
        let tenants = Tenants::new(&host, options).map_err(|error| self.explain(error))?;
        let tried = tenants.try_classes();
        tried.map_err(|error| self.explain_class(error, &entries))?;
        if let Some(telemetry) = self.telemetry {
            telemetry.watch_host(&host);
            telemetry.watch_tenants(&tenants);
        }
        Ok((host, tenants))
    }

    fn options(&self, entries: &[CliEntry]) -> anyhow::Result<TenantsOptions> {
        let map = match &self.rule {
            Some(rule) => MapOptions::new().write_rule(Arc::clone(rule)),
            None => MapOptions::new(),
        };
        let options = match self.file {
            Some(file) => file.options(&map, self.map, entries, fits_message)?,
            None => {
                let map = map.limits(fits_message(self.map.limits())?);
                let class = TenantClass::new("default")
                    .map(map)
                    .entries(entry::preloads(entries));
                let class = match self.idle_timeout {
                    Some(timeout) => class.idle_timeout(timeout),
                    None => class,
                };
                // Nobody reads the statistics of a tenant that is gone.
                TenantsOptions::new().class(class).max_history(0)
            }
        };
        Ok(match self.max_total_bytes {
            Some(bytes) => options.max_bytes(bytes),
            None => options,
        })
    }

    /// Names the option that caused an error.
    fn explain(&self, error: TenantsError) -> anyhow::Error {
        match (self.file, error) {
            (None, TenantsError::Limits { source, .. }) => anyhow!(source),
            (None, error) => error.into(),
            (Some(_), TenantsError::Overcommitted) => anyhow!(
                "--tenants: the classes reserve more than max-tenants and max-bytes allow: raise \
                 these, or reserve less"
            ),
            (Some(_), error) => anyhow!(error).context("--tenants"),
        }
    }

    /// Names the option that keeps the tenants of a class out.
    fn explain_class(&self, error: ClassError, entries: &[CliEntry]) -> anyhow::Error {
        let ClassError { class, source, .. } = error;
        match (self.file, source) {
            (None, CheckoutError::Preload(refused)) => entry::refused_entry(entries, refused),
            (None, CheckoutError::NoBytes { needed, max, .. }) => anyhow!(
                "--max-total-bytes is {max}, and a map needs {needed}: raise --max-total-bytes"
            ),
            (None, source) => source.into(),
            (Some(_), CheckoutError::Preload(PreloadError::Refused { index, source, .. })) => {
                let number = index.saturating_add(1);
                anyhow!(
                    "--tenants: class `{class}`: the first entry {number} is rejected: {source}"
                )
            }
            (Some(_), source) => anyhow!(source).context(format!("--tenants: class `{class}`")),
        }
    }
}

/// Returns the rule that the writes of peers must fit, if the schema is enforced.
pub(super) fn rule(map: &PlainMapArgs, log: &Log) -> Option<Arc<dyn WriteRule>> {
    let schema = map.enforced()?;
    let log = log.clone();
    Some(Arc::new(Enforced::new(schema, move |line| log.line(line))))
}

/// Rejects limits with which a map could have a value that fits into no message.
fn fits_message(limits: Limits) -> anyhow::Result<Limits> {
    let max = limits.max_value;
    if max > MAX_VALUE_LEN {
        bail!(
            "max-value is {max} bytes, and a message of gRPC has room for {MAX_VALUE_LEN}: use at \
             most that"
        );
    }
    Ok(limits)
}
