//! The schema that the writes of a guest must fit.

use localmap::{Change, Ttl, WriteRule, WriteViolation};
use localmap_schema::{Schema, Violation};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The number of rejected writes that are reported. A guest could write without end.
const MOST_REPORTED: u32 = 10;

/// Writes a line to standard error.
type Report = Box<dyn Fn(String) + Send + Sync>;

/// A schema that is enforced. It also says on standard error why a write was rejected, since the
/// contract has no such error, and the guest's own message can only name the nearest one.
pub(super) struct Enforced {
    schema: Arc<Schema>,
    report: Report,
    reported: AtomicU32,
}

impl Enforced {
    pub(super) fn new(
        schema: Arc<Schema>,
        report: impl Fn(String) + Send + Sync + 'static,
    ) -> Self {
        Self {
            schema,
            report: Box::new(report),
            reported: AtomicU32::new(0),
        }
    }

    fn report(&self, change: &Change<'_>, violation: &Violation) {
        // More than enough to stay below its end.
        if self.reported.load(Ordering::Relaxed) >= MOST_REPORTED {
            return;
        }
        let before = self.reported.fetch_add(1, Ordering::Relaxed);
        if before >= MOST_REPORTED {
            return;
        }
        let key = shown(key_of(change));
        (self.report)(format!(
            "Warning: the schema rejects a write of {key}: {violation}"
        ));
        if before + 1 == MOST_REPORTED {
            (self.report)("Further rejected writes are not reported".to_owned());
        }
    }
}

impl WriteRule for Enforced {
    fn check(&self, change: &Change<'_>, ttl: Ttl) -> Result<Ttl, WriteViolation> {
        self.schema.check_change(change, ttl).map_err(|violation| {
            self.report(change, &violation);
            violation.into()
        })
    }
}

fn key_of<'a>(change: &Change<'a>) -> &'a [u8] {
    match change {
        Change::Set { key, .. }
        | Change::SetIf { key, .. }
        | Change::Increment { key, .. }
        | Change::Touch { key, .. }
        | Change::Delete { key }
        | Change::DeleteIf { key, .. } => key,
    }
}

/// Returns a key in quotes, cut, with escapes for what is not printable.
fn shown(key: &[u8]) -> String {
    const MOST: usize = 64;
    let (start, more) = key.split_at_checked(MOST).unwrap_or((key, &[]));
    let end = if more.is_empty() { "" } else { "…" };
    format!("\"{}\"{end}", start.escape_ascii())
}
