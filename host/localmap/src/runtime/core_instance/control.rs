//! The functions of the contract's interface `control`.

use super::CoreInstance;
use crate::contract::bindings::control::{ConfigureError, Limits, Policy, Statistics};
use wasmtime::Result;

impl CoreInstance {
    pub(crate) fn configure(&mut self, limits: Limits) -> Result<Result<(), ConfigureError>> {
        let params = (
            limits.max_entries,
            limits.max_bytes,
            limits.max_key,
            limits.max_value,
            u32::from(limits.default_ttl.is_some()),
            limits.default_ttl.unwrap_or(0),
            u32::from(limits.utf8_keys),
            match limits.policy {
                Policy::Refuse => 0,
                Policy::Lru => 1,
                Policy::S3Fifo => 2,
            },
            limits.max_pins,
        );
        self.ask(
            |exports| &exports.configure,
            |functions| &mut functions.configure,
            params,
        )
    }

    pub(crate) fn current_limits(&mut self) -> Result<Limits> {
        self.ask(
            |exports| &exports.current_limits,
            |functions| &mut functions.current_limits,
            (),
        )
    }

    pub(crate) fn stats(&mut self) -> Result<Statistics> {
        self.ask(
            |exports| &exports.stats,
            |functions| &mut functions.stats,
            (),
        )
    }

    pub(crate) fn sweep(&mut self, max: u32) -> Result<u32> {
        self.count(
            |exports| &exports.sweep,
            |functions| &mut functions.sweep,
            max,
        )
    }

    pub(crate) fn clear(&mut self) -> Result<()> {
        self.count(
            |exports| &exports.clear,
            |functions| &mut functions.clear,
            (),
        )
    }
}
