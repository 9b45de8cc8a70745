//! The memory of tenants that have one key each.

use super::client::Client;
use super::server::Sidecar;
use super::work::{SIZE, Work, framed, set};
use crate::report::{Report, Row};
use anyhow::Result;
use bytes::Bytes;

/// The number of tenants whose memory is measured.
const TENANTS: u32 = 500;

pub(super) fn run(report: &mut Report) -> Result<()> {
    let sidecar = Sidecar::start(&[])?;
    // What is created with the first tenants is no part of the next ones.
    create(&sidecar, "first")?;
    let before = sidecar.resident_bytes();
    create(&sidecar, "next")?;
    let bytes = (sidecar.resident_bytes() - before) / f64::from(TENANTS);
    let work = "resident memory of a tenant with one key".into();
    report.add(Row {
        size: SIZE,
        ..Row::new(work, "localmap sidecar".into(), "bytes", bytes)
    });
    Ok(())
}

/// Creates tenants whose names begin with `name`.
fn create(sidecar: &Sidecar, name: &str) -> Result<()> {
    let call = |number| framed(&set(&format!("{name}-{number}"), Bytes::from_static(b"k")));
    let calls = (0..TENANTS).map(call).collect();
    Client::unary(&sidecar.socket(), Work::Set, calls)?.send_all()
}
