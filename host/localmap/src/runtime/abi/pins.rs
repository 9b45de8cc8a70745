//! The handles of the contract's resource `pinned`. The core module imports the functions that
//! create and drop them; a handle is an index in the table of its instance.

use wasmtime::{Result, bail, format_err};

/// The handles of the pins of a map.
pub(crate) struct PinHandles {
    /// The representation of each handle, which is the module's own number for the pin; `None` if
    /// the handle is free. The first handle is 1.
    reps: Vec<Option<u32>>,
    /// The free handles.
    free: Vec<u32>,
    /// The number of pins that the host holds, without a handle.
    lent: usize,
    max: usize,
}

impl PinHandles {
    /// Creates an empty table for at most `max` handles, including the pins that the host holds.
    pub(crate) fn new(max: usize) -> Self {
        Self {
            reps: Vec::new(),
            free: Vec::new(),
            lent: 0,
            max,
        }
    }

    /// Creates a handle.
    ///
    /// # Errors
    ///
    /// Returns an error if there are as many handles as allowed.
    pub(crate) fn add(&mut self, rep: u32) -> Result<u32> {
        if self.reps.len() - self.free.len() + self.lent >= self.max {
            bail!("the map has its maximum of {} resource handles", self.max);
        }
        if let Some(handle) = self.free.pop() {
            if let Some(place) = self.place(handle) {
                *place = Some(rep);
            }
            return Ok(handle);
        }
        self.reps.push(Some(rep));
        Ok(u32::try_from(self.reps.len())?)
    }

    /// Returns the representation of a handle.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such handle.
    pub(crate) fn rep(&mut self, handle: u32) -> Result<u32> {
        let rep = self.place(handle).and_then(|place| *place);
        rep.ok_or_else(|| format_err!("unknown handle index {handle}"))
    }

    /// Removes a handle and returns its representation.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such handle.
    pub(crate) fn take(&mut self, handle: u32) -> Result<u32> {
        let rep = self.rep(handle)?;
        if let Some(place) = self.place(handle) {
            *place = None;
            self.free.push(handle);
        }
        Ok(rep)
    }

    /// Removes a handle and returns its representation, which the host holds until
    /// [`give_back`](Self::give_back).
    ///
    /// # Errors
    ///
    /// Returns an error if there is no such handle.
    pub(crate) fn lend(&mut self, handle: u32) -> Result<u32> {
        let rep = self.take(handle)?;
        self.lent += 1;
        Ok(rep)
    }

    /// Ends the loan of one pin.
    pub(crate) fn give_back(&mut self) {
        self.lent = self.lent.saturating_sub(1);
    }

    fn place(&mut self, handle: u32) -> Option<&mut Option<u32>> {
        self.reps.get_mut((handle as usize).checked_sub(1)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_taken_once_and_then_used_again() {
        let mut handles = PinHandles::new(2);
        let one = handles.add(10).expect("room");
        assert_ne!(one, 0, "zero is no handle");
        let two = handles.add(20).expect("room");
        assert!(handles.add(30).is_err());
        assert_eq!(handles.take(one).expect("there"), 10);
        assert!(handles.take(one).is_err());
        assert!(handles.rep(one).is_err());
        assert_eq!(handles.add(30).expect("room"), one);
        assert_eq!(handles.rep(one).expect("there"), 30);
        assert_eq!(handles.rep(two).expect("there"), 20);
        assert!(handles.take(0).is_err());
        assert!(handles.take(u32::MAX).is_err());
    }

    #[test]
    fn pins_of_the_host_count() {
        let mut handles = PinHandles::new(1);
        let handle = handles.add(10).expect("room");
        assert_eq!(handles.lend(handle).expect("there"), 10);
        assert!(handles.rep(handle).is_err());
        assert!(handles.add(20).is_err());
        handles.give_back();
        assert!(handles.add(20).is_ok());
    }
}
