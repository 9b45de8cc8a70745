//! The map's rule for the writes of linked apps.

use super::LocalMap;
use crate::contract::change::Change;
use crate::contract::entry::Ttl;
use crate::contract::error::Error;
use crate::contract::observer::{Asked, Operation};

impl LocalMap {
    /// Checks a write of an app, and returns the TTL that it gets.
    #[inline]
    pub(crate) fn admit(&self, change: &Change<'_>, ttl: Ttl) -> Result<Ttl, Error> {
        match &self.rule {
            None => Ok(ttl),
            Some(rule) => rule.check(change, ttl).map_err(|violation| {
                let error = violation.error(change);
                let asked = Asked::key(Operation::of_change(change), change.key())
                    .value_len(change.stored_value_len());
                self.observation.rejected(asked, &error);
                error
            }),
        }
    }

    /// Checks the writes in a batch of an app, and sets the TTLs that they get. The error has the
    /// index of the first one that is not accepted.
    pub(crate) fn admit_all(&self, changes: &mut [Change<'_>]) -> Result<(), (usize, Error)> {
        if self.rule.is_none() {
            return Ok(());
        }
        for (index, change) in changes.iter_mut().enumerate() {
            if let Some(ttl) = change.ttl() {
                let ttl = self.admit(change, ttl).map_err(|error| (index, error))?;
                change.set_ttl(ttl);
            }
        }
        Ok(())
    }
}
