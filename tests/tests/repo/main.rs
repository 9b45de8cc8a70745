//! The repository: its dependencies and their licences, the published packages, the module for
//! Python, and the commands and links in its documents.

#![allow(clippy::panic, reason = "what a test panics with is its answer")]

mod architecture;
mod dependencies;
mod documents;
mod guide;
mod metrics;
mod publish;
mod python;
mod readme;
mod snapshots;
