//! The repository: what it depends on and under which licences, what is published, and that
//! the commands and links of its documents work.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod architecture;
mod dependencies;
mod documents;
mod guide;
mod publish;
mod readme;
mod snapshots;
