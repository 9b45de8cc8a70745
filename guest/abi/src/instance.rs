//! State that lives as long as the component instance.

#![allow(unsafe_code, reason = "a static needs `Sync`: see below")]

use core::cell::RefCell;

#[cfg(target_feature = "atomics")]
compile_error!("`Instance` is for one thread");

/// The state of a component instance, to be kept in a static. Each instance of the component
/// has its own state.
pub struct Instance<T>(RefCell<T>);

// SAFETY: without atomics, which are rejected above, an instance has one thread.
unsafe impl<T> Sync for Instance<T> {}

impl<T> Instance<T> {
    /// Creates the state with its initial value.
    pub const fn new(state: T) -> Self {
        Self(RefCell::new(state))
    }

    /// Calls `call` with the state and returns its result.
    ///
    /// Using the same state again within `call` traps. The component model does not allow a call
    /// while another one runs, so only a bug in the component can cause this.
    pub fn with<R>(&self, call: impl FnOnce(&mut T) -> R) -> R {
        match self.0.try_borrow_mut() {
            Ok(mut state) => call(&mut state),
            Err(_) => core::arch::wasm32::unreachable(),
        }
    }
}
