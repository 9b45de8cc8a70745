//! Hostile guests. Each test has honest maps that must answer correctly before, after, and, on
//! another thread, during the attack. The guest must get the expected error, in bounded time and
//! memory, and the process must survive.
//!
//! The hostile code is in `tests/guests/hostile`.

mod apps;
pub(crate) mod honest;
mod lies;
mod make;
mod maps;
mod program;
