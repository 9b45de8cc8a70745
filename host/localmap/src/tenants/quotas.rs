//! What all tenants together may take: places, and bytes of maps. Places and bytes that are reserved
//! for a class are kept free for its tenants, even while these have no map.
//!
//! Bytes are counted as granted, not as used: a map may hold what it was granted, so the sum is a
//! bound. This lock is taken last, and nothing happens while it is held.

use crate::sync::{Mutex, lock};
use std::sync::Arc;

/// What is kept free for the tenants of a class.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Reserved {
    /// The number of tenants for which a place is kept free, and bytes.
    pub(crate) tenants: u32,
    /// The bytes that are kept free for each tenant, from its creation, and for those tenants even
    /// before it.
    pub(crate) bytes: u64,
}

/// The reason why a tenant or a grant is not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shortage {
    /// There are as many tenants as there may be.
    Tenants,
    /// Fewer bytes are free than are needed.
    Bytes {
        /// The bytes that are needed.
        needed: u64,
    },
}

/// The places and the bytes of all tenants.
pub(crate) struct Quotas {
    max_tenants: u32,
    max_bytes: Option<u64>,
    classes: Vec<Reserved>,
    state: Mutex<State>,
}

struct State {
    /// The free places, apart from those that are reserved.
    places: u32,
    /// The free bytes, apart from those that are reserved. With `None`, bytes are not bounded.
    bytes: Option<u64>,
    classes: Vec<ClassState>,
}

#[derive(Clone, Copy, Default)]
struct ClassState {
    /// The reserved places that no tenant has taken.
    reserved: u32,
    tenants: u32,
    granted: u64,
}

impl State {
    fn take_bytes(&mut self, needed: u64) -> Result<(), Shortage> {
        if let Some(free) = &mut self.bytes {
            *free = free.checked_sub(needed).ok_or(Shortage::Bytes { needed })?;
        }
        Ok(())
    }

    fn return_bytes(&mut self, bytes: u64) {
        if let Some(free) = &mut self.bytes {
            *free += bytes;
        }
    }
}

impl Quotas {
    /// Creates the quotas; `None` if more is reserved than there is.
    pub(crate) fn new(
        max_tenants: u32,
        max_bytes: Option<u64>,
        classes: Vec<Reserved>,
    ) -> Option<Self> {
        let mut state = State {
            places: max_tenants,
            bytes: max_bytes,
            classes: Vec::new(),
        };
        for reserved in &classes {
            state.places = state.places.checked_sub(reserved.tenants)?;
            let bytes = reserved.bytes.checked_mul(reserved.tenants.into())?;
            state.take_bytes(bytes).ok()?;
            state.classes.push(ClassState {
                reserved: reserved.tenants,
                ..ClassState::default()
            });
        }
        Some(Self {
            max_tenants,
            max_bytes,
            classes,
            state: Mutex::new(state),
        })
    }

    /// Returns the maximum number of tenants.
    pub(crate) fn max_tenants(&self) -> u32 {
        self.max_tenants
    }

    /// Returns the maximum number of bytes of all tenants; `None` if it is not bounded.
    pub(crate) fn max_bytes(&self) -> Option<u64> {
        self.max_bytes
    }

    /// Returns the number of tenants of a class that have a share, and the bytes granted to them.
    pub(crate) fn of_class(&self, class: usize) -> (u32, u64) {
        let state = lock(&self.state);
        let class = state.classes.get(class).copied().unwrap_or_default();
        (class.tenants, class.granted)
    }

    /// Admits a tenant of a class, with a grant of `bytes`.
    pub(crate) fn admit(self: &Arc<Self>, class: usize, bytes: u64) -> Result<Share, Shortage> {
        let reserved = self.classes.get(class).copied().unwrap_or_default();
        let mut guard = lock(&self.state);
        let state = &mut *guard;
        let Some(counts) = state.classes.get_mut(class) else {
            return Err(Shortage::Tenants);
        };
        let promised = reserved.bytes;
        let charged = bytes.max(promised);
        let from_reserve = counts.reserved > 0;
        if from_reserve {
            let beyond = charged - promised;
            counts.reserved -= 1;
            if let Err(shortage) = state.take_bytes(beyond) {
                if let Some(counts) = state.classes.get_mut(class) {
                    counts.reserved += 1;
                }
                return Err(shortage);
            }
        } else {
            if state.places == 0 {
                return Err(Shortage::Tenants);
            }
            state.take_bytes(charged)?;
            state.places -= 1;
        }
        if let Some(counts) = state.classes.get_mut(class) {
            counts.tenants += 1;
            counts.granted += bytes;
        }
        drop(guard);
        Ok(Share {
            quotas: Arc::clone(self),
            class,
            account: Mutex::new(Some(Account {
                granted: bytes,
                promised,
                from_reserve,
            })),
        })
    }
}

/// The share of one tenant, which returns to the others when it is released or dropped.
pub(crate) struct Share {
    quotas: Arc<Quotas>,
    class: usize,
    /// `None` once it is released.
    account: Mutex<Option<Account>>,
}

#[derive(Clone, Copy)]
struct Account {
    granted: u64,
    promised: u64,
    from_reserve: bool,
}

impl Share {
    /// Returns the bytes that the tenant's maps may hold together.
    pub(crate) fn granted(&self) -> u64 {
        lock(&self.account).map_or(0, |account| account.granted)
    }

    /// Grants `wanted` more bytes or, if these are not free, as many as are, but at least `least`.
    /// Returns the number of bytes.
    pub(crate) fn grow(&self, least: u64, wanted: u64) -> Result<u64, Shortage> {
        let mut account = lock(&self.account);
        let Some(account) = account.as_mut() else {
            return Err(Shortage::Bytes { needed: least });
        };
        let mut state = lock(&self.quotas.state);
        // What was promised is charged already.
        let paid = account.promised.saturating_sub(account.granted);
        let free = state.bytes.unwrap_or(u64::MAX).saturating_add(paid);
        let bytes = wanted.max(least).min(free);
        if bytes < least {
            return Err(Shortage::Bytes { needed: least });
        }
        state.take_bytes(bytes.saturating_sub(paid))?;
        account.granted += bytes;
        if let Some(class) = state.classes.get_mut(self.class) {
            class.granted += bytes;
        }
        Ok(bytes)
    }

    /// Returns the share. The maps must have been ended.
    pub(crate) fn release(&self) {
        let Some(account) = lock(&self.account).take() else {
            return;
        };
        let mut state = lock(&self.quotas.state);
        let charged = account.granted.max(account.promised);
        if let Some(class) = state.classes.get_mut(self.class) {
            class.tenants -= 1;
            class.granted -= account.granted;
            if account.from_reserve {
                class.reserved += 1;
            }
        }
        if account.from_reserve {
            state.return_bytes(charged - account.promised);
        } else {
            state.places += 1;
            state.return_bytes(charged);
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.release();
    }
}

#[cfg(test)]
mod tests;
