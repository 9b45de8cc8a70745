//! Batches of changes.

use super::LocalMap;
use super::observed::done;
use crate::contract::bindings::local_map;
use crate::contract::change::{Change, Outcome};
use crate::contract::check::check_batch;
use crate::contract::error::{ApplyError, ChangeError, Refused};
use crate::contract::observer::{Asked, Operation};

/// # Batches
impl LocalMap {
    /// Makes all changes of a batch or none of them, at a single instant.
    ///
    /// Changes are made in order, and each one sees the effects of the changes before it. The
    /// result has one outcome per change. Deleting or touching an absent key is not an error.
    ///
    /// A batch can have at most 1,024 changes. The total size of its keys and values is limited to
    /// 64 KiB plus the larger of 1 MiB and the largest value. (The largest value is
    /// [`Limits::max_value`](crate::Limits#structfield.max_value), or
    /// [`Limits::max_bytes`](crate::Limits#structfield.max_bytes) if that is less.)
    ///
    /// ```
    /// # use localmap::{Host, MapOptions};
    /// use localmap::{Change, Condition, Outcome, Ttl};
    ///
    /// # let mut map = Host::new()?.map(&MapOptions::new())?;
    /// map.set(b"queue", b"job 7", Ttl::Never)?;
    /// let outcomes = map.apply(&[
    ///     Change::Delete { key: b"queue" },
    ///     Change::SetIf {
    ///         key: b"running",
    ///         value: b"job 7",
    ///         ttl: Ttl::Never,
    ///         condition: Condition::Absent,
    ///     },
    ///     Change::Increment { key: b"started", delta: 1, ttl: Ttl::Never },
    /// ])?;
    /// assert_eq!(
    ///     outcomes,
    ///     [Outcome::Deleted(true), Outcome::Stored(2), Outcome::Counter(1)],
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// - Returns [`ApplyError::Refused`] with the index of the first change that is rejected and
    ///   the reason: an error of its operation, or [`ChangeError::Full`] if it is the first change
    ///   beyond the limits of a batch. In this case no change has been made.
    /// - Returns [`ApplyError::Terminated`] if the map has terminated.
    pub fn apply(&mut self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        let key_len = changes.iter().map(Change::key_len).sum();
        let value_len = changes.iter().map(Change::stored_value_len).sum();
        let asked = Asked::keys(Operation::Apply, key_len).value_len(value_len);
        self.observed(asked, done, |map| map.apply_all(changes))
    }

    fn apply_all(&self, changes: &[Change<'_>]) -> Result<Vec<Outcome>, ApplyError> {
        let outcomes = self.cell.enter(|live| {
            let bytes = changes.iter().map(Change::written_len).sum();
            live.before_write(changes.len(), bytes)?;
            // A batch that is too large is not copied into the map, because it might not fit.
            if let Err(index) = check_batch(&live.limits, changes) {
                let source = ChangeError::Full;
                return Ok(Err(ApplyError::Refused { index, source }));
            }
            let batch: Vec<local_map::Change<'_>> = changes.iter().map(Into::into).collect();
            let mut answer = live.core.apply(&batch)?;
            while let Err((_, local_map::Error::Full)) = answer
                && live.raise_when_full(changes.len(), bytes)?
            {
                answer = live.core.apply(&batch)?;
            }
            match answer {
                Ok(outcomes) => {
                    Change::check_outcomes(changes, &outcomes)?;
                    Ok(Ok(outcomes))
                }
                Err((index, error)) => {
                    let index = index as usize;
                    let len = Change::rejected(changes, index)?.stored_value_len();
                    let source = Refused::new(error, len).into();
                    Ok(Err(ApplyError::Refused { index, source }))
                }
            }
        })??;
        Ok(outcomes.into_iter().map(Outcome::from).collect())
    }
}
