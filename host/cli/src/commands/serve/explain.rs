//! Says what to do about a guest that cannot be served.

use crate::args::common;
use crate::args::entry::{CliEntry, refused_entry};
use crate::commands::instance;
use anyhow::anyhow;
use localmap::{CheckoutError, ClassError, PreloadError, TenantsError};
use localmap_serve::{HandlerError, MapError, ReuseError};

/// Adds the option that caused an error of the handler, or that helps.
pub(super) fn explain(error: HandlerError, entries: &[CliEntry]) -> anyhow::Error {
    match error {
        HandlerError::Sandbox(error) => common::explain(error),
        HandlerError::Map(MapError::Preload(refused)) => refused_entry(entries, refused),
        HandlerError::Map(MapError::Tenants(error)) => explain_tenants(error),
        HandlerError::Map(MapError::Class(error)) => explain_class(error),
        HandlerError::Instance(error) => instance::explain(&error, None),
        HandlerError::NoMirrors { .. } => {
            anyhow!("{error}: give it one with --mirror NAME=etcd://HOST:2379/PREFIX/")
        }
        HandlerError::Reuse(error) => explain_reuse(error),
        other => other.into(),
    }
}

/// Names the keys of the file of tenants that caused an error.
fn explain_tenants(error: TenantsError) -> anyhow::Error {
    match error {
        TenantsError::Overcommitted => anyhow!(
            "--tenants: the classes reserve more than max-tenants and max-bytes allow: raise these, or \
             reserve less"
        ),
        TenantsError::Limits { class, source, .. } => {
            anyhow!("--tenants: class `{class}`: {source}")
        }
        error => anyhow!("--tenants: {error}"),
    }
}

/// Names the key of the file of tenants that keeps the tenants of a class out.
fn explain_class(ClassError { class, source, .. }: ClassError) -> anyhow::Error {
    let class = format!("--tenants: class `{class}`");
    match source {
        CheckoutError::NoBytes { needed, max, .. } => anyhow!(
            "{class}: max-bytes of all tenants is {max}, and a tenant needs {needed}: raise max-bytes"
        ),
        CheckoutError::Preload(PreloadError::Refused { index, source, .. }) => anyhow!(
            "{class}: the first entry {} is rejected: {source}",
            index.saturating_add(1)
        ),
        source => anyhow::Error::new(source).context(class),
    }
}

/// Names the option that allows to reuse instances.
fn explain_reuse(error: ReuseError) -> anyhow::Error {
    match error {
        ReuseError::RequestScope => anyhow!(
            "--reuse requires --map-scope server, connection or header:NAME: with `request`, each \
             request has its own map, and an instance answers only requests that share one"
        ),
        ReuseError::WithoutMap => anyhow!(
            "--reuse requires --map-scope server, since the guest imports no map: all requests may \
             then share an instance"
        ),
        ReuseError::OneAtATime => anyhow!(
            "--reuse N,M is for guests of WASI 0.3: this one answers one request at a time, so use \
             --reuse N"
        ),
        error => error.into(),
    }
}
