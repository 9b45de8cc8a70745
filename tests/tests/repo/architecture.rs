//! Checks that dependencies point one way: between the crates of the workspace, and between the
//! folders of the library.

mod crates;
mod folders;
mod paths;
