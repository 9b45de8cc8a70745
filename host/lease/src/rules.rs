//! The rules of a guard: which request needs which lock.

mod file;
mod path;
mod pattern;
mod rule;
mod set;
mod template;

pub use rule::{Rule, RulesError};
pub(crate) use set::{Demand, Fault, grpc_type};
pub use set::{Otherwise, Rules};
