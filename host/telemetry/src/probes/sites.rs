//! The sites of the probes, and their semaphores: the only unsafe code of this crate.
//!
//! The macro `probe_lazy!` of the crate [`probe`] has a semaphore of its own at each site, which cannot
//! be read before the probe fires. But the clock must be read at the beginning of an operation if
//! somebody listens to its end. So the semaphores are defined here, and given to the macro below it.

#![allow(unsafe_code, reason = "the notes of probes are assembler")]

use super::words;
use crate::names::{Names, TenantId};
use localmap::{ObservedCall, Operation, TerminationCause};
use std::ffi::{CStr, CString};
use std::hint::black_box;
use std::sync::atomic::{AtomicU16, Ordering};

/// Defines semaphores. The kernel and debuggers change them from outside of the program.
macro_rules! semaphores {
    ($($name:ident)*) => {$(
        // SAFETY: the section is one of data that can be written, and no code relies on its layout.
        #[unsafe(link_section = ".probes")]
        static $name: AtomicU16 = AtomicU16::new(0);
    )*};
}

semaphores!(OP_START OP_DONE MAP_MADE MAP_DROPPED EVICT);

/// Fires a probe. Its code is a `nop`, where tools set a breakpoint, and a note with the places of the
/// arguments, which are registers.
macro_rules! fire {
    ($semaphore:ident, $name:ident, $($argument:expr),*) => {
        // SAFETY: the `nop` reads and writes nothing. Rust code does not depend on what tools do there.
        probe::sdt!([sym "{}" $semaphore], localmap, $name, $($argument,)*)
    };
}

#[inline]
fn listens(semaphore: &AtomicU16) -> bool {
    semaphore.load(Ordering::Relaxed) != 0
}

/// Returns `true` if somebody listens to operations, or to what they evict.
#[inline]
pub(crate) fn op_listens() -> bool {
    listens(&OP_START) | listens(&OP_DONE) | listens(&EVICT)
}

/// Returns `true` if somebody listens to what operations evict.
#[inline]
pub(crate) fn evict_listens() -> bool {
    listens(&EVICT)
}

/// Reports the beginning of an operation.
#[inline]
pub(crate) fn op_start(operation: Operation, tenant: TenantId, key: &[u8]) {
    #[cold]
    #[inline(never)]
    fn site(operation: Operation, tenant: TenantId, key_len: usize) {
        let operation = pointer(words::operation(operation));
        fire!(OP_START, op__start, operation, tenant.0, key_len);
    }
    if listens(&OP_START) {
        site(operation, tenant, key.len());
    }
}

/// Reports the end of an operation. `nanos` returns how long it took.
#[inline]
pub(crate) fn op_done(call: &ObservedCall<'_>, tenant: TenantId, nanos: impl FnOnce() -> u64) {
    #[cold]
    #[inline(never)]
    fn site(call: &ObservedCall<'_>, tenant: TenantId, nanos: u64) {
        let operation = pointer(words::operation(call.operation));
        let outcome = pointer(words::outcome(call.outcome));
        let (key_len, value_len) = (call.key_len, call.value_len);
        fire!(
            OP_DONE, op__done, operation, tenant.0, key_len, value_len, outcome, nanos
        );
    }
    if listens(&OP_DONE) {
        site(call, tenant, nanos());
    }
}

/// Reports that an operation has evicted entries.
#[inline]
pub(crate) fn evict(tenant: TenantId, entries: u64) {
    #[cold]
    #[inline(never)]
    fn site(tenant: TenantId, entries: u64) {
        fire!(EVICT, evict, tenant.0, entries);
    }
    if listens(&EVICT) {
        site(tenant, entries);
    }
}

/// Reports that a map was created.
pub(crate) fn map_made(tenant: TenantId, names: &Names) {
    #[cold]
    #[inline(never)]
    fn site(tenant: TenantId, name: &CStr) {
        let name = pointer(name);
        fire!(MAP_MADE, map__made, tenant.0, name);
    }
    if listens(&MAP_MADE) {
        site(tenant, &name(tenant, names));
    }
}

/// Reports the end of a map.
pub(crate) fn map_dropped(tenant: TenantId, cause: &TerminationCause, names: &Names) {
    #[cold]
    #[inline(never)]
    fn site(tenant: TenantId, cause: &CStr, name: &CStr) {
        let (cause, name) = (pointer(cause), pointer(name));
        fire!(MAP_DROPPED, map__dropped, tenant.0, cause, name);
    }
    if listens(&MAP_DROPPED) {
        site(tenant, words::cause(cause), &name(tenant, names));
    }
}

/// Returns the address of a string, whose memory is then present: BPF cannot read what is not.
fn pointer(text: &CStr) -> *const std::ffi::c_char {
    black_box(text.to_bytes().last());
    text.as_ptr()
}

/// Returns the escaped name of a tenant; an empty one if it is not known.
fn name(tenant: TenantId, names: &Names) -> CString {
    let name = names.name(tenant).unwrap_or_default();
    CString::new(name.escape_ascii().to_string()).unwrap_or_default()
}
