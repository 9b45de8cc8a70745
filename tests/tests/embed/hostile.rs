//! Hostile guests, each with an honest map beside it that gives right answers throughout:
//! before, meanwhile on another thread, and after. What a guest does meets the error that
//! it should, in bounded time and memory, and the process lives.
//!
//! What is hostile is in `tests/guests/hostile`.

mod apps;
mod honest;
mod make;
mod maps;
mod program;
